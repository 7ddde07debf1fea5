/* follow_job.h - following one job to its end, or to the moment the user has enough. */
#ifndef POWERCTL_FOLLOW_JOB_H
#define POWERCTL_FOLLOW_JOB_H

#include "agent/cli/command.h"

/* Follows, shows progress on invocation->err and the result on invocation->out. Exit code. */
int follow_job(const struct invocation *invocation, const char *id);

#endif
