/* when.h - a moment as people write it: how far from now, a time of the day, or a date.
 *
 *     2h  3d  1h30m          from now, or ago
 *     18:00                  the next one, or the last one
 *     2026-11-24             when that day begins
 *     2026-11-24T18:00       with :SS too, and Z for UTC; else local time
 *
 * Anything else is an error, and so is a time that does not exist, as in the hour that summer time
 * leaves out. */
#ifndef POWERCTL_WHEN_H
#define POWERCTL_WHEN_H

#include <stdint.h>

#include "proto/err.h"

enum when_side { WHEN_AHEAD, WHEN_BEFORE };

/* *unix_ms is after now_unix_ms for WHEN_AHEAD, and not after it for WHEN_BEFORE. 0 or -1. */
int when_parse(const char *text, enum when_side side, int64_t now_unix_ms, int64_t *unix_ms,
               struct err *err);

#endif
