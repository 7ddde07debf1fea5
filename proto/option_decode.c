#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "proto/cleanup.h"
#include "proto/driver_msg.h"
#include "proto/json_load.h"
#include "proto/nodeset.h"
#include "proto/option_private.h"

struct option_schema *option_schema_free(struct option_schema *schema)
{
    if (!schema)
        return NULL;
    for (size_t i = 0; i < schema->table.count; i++) {
        const struct option *row = &schema->table.rows[i];
        for (size_t j = 0; row->choices && row->choices[j]; j++)
            free((char *)row->choices[j]);
        free((void *)row->choices);
        free((char *)row->name);
        free((char *)row->fallback);
        free((char *)row->help);
    }
    free((void *)schema->table.rows);
    free(schema->driver);
    free(schema->help);
    free(schema);
    return NULL;
}

static void option_schema_freep(struct option_schema **schema)
{
    *schema = option_schema_free(*schema);
}

static int misshapen(const json_error_t *where, struct err *err)
{
    return err_set(err, json_out_of_memory(where) ? ERR_SYSTEM : ERR_PROTOCOL, "%s", where->text);
}

static int decode_choices(struct option *row, const json_t *list, struct err *err)
{
    bool wanted = row->type == OPTION_CHOICE || row->type == OPTION_FLAGS;
    size_t count = json_array_size(list);
    if (wanted != (list != NULL))
        return err_set(err, ERR_PROTOCOL, "\"choices\" %s", wanted ? "are missing" : "of no use");
    if (!wanted)
        return 0;
    if (!count || count > OPTION_CHOICES_MAX)
        return err_set(err, ERR_PROTOCOL, "not 1 to %d \"choices\"", OPTION_CHOICES_MAX);
    char **choices = calloc(count + 1, sizeof *choices);
    row->choices = (const char *const *)choices;
    if (!choices)
        return err_set(err, ERR_SYSTEM, "no memory for choices");
    for (size_t i = 0; i < count; i++) {
        const char *word = json_string_value(json_array_get(list, i));
        if (!word || !name_valid(word))
            return err_set(err, ERR_PROTOCOL, "a choice that is not a word");
        choices[i] = strdup(word);
        if (!choices[i])
            return err_set(err, ERR_SYSTEM, "no memory for choices");
    }
    return 0;
}

static int copy_text(const char **out, const char *text, struct err *err)
{
    *out = text ? strdup(text) : NULL;
    return text && !*out ? err_set(err, ERR_SYSTEM, "no memory for a description") : 0;
}

static int decode_row(struct option *row, json_t *json, struct err *err)
{
    const char *name, *type, *fallback = NULL, *help = NULL;
    json_int_t min = 0, max = 0;
    json_t *choices = NULL;
    json_error_t where;
    int required = 0;
    if (json_unpack_ex(json, &where, JSON_STRICT, "{s:s, s:s, s?b, s?I, s?I, s?o, s?s, s?s}",
                       "name", &name, "type", &type, "required", &required, "min", &min, "max",
                       &max, "choices", &choices, "default", &fallback, "help", &help))
        return misshapen(&where, err);
    if (!name_valid(name) || option_type_parse(type, &row->type))
        return err_set(err, ERR_PROTOCOL, "'%.40s' of type '%.40s'", name, type);
    if (min < 0 || max < 0 || max > UINT32_MAX || (max && min > max))
        return err_set(err, ERR_PROTOCOL, "%s: limits that make no sense", name);
    row->min = (uint64_t)min;
    row->max = (uint64_t)max;
    row->required = required;
    if (copy_text(&row->name, name, err) || copy_text(&row->fallback, fallback, err) ||
        copy_text(&row->help, help, err))
        return -1;
    if (decode_choices(row, choices, err))
        return err_prefix(err, "%s", name);
    if (row->fallback && option_check(row, row->fallback, NULL))
        return err_set(err, ERR_PROTOCOL, "%s: it refuses its own default", name);
    return 0;
}

static int decode_rows(struct option_schema *schema, json_t *list, struct err *err)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > DRIVER_SETTINGS_MAX)
        return err_set(err, ERR_PROTOCOL, "\"options\" is not a list of at most %d",
                       DRIVER_SETTINGS_MAX);
    struct option *rows = calloc(count + 1, sizeof *rows);
    schema->table.rows = rows;
    if (!rows)
        return err_set(err, ERR_SYSTEM, "no memory for %zu options", count);
    for (size_t i = 0; i < count; i++) {
        schema->table.count = i + 1;
        if (decode_row(&rows[i], json_array_get(list, i), err))
            return err_prefix(err, "option %zu", i + 1);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(rows[i].name, rows[j].name))
                return err_set(err, ERR_PROTOCOL, "two options are called '%s'", rows[i].name);
    }
    return 0;
}

static int decode(const json_t *root, struct option_schema *schema, struct err *err)
{
    const char *driver, *help;
    json_error_t where;
    json_t *list;
    if (json_unpack_ex((json_t *)root, &where, JSON_STRICT, "{s:s, s:s, s:o}", "driver", &driver,
                       "help", &help, "options", &list))
        return misshapen(&where, err);
    if (!name_valid(driver))
        return err_set(err, ERR_PROTOCOL, "'%.40s' is not the name of a driver", driver);
    schema->driver = strdup(driver);
    schema->help = strdup(help);
    if (!schema->driver || !schema->help)
        return err_set(err, ERR_SYSTEM, "no memory for a description");
    return decode_rows(schema, list, err);
}

int option_schema_decode(const char *json, struct option_schema **out, struct err *err)
{
    json_error_t where;
    json_auto_t *root = json_load(json, &where);
    _cleanup_(option_schema_freep) struct option_schema *schema = calloc(1, sizeof *schema);
    if (!schema)
        return err_set(err, ERR_SYSTEM, "no memory for a description");
    if (!root)
        return err_set(err, ERR_PROTOCOL, "description of a driver: %s", where.text);
    if (decode(root, schema, err))
        return err_prefix(err, "description of a driver");
    *out = TAKE(schema);
    return 0;
}
