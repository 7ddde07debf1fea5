/* server_private.h - shared by server.c (connections) and server_request.c (one request). */
#ifndef POWERCTL_SERVER_PRIVATE_H
#define POWERCTL_SERVER_PRIVATE_H

#include <microhttpd.h>

#include "agent/io/server.h"

struct client { /* one connection */
    struct client *next, *previous;
    struct server *server;
    struct MHD_Connection *connection;
    int fd;
    struct peer peer;
    uint64_t deadline_ms;  /* for what is under way: request, or answer */
    struct stream *stream; /* borrowed from its response; NULL: none */
    bool suspended, doomed;
    uint64_t progress_ms; /* stream: when the client last took something */
};

struct server {
    struct MHD_Daemon *daemon;
    struct http_handler handler;
    gid_t group;
    char path[256];
    uv_poll_t poll;
    uv_timer_t timer, sweep;
    int open_handles;
    uint64_t request_ms, stall_ms;
    struct client *clients;
    struct server_counts counts;
};

enum MHD_Result server_on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **context);
void server_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code);

#endif
