/* driver_inflight.h - the requests that a driver owes an answer to, and the answers that wait
 * to be handed over.  Pure bookkeeping: time is an argument, nothing is sent from here. */
#ifndef POWERCTL_AGENT_IO_DRIVER_INFLIGHT_H
#define POWERCTL_AGENT_IO_DRIVER_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/driver_msg.h"

struct inflight_request {
    struct driver_request request;
    uint64_t deadline_ms; /* answered by the link from here on */
    uint64_t written_ms;
    bool written; /* false: held back while the driver is restarted */
};

struct inflight_row;
struct inflight_answer;
struct inflight {
    struct inflight_row *rows; /* by id, in order of arrival */
    size_t count, nanswers;
    struct inflight_answer *answers, *last;
};

/* The request now waits for its answer; NULL: its id is in flight already. Stays the table's. */
struct inflight_request *inflight_add(struct inflight *table, const struct driver_request *request,
                                      uint64_t deadline_ms);
/* Takes the request with this id out. False: there is none. */
bool inflight_take(struct inflight *table, uint64_t id, struct driver_request *out);

void inflight_answer(struct inflight *table, const struct driver_request *request,
                     const struct err *err);
/* Takes the oldest answer. False: none. */
bool inflight_next_answer(struct inflight *table, struct driver_reply *out);

/* Calls `each` for every request, oldest first; it may take that request out, and no other. */
typedef void (*inflight_fn)(void *arg, struct inflight_request *request);
void inflight_each(struct inflight *table, inflight_fn each, void *arg);
size_t inflight_written(const struct inflight *table);
void inflight_clear(struct inflight *table);

#endif
