#include "agent/cli/when.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "agent/cli/duration.h"

/* What of the pattern the text has: 'd' is a digit. */
static bool looks_like(const char *text, const char *pattern)
{
    for (; *pattern; pattern++, text++)
        if (*pattern == 'd' ? *text < '0' || *text > '9' : *text != *pattern)
            return false;
    return !*text;
}

static int two_digits(const char *text)
{
    return (text[0] - '0') * 10 + (text[1] - '0');
}

static bool read_clock(const char *text, struct tm *at)
{
    at->tm_hour = two_digits(text);
    at->tm_min = two_digits(text + 3);
    at->tm_sec = text[5] == ':' ? two_digits(text + 6) : 0;
    return at->tm_hour < 24 && at->tm_min < 60 && at->tm_sec < 60;
}

static bool read_date(const char *text, struct tm *at)
{
    at->tm_year = two_digits(text) * 100 + two_digits(text + 2) - 1900;
    at->tm_mon = two_digits(text + 5) - 1;
    at->tm_mday = two_digits(text + 8);
    return at->tm_year >= 70 && at->tm_mon >= 0 && at->tm_mon < 12 && at->tm_mday > 0;
}

/* -1: there is no such day or, on this machine, no such hour. */
static int to_unix_ms(struct tm at, bool utc, int64_t *unix_ms)
{
    struct tm is = at;
    is.tm_isdst = -1;
    time_t seconds = utc ? timegm(&is) : mktime(&is);
    if (is.tm_mday != at.tm_mday || is.tm_hour != at.tm_hour || is.tm_min != at.tm_min)
        return -1;
    *unix_ms = (int64_t)seconds * 1000;
    return 0;
}

/* The next or last time that the clock shows this. Days are stepped by the calendar, for the two
 * in a year that have not 24 hours. */
static int time_of_day(const char *text, enum when_side side, int64_t now_unix_ms, int64_t *unix_ms)
{
    time_t now = (time_t)(now_unix_ms / 1000);
    struct tm at;
    if (!localtime_r(&now, &at) || !read_clock(text, &at) || to_unix_ms(at, false, unix_ms))
        return -1;
    if (side == WHEN_AHEAD ? *unix_ms > now_unix_ms : *unix_ms <= now_unix_ms)
        return 0;
    at.tm_mday += side == WHEN_AHEAD ? 1 : -1;
    at.tm_hour = 12; /* noon is there every day, so that the date comes out right */
    at.tm_isdst = -1;
    if (mktime(&at) == -1 || !read_clock(text, &at))
        return -1;
    return to_unix_ms(at, false, unix_ms);
}

static int date(const char *text, int64_t *unix_ms)
{
    struct tm at = {0};
    bool utc = text[strlen(text) - 1] == 'Z';
    if (!read_date(text, &at) || (text[10] && !read_clock(text + 11, &at)))
        return -1;
    return to_unix_ms(at, utc, unix_ms);
}

static bool is_date(const char *text)
{
    static const char *const patterns[] = {"dddd-dd-dd", "dddd-dd-ddTdd:dd", "dddd-dd-ddTdd:ddZ",
                                           "dddd-dd-ddTdd:dd:dd", "dddd-dd-ddTdd:dd:ddZ"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (looks_like(text, patterns[i]))
            return true;
    return false;
}

static int not_a_time(const char *text, struct err *err)
{
    return err_set(err, ERR_USAGE,
                   "'%s' is not a time; write 2h, 3d, 18:00, 2026-11-24 or 2026-11-24T18:00", text);
}

int when_parse(const char *text, enum when_side side, int64_t now_unix_ms, int64_t *unix_ms,
               struct err *err)
{
    int64_t at;
    uint64_t ms;
    if (looks_like(text, "dd:dd") || is_date(text)) {
        if (text[2] == ':' ? time_of_day(text, side, now_unix_ms, &at) : date(text, &at))
            return err_set(err, ERR_USAGE, "'%s': there is no such time", text);
    } else {
        size_t digits = strspn(text, "0123456789");
        if (!digits ||
            !text[digits]) /* a bare number is seconds elsewhere, and may be a day here */
            return not_a_time(text, err);
        if (duration_parse(text, &ms, err))
            return strstr(err->text, "more than") ? -1 : not_a_time(text, err);
        at = now_unix_ms + (side == WHEN_AHEAD ? (int64_t)ms : -(int64_t)ms);
    }
    if (side == WHEN_AHEAD && at <= now_unix_ms)
        return err_set(err, ERR_USAGE, "'%s' is over already", text);
    if (side == WHEN_BEFORE && at > now_unix_ms)
        return err_set(err, ERR_USAGE, "'%s' is still to come", text);
    *unix_ms = at;
    return 0;
}
