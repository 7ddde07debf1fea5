/* server.h - the control API's socket: HTTP/1.1 by libmicrohttpd inside the libuv loop, no
 * threads.
 *
 * A client has 10 s for each request, headers and body together, and 30 s to take the answer; a
 * stream of events is cut off when its reader takes nothing for 10 s.  Headers fit in 64 KiB,
 * bodies in 1 MiB; 1024 clients in all, 256 of one uid, 32 of one that may not change anything. */
#ifndef POWERCTL_SERVER_H
#define POWERCTL_SERVER_H

#include <uv.h>

#include "agent/io/http.h"

enum {
    SERVER_REQUEST_MS = 10000,
    SERVER_ANSWER_MS = 30000,
    SERVER_STALL_MS = 10000,
    SERVER_CLIENTS_MAX = 1024,
    SERVER_CLIENTS_PER_UID = 256,
    SERVER_CLIENTS_PER_GUEST = 32,
};

struct server;

/* Makes the socket: its directory (0755) if there is none; an old socket is replaced only if
 * nobody answers on it. `group`: (gid_t)-1 for none; mode 0660. */
struct server *server_new(uv_loop_t *loop, const char *path, gid_t group,
                          const struct http_handler *handler, struct err *err);

/* There may be something for the streams. Cheap; the work is done in the loop's next round. */
void server_wake(struct server *server);

/* Ends every connection and removes the socket. Freed when the loop has closed its handles. */
void server_close(struct server *server);

/* The request time, for tests that cannot wait 10 s. */
void server_set_patience(struct server *server, uint64_t request_ms, uint64_t stall_ms);

struct server_counts {
    uint64_t requests, refused, cut_off, clients, streams;
};
void server_count(const struct server *server, struct server_counts *counts);

/* Makes and binds the socket; also used alone. The descriptor, or -1. */
int server_listen(const char *path, gid_t group, struct err *err);

#endif
