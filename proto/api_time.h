/* api_time.h - wall clock times on the wire: RFC 3339, UTC, with milliseconds.  For display and
 * for records only; nothing is ever decided by them. */
#ifndef POWERCTL_API_TIME_H
#define POWERCTL_API_TIME_H

#include <stdint.h>

enum { TIME_TEXT_SIZE = 32 };

/* "2026-01-31T23:59:59.123Z"; years outside 1970 to 9999 are clamped. */
void time_format(int64_t unix_ms, char text[TIME_TEXT_SIZE]);

/* The same, with or without a fraction; only 'Z'. 0, or -1: not a time. */
int time_parse(const char *text, int64_t *unix_ms);

#endif
