/* job.h - jobs, as core.c needs them. Private to agent/core. */
#ifndef POWERCTL_CORE_JOB_H
#define POWERCTL_CORE_JOB_H

#include "agent/core/state.h"

/* The set a request means, and whether its options make sense. Read only. */
int job_resolve(const struct core *core, const struct job_request *request, struct nodeset **set,
                struct err *err);

/* May it be done, and now? Protected nodes, too many nodes, busy nodes. Nothing changes. */
int job_admit(struct core *core, const struct job_request *request, const struct nodeset *set,
              const char *folded, struct problem *problem, struct err *err);

/* NULL: out of memory. The job is in the core's lists; it holds no node yet. `id`: of an earlier
 * run; NULL: a new one. A node that the inventory lacks has its name, and no device. */
struct job *job_new(struct core *core, const char *id, const struct job_request *request,
                    const struct nodeset *set, const char *folded);

/* Do the devices that its running tasks command mean the same in `inventory`? */
int job_may_reload(const struct core *core, const struct job *job,
                   const struct inventory *inventory, struct err *err);

void job_start(struct core *core, struct job *job);
/* The shell knows that it ended, and may ask once more how. */
void job_end_taken(struct core *core, const char *id);
/* Frees the jobs that ended first, beyond limits.jobs_kept and TASKS_KEPT_MAX: call with no job or
 * task in hand. */
void job_forget_old(struct core *core);
void job_cancel(struct core *core, struct job *job);

#endif
