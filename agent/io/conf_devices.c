/* devices: a driver, and settings that the driver's own description allows: of the device itself,
 * and behind them those of its profile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

/* So that its last outlet's name, "pdu-a/65535", is one. */
enum { PDU_NAME_MAX = NAME_SIZE - 1 - 6 };

/* A key of `devices` while its values are read. */
struct device_row {
    struct conf *c;
    const struct conf_row *row;
    struct device *devices; /* the first of them */
    const struct option_schema *schema;
    const struct yaml *driver, *profile;          /* their keys */
    const struct yaml *seen[DRIVER_SETTINGS_MAX]; /* by option */
};

/* NULL after an error; a driver that cannot be asked is reported once, not for each device. */
static const struct option_schema *find_schema(struct conf *c, const struct conf_row *row)
{
    struct err err;
    const struct yaml *key = conf_find_key(row->key->value, "driver");
    if (!key) {
        conf_error(c, row->key, "'%.64s' has no 'driver'", row->key->text);
        return NULL;
    }
    if (!conf_is_name(c, key->value) || conf_names_find(&c->bad_drivers, key->value->text, NULL))
        return NULL;
    const struct option_schema *schema =
        c->drivers->schema(c->drivers->arg, c->config->driver_dir, key->value->text, &err);
    if (schema && schema->table.count > DRIVER_SETTINGS_MAX) {
        schema = NULL;
        (void)err_set(&err, ERR_LIMIT, "it has more than %d options", DRIVER_SETTINGS_MAX);
    }
    if (!schema) {
        conf_error(c, key->value, "driver '%s': %s", key->value->text, err.text);
        (void)conf_names_add(&c->bad_drivers, key->value->text, key, 0);
    }
    return schema;
}

static void add_setting(struct conf *c, struct device_config *config, const char *name,
                        const char *text)
{
    struct driver_setting *settings =
        reallocarray(config->settings, config->nsettings + 1, sizeof *settings);
    if (!settings) {
        conf_no_memory(c);
        return;
    }
    config->settings = settings;
    struct driver_setting *setting = &settings[config->nsettings++];
    *setting = (struct driver_setting){0};
    memcpy(setting->name, name, strlen(name) + 1);
    memcpy(setting->value, text, strlen(text) + 1);
}

/* One of the keys that are there in any driver's devices. */
static bool read_other(void *arg, const struct yaml *key)
{
    struct device_row *at = arg;
    const struct yaml **place = !strcmp(key->text, "driver")    ? &at->driver
                                : !strcmp(key->text, "profile") ? &at->profile
                                                                : NULL;
    if (!place)
        return false;
    conf_note_key(at->c, key, place);
    return true;
}

static void read_setting(void *arg, size_t option, const struct yaml *key)
{
    struct device_row *at = arg;
    const struct option *row = &at->schema->table.rows[option];
    struct conf_expansion texts;
    bool good = conf_expand(at->c, key->value, at->row, &texts);
    for (size_t i = 0; good && i < texts.count; i++)
        good = conf_check_option(at->c, key->value, row, texts.texts[i]);
    for (size_t i = 0; good && i < at->row->count; i++)
        add_setting(at->c, &at->devices[i].config, row->name, conf_expansion_text(&texts, i));
    conf_expansion_clear(&texts);
}

/* What the device itself says wins over its profile. */
static void add_profile(struct device_row *at, const struct conf_profile *profile)
{
    for (size_t option = 0; option < at->schema->table.count; option++)
        for (size_t i = 0; profile->texts[option] && !at->seen[option] && i < at->row->count; i++)
            add_setting(at->c, &at->devices[i].config, at->schema->table.rows[option].name,
                        profile->texts[option]);
}

static void check_required(const struct device_row *at, const struct conf_profile *profile)
{
    const struct option_table *table = &at->schema->table;
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].required && !at->seen[i] && !(profile && profile->texts[i]))
            conf_error(at->c, at->row->key, "'%.64s' has no '%s', which driver '%s' needs",
                       at->row->key->text, table->rows[i].name, at->schema->driver);
}

