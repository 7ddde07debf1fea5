#include "agent/cli/duration.h"

#include <stdio.h>
#include <string.h>

#include "proto/cleanup.h"

static const uint64_t MOST_MS = 30ULL * 24 * 3600 * 1000;

/* Largest first: "1h30m", never "30m1h". A bare number counts as seconds. */
static const struct {
    const char *word;
    uint64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"ms", 1}, {"m", 60000}, {"s", 1000}};

static uint64_t take_unit(const char **text)
{
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        size_t size = strlen(units[i].word);
        if (!strncmp(*text, units[i].word, size)) {
            *text += size;
            return units[i].ms;
        }
    }
    return 0;
}

int duration_parse(const char *text, uint64_t *ms, struct err *err)
{
    const char *rest = text;
    uint64_t total = 0, last_unit = UINT64_MAX;
    do {
        uint64_t number = 0;
        const char *first = rest;
        for (; *rest >= '0' && *rest <= '9' && number <= MOST_MS; rest++)
            number = number * 10 + (uint64_t)(*rest - '0');
        uint64_t unit = rest == first ? 0 : take_unit(&rest);
        if (rest != first && !*rest && !unit && last_unit == UINT64_MAX)
            unit = 1000;
        if (!unit || unit >= last_unit || number > MOST_MS)
            return err_set(err, ERR_USAGE, "'%s' is not a duration; write 30, 30s, 5m, 1h30m or 2d",
                           text);
        total += number * unit;
        last_unit = unit;
    } while (*rest && total <= MOST_MS);
    if (total > MOST_MS)
        return err_set(err, ERR_USAGE, "'%s' is more than 30 days", text);
    *ms = total;
    return 0;
}

void duration_format(uint64_t ms, char text[DURATION_TEXT_SIZE])
{
    unsigned long long s = ms / 1000;
    if (s < 10 && ms % 1000)
        (void)snprintf(text, DURATION_TEXT_SIZE, "%llu.%llu s", s, (ms % 1000) / 100ULL);
    else if (s < 60)
        (void)snprintf(text, DURATION_TEXT_SIZE, "%llu s", s);
    else if (s < 3600)
        (void)snprintf(text, DURATION_TEXT_SIZE, "%llu min %llu s", s / 60, s % 60);
    else
        (void)snprintf(text, DURATION_TEXT_SIZE, "%llu h %llu min", s / 3600, s % 3600 / 60);
}

void duration_format_short(uint64_t ms, char text[DURATION_TEXT_SIZE])
{
    unsigned long long s = ms / 1000;
    if (s < 60)
        (void)snprintf(text, DURATION_TEXT_SIZE, "%llus", s);
    else if (s < 3600)
        (void)snprintf(text, DURATION_TEXT_SIZE, "%llum%02llus", s / 60, s % 60);
    else
        (void)snprintf(text, DURATION_TEXT_SIZE, "%lluh%02llum", s / 3600, s % 3600 / 60);
}
