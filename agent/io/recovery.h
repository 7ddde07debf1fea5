/* recovery.h - what an earlier run of the agent left: its jobs are taken over, its outcomes are
 * remembered.
 *
 * Each job without an end goes on under its old id (core_resume()): its nodes are read, then
 * finished or reported; no command is repeated that must not be. */
#ifndef POWERCTL_RECOVERY_H
#define POWERCTL_RECOVERY_H

#include "agent/core/core.h"
#include "agent/io/journal.h"

/* All borrowed. `run` as journal_open() had it. `again`: this run has taken over all there was; a
 * job that is not known any more ended while the journal could not be written, and was forgotten. */
struct recovery {
    struct core *core;
    struct journal *journal;
    const char *run;
    bool again;
    uint64_t now_ms;
    int64_t unix_ms;
};

/* Call it when no driver of an earlier run lives any more, before commands are accepted; again, if
 * the journal could not be read or written then: jobs of this run are left alone.  The core has
 * actions afterwards.  0, or -1: not every job was taken over. */
int recovery_run(const struct recovery *recovery, struct err *err);

/* How the last job of each node ended, for core_nodes(): a node LEFT OFF is shown so until another
 * job ends. 0 or -1. */
int recovery_outcomes(struct core *core, struct journal *journal, const struct inventory *inventory,
                      int64_t unix_ms, struct err *err);

#endif
