#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"
#include "proto/spelling.h"

const struct yaml *conf_find_key(const struct yaml *map, const char *name)
{
    for (const struct yaml *key = map->first; key; key = key->next)
        if (!strcmp(key->text, name))
            return key;
    return NULL;
}

void conf_note_key(struct conf *c, const struct yaml *key, const struct yaml **first)
{
    if (*first)
        conf_error(c, key, "'%s' is there twice; first at %s:%u:%u", key->text,
                   (*first)->file->name, (*first)->line, (*first)->column);
    *first = key;
}

bool conf_is_map(struct conf *c, const struct yaml *value)
{
    if (value->kind == YAML_MAP)
        return true;
    conf_error(c, value, "expected keys and values ('key: value')");
    return false;
}

bool conf_is_text(struct conf *c, const struct yaml *value)
{
    if (value->kind != YAML_TEXT)
        conf_error(c, value, "expected a single value");
    else if (!*value->text)
        conf_error(c, value, "a value is missing");
    else
        return true;
    return false;
}

bool conf_is_name(struct conf *c, const struct yaml *value)
{
    if (!conf_is_text(c, value))
        return false;
    if (name_valid(value->text))
        return true;
    conf_error(c, value, "'%.64s' is not a name: letters, digits and . _ : -, at most %d",
               value->text, NAME_SIZE - 1);
    return false;
}

static void unknown_key(struct conf *c, const struct yaml *key, struct conf_fields fields)
{
    if (conf_errors_full(c)) {
        conf_error(c, key, "unknown key");
        return;
    }
    if (!strncasecmp(key->text, "pass", 4)) {
        conf_error(c, key,
                   "passwords do not belong in this file; "
                   "put it in a file of its own and write 'password_file: PATH'");
        return;
    }
    struct spelling spelling = spelling_of(key->text);
    for (size_t i = 0; i < fields.count; i++)
        spelling_consider(&spelling, fields.rows[i].name);
    if (spelling.nearest)
        conf_error(c, key, "unknown key '%.64s'; did you mean '%s'?", key->text, spelling.nearest);
    else
        conf_error(c, key, "unknown key '%.64s'", key->text);
}

void conf_walk(struct conf *c, const struct yaml *map, struct conf_fields fields, void *place,
               const struct yaml **seen)
{
    if (!conf_is_map(c, map))
        return;
    for (const struct yaml *key = map->first; key; key = key->next) {
        size_t i = 0;
        while (i < fields.count && strcmp(fields.rows[i].name, key->text) != 0)
            i++;
        if (i == fields.count) {
            unknown_key(c, key, fields);
        } else if (seen[i]) {
            conf_error(c, key, "'%s' is there twice; first at %s:%u:%u", key->text,
                       seen[i]->file->name, seen[i]->line, seen[i]->column);
        } else {
            seen[i] = key;
            fields.rows[i].read(c, key->value, (char *)place + fields.rows[i].offset);
        }
    }
}

void conf_read_bool(struct conf *c, const struct yaml *value, void *place)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    if (!conf_is_text(c, value))
        return;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (!strcmp(words[i], value->text)) {
            *(bool *)place = i % 2 == 1;
            return;
        }
    conf_error(c, value, "'%.64s' is neither true nor false", value->text);
}

void conf_read_path(struct conf *c, const struct yaml *value, void *place)
{
    if (!conf_is_text(c, value))
        return;
    if (value->text[0] != '/')
        conf_error(c, value, "'%.64s' is not an absolute path", value->text);
    else if (strlen(value->text) >= CONF_PATH_SIZE)
        conf_error(c, value, "a path of more than %d characters", CONF_PATH_SIZE - 1);
    else
        memcpy(place, value->text, strlen(value->text) + 1);
}

void conf_read_name(struct conf *c, const struct yaml *value, void *place)
{
    if (conf_is_name(c, value))
        memcpy(place, value->text, strlen(value->text) + 1);
}

bool conf_uint(struct conf *c, const struct yaml *value, uint32_t min, uint32_t max, uint32_t *out)
{
    uint64_t number = 0;
    if (!conf_is_text(c, value))
        return false;
    size_t digits = strspn(value->text, "0123456789");
    if (value->text[digits] || digits > 10) {
        conf_error(c, value, "'%.64s' is not a whole number", value->text);
        return false;
    }
    for (size_t i = 0; i < digits; i++)
        number = number * 10 + (uint64_t)(value->text[i] - '0');
    if (number < min || number > max) {
        conf_error(c, value, "%s is not between %u and %u", value->text, min, max);
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

bool conf_thousandths(const char *text, uint64_t *out)
{
    size_t whole = strspn(text, "0123456789");
    uint64_t number = 0;
    if (!whole || whole > 9)
        return false;
    for (size_t i = 0; i < whole; i++)
        number = number * 10 + (uint64_t)(text[i] - '0');
    number *= 1000;
    if (text[whole] == '.') {
        const char *decimals = text + whole + 1;
        size_t n = strspn(decimals, "0123456789");
        if (!n || n > 3 || decimals[n])
            return false;
        for (uint64_t i = 0, unit = 100; i < n; i++, unit /= 10)
            number += (uint64_t)(decimals[i] - '0') * unit;
    } else if (text[whole]) {
        return false;
    }
    *out = number;
    return true;
}

/* A list stands for its items joined by ',': the form in which drivers take lists. */
char *conf_join(struct conf *c, const struct yaml *list)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        conf_no_memory(c);
        return NULL;
    }
    bool good = true;
    for (const struct yaml *item = list->first; good && item; item = item->next) {
        good = conf_is_text(c, item);
        if (good && strchr(item->text, ',')) {
            conf_error(c, item, "a ',' inside an item of a list");
            good = false;
        }
        (void)fprintf(out, "%s%s", item == list->first ? "" : ",", item->text);
    }
    if (fclose(out) || !good) {
        free(text);
        return NULL;
    }
    return text;
}

bool conf_expand(struct conf *c, const struct yaml *value, const struct conf_row *row,
                 struct conf_expansion *out)
{
    struct err err;
    *out = (struct conf_expansion){0};
    if (value->kind == YAML_LIST) {
        out->texts = calloc(1, sizeof *out->texts);
        char *text = out->texts ? conf_join(c, value) : NULL;
        if (text)
            out->texts[out->count++] = text;
        return text != NULL;
    }
    if (!conf_is_text(c, value))
        return false;
    if (nodeset_expand(value->text, &out->texts, &out->count, &err)) {
        conf_error_err(c, value, &err);
        return false;
    }
    if (out->count == row->count || !strchr(value->text, '['))
        return true;
    conf_error(c, value, "'%.64s' stands for %zu, but '%.64s' for %zu", value->text, out->count,
               row->key->text, row->count);
    return false;
}

const char *conf_expansion_text(const struct conf_expansion *expansion, size_t index)
{
    return expansion->texts[expansion->count == 1 ? 0 : index];
}

void conf_expansion_clear(struct conf_expansion *expansion)
{
    nodeset_expand_free(expansion->texts, expansion->count);
    *expansion = (struct conf_expansion){0};
}
