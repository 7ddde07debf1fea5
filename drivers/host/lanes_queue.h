/* lanes_queue.h - what waits for one device: commands before questions, in order of arrival.
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
    struct waiting *prev, *next;
};

struct lanes_queue {
    struct waiting *commands, *questions;
    size_t count;
};

int lanes_queue_add(struct lanes_queue *queue, const struct driver_request *request,
                    uint64_t now_ms, size_t max, struct err *err);
/* Takes the next one. False: empty. */
bool lanes_queue_take(struct lanes_queue *queue, struct waiting *out);
/* Takes one whose budget is over. False: none. */
bool lanes_queue_expire(struct lanes_queue *queue, uint64_t now_ms, struct waiting *out);
uint64_t lanes_queue_deadline(const struct lanes_queue *queue); /* UINT64_MAX: empty */

#endif
