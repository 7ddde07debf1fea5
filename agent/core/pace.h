/* pace.h - all inrush limits, and those that wait for them.
 *
 * There is a pacer for the agent, one for each device with a stagger, one or two for each circuit (by
 * number, by current).  A load goes when all of its pacers are free, and then occupies all of them.
 *
 * Those that have the same pacers wait in one line.  Lines do not wait for each other: who waits for
 * one circuit stops nobody of another.
 *
 * Pure: admission.c paces tasks with it, forecast.c those that it imagines.  Only pace_wait() may run
 * out of memory. */
#ifndef POWERCTL_PACE_H
#define POWERCTL_PACE_H

#include "agent/core/pacer.h"

/* A limit is of what devices do within a second, and they do it some time after it was sent: behind
 * other requests of their bus, by a slow reply. A tenth of a second is for that. */
enum { PACE_WITHIN_MS = 1100, LINE_PACERS_MAX = 4 };

/* What is to be switched on. Names "": it has none. */
struct load {
    char device[NAME_SIZE];
    uint32_t stagger_ms; /* of the device; 0: none */
    char circuit[NAME_SIZE];
    uint32_t per_second, milliamps; /* of the circuit; 0: not limited so */
    uint32_t inrush_ma;             /* what it loads the circuit with */
    uint32_t dearest_ma;            /* the most that any load of this circuit does; read only where
                            pace_knows_current() says no */
};

/* Somebody who waits; embedded in its owner, who must not go away meanwhile. */
struct waiter {
    struct waiter *next;
    struct pace_line *line; /* NULL: it does not wait */
    uint64_t order;
    uint32_t inrush_ma;
};

struct pace_line;
struct kept_pacer;

struct pace {
    struct kept_pacer *pacers; /* by name */
    struct pace_line *lines;   /* by the order of their first waiters */
    struct pace_line *by_name;
    struct rate agent;
    /* A pacer that nobody knew before is as if just used up at this moment: an agent that died
     * then may have sent its dearest load; or other limits hold from then on. */
    uint64_t from_us;
    uint64_t last_order, scan, swept_us;
};

void pace_begin(struct pace *pace, uint32_t power_on_per_second, uint64_t now_us);
void pace_clear(struct pace *pace); /* nobody waits any more, or their owners go away too */

/* Other limits from now on. A circuit or device that no pacer knows: nothing. */
void pace_limit_agent(struct pace *pace, uint32_t power_on_per_second, uint64_t now_us);
void pace_limit_device(struct pace *pace, const char *device, uint32_t stagger_ms);
void pace_limit_circuit(struct pace *pace, const char *circuit, uint32_t per_second,
                        uint32_t milliamps);

bool pace_knows_current(const struct pace *pace, const char *circuit);

/* `urgent`: before all that are not. -1: out of memory, and it does not wait. */
int pace_wait(struct pace *pace, struct waiter *waiter, const struct load *load, bool urgent,
              uint64_t now_us);
void pace_leave(struct pace *pace, struct waiter *waiter); /* does nothing if it does not wait */

/* The next one that goes, its pacers occupied; NULL: none may now, and *due_us is when to ask again
 * (UINT64_MAX: nobody waits). *last: the pacer that was free last; may be NULL itself. */
struct waiter *pace_next(struct pace *pace, uint64_t now_us, uint64_t *due_us,
                         const struct pacer **last);

#endif
