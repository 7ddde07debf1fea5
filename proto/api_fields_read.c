/* Reading half of api_fields.h. */
#include <string.h>

#include "proto/api_fields.h"
#include "proto/api_time.h"
#include "proto/cleanup.h"
#include "proto/json_load.h"

/* Durations above this make no sense and would not fit milliseconds exactly in a double. */
static const double DURATION_MAX_S = 1e11;

static enum err_kind blame(enum strictness strictness)
{
    return strictness == STRICT ? ERR_USAGE : ERR_PROTOCOL;
}

json_t *object_parse(const char *json, enum strictness strictness, struct err *err)
{
    json_error_t error;
    json_t *object = json_load(json, &error);
    if (!object) {
        (void)err_set(err, blame(strictness), "not JSON, line %d column %d: %s", error.line,
                      error.column, error.text);
        return NULL;
    }
    if (json_is_object(object))
        return object;
    json_decref(object);
    (void)err_set(err, blame(strictness), "a JSON object {...} was expected");
    return NULL;
}

const json_t *array_get(const json_t *object, const char *key, size_t max, struct err *err)
{
    const json_t *array = json_object_get(object, key);
    if (!json_is_array(array)) {
        (void)err_set(err, ERR_PROTOCOL, "'%s' must be a list", key);
        return NULL;
    }
    if (json_array_size(array) > max) {
        (void)err_set(err, ERR_LIMIT, "'%s' has %zu elements, at most %zu are taken", key,
                      json_array_size(array), max);
        return NULL;
    }
    return array;
}

/* The longest part of `text` that fits, without half a UTF-8 character at its end. */
static size_t fitting(const char *text, size_t size)
{
    size_t length = strlen(text);
    if (length < size)
        return length;
    length = size - 1;
    while (length && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    return length;
}

/* C1 controls are 0xC2 0x80 to 0x9F in UTF-8. */
void make_printable(char *text, bool lines)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if ((*c < ' ' && !(lines && *c == '\n')) || *c == 0x7f)
            *c = '?';
        if (*c == 0xC2 && c[1] >= 0x80 && c[1] <= 0x9F)
            c[0] = c[1] = '?';
    }
}

static int read_text(const json_t *json, const struct field *field, enum strictness strictness,
                     void *at, struct err *err)
{
    const char *text = json_string_value(json);
    if (!text)
        return err_set(err, blame(strictness), "'%s' must be a text", field->key);
    size_t size = field->size;
    size_t length = fitting(text, size);
    if (text[length] && strictness == STRICT)
        return err_set(err, ERR_USAGE, "'%s' is %zu bytes long, at most %zu are taken", field->key,
                       strlen(text), size - 1);
    if (field->type == FIELD_TEXT) {
        memset(at, 0, size);
        memcpy(at, text, length);
        if (strictness == LENIENT)
            make_printable(at, false);
        return 0;
    }
    char *copy = strndup(text, length);
    if (!copy)
        return err_set(err, ERR_SYSTEM, "out of memory");
    char *old;
    memcpy(&old, at, sizeof old);
    free(old);
    memcpy(at, &copy, sizeof copy);
    return 0;
}

static int read_number(const json_t *json, const struct field *field, enum strictness strictness,
                       void *at, struct err *err)
{
    int64_t least = field->type == FIELD_I32 ? INT32_MIN : 0;
    int64_t most = field->type == FIELD_I32   ? INT32_MAX
                   : field->type == FIELD_U32 ? UINT32_MAX
                                              : INT64_MAX;
    if (!json_is_integer(json))
        return err_set(err, blame(strictness), "'%s' must be a whole number", field->key);
    int64_t number = json_integer_value(json);
    if (number < least || number > most)
        return err_set(err, blame(strictness), "'%s' is %lld, it must be %lld to %lld", field->key,
                       (long long)number, (long long)least, (long long)most);
    uint32_t narrow = (uint32_t)number;
    if (field->type == FIELD_U64)
        memcpy(at, &number, sizeof number);
    else
        memcpy(at, &narrow, sizeof narrow);
    return 0;
}

