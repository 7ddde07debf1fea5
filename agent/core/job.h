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

/* NULL: out of memory. The job is in the core's lists; it holds no node yet. */
struct job *job_new(struct core *core, const struct job_request *request, const struct nodeset *set,
                    const char *folded);

void job_start(struct core *core, struct job *job);
/* Frees the oldest ended jobs beyond limits.jobs_kept: call with no job or task in hand. */
void job_forget_old(struct core *core);
void job_cancel(struct core *core, struct job *job);

#endif
