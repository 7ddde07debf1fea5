#include "agent/io/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* cannot fail for these two clocks */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t clock_now_ms(void)
{
    return (uint64_t)read_ms(CLOCK_MONOTONIC);
}

int64_t clock_unix_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

void clock_format(int64_t unix_ms, char text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc;
    char whole[24];
    if (unix_ms < 0 || !gmtime_r(&seconds, &utc) ||
        !strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &utc))
        (void)snprintf(whole, sizeof whole, "?");
    (void)snprintf(text, CLOCK_TEXT_SIZE, "%s.%03dZ", whole, (int)(unix_ms % 1000));
}
