#include "agent/cli/style.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *colour(bool on, enum colour colour)
{
    static const char *const codes[COLOURS] = {
        [COLOUR_NONE] = "\033[0m",    [COLOUR_RED] = "\033[31m",        [COLOUR_GREEN] = "\033[32m",
        [COLOUR_YELLOW] = "\033[33m", [COLOUR_ALARM] = "\033[1;97;41m",
    };
    return on ? codes[colour] : "";
}

enum colour outcome_colour(enum outcome outcome)
{
    static const enum colour colours[OUTCOMES] = {
        [OUTCOME_PENDING] = COLOUR_NONE,   [OUTCOME_OK] = COLOUR_GREEN,
        [OUTCOME_FAILED] = COLOUR_RED,     [OUTCOME_UNVERIFIED] = COLOUR_YELLOW,
        [OUTCOME_LEFT_OFF] = COLOUR_ALARM, [OUTCOME_CANCELLED] = COLOUR_YELLOW,
    };
    return colours[outcome];
}

enum colour power_colour(enum power power)
{
    static const enum colour colours[POWERS] = {
        [POWER_UNKNOWN] = COLOUR_YELLOW,
        [POWER_OFF] = COLOUR_NONE,
        [POWER_ON] = COLOUR_GREEN,
    };
    return colours[power];
}

const char *outcome_word(enum outcome outcome)
{
    return outcome == OUTCOME_LEFT_OFF ? "LEFT OFF" : outcome_name(outcome);
}

bool colours_wanted(FILE *out, bool refused)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    if (refused || (no_color && *no_color) || !term || !strcmp(term, "dumb"))
        return false;
    return isatty(fileno(out)) == 1;
}

static void cannot_format(char text[CLOCK_TEXT_SIZE])
{
    memcpy(text, "-", 2);
}

void local_time_format(int64_t unix_ms, char text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm local;
    if (!unix_ms || !localtime_r(&seconds, &local) ||
        !strftime(text, CLOCK_TEXT_SIZE, "%H:%M:%S", &local))
        cannot_format(text);
}

void local_date_format(int64_t unix_ms, char text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm local;
    if (!unix_ms || !localtime_r(&seconds, &local) ||
        !strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &local))
        cannot_format(text);
}

void watts_format(uint32_t milliwatts, char text[WATTS_TEXT_SIZE])
{
    uint64_t tenths = ((uint64_t)milliwatts + 50) / 100;
    (void)snprintf(text, WATTS_TEXT_SIZE, "%u.%u", (unsigned)(tenths / 10),
                   (unsigned)(tenths % 10));
}
