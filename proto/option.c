#include "proto/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/driver_msg.h"
#include "proto/spelling.h"

/* What any value can become; copied to its place only when it is good. */
struct value {
    uint32_t number; /* UINT, CHOICE, FLAGS */
    bool truth;
    struct option_uints numbers;
};

/* The value of a hexadecimal digit; 16 or more: it is none. */
static uint64_t digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (uint64_t)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (uint64_t)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (uint64_t)(c - 'A') + 10;
    return 16;
}

/* "4196" or "0x1064": manuals of devices write addresses either way. A leading zero is no octal. */
static int read_number(const char *text, size_t size, uint64_t *out)
{
    bool hexadecimal = size > 2 && text[0] == '0' && text[1] == 'x';
    uint64_t base = hexadecimal ? 16 : 10, number = 0;
    if (!size || size > 10)
        return -1;
    for (size_t i = hexadecimal ? 2 : 0; i < size; i++) {
        uint64_t digit = digit_of(text[i]);
        if (digit >= base)
            return -1;
        number = number * base + digit;
    }
    *out = number;
    return 0;
}

/* Adds what the row's help says, to its last whole word: numbers alone do not tell what they mean. */
static int explain(const struct option *row, struct err *err)
{
    enum { SHOWN_MAX = 130 };
    if (!err) /* nobody wants to know why */
        return -1;
    size_t size = row->help ? strlen(row->help) : 0, used = strlen(err->text);
    bool whole = size <= SHOWN_MAX;
    if (!whole)
        for (size = SHOWN_MAX; size && row->help[size] != ' ';)
            size--;
    if (size)
        (void)snprintf(err->text + used, sizeof err->text - used, " (%.*s%s)", (int)size, row->help,
                       whole ? "" : " ...");
    return -1;
}

static int parse_uint(const struct option *row, const char *text, size_t size, uint32_t *out,
                      struct err *err)
{
    uint64_t max = row->max ? row->max : UINT32_MAX;
    uint64_t number = 0;
    if (read_number(text, size, &number)) {
        err_set(err, ERR_CONFIG, "%s: '%.*s' is not a whole number", row->name,
                (int)(size < 20 ? size : 20), text);
        return explain(row, err);
    }
    if (number < row->min || number > max) {
        err_set(err, ERR_CONFIG, "%s: %llu is not between %llu and %llu", row->name,
                (unsigned long long)number, (unsigned long long)row->min, (unsigned long long)max);
        return explain(row, err);
    }
    *out = (uint32_t)number;
    return 0;
}

static int parse_bool(const struct option *row, const char *text, bool *out, struct err *err)
{
    static const char *const words[][2] = {{"false", "true"}, {"no", "yes"}, {"off", "on"}};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        for (size_t truth = 0; truth < 2; truth++)
            if (!strcmp(text, words[i][truth])) {
                *out = truth == 1;
                return 0;
            }
    return err_set(err, ERR_CONFIG, "%s: '%.40s' is neither true nor false", row->name, text);
}

static void list_choices(const struct option *row, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; row->choices[i] && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", row->choices[i]);
}

static int parse_choice(const struct option *row, const char *text, size_t size, uint32_t *out,
                        struct err *err)
{
    char all[160];
    for (uint32_t i = 0; row->choices[i]; i++)
        if (strlen(row->choices[i]) == size && !memcmp(row->choices[i], text, size)) {
            *out = i;
            return 0;
        }
    list_choices(row, all, sizeof all);
    return err_set(err, ERR_CONFIG, "%s: '%.*s' is none of: %s", row->name,
                   (int)(size < 40 ? size : 40), text, all);
}

static int check_text(const struct option *row, const char *text, struct err *err)
{
    size_t most = row->size ? row->size - 1 : row->max ? row->max : DRIVER_SETTING_SIZE - 1;
    if (strlen(text) > most)
        return err_set(err, ERR_CONFIG, "%s: longer than %zu characters", row->name, most);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return err_set(err, ERR_CONFIG, "%s: a control character in the text", row->name);
    if (row->required && !*text)
        return err_set(err, ERR_CONFIG, "%s: empty", row->name);
    return 0;
}

