/* clock.h - the agent's two clocks.  Only agent/io asks them; everybody else is told.
 *
 * Monotonic milliseconds decide (deadlines, ages); wall clock milliseconds are for people
 * (journal, display) and may jump. */
#ifndef POWERCTL_CLOCK_H
#define POWERCTL_CLOCK_H

#include <stdint.h>

uint64_t clock_now_ms(void); /* CLOCK_MONOTONIC */
int64_t clock_unix_ms(void); /* CLOCK_REALTIME */

/* "2026-01-31T12:00:03.250Z" */
enum { CLOCK_TEXT_SIZE = 32 };
void clock_format(int64_t unix_ms, char text[CLOCK_TEXT_SIZE]);

#endif