/* All settings go to the driver in one line. */
static void check_size(const struct device_row *at, const struct device_config *config)
{
    size_t size = 0;
    for (size_t i = 0; i < config->nsettings; i++)
        size += strlen(config->settings[i].name) + strlen(config->settings[i].value) + 6;
    if (6 * size < DRIVER_LINE_SIZE / 2) /* even if each character is written as \u00xx */
        return;
    _cleanup_(freep) struct driver_device *device = calloc(1, sizeof *device);
    if (!device) {
        conf_no_memory(at->c);
        return;
    }
    memcpy(device->device, config->device, sizeof device->device);
    memcpy(device->settings, config->settings, config->nsettings * sizeof *config->settings);
    device->nsettings = config->nsettings;
    _cleanup_(freep) char *line = driver_device_encode(device);
    if (!line)
        conf_error(at->c, at->row->key,
                   "the settings of '%s' are too much for its driver: more than %d characters in "
                   "all",
                   config->device, DRIVER_LINE_SIZE - 1);
}

/* What the agent itself must know of a PDU or relay board. */
static void take_facts(const struct device_row *at, struct device *device)
{
    const struct option_schema *schema = at->schema;
    device->outlets = conf_setting_number(device, schema, "outlets");
    device->buttons = !strcmp(conf_setting(device, schema, "kind"), "button");
    device->dwell_ms = conf_setting_number(device, schema, "dwell_ms");
    device->stagger_ms = conf_setting_number(device, schema, "stagger_ms");
    /* What has a register map has nothing but outlets; a fake device may be one without. */
    if (!device->outlets && conf_option(schema, "read_function"))
        conf_error(at->c, at->row->key,
                   "neither '%s' nor a profile of it says how many 'outlets' it has",
                   device->config.device);
    else if (device->outlets && strlen(device->config.device) > PDU_NAME_MAX)
        conf_error(at->c, at->row->key,
                   "'%s' is longer than the %d characters that a device with outlets may have",
                   device->config.device, PDU_NAME_MAX);
}

static void name_devices(const struct device_row *at)
{
    for (size_t i = 0; i < at->row->count; i++) {
        struct device *device = &at->devices[i];
        memcpy(device->driver, at->schema->driver, strlen(at->schema->driver) + 1);
        memcpy(device->config.device, at->row->names[i], strlen(at->row->names[i]) + 1);
    }
}

/* False: not all of it is known. */
static bool read_settings(struct device_row *at)
{
    const struct conf_options options = {
        .schema = at->schema,
        .other = read_other,
        .read = read_setting,
        .arg = at,
    };
    const struct conf_profile *profile = NULL;
    conf_walk_options(at->c, at->row->key->value, &options, at->seen);
    if (at->profile)
        profile = conf_profile(at->c, at->profile->value, at->schema);
    if (at->profile && !profile) /* what is missing may be in there */
        return false;
    if (profile)
        add_profile(at, profile);
    check_required(at, profile);
    return true;
}

static void read_device(struct conf *c, const struct conf_row *row)
{
    struct device_row at = {.c = c, .row = row, .devices = c->inventory->devices + row->first};
    size_t before = c->nerrors;
    if (!conf_is_map(c, row->key->value))
        return;
    at.schema = find_schema(c, row);
    if (!at.schema)
        return;
    name_devices(&at);
    bool known = read_settings(&at);
    for (size_t i = 0; known && c->nerrors == before && i < row->count; i++) {
        check_size(&at, &at.devices[i].config);
        take_facts(&at, &at.devices[i]);
    }
    known = known && c->nerrors == before;
    if (known) /* a value that was refused is no default */
        conf_check_lines(c, row, at.schema, at.seen);
    for (size_t i = 0; !known && i < row->count; i++)
        at.devices[i].driver[0] = '\0'; /* no errors about what hangs on it */
}

void conf_read_devices(struct conf *c)
{
    size_t nrows, total;
    struct conf_row *rows = conf_rows(c, SECTION_DEVICES, "device", &c->devices, &nrows, &total);
    c->inventory->devices = calloc(total + 1, sizeof *c->inventory->devices);
    if (!c->inventory->devices)
        conf_no_memory(c);
    c->inventory->ndevices = c->inventory->devices ? total : 0;
    for (size_t i = 0; c->inventory->devices && i < nrows; i++)
        read_device(c, &rows[i]);
    conf_rows_free(rows, nrows);
}
