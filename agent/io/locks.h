/* locks.h - locks on disk before they hold, over when their time has come.
 *
 * The core decides (agent/core/lock.h); here each change is journaled, with an event for the
 * node's history, in one transaction, and only then applied and told.  A journal that cannot be
 * written: no lock is taken or released.  One that is over is swept away by a timer, with an
 * event; if that cannot be journaled, the next start sweeps it away again.
 *
 * Wall clock times become monotonic ones here, once: what the clock does later moves no expiry. */
#ifndef POWERCTL_IO_LOCKS_H
#define POWERCTL_IO_LOCKS_H

#include <uv.h>

#include "agent/core/lock.h"
#include "agent/io/journal.h"

struct locks;
typedef void locks_tell_fn(void *arg, const struct job_event *event, bool journaled);

/* Core, journal and loop are borrowed and must outlive it. */
struct locks *locks_new(uv_loop_t *loop, struct core *core, struct journal *journal,
                        locks_tell_fn *tell, void *arg, struct err *err);
void locks_close(
    struct locks *locks); /* frees it when the loop has closed its timer; NULL is fine */

/* What the journal holds: at the start, and when a journal that could not be read can be. */
int locks_recall(struct locks *locks, struct err *err);

/* What holds goes into a journal that was made anew. */
int locks_restore(struct locks *locks, struct err *err);

/* Of what was changed, *taken is what holds now, or what held until now. Free it. As
 * core_lock_plan(), and ERR_SYSTEM if the journal cannot be written. */
int locks_take(struct locks *locks, const struct lock_request *request, struct lock_view **taken,
               size_t *count, struct problem *problem, struct err *err);
int locks_release(struct locks *locks, const struct lock_request *request,
                  struct lock_view **released, size_t *count, struct problem *problem,
                  struct err *err);

/* Why not, for a person: whose, since when, until when, and what to do. In local time, as who
 * reads it is on this machine. */
void lock_explain(const struct lock_view *lock, struct err *err);

#endif
