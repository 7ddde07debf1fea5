/* timers.h - thousands of deadlines, the next one first: a binary heap.
 *
 * A timer lives inside its owner; the heap keeps pointers to timers that are set.  Room is
 * reserved when an owner is added, so that setting one cannot fail. */
#ifndef POWERCTL_IPMI_TIMERS_H
#define POWERCTL_IPMI_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer {
    uint64_t at_ms;
    size_t place; /* 0: not set; else place in the heap, from 1 */
};

struct timers {
    struct timer **heap;
    size_t count, room;
};

/* Room for `count` timers at once. 0, or -1 if memory ran out. */
int timers_reserve(struct timers *timers, size_t count);
void timers_free(struct timers *timers);

void timers_set(struct timers *timers, struct timer *timer, uint64_t at_ms); /* moves one too */
void timers_clear(struct timers *timers, struct timer *timer);

/* When the next one is due; UINT64_MAX if none is set. */
uint64_t timers_next(const struct timers *timers);

/* Takes out one that is due; NULL if none is. */
struct timer *timers_take(struct timers *timers, uint64_t now_ms);

#endif