/* Each word of "a,b,c"; nothing at all is an empty list. */
static int parse_list(const struct option *row, const char *text, struct value *out,
                      struct err *err)
{
    for (const char *at = text; *text;) {
        size_t size = strcspn(at, ",");
        uint32_t number = 0;
        if (row->type == OPTION_FLAGS) {
            if (parse_choice(row, at, size, &number, err))
                return -1;
            out->number |= UINT32_C(1) << number;
        } else {
            if (parse_uint(row, at, size, &number, err))
                return -1;
            if (out->numbers.count == OPTION_UINTS_MAX)
                return err_set(err, ERR_CONFIG, "%s: more than %d numbers", row->name,
                               OPTION_UINTS_MAX);
            out->numbers.value[out->numbers.count++] = number;
        }
        if (!at[size])
            break;
        at += size + 1;
    }
    return 0;
}

static int parse(const struct option *row, const char *text, struct value *out, struct err *err)
{
    struct value value = {0};
    int rc = 0;
    switch (row->type) {
    case OPTION_TEXT:
        rc = check_text(row, text, err);
        break;
    case OPTION_UINT:
        rc = parse_uint(row, text, strlen(text), &value.number, err);
        break;
    case OPTION_BOOL:
        rc = parse_bool(row, text, &value.truth, err);
        break;
    case OPTION_CHOICE:
        rc = parse_choice(row, text, strlen(text), &value.number, err);
        break;
    case OPTION_UINTS:
    case OPTION_FLAGS:
        rc = parse_list(row, text, &value, err);
        break;
    case OPTION_TYPES:
        abort();
    }
    if (!rc)
        *out = value;
    return rc;
}

int option_check(const struct option *row, const char *value, struct err *err)
{
    struct value ignored;
    return parse(row, value, &ignored, err);
}

int option_number(const char *text, uint32_t *out)
{
    uint64_t number = 0;
    if (read_number(text, strlen(text), &number) || number > UINT32_MAX)
        return -1;
    *out = (uint32_t)number;
    return 0;
}

static void put(const struct option *row, void *config, const char *text, const struct value *value)
{
    char *place = (char *)config + row->offset;
    switch (row->type) {
    case OPTION_TEXT:
        memset(place, 0, row->size);
        memcpy(place, text, strlen(text));
        break;
    case OPTION_UINT:
    case OPTION_CHOICE:
    case OPTION_FLAGS:
        memcpy(place, &value->number, sizeof value->number);
        break;
    case OPTION_BOOL:
        memcpy(place, &value->truth, sizeof value->truth);
        break;
    case OPTION_UINTS:
        memcpy(place, &value->numbers, sizeof value->numbers);
        break;
    case OPTION_TYPES:
        abort();
    }
}

static int set_row(const struct option *row, void *config, const char *text, struct err *err)
{
    struct value value = {0};
    if (parse(row, text, &value, err))
        return -1;
    put(row, config, text, &value);
    return 0;
}

void options_init(struct option_table table, void *config)
{
    for (size_t i = 0; i < table.count; i++) {
        const struct option *row = &table.rows[i];
        struct err err;
        if (!row->fallback)
            put(row, config, "", &(struct value){0});
        else if (set_row(row, config, row->fallback, &err))
            abort();
    }
}

const char *option_nearest(struct option_table table, const char *name)
{
    struct spelling spelling = spelling_of(name);
    for (size_t i = 0; i < table.count; i++)
        spelling_consider(&spelling, table.rows[i].name);
    return spelling.nearest;
}

int option_set(struct option_table table, void *config, const char *name, const char *value,
               struct err *err)
{
    for (size_t i = 0; i < table.count; i++)
        if (!strcmp(table.rows[i].name, name))
            return set_row(&table.rows[i], config, value, err);
    const char *nearest = option_nearest(table, name);
    if (nearest)
        return err_set(err, ERR_CONFIG, "no option is called '%.60s'; did you mean '%s'?", name,
                       nearest);
    return err_set(err, ERR_CONFIG, "no option is called '%.60s'", name);
}
