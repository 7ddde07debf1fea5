/* lock.h - nodes that somebody has reserved, and who may not touch them meanwhile.
 *
 * Taking and releasing is in two halves, so that nothing is held that is not on disk: a plan of
 * what would change is made and may be refused, the shell journals it, then it is applied.
 * Nothing may happen to the core in between.  A job is refused by refuse_locked() in job.c; the
 * jobs that run already are never disturbed.
 *
 * Expiry is by the monotonic clock; wall clock times are carried along for display.  A lock that
 * is over refuses nothing, whether or not it was swept away yet. */
#ifndef POWERCTL_CORE_LOCK_H
#define POWERCTL_CORE_LOCK_H

#include "agent/core/core.h"
#include "proto/lock.h"

struct held_lock;

enum lock_change_kind {
    LOCK_TAKEN,
    LOCK_RENEWED, /* by its holder: reason and until are others now */
    LOCK_STOLEN,
    LOCK_RELEASED,
    LOCK_BROKEN, /* released by somebody who does not hold it */
    LOCK_EXPIRED,
};

struct lock_change {
    enum lock_change_kind kind;
    struct lock_view lock;        /* as it will be; of those that end, as it was */
    char whose[LOCK_HOLDER_SIZE]; /* stolen: whose it was; broken: who broke it */
    struct held_lock *made;       /* what core_locks_apply() puts in; private */
};

/* What the changes are to be, all of them or an error: ERR_USAGE (no such node, nothing to
 * unlock), ERR_BUSY (a job runs there, or somebody else holds one: problem->job, ->lock).
 * `until_ms`: monotonic, UINT64_MAX for ever. `unix_ms` is now, for display. */
struct lock_changes {
    struct lock_change *changes;
    size_t count;
};
int core_lock_plan(struct core *core, const struct lock_request *request, uint64_t now_ms,
                   uint64_t until_ms, int64_t unix_ms, struct lock_changes *plan,
                   struct problem *problem, struct err *err);
int core_unlock_plan(struct core *core, const struct lock_request *request, uint64_t now_ms,
                     struct lock_changes *plan, struct problem *problem, struct err *err);
/* Those that are over by now; none: count 0. */
int core_locks_expired(struct core *core, uint64_t now_ms, struct lock_changes *plan,
                       struct err *err);
void core_locks_apply(struct core *core, struct lock_changes *plan);
void lock_changes_clear(struct lock_changes *plan); /* applied or not */

/* When the next one is over; UINT64_MAX: none ever. */
uint64_t core_locks_deadline(const struct core *core);

/* Of the journal of an earlier run. Replaces one that is there. -1: out of memory. */
int core_remember_lock(struct core *core, const struct lock_view *lock, uint64_t until_ms,
                       struct err *err);

/* Those of the nodes (NULL: all, also of nodes that are in no inventory any more), in the order
 * of their names. Free *locks. */
int core_locks(const struct core *core, const char *nodes, uint64_t now_ms,
               struct lock_view **locks, size_t *count, struct err *err);

/* For the other files of the core: the lock that holds at now_ms, or NULL. */
const struct lock_view *lock_of(const struct core *core, const char *node, uint64_t now_ms);

#endif
