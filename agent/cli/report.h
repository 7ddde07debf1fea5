/* report.h - what came of a job, in words: folded by outcome, then every failure under the link
 * that broke, with its reason and the last evidence. */
#ifndef POWERCTL_REPORT_H
#define POWERCTL_REPORT_H

#include "agent/cli/render.h"

void report_status(const struct render *render, const struct job_view *job);
void report_job(const struct render *render, const struct job_view *job);

/* "13 ok, 2 failed" */
void report_counts(FILE *out, const struct job_view *job);

#endif
