/* recovery.h - what an earlier run of the agent left unfinished.
 *
 * A job is never resumed and a command never repeated: each job without an end is recorded as
 * ended "interrupted", and each of its nodes without an outcome gets one: INTERRUPTED, or
 * LEFT_OFF if it was switched off on the way to switching it on again, and was not seen on after
 * that: whatever was sent in between.  Both are told loudly, in the log and as events. */
#ifndef POWERCTL_RECOVERY_H
#define POWERCTL_RECOVERY_H

#include "agent/io/journal.h"

/* `alive` (NULL: none) tells which jobs are this run's own, for a journal that could not be read
 * at the start and can now. `jobs`: how many were found. 0, or -1 (the journal cannot be read or
 * written). */
struct recovery {
    bool (*alive)(void *arg, const char *job);
    void *arg;
};
int recovery_run(struct journal *journal, int64_t unix_ms, const struct recovery *recovery,
                 size_t *jobs, struct err *err);

#endif
