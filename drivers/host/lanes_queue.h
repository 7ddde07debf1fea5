/* lanes_queue.h - what waits for one lane: commands before questions, in order of arrival.
 *
 * An administrator's "off" does not stand in line behind status polls; so a question may be
 * answered after a command that came later, never the other way round. */
#ifndef POWERCTL_DRIVERS_HOST_LANES_QUEUE_H
#define POWERCTL_DRIVERS_HOST_LANES_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/driver_msg.h"

struct waiting {
    struct driver_request request;
    uint64_t deadline_ms;
    uint64_t place; /* in the order of arrival, from 1 */
    struct waiting *prev, *next;
};

/* Zeroed, it is empty. */
struct lanes_queue {
    struct waiting *commands, *questions;
    size_t count;
    uint64_t arrived; /* the place of the last that came */
    uint64_t next_ms; /* no deadline is before it */
};

/* 0, or -1: ERR_LIMIT (`max` wait already), ERR_SYSTEM. */
int lanes_queue_add(struct lanes_queue *queue, const struct driver_request *request,
                    uint64_t now_ms, size_t max, struct err *err);
/* These take one out. False: there is none. */
bool lanes_queue_take(struct lanes_queue *queue, struct waiting *out); /* the next */
bool lanes_queue_take_until(struct lanes_queue *queue, uint64_t place, struct waiting *out);
bool lanes_queue_take_of(struct lanes_queue *queue, const char *device, struct waiting *out);
bool lanes_queue_expire(struct lanes_queue *queue, uint64_t now_ms, struct waiting *out);
/* When to expire: none is over before. UINT64_MAX: empty. */
uint64_t lanes_queue_deadline(const struct lanes_queue *queue);

#endif
