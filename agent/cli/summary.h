/* summary.h - what --quiet has to say of a job that did not go well: a text for a mail.
 *
 * The first line can be its subject: what was asked, how many of how many failed, which job and
 * key.  Then each failure with the link that broke, why, and the last evidence; what was not
 * started, and why; where to look on.  Plain text, never coloured. */
#ifndef POWERCTL_SUMMARY_H
#define POWERCTL_SUMMARY_H

#include <stdio.h>

#include "proto/api.h"

void summary_put(FILE *out, const struct job_view *job);

#endif
