/* queue.h - the requests that wait for one BMC: commands before questions, each kind in order.
 *
 * Holds pointers; whoever takes one out owns it. */
#ifndef POWERCTL_IPMI_QUEUE_H
#define POWERCTL_IPMI_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/ipmi/ops.h"

enum { QUEUE_MAX = 64 };

struct queue {
    struct operation *first;
    size_t count;
};

/* False if it is full: nothing was taken. */
bool queue_put(struct queue *queue, struct operation *operation);

struct operation *queue_take(struct queue *queue); /* NULL: empty */

/* When the first of them runs out of time; UINT64_MAX: empty. */
uint64_t queue_deadline(const struct queue *queue);

/* Takes out one whose time is up; NULL: none. */
struct operation *queue_take_late(struct queue *queue, uint64_t now_ms);

#endif
