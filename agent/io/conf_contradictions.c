/* Settings that are good one by one and contradict each other: their driver says so (--check), and
 * here is found where they stand: in the device, or in its profile.
 *
 * One device of each row is asked about: the others differ in where they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

/* Where the option stands in a map, however it is nested. NULL: it does not. */
static const struct yaml *find_option(const struct yaml *map, const char *name)
{
    for (const struct yaml *key = map->first; key; key = key->next) {
        size_t size = strlen(key->text);
        if (!strcmp(key->text, name))
            return key->value;
        if (!strncmp(key->text, name, size) && name[size] == '_' && key->value->kind == YAML_MAP) {
            const struct yaml *inside = find_option(key->value, name + size + 1);
            if (inside)
                return inside;
        }
    }
    return NULL;
}

/* The option with which the driver's text begins: where the device says it, else its profile. */
static const struct yaml *place_of(struct conf *c, const struct yaml *row, const char *driver,
                                   const char *text)
{
    char option[NAME_SIZE];
    struct err err;
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    const struct yaml *profile = conf_find_key(row->value, "profile");
    (void)snprintf(option, sizeof option, "%.*s", (int)(size < NAME_SIZE ? size : 0), text);
    const struct yaml *place = *option ? find_option(row->value, option) : NULL;
    if (place || !profile)
        return place ? place : row;
    const struct option_schema *schema =
        c->drivers->schema(c->drivers->arg, c->config->driver_dir, driver, &err);
    const struct conf_profile *found = schema ? conf_profile(c, profile->value, schema) : NULL;
    place = found && *option ? find_option(found->root, option) : NULL;
    return place ? place : profile->value;
}

/* Devices of one profile have the same to say: it is told once. */
static void tell(struct conf *c, const char *driver, const struct driver_answer *answer,
                 struct conf_names *told)
{
    char once[sizeof answer->refusal.text + 64];
    const struct yaml *row = conf_names_find(&c->devices, answer->device, NULL);
    const char *text = answer->refusal.text;
    if (!row)
        return;
    const struct yaml *place = place_of(c, row, driver, text);
    (void)snprintf(once, sizeof once, "%p %s", (const void *)place, text);
    if (conf_names_add(told, once, row, 0))
        conf_error(c, place, "'%s': %s", answer->device, text);
}

static bool is_first_of_row(const struct conf *c, size_t index, const struct yaml **before)
{
    const struct device *device = &c->inventory->devices[index];
    const struct yaml *row = conf_names_find(&c->devices, device->config.device, NULL);
    bool first = row && row != *before;
    *before = row;
    return first;
}

/* The devices of one driver, as it is told of them. NULL: none, or no memory. */
static char *list_devices(struct conf *c, const char *driver)
{
    _cleanup_(freep) struct driver_device *device = malloc(sizeof *device);
    const struct yaml *row = NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *out = device ? open_memstream(&text, &size) : NULL;
    if (!out) {
        conf_no_memory(c);
        return NULL;
    }
    bool lost = false; /* one that the driver is not asked about */
    for (size_t i = 0; i < c->inventory->ndevices; i++) {
        const struct device_config *config = &c->inventory->devices[i].config;
        if (strcmp(c->inventory->devices[i].driver, driver) != 0 || !is_first_of_row(c, i, &row))
            continue;
        memcpy(device->device, config->device, sizeof device->device);
        device->nsettings = config->nsettings;
        if (config->nsettings)
            memcpy(device->settings, config->settings,
                   config->nsettings * sizeof *config->settings);
        _cleanup_(freep) char *line = driver_device_encode(device);
        lost = lost || !line;
        (void)fputs(line ? line : "", out);
    }
    if (fclose(out) || lost) {
        free(text);
        conf_no_memory(c);
        return NULL;
    }
    return text;
}

static int read_answers(struct conf *c, const char *driver, char *answers, struct err *err)
{
    struct conf_names told = {0};
    int rc = 0;
    for (char *line, *rest = answers; !rc && (line = strsep(&rest, "\n"));) {
        struct driver_answer answer;
        if (!*line)
            continue;
        rc = driver_answer_decode(line, &answer, err);
        if (!rc && answer.kind != DRIVER_ANSWER_REFUSAL)
            rc = err_set(err, ERR_PROTOCOL, "it answers what it was not asked");
        if (!rc)
            tell(c, driver, &answer, &told);
    }
    conf_names_clear(&told);
    return rc;
}

static void check_driver(struct conf *c, const char *driver, const struct yaml *at)
{
    _cleanup_(freep) char *devices = list_devices(c, driver);
    _cleanup_(freep) char *answers = NULL;
    struct err err;
    if (devices && *devices &&
        (c->drivers->check(c->drivers->arg, c->config->driver_dir, driver, devices, &answers,
                           &err) ||
         read_answers(c, driver, answers, &err)))
        conf_error(c, at, "driver '%s': %s", driver, err.text);
}

/* A press that could not be ended within the request is refused by the driver, so that under too
 * short a deadline no machine could ever be forced off.  It waits for three answers beside the
 * press; in serial frames for as much silence, too. */
static void check_hold(struct conf *c, const struct device *device, const struct yaml *at)
{
    struct err err;
    const struct option_schema *schema =
        c->drivers->schema(c->drivers->arg, c->config->driver_dir, device->driver, &err);
    const uint32_t deadline_ms = c->inventory->deadlines.command;
    if (!schema)
        return;
    uint64_t waits = !strcmp(conf_setting(device, schema, "transport"), "tcp") ? 3 : 6;
    uint64_t hold_ms = conf_setting_number(device, schema, "hold_ms");
    uint64_t needed_ms = hold_ms + conf_setting_number(device, schema, "settle_ms") +
                         waits * conf_setting_number(device, schema, "timeout_ms");
    if (hold_ms && needed_ms > deadline_ms)
        conf_error(c, place_of(c, at, device->driver, "hold_ms"),
                   "'%s': to force a machine off takes up to %llu ms (hold_ms + settle_ms + %llu x "
                   "timeout_ms), and deadlines: command allows %u ms: it would never be tried",
                   device->config.device, (unsigned long long)needed_ms, (unsigned long long)waits,
                   deadline_ms);
}

static void check_holds(struct conf *c)
{
    const struct yaml *row = NULL;
    for (size_t i = 0; i < c->inventory->ndevices; i++) {
        const struct device *device = &c->inventory->devices[i];
        if (device->buttons && is_first_of_row(c, i, &row))
            check_hold(c, device, row);
    }
}

void conf_check_devices(struct conf *c)
{
    struct conf_names drivers = {0};
    check_holds(c);
    if (!c->drivers->check)
        return;
    for (size_t i = 0; i < c->inventory->ndevices; i++) {
        const struct device *device = &c->inventory->devices[i];
        const struct yaml *at = conf_names_find(&c->devices, device->config.device, NULL);
        if (*device->driver && conf_names_add(&drivers, device->driver, at, 0))
            check_driver(c, device->driver, at);
    }
    conf_names_clear(&drivers);
}
