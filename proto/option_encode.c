#include <string.h>

#include <jansson.h>

#include "proto/cleanup.h"
#include "proto/option_private.h"

static const char *const types[OPTION_TYPES] = {
    [OPTION_TEXT] = "text",     [OPTION_UINT] = "uint",   [OPTION_BOOL] = "bool",
    [OPTION_CHOICE] = "choice", [OPTION_UINTS] = "uints", [OPTION_FLAGS] = "flags",
};

const char *option_type_name(enum option_type type)
{
    return types[type];
}

int option_type_parse(const char *word, enum option_type *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (!strcmp(types[i], word)) {
            *type = (enum option_type)i;
            return 0;
        }
    return -1;
}

/* Longest text, or largest number; 0: no limit to tell of. */
static uint64_t row_max(const struct option *row)
{
    return row->type == OPTION_TEXT && row->size ? row->size - 1 : row->max;
}

static int put_choices(json_t *object, const struct option *row)
{
    json_t *list = json_array();
    int rc = json_object_set_new(object, "choices", list);
    for (size_t i = 0; !rc && row->choices[i]; i++)
        rc = json_array_append_new(list, json_string(row->choices[i]));
    return rc;
}

/* What is at its default is left out: the line is read by people, too. */
static json_t *encode_row(const struct option *row)
{
    json_t *object = json_pack("{s:s, s:s}", "name", row->name, "type", types[row->type]);
    int rc = object ? 0 : -1;
    if (!rc && row->required)
        rc = json_object_set_new(object, "required", json_true());
    if (!rc && row->min)
        rc = json_object_set_new(object, "min", json_integer((json_int_t)row->min));
    if (!rc && row_max(row))
        rc = json_object_set_new(object, "max", json_integer((json_int_t)row_max(row)));
    if (!rc && row->choices)
        rc = put_choices(object, row);
    if (!rc && row->fallback)
        rc = json_object_set_new(object, "default", json_string(row->fallback));
    if (!rc && row->help)
        rc = json_object_set_new(object, "help", json_string(row->help));
    if (!rc)
        return object;
    json_decref(object);
    return NULL;
}

char *option_schema_encode(const char *driver, const char *help, struct option_table table)
{
    json_t *list = json_array();
    json_t *root =
        json_pack("{s:s, s:s, s:o}", "driver", driver, "help", help ? help : "", "options", list);
    char *text = NULL;
    int rc = root ? 0 : -1;
    for (size_t i = 0; !rc && i < table.count; i++)
        rc = json_array_append_new(list, encode_row(&table.rows[i]));
    if (!rc)
        text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}
