/* api.h - the routes of the control API over the agent's parts. Everything here is borrowed. */
#ifndef POWERCTL_IO_API_H
#define POWERCTL_IO_API_H

#include "agent/core/core.h"
#include "agent/io/http.h"
#include "agent/io/journal.h"
#include "agent/io/server.h"
#include "agent/io/turn.h"

enum { API_HISTORY_MAX = 10000, API_HISTORY_DEFAULT = 100, API_DRIVERS_MAX = 32 };

struct api {
    struct core *core;
    struct turn *turn;
    struct locks *locks;
    struct journal *journal;
    struct event_hub *hub;
    struct server *server;             /* NULL until it listens */
    const struct inventory *inventory; /* another one after a reload */
    bool ready;                        /* false: no job that changes anything yet */
    size_t ndrivers;
    struct api_driver {
        char name[NAME_SIZE];
        bool up;
        size_t in_flight;
    } drivers[API_DRIVERS_MAX];                          /* for /metrics and /healthz */
    void (*refresh_drivers)(struct api *api, void *arg); /* before they are shown; may be NULL */
    void *refresh_arg;
    uint64_t started_ms;
};

/* For struct http_handler: `arg` is a struct api. */
void api_handle(void *arg, const struct call *call, struct answer *answer);

/* Prometheus text format 0.0.4; malloc'd, NULL if memory ran out. */
char *api_metrics(struct api *api);

/* Fills in an error answer: status and problem document. */
void answer_problem(struct answer *answer, const struct problem *problem);
void answer_err(struct answer *answer, const struct err *err);
void answer_json(struct answer *answer, int status, char *json); /* takes it; NULL: 500 */

#endif
