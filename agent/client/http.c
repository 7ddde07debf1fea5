#include "agent/client/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/cleanup.h"

void http_answer_clear(struct http_answer *answer)
{
    free(answer->body);
    *answer = (struct http_answer){0};
}

struct client *client_new(const char *socket, struct err *err)
{
    struct client *client = calloc(1, sizeof *client);
    if (client) {
        client->socket = strdup(socket);
        client->curl = curl_easy_init();
    }
    if (client && client->socket && client->curl)
        return client;
    (void)err_set(err, ERR_SYSTEM, "out of memory");
    return client_free(client);
}

struct client *client_free(struct client *client)
{
    if (client) {
        curl_easy_cleanup(client->curl);
        free(client->socket);
        free(client);
    }
    return NULL;
}

void client_freep(struct client **client)
{
    *client = client_free(*client);
}

static size_t keep(const char *bytes, size_t one, size_t size, void *arg)
{
    (void)one;
    struct http_answer *answer = arg;
    if (answer->size + size > CLIENT_ANSWER_MAX)
        return 0;
    char *body = realloc(answer->body, answer->size + size + 1);
    if (!body)
        return 0;
    memcpy(body + answer->size, bytes, size);
    answer->body = body;
    answer->size += size;
    body[answer->size] = '\0';
    return size;
}

void http_prepare(struct client *client, CURL *curl, const char *path)
{
    char url[64];
    _cleanup_(freep) char *whole = NULL;
    (void)snprintf(url, sizeof url, "http://localhost");
    if (asprintf(&whole, "%s%s", url, path) < 0)
        whole = NULL;
    curl_easy_setopt(curl, CURLOPT_URL, whole ? whole : url);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CLIENT_CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    /* http_proxy in somebody's environment must not carry power commands away. */
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "powerctl/" VERSION);
}

int http_failure(const struct client *client, CURLcode code, struct err *err)
{
    struct stat status;
    int error = stat(client->socket, &status) ? errno : 0;
    switch ((int)code) {
    case CURLE_COULDNT_CONNECT:
        if (!error && access(client->socket, R_OK | W_OK) && errno == EACCES)
            error = EACCES;
        if (error == EACCES)
            return err_set(err, ERR_DENIED,
                           "this user may not talk to the agent at %s; ask for membership of the "
                           "socket's group",
                           client->socket);
        /* Another socket was named: then that is where to look first. */
        return err_set(err, ERR_UNREACHABLE, "no agent answers at %s (%s); %s", client->socket,
                       error ? strerror(error) : "the socket is there, nobody listens",
                       strcmp(client->socket, CLIENT_DEFAULT_SOCKET) != 0
                           ? "is it the right socket? (--socket, POWERCTL_SOCKET)"
                           : "start it with 'systemctl start powerctld', or name another with "
                             "--socket");
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(err, ERR_TIMEOUT,
                       "the agent at %s does not answer; look at 'systemctl status powerctld'",
                       client->socket);
    case CURLE_WRITE_ERROR:
        return err_set(err, ERR_LIMIT, "the agent's answer is too long");
    case CURLE_OUT_OF_MEMORY:
        return err_set(err, ERR_SYSTEM, "out of memory");
    default:
        return err_set(err, ERR_UNREACHABLE, "the connection to the agent at %s broke: %s",
                       client->socket, curl_easy_strerror(code));
    }
}

int http_exchange(struct client *client, const char *method, const char *path, const char *body,
                  struct http_answer *answer, struct err *err)
{
    CURL *curl = client->curl;
    *answer = (struct http_answer){0};
    curl_easy_reset(curl);
    http_prepare(client, curl, path);
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    headers = curl_slist_append(headers, "Content-Type: application/json");
    /* A new job's nodes are what we asked for: 10,000 of them are 2 MB (RFC 7240). */
    if (!strcmp(method, "POST"))
        headers = curl_slist_append(headers, "Prefer: return=minimal");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)CLIENT_ANSWER_MS);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    if (code != CURLE_OK) {
        http_answer_clear(answer);
        return http_failure(client, code, err);
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    if (!answer->body)
        answer->body = strdup("");
    return answer->body ? 0 : err_set(err, ERR_SYSTEM, "out of memory");
}

int http_refusal(const struct http_answer *answer, struct problem *problem, struct err *err)
{
    struct problem said = {0};
    if (answer->status < 400)
        return 0;
    if (!answer->body || problem_decode(answer->body, &said, NULL) || said.kind == ERR_NONE)
        return err_set(err, answer->status == 404 ? ERR_NOT_FOUND : ERR_PROTOCOL,
                       "the agent answered with HTTP status %ld and no reason", answer->status);
    if (problem)
        *problem = said;
    return err_set(err, said.kind, "%s", said.title);
}

char *http_path(const char *path, const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, 0);
    char *whole = NULL;
    if (escaped && asprintf(&whole, "%s%s", path, escaped) < 0)
        whole = NULL;
    curl_free(escaped);
    return whole;
}
