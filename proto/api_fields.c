#include "proto/api_fields.h"

#include <string.h>

#include "proto/api_time.h"
#include "proto/cleanup.h"

json_t *text_to_json(const char *text)
{
    json_t *string = json_string(text);
    if (string)
        return string;
    _cleanup_(freep) char *ascii = strdup(text);
    for (char *c = ascii; c && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    return ascii ? json_string(ascii) : NULL;
}

static const void *member(const void *value, size_t offset)
{
    return (const char *)value + offset;
}

/* What a number or word member holds, whatever its width. */
static int64_t number_of(const struct field *field, const void *at)
{
    union {
        uint32_t u32;
        int32_t i32;
        uint64_t u64;
        int64_t i64;
        int word;
        bool flag;
    } number;
    switch (field->type) {
    case FIELD_BOOL:
        memcpy(&number.flag, at, sizeof number.flag);
        return number.flag;
    case FIELD_U32:
    case FIELD_WATTS:
        memcpy(&number.u32, at, sizeof number.u32);
        return number.u32;
    case FIELD_I32:
        memcpy(&number.i32, at, sizeof number.i32);
        return number.i32;
    case FIELD_WORD:
        memcpy(&number.word, at, sizeof number.word);
        return number.word;
    case FIELD_U64:
    case FIELD_DURATION:
        memcpy(&number.u64, at, sizeof number.u64);
        return number.u64 > INT64_MAX ? -1 : (int64_t)number.u64;
    case FIELD_TIME:
        memcpy(&number.i64, at, sizeof number.i64);
        return number.i64;
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_OBJECT:
        break;
    }
    return 0;
}

static const char *text_of(const struct field *field, const void *at)
{
    if (field->type == FIELD_TEXT)
        return at;
    const char *text;
    memcpy(&text, at, sizeof text);
    return text ? text : "";
}

static bool is_absent(const struct field *field, const void *value)
{
    const void *at = member(value, field->offset);
    if (field->flags & FIELD_HAS) {
        bool has;
        memcpy(&has, member(value, field->has), sizeof has);
        return !has;
    }
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
        return !(field->flags & FIELD_ALWAYS) && !*text_of(field, at);
    case FIELD_BOOL:
    case FIELD_U32:
    case FIELD_I32:
    case FIELD_U64:
    case FIELD_WORD:
    case FIELD_WATTS:
        return !(field->flags & FIELD_ALWAYS) && number_of(field, at) == field->absent;
    case FIELD_DURATION:
        return number_of(field, at) < 0;
    case FIELD_TIME:
        return number_of(field, at) == 0;
    case FIELD_OBJECT:
        break;
    }
    return false;
}

bool field_is_same(const struct field *field, const void *a, const void *b)
{
    bool absent = is_absent(field, a);
    if (absent || is_absent(field, b))
        return absent == is_absent(field, b);
    const void *left = member(a, field->offset), *right = member(b, field->offset);
    if (field->type == FIELD_TEXT || field->type == FIELD_LONG_TEXT)
        return !strcmp(text_of(field, left), text_of(field, right));
    if (field->type != FIELD_OBJECT)
        return number_of(field, left) == number_of(field, right);
    for (const struct field *inner = field->fields; inner->key; inner++)
        if (!field_is_same(inner, left, right))
            return false;
    return true;
}

static void print_member(struct json_text *text, const struct field *field, const void *at)
{
    char time[TIME_TEXT_SIZE];
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
        json_put_string(text, text_of(field, at));
        break;
    case FIELD_BOOL:
        json_put_bool(text, number_of(field, at));
        break;
    case FIELD_U32:
    case FIELD_I32:
    case FIELD_U64:
        json_put_integer(text, number_of(field, at));
        break;
    case FIELD_WORD:
        json_put_string(text, field->words->name((int)number_of(field, at)));
        break;
    case FIELD_DURATION:
    case FIELD_WATTS: /* thousandths, too */
        json_put_seconds(text, (uint64_t)number_of(field, at));
        break;
    case FIELD_TIME:
        time_format(number_of(field, at), time);
        json_put_string(text, time);
        break;
    case FIELD_OBJECT:
        json_open(text, '{');
        fields_print(text, field->fields, at);
        json_close(text, '}');
        break;
    }
}

/* No options is the same as no "options". */
static bool is_empty_object(const struct field *field, const void *value)
{
    if (field->type != FIELD_OBJECT || field->flags & FIELD_ALWAYS)
        return false;
    for (const struct field *inner = field->fields; inner->key; inner++)
        if (!is_absent(inner, member(value, field->offset)))
            return false;
    return true;
}

void fields_print(struct json_text *text, const struct field *fields, const void *value)
{
    for (const struct field *field = fields; field->key; field++) {
        if (is_absent(field, value) || is_empty_object(field, value))
            continue;
        json_put_key(text, field->key);
        print_member(text, field, member(value, field->offset));
    }
}

static json_t *object_of(const struct field *field, const void *at)
{
    json_t *object = json_object();
    if (!object || fields_write(object, field->fields, at)) {
        json_decref(object);
        return NULL;
    }
    /* No options is the same as no "options". */
    if (!json_object_size(object) && !(field->flags & FIELD_ALWAYS)) {
        json_decref(object);
        return json_null();
    }
    return object;
}

static json_t *field_to_json(const struct field *field, const void *at)
{
    char time[TIME_TEXT_SIZE];
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
        return text_to_json(text_of(field, at));
    case FIELD_BOOL:
        return json_boolean(number_of(field, at));
    case FIELD_U32:
    case FIELD_I32:
    case FIELD_U64:
        return json_integer(number_of(field, at));
    case FIELD_WORD:
        return json_string(field->words->name((int)number_of(field, at)));
    case FIELD_DURATION:
    case FIELD_WATTS:
        return json_real((double)number_of(field, at) / 1000);
    case FIELD_TIME:
        time_format(number_of(field, at), time);
        return json_string(time);
    case FIELD_OBJECT:
        return object_of(field, at);
    }
    return NULL;
}

int fields_write(json_t *object, const struct field *fields, const void *value)
{
    for (const struct field *field = fields; field->key; field++) {
        if (is_absent(field, value))
            continue;
        json_t *json = field_to_json(field, member(value, field->offset));
        if (json_is_null(json))
            continue;
        if (json_object_set_new(object, field->key, json))
            return -1;
    }
    return 0;
}

char *object_print(json_t *object)
{
    /* 15 digits: every duration in ms comes back as it was, and 0.1 stays 0.1. */
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(object);
    return text;
}

void json_unrefp(json_t **json)
{
    json_decref(*json);
}
