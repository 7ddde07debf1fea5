/* devices: a driver, and settings that the driver's own description allows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

enum { ENDPOINT_SIZE = NAME_SIZE + 4 * (DRIVER_SETTING_SIZE + 16) };

static const struct yaml *find_key(const struct yaml *map, const char *name)
{
    for (const struct yaml *key = map->first; key; key = key->next)
        if (!strcmp(key->text, name))
            return key;
    return NULL;
}

/* NULL after an error; a driver that cannot be asked is reported once, not for each device. */
static const struct option_schema *find_schema(struct conf *c, const struct conf_row *row)
{
    struct err err;
    const struct yaml *key = find_key(row->key->value, "driver");
    if (!key) {
        conf_error(c, row->key, "'%.64s' has no 'driver'", row->key->text);
        return NULL;
    }
    if (!conf_is_name(c, key->value) || conf_names_find(&c->bad_drivers, key->value->text, NULL))
        return NULL;
    const struct option_schema *schema =
        c->drivers->schema(c->drivers->arg, c->config->driver_dir, key->value->text, &err);
    if (!schema) {
        conf_error(c, key->value, "driver '%s': %s", key->value->text, err.text);
        (void)conf_names_add(&c->bad_drivers, key->value->text, key, 0);
    }
    return schema;
}

static bool check_value(struct conf *c, const struct yaml *value, const struct option *option,
                        const char *text)
{
    struct err err;
    if (option_check(option, text, &err)) {
        conf_error(c, value, "%s", err.text);
        return false;
    }
    if (strlen(text) >= DRIVER_SETTING_SIZE) {
        conf_error(c, value, "%s: longer than %d characters", option->name,
                   DRIVER_SETTING_SIZE - 1);
        return false;
    }
    if (strcmp(option->name, "credentials") != 0 || conf_names_find(&c->credentials, text, NULL))
        return true;
    const char *nearest = conf_names_nearest(&c->credentials, text);
    if (nearest)
        conf_error(c, value, "no credentials are called '%.64s'; did you mean '%s'?", text,
                   nearest);
    else
        conf_error(c, value, "no credentials are called '%.64s'", text);
    return false;
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

static void read_setting(struct conf *c, const struct conf_row *row, const struct yaml *value,
                         const struct option *option)
{
    struct conf_expansion texts;
    bool good = conf_expand(c, value, row, &texts);
    for (size_t i = 0; good && i < texts.count; i++)
        good = check_value(c, value, option, texts.texts[i]);
    for (size_t i = 0; good && i < row->count; i++)
        add_setting(c, &c->inventory->devices[row->first + i].config, option->name,
                    conf_expansion_text(&texts, i));
    conf_expansion_clear(&texts);
}

static const char *setting(const struct device *device, const struct option *option)
{
    for (size_t i = 0; i < device->config.nsettings; i++)
        if (!strcmp(device->config.settings[i].name, option->name))
            return device->config.settings[i].value;
    return option->fallback ? option->fallback : "";
}

/* What a device is, whatever it is called, with the driver's defaults where nothing is written:
 * "623", "0623" and no port are one. "" : nothing in its options tells. */
static void endpoint(const struct device *device, const struct option_schema *schema,
                     char text[ENDPOINT_SIZE])
{
    static const char *const names[] = {"host", "port", "serial", "unit"};
    bool known = false;
    int size = snprintf(text, ENDPOINT_SIZE, "%s", device->driver);
    for (size_t n = 0; n < ARRAY_SIZE(names); n++)
        for (size_t i = 0; i < schema->table.count; i++) {
            const struct option *option = &schema->table.rows[i];
            if (strcmp(option->name, names[n]) != 0)
                continue;
            const char *value = setting(device, option);
            known = known || (*value && n % 2 == 0);
            if (option->type == OPTION_UINT)
                value += strspn(value, "0");
            size += snprintf(text + size, ENDPOINT_SIZE - (size_t)size, " %s=%s", names[n], value);
        }
    for (char *at = text; *at; at++) /* host names are the same in any case */
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
    if (!known)
        *text = '\0';
}

/* Brackets forgotten in `host`, or a copied line: a rack of names for one BMC, and an off of any
 * node would be that one's. Told once a line. */
static void check_endpoints(struct conf *c, const struct conf_row *row,
                            const struct option_schema *schema)
{
    const struct yaml *key = find_key(row->key->value, "host");
    key = key ? key : find_key(row->key->value, "serial");
    for (size_t i = 0; key && i < row->count; i++) {
        const struct device *device = &c->inventory->devices[row->first + i];
        char text[ENDPOINT_SIZE];
        size_t other;
        endpoint(device, schema, text);
        if (!*text || conf_names_add(&c->endpoints, text, row->key, row->first + i))
            continue;
        const struct yaml *first = conf_names_find(&c->endpoints, text, &other);
        if (first)
            conf_error(c, key->value,
                       "'%s' and '%s' (at %s:%u:%u) are one device: same driver, same address (%s)",
                       device->config.device, c->inventory->devices[other].config.device,
                       first->file->name, first->line, first->column,
                       text + strlen(schema->driver) + 1);
        else
            conf_no_memory(c);
        return;
    }
}

static void unknown_setting(struct conf *c, const struct yaml *key,
                            const struct option_schema *schema)
{
    const char *nearest = conf_errors_full(c) ? NULL : option_nearest(schema->table, key->text);
    if (nearest)
        conf_error(c, key, "driver '%s' has no option '%.64s'; did you mean '%s'?", schema->driver,
                   key->text, nearest);
    else
        conf_error(c, key, "driver '%s' has no option '%.64s'", schema->driver, key->text);
}

static void read_device(struct conf *c, const struct conf_row *row)
{
    const struct yaml *seen[DRIVER_SETTINGS_MAX + 1] = {0};
    size_t before = c->nerrors;
    if (!conf_is_map(c, row->key->value))
        return;
    const struct option_schema *schema = find_schema(c, row);
    if (!schema)
        return;
    for (size_t i = 0; i < row->count; i++) {
        struct device *device = &c->inventory->devices[row->first + i];
        memcpy(device->driver, schema->driver, strlen(schema->driver) + 1);
        memcpy(device->config.device, row->names[i], strlen(row->names[i]) + 1);
    }
    for (const struct yaml *key = row->key->value->first; key; key = key->next) {
        size_t i = 0; /* the place behind the options is the driver's own */
        bool driver = !strcmp(key->text, "driver");
        while (i < schema->table.count &&
               (driver || strcmp(schema->table.rows[i].name, key->text) != 0))
            i++;
        if (i == schema->table.count && !driver) {
            unknown_setting(c, key, schema);
        } else if (seen[i]) {
            conf_error(c, key, "'%s' is there twice; first at %s:%u:%u", key->text,
                       seen[i]->file->name, seen[i]->line, seen[i]->column);
        } else {
            seen[i] = key;
            if (!driver)
                read_setting(c, row, key->value, &schema->table.rows[i]);
        }
    }
    for (size_t i = 0; i < schema->table.count; i++)
        if (schema->table.rows[i].required && !seen[i])
            conf_error(c, row->key, "'%.64s' has no '%s', which driver '%s' needs", row->key->text,
                       schema->table.rows[i].name, schema->driver);
    if (c->nerrors == before) /* a value that was refused is no default */
        check_endpoints(c, row, schema);
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
