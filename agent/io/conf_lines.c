/* Where devices are: no two at one address, and all on one line at its one speed. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

enum { PLACE_SIZE = NAME_SIZE + 4 * (DRIVER_SETTING_SIZE + 16) };

/* A device among those of its row. */
struct at {
    struct conf *c;
    const struct conf_row *row;
    const struct option_schema *schema;
    const struct yaml *const *seen;
    const struct device *device;
};

/* Where it says so itself; else the device. */
static const struct yaml *place_of(const struct at *at, const char *option)
{
    for (size_t i = 0; i < at->schema->table.count; i++)
        if (!strcmp(at->schema->table.rows[i].name, option) && at->seen[i])
            return at->seen[i]->value;
    return at->row->key;
}

static const char *value_of(const struct at *at, const struct device *device, const char *option)
{
    return conf_setting(device, at->schema, option);
}

/* As text that is the same for what means the same: "623", "0623" and 0x26f are one port. Host names
 * are the same in any case, with a dot at their end or without, and a serial line by any link to it. */
static void canonical(const struct option *option, const char *value,
                      char text[DRIVER_SETTING_SIZE])
{
    static const char *const yes[] = {"true", "yes", "on"};
    char path[PATH_MAX];
    uint32_t number;
    if (option->type == OPTION_UINT && !option_number(value, &number)) {
        (void)snprintf(text, DRIVER_SETTING_SIZE, "%u", number);
        return;
    }
    (void)snprintf(text, DRIVER_SETTING_SIZE, "%s", value);
    if (option->type == OPTION_BOOL) {
        bool truth = false;
        for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
            truth = truth || !strcmp(value, yes[i]);
        (void)snprintf(text, DRIVER_SETTING_SIZE, "%s", truth ? "true" : "false");
    } else if (!strcmp(option->name, "host")) {
        for (char *c = text; *c; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
        size_t size = strlen(text);
        if (size > 1 && text[size - 1] == '.') /* the root, said or not */
            text[size - 1] = '\0';
    } else if (!strcmp(option->name, "serial") && realpath(value, path)) {
        (void)snprintf(text, DRIVER_SETTING_SIZE, "%.*s", DRIVER_SETTING_SIZE - 1, path);
    }
}

/* "modbus host=10.1.0.1 port=502": the driver and those of the options that it has. */
static void describe(const struct at *at, const char *const *options, size_t count,
                     char text[PLACE_SIZE])
{
    int size = snprintf(text, PLACE_SIZE, "%s", at->device->driver);
    for (size_t i = 0; i < count; i++) {
        const struct option *option = conf_option(at->schema, options[i]);
        char value[DRIVER_SETTING_SIZE];
        if (!option)
            continue;
        canonical(option, value_of(at, at->device, options[i]), value);
        if (!*value)
            continue;
        size += snprintf(text + size, PLACE_SIZE - (size_t)size, " %s=%s", options[i], value);
    }
}

static bool is_set(const struct at *at, const char *option)
{
    return *value_of(at, at->device, option) != '\0';
}

/* The first of those that are there; false: it is the first itself (or nothing tells). */
static bool find_other(const struct at *at, struct conf_names *names, const char *text,
                       const struct yaml **first, const struct device **other)
{
    size_t index = (size_t)(at->device - at->c->inventory->devices), found = 0;
    if (conf_names_add(names, text, at->row->key, index))
        return false;
    *first = conf_names_find(names, text, &found);
    if (*first)
        *other = &at->c->inventory->devices[found];
    else
        conf_no_memory(at->c);
    return *first != NULL;
}

/* Brackets forgotten in `host`, or a copied line: a rack of names for one BMC, and an off of any
 * node would be that one's. */
static bool check_address(const struct at *at)
{
    static const char *const wire[] = {"serial", "unit"};
    static const char *const network[] = {"host", "port", "unit"};
    const struct yaml *first;
    const struct device *other;
    char text[PLACE_SIZE];
    if (!is_set(at, "host") && !is_set(at, "serial"))
        return true;
    bool serial = is_set(at, "serial");
    describe(at, serial ? wire : network, serial ? ARRAY_SIZE(wire) : ARRAY_SIZE(network), text);
    if (!find_other(at, &at->c->endpoints, text, &first, &other))
        return true;
    conf_error(at->c, place_of(at, serial ? "serial" : "host"),
               "'%s' and '%s' (at %s:%u:%u) are one device: same driver, same address (%s)",
               at->device->config.device, other->config.device, first->file->name, first->line,
               first->column, text + strlen(at->device->driver) + 1);
    return false;
}

/* Of a driver that knows several transports: false: where it is cannot be told, because it has not
 * what its transport needs, or too much.  The driver itself says so, and what to write instead. */
static bool has_one_place(const struct at *at)
{
    bool serial = !strcmp(value_of(at, at->device, "transport"), "rtu");
    return is_set(at, serial ? "serial" : "host") && !is_set(at, serial ? "host" : "serial");
}

static bool takes_any_unit(const struct at *at, const struct device *device)
{
    const struct option *option = conf_option(at->schema, "any_unit");
    char text[DRIVER_SETTING_SIZE] = "";
    if (option)
        canonical(option, value_of(at, device, "any_unit"), text);
    return !strcmp(text, "true");
}

/* One wire, one lane, one session: what is set for the first would be so for all. */
static bool check_line(const struct at *at)
{
    static const char *const wire[] = {"serial"}, *const network[] = {"host", "port"};
    static const char *const common[] = {"transport", "baud", "parity", "stop_bits", "rs485"};
    const struct yaml *first;
    const struct device *other;
    char text[PLACE_SIZE];
    bool serial = is_set(at, "serial");
    describe(at, serial ? wire : network, serial ? 1 : 2, text);
    if (!find_other(at, &at->c->lines, text, &first, &other))
        return true;
    if (takes_any_unit(at, at->device) || takes_any_unit(at, other)) {
        conf_error(
            at->c, place_of(at, "unit"),
            "'%s' and '%s' (at %s:%u:%u) are one device, which answers to every unit id (%s)",
            at->device->config.device, other->config.device, first->file->name, first->line,
            first->column, text + strlen(at->device->driver) + 1);
        return false;
    }
    for (size_t i = 0; i < (serial ? ARRAY_SIZE(common) : 1); i++) {
        const struct option *option = conf_option(at->schema, common[i]);
        char here[DRIVER_SETTING_SIZE], there[DRIVER_SETTING_SIZE];
        if (!option)
            continue;
        canonical(option, value_of(at, at->device, common[i]), here);
        canonical(option, value_of(at, other, common[i]), there);
        if (!strcmp(here, there))
            continue;
        conf_error(at->c, place_of(at, common[i]),
                   "'%s' and '%s' (at %s:%u:%u) are on one line (%s), but %s is %s here and %s "
                   "there",
                   at->device->config.device, other->config.device, first->file->name, first->line,
                   first->column, text + strlen(at->device->driver) + 1, common[i], here, there);
        return false;
    }
    return true;
}

void conf_check_lines(struct conf *c, const struct conf_row *row,
                      const struct option_schema *schema, const struct yaml *const *seen)
{
    bool several = conf_option(schema, "transport") != NULL, good = true;
    struct at at = {.c = c, .row = row, .schema = schema, .seen = seen};
    for (size_t i = 0; good && i < row->count; i++) { /* told once a row */
        at.device = &c->inventory->devices[row->first + i];
        if (!several || has_one_place(&at))
            good = check_address(&at) && (!several || check_line(&at));
    }
}
