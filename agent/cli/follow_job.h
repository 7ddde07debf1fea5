/* follow_job.h - following one job to its end, or to the moment the user has enough. */
#ifndef POWERCTL_FOLLOW_JOB_H
#define POWERCTL_FOLLOW_JOB_H

#include "agent/cli/command.h"

/* Follows, shows progress on invocation->err and the result on invocation->out. Exit code. */
int follow_job(const struct invocation *invocation, const char *id);

/* The same, but nothing of the result is shown: *job is it, the caller's to clear. All zero where
 * the exit code says that it did not come to that. */
int follow_job_quietly(const struct invocation *invocation, const char *id, struct job_view *job);

#endif
