#include "agent/io/phone_home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/phone_home_request.h"
#include "proto/text.h"

enum {
    REQUEST_MAX = 4096,
    PATIENCE_MS = 2000,
    CONNECTIONS_MAX = 1024,
    BACKLOG = 512,
};

struct connection {
    struct phone_home *home;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct connection *previous, *next;
    int handles;
    bool answered; /* what still comes is thrown away */
    size_t held;
    char request[REQUEST_MAX];
};

struct phone_home {
    uv_loop_t *loop;
    struct evidence evidence;
    uv_tcp_t listener;
    struct connection *connections;
    size_t count;
    bool closed, listener_closed, full;
};

static void free_if_over(struct phone_home *home)
{
    if (home->closed && home->listener_closed && !home->count)
        free(home);
}

static void connection_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    struct phone_home *home = connection->home;
    if (--connection->handles)
        return;
    free(connection);
    home->count--;
    free_if_over(home);
}

static void connection_close(struct connection *connection)
{
    struct phone_home *home = connection->home;
    if (uv_is_closing((uv_handle_t *)&connection->tcp))
        return;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        home->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    uv_close((uv_handle_t *)&connection->tcp, connection_closed);
    uv_close((uv_handle_t *)&connection->timer, connection_closed);
}

static void on_timeout(uv_timer_t *timer)
{
    connection_close(timer->data);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    /* Not closed yet: with bytes of a body unread, closing would send a reset that can overtake
     * the answer.  Their end, or the timer, closes. */
    if (status && status != UV_ECANCELED)
        connection_close(shutdown->data);
}

static void on_written(uv_write_t *write, int status)
{
    struct connection *connection = write->data;
    if (status == UV_ECANCELED)
        return;
    if (status || uv_shutdown(&connection->shutdown, (uv_stream_t *)&connection->tcp, on_shutdown))
        connection_close(connection);
}

static void answer(struct connection *connection, const char *text)
{
    connection->answered = true;
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
    if (uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &buffer, 1, on_written))
        connection_close(connection);
}

#define PAGE(status, size, body)                                                                   \
    "HTTP/1.1 " status "\r\nContent-Type: text/plain\r\nContent-Length: " size "\r\n"              \
    "Connection: close\r\n\r\n" body

static const char page_ok[] = PAGE("200 OK", "3", "ok\n");
static const char page_not_found[] = PAGE("404 Not Found", "10", "not found\n");
static const char page_bad[] = PAGE("400 Bad Request", "12", "bad request\n");

static const char *page_of(int status)
{
    return status == 200 ? page_ok : status == 404 ? page_not_found : page_bad;
}

static void tell(struct connection *connection, const char *token)
{
    struct phone_home *home = connection->home;
    struct sockaddr_in peer = {0};
    int size = sizeof peer;
    struct note note = {
        .at_ms = uv_now(home->loop), .source = NOTE_PHONE_HOME, .kind = NOTE_PHONED_HOME};
    if (!uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&peer, &size))
        note.ip.host_order = ntohl(peer.sin_addr.s_addr);
    if (mac_parse(token, &note.mac))
        note.mac = (struct mac){0};
    (void)text_copy(note.reason, sizeof note.reason, token, PHONE_HOME_TOKEN_SIZE);
    home->evidence.on_note(home->evidence.arg, &note);
}

static void give_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
    static char waste[4096];
    struct connection *connection = handle->data;
    (void)wanted;
    size_t room = sizeof connection->request - 1 - connection->held;
    *buffer = connection->answered
                  ? uv_buf_init(waste, sizeof waste)
                  : uv_buf_init(connection->request + connection->held, (unsigned)room);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct connection *connection = stream->data;
    (void)buffer;
    if (size < 0) {
        connection_close(connection);
        return;
    }
    if (connection->answered)
        return;
    connection->held += (size_t)size;
    connection->request[connection->held] = '\0';
    bool whole = phone_home_request_whole(connection->request);
    if (!whole && connection->held < sizeof connection->request - 1)
        return;
    char token[PHONE_HOME_TOKEN_SIZE];
    int status = whole ? phone_home_request_read(connection->request, token) : 400;
    if (status == 200)
        tell(connection, token);
    if (!uv_is_closing((uv_handle_t *)stream)) /* the callback may have closed us */
        answer(connection, page_of(status));
}