static int read_word(const json_t *json, const struct field *field, enum strictness strictness,
                     void *at, struct err *err)
{
    const char *word = json_string_value(json);
    if (!word)
        return err_set(err, blame(strictness), "'%s' must be a word", field->key);
    int value;
    if (field->words->parse(word, &value))
        return err_set(err, blame(strictness), "'%s' cannot be '%.60s'", field->key, word);
    memcpy(at, &value, sizeof value);
    return 0;
}

static int read_duration(const json_t *json, const struct field *field, enum strictness strictness,
                         void *at, struct err *err)
{
    double seconds = json_number_value(json);
    if (!json_is_number(json) || seconds < 0 || seconds > DURATION_MAX_S)
        return err_set(err, blame(strictness), "'%s' must be a number of seconds", field->key);
    uint64_t ms = (uint64_t)(seconds * 1000 + 0.5);
    memcpy(at, &ms, sizeof ms);
    return 0;
}

static int read_watts(const json_t *json, const struct field *field, enum strictness strictness,
                      void *at, struct err *err)
{
    double watts = json_number_value(json);
    if (!json_is_number(json) || watts < 0 || watts > UINT32_MAX / 1000)
        return err_set(err, blame(strictness), "'%s' must be a number of watts", field->key);
    uint32_t milliwatts = (uint32_t)(watts * 1000 + 0.5);
    memcpy(at, &milliwatts, sizeof milliwatts);
    return 0;
}

static int read_time(const json_t *json, const struct field *field, enum strictness strictness,
                     void *at, struct err *err)
{
    const char *text = json_string_value(json);
    int64_t unix_ms;
    if (!text || time_parse(text, &unix_ms))
        return err_set(err, blame(strictness), "'%s' must be a time like 2026-01-31T23:59:59.000Z",
                       field->key);
    memcpy(at, &unix_ms, sizeof unix_ms);
    return 0;
}

static int read_object(const json_t *json, const struct field *field, enum strictness strictness,
                       void *at, struct err *err)
{
    if (!json_is_object(json))
        return err_set(err, blame(strictness), "'%s' must be an object {...}", field->key);
    if (fields_read(json, field->fields, strictness, at, err))
        return err_prefix(err, "in '%s'", field->key);
    return 0;
}

static int read_field(const json_t *json, const struct field *field, enum strictness strictness,
                      void *at, struct err *err)
{
    bool flag;
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
        return read_text(json, field, strictness, at, err);
    case FIELD_U32:
    case FIELD_I32:
    case FIELD_U64:
        return read_number(json, field, strictness, at, err);
    case FIELD_WORD:
        return read_word(json, field, strictness, at, err);
    case FIELD_DURATION:
        return read_duration(json, field, strictness, at, err);
    case FIELD_WATTS:
        return read_watts(json, field, strictness, at, err);
    case FIELD_TIME:
        return read_time(json, field, strictness, at, err);
    case FIELD_OBJECT:
        return read_object(json, field, strictness, at, err);
    case FIELD_BOOL:
        break;
    }
    if (!json_is_boolean(json))
        return err_set(err, blame(strictness), "'%s' must be true or false", field->key);
    flag = json_is_true(json);
    memcpy(at, &flag, sizeof flag);
    return 0;
}

static int refuse_unknown_keys(const json_t *object, const struct field *fields, struct err *err)
{
    const char *key;
    json_t *json;
    json_object_foreach((json_t *)object, key, json)
    {
        const struct field *field = fields;
        while (field->key && strcmp(field->key, key))
            field++;
        if (!field->key)
            return err_set(err, ERR_USAGE, "unknown key '%.60s'", key);
    }
    return 0;
}

int fields_read(const json_t *object, const struct field *fields, enum strictness strictness,
                void *value, struct err *err)
{
    if (strictness == STRICT && refuse_unknown_keys(object, fields, err))
        return -1;
    for (const struct field *field = fields; field->key; field++) {
        const json_t *json = json_object_get(object, field->key);
        if (!json && field->flags & FIELD_REQUIRED)
            return err_set(err, blame(strictness), "'%s' is missing", field->key);
        if (!json)
            continue;
        if (read_field(json, field, strictness, (char *)value + field->offset, err))
            return -1;
        if (field->flags & FIELD_HAS)
            memcpy((char *)value + field->has, &(bool){true}, sizeof(bool));
    }
    return 0;
}
