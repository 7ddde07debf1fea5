/* report.h - what came of a job, in words: folded by outcome, then every failure under the link
 * that broke, with its reason and the last evidence. */
#ifndef POWERCTL_REPORT_H
#define POWERCTL_REPORT_H

#include "agent/cli/render.h"

void report_status(const struct render *render, const struct job_view *job);
void report_job(const struct render *render, const struct job_view *job);
/* report_check.c: a line a node, then the findings that its line has no room for. */
void report_check(const struct render *render, const struct job_view *job);
/* Only those findings. Begins with an empty line; nothing if there are none. */
void report_findings(const struct render *render);

/* Parts of it: every node that failed or could not be seen, under its reason, but those that were
 * not started; and the alarm, if a node was left off. Each begins with an empty line. */
void report_failures(const struct render *render, const struct job_view *job);
void report_alarm(const struct render *render, const struct job_view *job);

/* "13 ok, 2 failed" */
void report_counts(FILE *out, const struct job_view *job);

#endif
