/* http.h - one call of the control API, as the server hands it to the routes and takes it back.
 * Plain values: the routes know no HTTP library. */
#ifndef POWERCTL_HTTP_H
#define POWERCTL_HTTP_H

#include <stddef.h>

#include "agent/io/access.h"
#include "agent/io/sse.h"

enum { HTTP_BODY_MAX = 1 << 20, HTTP_QUERY_MAX = 4, HTTP_PATH_MAX = 256 };

struct query {
    const char *name, *value; /* decoded; value "" if there is none */
};

struct call { /* lent */
    const char *method, *path;
    const char *content_type, *last_event_id, *prefer; /* NULL: no such header */
    const char *body;                                  /* NUL-terminated; "" if there is none */
    size_t body_size;
    size_t nqueries;
    struct query queries[HTTP_QUERY_MAX];
    const struct peer *peer;
};

struct answer {
    int status;
    const char *type; /* of a constant */
    char *body;       /* malloc'd, the server frees it; NULL: none */
    size_t size;
    struct stream *stream; /* instead of a body; the server's from then on */
    char location[64];     /* "": none */
    const char *allow;     /* with 405 */
};

struct http_handler {
    void (*handle)(void *arg, const struct call *call, struct answer *answer);
    void *arg;
};

#endif
