/* duration.h - spans of time as people write and read them. */
#ifndef POWERCTL_DURATION_H
#define POWERCTL_DURATION_H

#include <stdint.h>

#include "proto/err.h"

enum { DURATION_TEXT_SIZE = 32 };

/* "30" and "30s", "5m", "1h", "1h30m", "2d", "250ms"; a bare number is seconds. At most 30 days. */
int duration_parse(const char *text, uint64_t *ms, struct err *err);

void duration_format(uint64_t ms, char text[DURATION_TEXT_SIZE]);       /* "2 min 31 s" */
void duration_format_short(uint64_t ms, char text[DURATION_TEXT_SIZE]); /* "2m31s" */

#endif
