/* A driver's options as they are written: plain, or as maps whose words are joined by '_', so that
 * `read: { function: 1 }` is read_function.  Devices and profiles are read by it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"
#include "proto/spelling.h"

struct walk {
    struct conf *c;
    const struct conf_options *options;
    const struct yaml **seen;
};

static size_t find_option(const struct option_table *table, const char *name)
{
    size_t i = 0;
    while (i < table->count && strcmp(table->rows[i].name, name) != 0)
        i++;
    return i;
}

/* The first option whose name begins with "name_"; NULL: `name` is no map of options. */
static const char *first_inside(const struct option_table *table, const char *name, size_t *count)
{
    size_t size = strlen(name);
    const char *first = NULL;
    *count = 0;
    for (size_t i = 0; i < table->count; i++)
        if (!strncmp(table->rows[i].name, name, size) && table->rows[i].name[size] == '_') {
            first = first ? first : table->rows[i].name + size + 1;
            ++*count;
        }
    return first;
}

/* The map of options nearest to what was written: "reed" is "read". */
static const char *nearest_map(const struct option_table *table, const char *name,
                               char nearest[NAME_SIZE])
{
    struct spelling spelling = spelling_of(name);
    for (size_t i = 0; i < table->count; i++)
        for (const char *end = strchr(table->rows[i].name, '_'); end; end = strchr(end + 1, '_')) {
            char candidate[NAME_SIZE];
            (void)snprintf(candidate, sizeof candidate, "%.*s", (int)(end - table->rows[i].name),
                           table->rows[i].name);
            spelling_consider(&spelling, candidate);
            if (spelling.nearest != candidate)
                continue;
            memcpy(nearest, candidate, sizeof candidate);
            spelling.nearest = nearest;
        }
    return spelling.nearest;
}

static void unknown_option(const struct walk *w, const struct yaml *key, const char *name)
{
    const struct option_schema *schema = w->options->schema;
    char map[NAME_SIZE];
    const char *nearest = NULL;
    if (!conf_errors_full(w->c))
        nearest = key->value->kind == YAML_MAP ? nearest_map(&schema->table, name, map)
                                               : option_nearest(schema->table, name);
    if (nearest)
        conf_error(w->c, key, "driver '%s' has no option '%.64s'; did you mean '%s'?",
                   schema->driver, name, nearest);
    else
        conf_error(w->c, key, "driver '%s' has no option '%.64s'", schema->driver, name);
}

static void read_option(const struct walk *w, size_t option, const struct yaml *key)
{
    const struct option *row = &w->options->schema->table.rows[option];
    bool list = row->type == OPTION_UINTS || row->type == OPTION_FLAGS;
    const struct yaml *first = w->seen[option];
    if (first) {
        conf_error(w->c, key, "'%s' is there twice; first at %s:%u:%u", row->name,
                   first->file->name, first->line, first->column);
        return;
    }
    w->seen[option] = key;
    if (key->value->kind == YAML_MAP || (key->value->kind == YAML_LIST && !list))
        conf_error(w->c, key->value, "%s: expected a single value", row->name);
    else
        w->options->read(w->options->arg, option, key);
}

/* As deep as the tree, CONF_DEPTH_MAX. */
static void walk_map(const struct walk *w, const struct yaml *map, const char *prefix)
{
    const struct option_table *table = &w->options->schema->table;
    for (const struct yaml *key = map->first; key; key = key->next) {
        char name[2 * NAME_SIZE];
        if (!*prefix && w->options->other(w->options->arg, key))
            continue;
        (void)snprintf(name, sizeof name, "%s%.*s", prefix, NAME_SIZE, key->text);
        size_t option = find_option(table, name);
        size_t several;
        const char *inside = first_inside(table, name, &several);
        if (inside && key->value->kind == YAML_MAP) {
            (void)snprintf(name + strlen(name), sizeof name - strlen(name), "_");
            if (strlen(name) < NAME_SIZE)
                walk_map(w, key->value, name);
        } else if (option < table->count) {
            read_option(w, option, key);
        } else if (inside && several == 1) {
            conf_error(w->c, key, "driver '%s' has no option '%.64s'; did you mean '%s_%s'?",
                       w->options->schema->driver, name, name, inside);
        } else if (inside) {
            conf_error(w->c, key, "'%.64s' holds several options (like '%.64s: { %s: ... }')",
                       key->text, key->text, inside);
        } else {
            unknown_option(w, key, name);
        }
    }
}

void conf_walk_options(struct conf *c, const struct yaml *map, const struct conf_options *options,
                       const struct yaml *seen[DRIVER_SETTINGS_MAX])
{
    walk_map(&(struct walk){c, options, seen}, map, "");
}

bool conf_check_option(struct conf *c, const struct yaml *value, const struct option *option,
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

const struct option *conf_option(const struct option_schema *schema, const char *name)
{
    size_t i = find_option(&schema->table, name);
    return i < schema->table.count ? &schema->table.rows[i] : NULL;
}

const char *conf_setting(const struct device *device, const struct option_schema *schema,
                         const char *name)
{
    const struct option *option = conf_option(schema, name);
    for (size_t i = 0; i < device->config.nsettings; i++)
        if (!strcmp(device->config.settings[i].name, name))
            return device->config.settings[i].value;
    return option && option->fallback ? option->fallback : "";
}

uint32_t conf_setting_number(const struct device *device, const struct option_schema *schema,
                             const char *name)
{
    uint32_t number = 0;
    return option_number(conf_setting(device, schema, name), &number) ? 0 : number;
}
