#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/clock.h"
#include "agent/io/server_private.h"
#include "proto/cleanup.h"

struct request {
    char *body;
    size_t size, room;
    bool too_large;
};

static struct client *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static ssize_t on_stream_read(void *arg, uint64_t position, char *buffer, size_t size)
{
    (void)position;
    struct client *client = arg;
    if (client->doomed)
        return MHD_CONTENT_READER_END_OF_STREAM;
    uint64_t now_ms = clock_now_ms();
    ssize_t length = stream_read(client->stream, buffer, size, now_ms);
    client->progress_ms = now_ms;
    if (length < 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (length == 0) {
        client->suspended = true;
        MHD_suspend_connection(client->connection);
    }
    return length;
}

static void on_stream_free(void *arg)
{
    struct client *client = arg;
    client->server->counts.streams--;
    client->stream = stream_free(client->stream);
}

static struct MHD_Response *make_response(struct client *client, struct answer *answer)
{
    if (!answer->stream) {
        char *body = TAKE(answer->body);
        struct MHD_Response *response =
            MHD_create_response_from_buffer(body ? answer->size : 0, body, MHD_RESPMEM_MUST_FREE);
        if (!response)
            free(body);
        return response;
    }
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, 16384, on_stream_read, client, on_stream_free);
    if (!response) {
        (void)stream_free(answer->stream);
        return NULL;
    }
    client->stream = answer->stream;
    client->progress_ms = clock_now_ms();
    client->server->counts.streams++;
    (void)MHD_add_response_header(response, "X-Accel-Buffering", "no");
    return response;
}

static enum MHD_Result give(struct client *client, struct answer *answer)
{
    client->deadline_ms = clock_now_ms() + SERVER_ANSWER_MS;
    struct MHD_Response *response = make_response(client, answer);
    if (!response)
        return MHD_NO;
    if (answer->type)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    if (answer->location[0])
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, answer->location);
    if (answer->allow)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result =
        MHD_queue_response(client->connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result give_problem(struct client *client, enum err_kind kind, int status,
                                    const char *title)
{
    struct problem problem = {.kind = kind, .status = status};
    (void)snprintf(problem.title, sizeof problem.title, "%s", title);
    struct answer answer = {.status = status, .type = "application/problem+json"};
    answer.body = problem_encode(&problem);
    answer.size = answer.body ? strlen(answer.body) : 0;
    return give(client, &answer);
}

/* Names, values and the count of query arguments. A NUL inside would cut a node set short. */
struct query_walk {
    struct call *call;
    bool bad;
};

static enum MHD_Result on_query(void *arg, enum MHD_ValueKind kind, const char *name,
                                size_t name_size, const char *value, size_t value_size)
{
    (void)kind;
    struct query_walk *walk = arg;
    struct call *call = walk->call;
    if (call->nqueries == HTTP_QUERY_MAX || strlen(name) != name_size ||
        (value && strlen(value) != value_size)) {
        walk->bad = true;
        return MHD_NO;
    }
    call->queries[call->nqueries++] = (struct query){name, value ? value : ""};
    return MHD_YES;
}

static enum MHD_Result dispatch(struct client *client, const struct request *request,
                                const char *url, const char *method)
{
    struct call call = {
        .method = method,
        .path = url,
        .content_type = MHD_lookup_connection_value(client->connection, MHD_HEADER_KIND,
                                                    MHD_HTTP_HEADER_CONTENT_TYPE),
        .last_event_id =
            MHD_lookup_connection_value(client->connection, MHD_HEADER_KIND, "Last-Event-ID"),
        .prefer = MHD_lookup_connection_value(client->connection, MHD_HEADER_KIND, "Prefer"),
        .body = request->body ? request->body : "",
        .body_size = request->size,
        .peer = &client->peer,
    };
    struct query_walk walk = {.call = &call};
    (void)MHD_get_connection_values_n(client->connection, MHD_GET_ARGUMENT_KIND, on_query, &walk);
    if (walk.bad)
        return give_problem(client, ERR_USAGE, 400, "the query makes no sense");
    struct answer answer = {.status = 500};
    client->server->handler.handle(client->server->handler.arg, &call, &answer);
    return give(client, &answer);
}

static bool body_add(struct request *request, const char *data, size_t size)
{
    if (size > HTTP_BODY_MAX - request->size)
        return false;
    if (request->size + size >= request->room) {
        size_t room = 2 * (request->size + size) + 1;
        char *more = realloc(request->body, room);
        if (!more)
            return false;
        request->body = more;
        request->room = room;
    }
    memcpy(request->body + request->size, data, size);
    request->size += size;
    request->body[request->size] = '\0';
    return true;
}

static bool announces_too_much(struct MHD_Connection *connection)
{
    const char *text =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return text && strtoull(text, NULL, 10) > HTTP_BODY_MAX;
}

static enum MHD_Result begin_request(struct client *client, void **context)
{
    client->server->counts.requests++;
    struct request *request = calloc(1, sizeof *request);
    if (!request)
        return MHD_NO;
    *context = request;
    if (!announces_too_much(client->connection))
        return MHD_YES;
    return give_problem(client, ERR_LIMIT, 413, "the body is longer than 1 MiB");
}

/* Called by MHD for each request: once with its headers, then for each piece of the body, then
 * once to have it answered. */
enum MHD_Result server_on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **context)
{
    (void)arg;
    (void)version;
    struct client *client = client_of(connection);
    struct request *request = *context;
    if (!client || client->doomed)
        return MHD_NO;
    if (!request)
        return begin_request(client, context);
    if (*data_size) {
        request->too_large = request->too_large || !body_add(request, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    if (request->too_large)
        return give_problem(client, ERR_LIMIT, 413, "the body is longer than 1 MiB");
    return dispatch(client, request, url, method);
}

void server_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)code;
    struct client *client = client_of(connection);
    struct request *request = *context;
    if (client)
        client->deadline_ms = clock_now_ms() + client->server->request_ms;
    if (request) {
        free(request->body);
        free(request);
    }
    *context = NULL;
}
