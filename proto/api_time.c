#include "proto/api_time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t YEAR_9999_ENDS_MS = 253402300799999;

void time_format(int64_t unix_ms, char text[TIME_TEXT_SIZE])
{
    if (unix_ms < 0)
        unix_ms = 0;
    if (unix_ms > YEAR_9999_ENDS_MS)
        unix_ms = YEAR_9999_ENDS_MS;
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc;
    (void)gmtime_r(&seconds, &utc);
    size_t length = strftime(text, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(text + length, TIME_TEXT_SIZE - length, ".%03dZ", (int)(unix_ms % 1000));
}

/* Takes `count` digits; -1 if there are fewer. */
static int take_number(const char **text, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return -1;
        number = number * 10 + (**text - '0');
    }
    return number;
}

/* ".123" or ".1" or nothing, then "Z" and the end. Digits beyond milliseconds are dropped. */
static int take_fraction(const char *text)
{
    int ms = 0;
    if (*text == '.') {
        int scale = 100;
        const char *first = ++text;
        for (; *text >= '0' && *text <= '9'; text++, scale /= 10)
            ms += (*text - '0') * scale;
        if (text == first)
            return -1;
    }
    return strcmp(text, "Z") ? -1 : ms;
}

int time_parse(const char *text, int64_t *unix_ms)
{
    static const struct {
        int digits, least, most;
        char after;
    } parts[] = {{4, 1970, 9999, '-'}, {2, 1, 12, '-'}, {2, 1, 31, 'T'},
                 {2, 0, 23, ':'},      {2, 0, 59, ':'}, {2, 0, 59, 0}};
    int value[6];
    for (size_t i = 0; i < 6; i++) {
        value[i] = take_number(&text, parts[i].digits);
        if (value[i] < parts[i].least || value[i] > parts[i].most)
            return -1;
        if (parts[i].after && *text++ != parts[i].after)
            return -1;
    }
    int ms = take_fraction(text);
    struct tm utc = {.tm_year = value[0] - 1900,
                     .tm_mon = value[1] - 1,
                     .tm_mday = value[2],
                     .tm_hour = value[3],
                     .tm_min = value[4],
                     .tm_sec = value[5]};
    time_t seconds = timegm(&utc);
    if (ms < 0 || utc.tm_mday != value[2]) /* 30 February was moved to March */
        return -1;
    *unix_ms = (int64_t)seconds * 1000 + ms;
    return 0;
}
