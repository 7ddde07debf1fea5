/* calls.h - the requests that wait for their reply, and when that must be there.
 *
 * An id is answered once: by the driver, or at its budget by the host. Whoever comes second
 * finds nothing here and is dropped. Times are CLOCK_MONOTONIC milliseconds. */
#ifndef POWERCTL_DRIVERS_HOST_CALLS_H
#define POWERCTL_DRIVERS_HOST_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/driver_msg.h"

enum { CALLS_MAX = 16384 };

struct call;
struct calls {
    struct call *by_id;
    size_t count;
    uint64_t next; /* no deadline is before it; UINT64_MAX: none */
};

void calls_init(struct calls *calls);
/* 0, or -1: ERR_USAGE (this id is in flight), ERR_LIMIT, ERR_SYSTEM. */
int calls_add(struct calls *calls, const struct driver_request *request, uint64_t now_ms,
              struct err *err);
/* Forgets it. False: not there (answered already, or never asked). */
bool calls_take(struct calls *calls, uint64_t id);
/* Takes one whose budget is over into `reply`. False: none. */
bool calls_expire(struct calls *calls, uint64_t now_ms, struct driver_reply *reply);
void calls_clear(struct calls *calls);

#endif