static void tell_full(struct phone_home *home, bool full)
{
    if (full == home->full)
        return;
    home->full = full;
    if (home->evidence.on_problem)
        home->evidence.on_problem(home->evidence.arg, "phone-home: all 1024 connections are in use",
                                  !full);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct phone_home *home = listener->data;
    if (status || home->closed)
        return;
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return;
    connection->home = home;
    connection->handles = 2;
    connection->tcp.data = connection->timer.data = connection;
    connection->write.data = connection->shutdown.data = connection;
    (void)uv_tcp_init(home->loop, &connection->tcp);
    (void)uv_timer_init(home->loop, &connection->timer);
    connection->next = home->connections;
    if (home->connections)
        home->connections->previous = connection;
    home->connections = connection;
    home->count++;
    bool full = home->count > CONNECTIONS_MAX;
    bool accepted = !uv_accept(listener, (uv_stream_t *)&connection->tcp);
    if (!accepted || full) {
        connection_close(connection);
    } else {
        (void)uv_timer_start(&connection->timer, on_timeout, PATIENCE_MS, 0);
        (void)uv_read_start((uv_stream_t *)&connection->tcp, give_buffer, on_read);
    }
    tell_full(home, full);
}

static int parse_listen(const char *listen, struct sockaddr_in *address, struct err *err)
{
    const char *colon = strrchr(listen, ':');
    char host[IPV4_TEXT_SIZE] = "", *end;
    struct ipv4 ip = {0};
    size_t length = colon ? (size_t)(colon - listen) : sizeof host;
    if (length >= sizeof host)
        return err_set(err, ERR_CONFIG, "phone-home: '%.60s' is no ADDRESS:PORT", listen);
    memcpy(host, listen, length);
    unsigned long port = strtoul(colon + 1, &end, 10);
    bool any = !*host || !strcmp(host, "*");
    if (colon[1] < '0' || colon[1] > '9' || *end || port > UINT16_MAX ||
        (!any && ipv4_parse(host, &ip)))
        return err_set(err, ERR_CONFIG, "phone-home: '%.60s' is no ADDRESS:PORT", listen);
    *address = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)port),
                                    .sin_addr.s_addr = htonl(ip.host_order)};
    return 0;
}

static void listener_closed(uv_handle_t *handle)
{
    struct phone_home *home = handle->data;
    home->listener_closed = true;
    free_if_over(home);
}

struct phone_home *phone_home_new(uv_loop_t *loop, const char *listen,
                                  const struct evidence *evidence, struct err *err)
{
    struct sockaddr_in address;
    if (parse_listen(listen, &address, err))
        return NULL;
    struct phone_home *home = calloc(1, sizeof *home);
    if (!home) {
        (void)err_set(err, ERR_SYSTEM, "phone-home: out of memory");
        return NULL;
    }
    home->loop = loop;
    home->evidence = *evidence;
    home->listener.data = home;
    (void)uv_tcp_init(loop, &home->listener);
    int error = uv_tcp_bind(&home->listener, (struct sockaddr *)&address, 0);
    if (!error)
        error = uv_listen((uv_stream_t *)&home->listener, BACKLOG, on_connection);
    if (error) {
        (void)err_set(err, ERR_SYSTEM, "phone-home: cannot listen at %.60s: %s", listen,
                      uv_strerror(error));
        return phone_home_close(home);
    }
    return home;
}

uint16_t phone_home_port(const struct phone_home *home)
{
    struct sockaddr_in address = {0};
    int size = sizeof address;
    (void)uv_tcp_getsockname(&home->listener, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

struct phone_home *phone_home_close(struct phone_home *home)
{
    if (!home || home->closed)
        return NULL;
    home->closed = true;
    for (struct connection *each = home->connections, *next; each; each = next) {
        next = each->next;
        connection_close(each);
    }
    uv_close((uv_handle_t *)&home->listener, listener_closed);
    return NULL;
}
