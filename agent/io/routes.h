/* routes.h - private to the control API: a row of its table, and the functions behind the rows. */
#ifndef POWERCTL_ROUTES_H
#define POWERCTL_ROUTES_H

#include "agent/io/api.h"

struct routed {
    const struct call *call;
    char id[JOB_ID_SIZE]; /* of a path with {id} */
    uint64_t now_ms;
};

typedef void route_fn(struct api *api, const struct routed *routed, struct answer *answer);

struct route {
    const char *method, *path;
    route_fn *run;
    bool changes;                        /* needs more than being let in */
    const char *queries[HTTP_QUERY_MAX]; /* parameters it takes */
};

const char *call_query(const struct call *call, const char *name); /* NULL: not given */
char *json_of_text(const char *key, const char *text);             /* {"key":"text"} */

route_fn version_get, nodes_get, outlets_get, jobs_get, jobs_post, job_get, job_delete,
    job_events_get, events_get, plan_post, history_get, locks_get, locks_post, locks_delete,
    metrics_get, healthz_get;

#endif
