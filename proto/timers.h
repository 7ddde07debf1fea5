/* timers.h - which of many deadlines is next: a binary heap of things that have one.
 *
 * A struct timer is embedded in its owner, costs nothing while unset, and is moved by setting it
 * again.  The heap borrows the owners: unset a timer before its owner goes away. */
#ifndef POWERCTL_TIMERS_H
#define POWERCTL_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer {
    uint64_t at_ms;
    size_t place; /* in the heap, from 1; 0: not set */
};

struct timers {
    struct timer **heap; /* heap[0] unused */
    size_t count, room;
};

/* Room for `count` timers at once, ahead of time, so that timer_set() cannot fail. 0 or -1. */
int timers_reserve(struct timers *timers, size_t count);
void timers_clear(struct timers *timers);

/* UINT64_MAX unsets. */
void timer_set(struct timers *timers, struct timer *timer, uint64_t at_ms);

uint64_t timers_next(const struct timers *timers); /* UINT64_MAX: none */

/* One timer that is due, unset; NULL: none. */
struct timer *timers_take(struct timers *timers, uint64_t now_ms);

#endif
