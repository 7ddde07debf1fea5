#include "proto/driver_msg_plain.h"

#include <stddef.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/json_plain.h"

/* Where a member of the line goes; `bit` is set in what was seen. */
struct place {
    const char *key;
    const char **text;
    int64_t *integer;
    unsigned bit;
};

static bool put(const struct plain_member *member, const struct place *places, size_t count,
                unsigned *seen)
{
    for (size_t i = 0; i < count; i++) {
        const struct place *place = &places[i];
        if (strcmp(place->key, member->key) != 0)
            continue;
        if (member->kind != (place->text ? PLAIN_TEXT : PLAIN_INTEGER))
            return false;
        if (place->text)
            *place->text = member->text;
        else
            *place->integer = member->integer;
        *seen |= place->bit;
        return true;
    }
    return false;
}

static bool put_all(const struct plain *line, const struct place *places, size_t count,
                    unsigned *seen)
{
    *seen = 0;
    for (size_t i = 0; i < line->count; i++)
        if (!put(&line->member[i], places, count, seen))
            return false;
    return true;
}

bool request_words_read(const struct plain *line, struct request_words *out)
{
    enum { ID = 1, DEVICE = 2, OP = 4, BUDGET = 8, NEEDED = 15, SECONDS = 16 };
    unsigned seen;
    *out = (struct request_words){0};
    const struct place places[] = {
        {"id", NULL, &out->id, ID},
        {"device", &out->device, NULL, DEVICE},
        {"op", &out->op, NULL, OP},
        {"budget_ms", NULL, &out->budget_ms, BUDGET},
        {"boot_device", &out->boot_device, NULL, 0},
        {"firmware", &out->firmware, NULL, 0},
        {"seconds", NULL, &out->seconds, SECONDS},
        {"outlet", NULL, &out->outlet, 0},
        {"keep_ms", NULL, &out->keep_ms, 0},
    };
    if (!put_all(line, places, ARRAY_SIZE(places), &seen) || (seen & NEEDED) != NEEDED)
        return false;
    out->has_seconds = seen & SECONDS;
    return true;
}

static bool fits(const char *text, size_t least, size_t size)
{
    size_t length = strlen(text);
    return length >= least && length < size;
}

static bool settings_fit(const struct plain_member *settings)
{
    if (settings->kind != PLAIN_OBJECT || settings->inside > DRIVER_SETTINGS_MAX)
        return false;
    for (size_t i = 1; i <= settings->inside; i++)
        if (!fits(settings[i].key, 1, NAME_SIZE) || !fits(settings[i].text, 0, DRIVER_SETTING_SIZE))
            return false;
    return true;
}

/* {"device":"...","settings":{...}}, in either order. */
bool device_read(const struct plain *line, struct driver_device *out)
{
    const char *name = NULL;
    const struct plain_member *settings = NULL;
    for (size_t i = 0; i < line->count; i += 1 + line->member[i].inside) {
        const struct plain_member *member = &line->member[i];
        if (!strcmp(member->key, "device") && member->kind == PLAIN_TEXT)
            name = member->text;
        else if (!strcmp(member->key, "settings") && settings_fit(member))
            settings = member;
        else
            return false;
    }
    if (!name || !settings || !fits(name, 1, sizeof out->device))
        return false;
    memcpy(out->device, name, strlen(name) + 1);
    out->nsettings = settings->inside;
    for (size_t i = 0; i < out->nsettings; i++) {
        const struct plain_member *member = &settings[1 + i];
        memcpy(out->settings[i].name, member->key, strlen(member->key) + 1);
        memcpy(out->settings[i].value, member->text, strlen(member->text) + 1);
    }
    return true;
}

bool reply_read(const struct plain *line, struct driver_reply *out)
{
    enum { ID = 1, RESULT = 2, NEEDED = 3, WATTS = 4 };
    unsigned seen;
    int64_t id = 0, milliwatts = 0;
    const char *result = NULL, *power = NULL;
    const struct place places[] = {
        {"id", NULL, &id, ID},
        {"result", &result, NULL, RESULT},
        {"power", &power, NULL, 0},
        {"milliwatts", NULL, &milliwatts, WATTS},
    };
    if (!put_all(line, places, ARRAY_SIZE(places), &seen) || (seen & NEEDED) != NEEDED || id < 1 ||
        strcmp(result, "ok") != 0 || milliwatts < 0 || milliwatts > UINT32_MAX)
        return false;
    memset(out, 0, sizeof *out); /* padding too: plain structs are compared */
    out->id = (uint64_t)id;
    out->ok = true;
    out->has_watts = seen & WATTS;
    out->milliwatts = (uint32_t)milliwatts;
    return !power || power_parse(power, &out->power) == 0;
}
