#include "agent/io/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/io/clock.h"
#include "agent/io/log.h"
#include "agent/io/server_private.h"
#include "proto/cleanup.h"

static void server_run(struct server *server);

/* Streams with something to say are resumed. Right after that MHD must run: it learns of a
 * resumed connection by nothing else. */
static void resume_streams(struct server *server)
{
    uint64_t now_ms = clock_now_ms();
    for (struct client *client = server->clients; client; client = client->next)
        if (client->suspended && (client->doomed || stream_has_data(client->stream, now_ms))) {
            client->suspended = false;
            client->progress_ms = now_ms;
            MHD_resume_connection(client->connection);
        }
}

static void on_timer(uv_timer_t *timer)
{
    server_run(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    server_run(poll->data);
}

static void server_run(struct server *server)
{
    resume_streams(server);
    (void)MHD_run(server->daemon);
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES)
        (void)uv_timer_start(&server->timer, on_timer, wait_ms, 0);
    else
        (void)uv_timer_stop(&server->timer);
}

/* By a timer, since whoever calls may have been called by MHD itself. */
void server_wake(struct server *server)
{
    (void)uv_timer_start(&server->timer, on_timer, 0, 0);
}

static bool overdue(const struct server *server, const struct client *client, uint64_t now_ms)
{
    if (client->stream)
        return !client->suspended && now_ms - client->progress_ms > server->stall_ms;
    return now_ms > client->deadline_ms;
}

/* MHD's own timeout starts anew with every byte: one byte every nine seconds would live for
 * ever. So each request has one deadline, and MHD learns by the shutdown. */
static void on_sweep(uv_timer_t *timer)
{
    struct server *server = timer->data;
    uint64_t now_ms = clock_now_ms();
    for (struct client *client = server->clients; client; client = client->next) {
        if (client->doomed || !overdue(server, client, now_ms))
            continue;
        client->doomed = true;
        server->counts.cut_off++;
        (void)shutdown(client->fd, SHUT_RDWR);
        log_debug("client=%u pid=%d cut=off reason=\"%s\"", client->peer.uid, (int)client->peer.pid,
                  client->stream ? "takes nothing" : "request or answer took too long");
    }
    server_run(server);
}

static size_t clients_of(const struct server *server, uid_t uid)
{
    size_t count = 0;
    for (const struct client *client = server->clients; client; client = client->next)
        count += client->peer.uid == uid;
    return count;
}

static bool admit(struct server *server, struct client *client)
{
    struct err err;
    if (access_peer(client->fd, server->group, &client->peer, &err)) {
        log_warning("client=refused reason=\"%s\"", err.text);
        return false;
    }
    size_t limit = client->peer.may_change ? SERVER_CLIENTS_PER_UID : SERVER_CLIENTS_PER_GUEST;
    if (clients_of(server, client->peer.uid) < limit)
        return true;
    log_warning("client=refused who=\"%s\" reason=\"%zu connections already\"", client->peer.actor,
                limit);
    return false;
}

static void client_joined(struct server *server, struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct client *client = calloc(1, sizeof *client);
    if (!info || !client) {
        if (info)
            (void)shutdown(info->connect_fd, SHUT_RDWR);
        free(client);
        return; /* without a client the request is refused */
    }
    client->server = server;
    client->connection = connection;
    client->fd = info->connect_fd;
    client->deadline_ms = clock_now_ms() + server->request_ms;
    if (!admit(server, client)) {
        server->counts.refused++;
        (void)shutdown(client->fd, SHUT_RDWR);
        free(client);
        return;
    }
    client->next = server->clients;
    if (client->next)
        client->next->previous = client;
    server->clients = client;
    server->counts.clients++;
    *context = client;
}

static void client_left(struct client *client)
{
    struct server *server = client->server;
    if (client->previous)
        client->previous->next = client->next;
    else
        server->clients = client->next;
    if (client->next)
        client->next->previous = client->previous;
    server->counts.clients--;
    free(client);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        client_joined(arg, connection, context);
    else if (*context)
        client_left(*context);
}

static void on_mhd_log(void *arg, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static void on_mhd_log(void *arg, const char *format, va_list args)
{
    char text[256];
    (void)arg;
    (void)vsnprintf(text, sizeof text, format, args);
    log_debug("http=\"%s\"", text);
}

static int start_daemon(struct server *server, int fd, struct err *err)
{
    server->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
                         NULL, server_on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log,
                         NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)SERVER_CLIENTS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)65536 + 32768, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
                         MHD_OPTION_NOTIFY_COMPLETED, server_on_completed, server, MHD_OPTION_END);
    if (server->daemon)
        return 0;
    return err_set(err, ERR_SYSTEM, "the HTTP server did not start: %s", strerror(errno));
}

struct server *server_new(uv_loop_t *loop, const char *path, gid_t group,
                          const struct http_handler *handler, struct err *err)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server) {
        (void)err_set(err, ERR_SYSTEM, "out of memory for the HTTP server");
        return NULL;
    }
    *server = (struct server){.handler = *handler,
                              .group = group,
                              .open_handles = 3,
                              .request_ms = SERVER_REQUEST_MS,
                              .stall_ms = SERVER_STALL_MS};
    (void)snprintf(server->path, sizeof server->path, "%s", path);
    int fd = server_listen(path, group, err);
    if (fd < 0 || start_daemon(server, fd, err)) {
        closep(&fd);
        free(server);
        return NULL;
    }
    int epoll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    server->poll.data = server->timer.data = server->sweep.data = server;
    (void)uv_timer_init(loop, &server->timer);
    (void)uv_timer_init(loop, &server->sweep);
    (void)uv_poll_init(loop, &server->poll, epoll_fd);
    (void)uv_poll_start(&server->poll, UV_READABLE, on_readable);
    (void)uv_timer_start(&server->sweep, on_sweep, 1000, 1000);
    return server;
}

void server_set_patience(struct server *server, uint64_t request_ms, uint64_t stall_ms)
{
    server->request_ms = request_ms;
    server->stall_ms = stall_ms;
    (void)uv_timer_start(&server->sweep, on_sweep, request_ms / 4 + 1, request_ms / 4 + 1);
}

void server_count(const struct server *server, struct server_counts *counts)
{
    *counts = server->counts;
}

static void on_closed(uv_handle_t *handle)
{
    struct server *server = handle->data;
    if (--server->open_handles == 0)
        free(server);
}

void server_close(struct server *server)
{
    if (!server)
        return;
    (void)uv_poll_stop(&server->poll); /* before MHD closes that descriptor */
    for (struct client *client = server->clients; client; client = client->next) {
        client->doomed = true;
        (void)shutdown(client->fd, SHUT_RDWR);
    }
    resume_streams(server); /* MHD aborts if it is stopped with suspended connections */
    (void)MHD_run(server->daemon);
    MHD_stop_daemon(server->daemon);
    (void)unlink(server->path);
    uv_close((uv_handle_t *)&server->poll, on_closed);
    uv_close((uv_handle_t *)&server->timer, on_closed);
    uv_close((uv_handle_t *)&server->sweep, on_closed);
}
