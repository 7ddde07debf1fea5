/* api_fields.h - structs to JSON objects and back, from one table of fields each: what is
 * written is what is read, by construction.  Private to proto/api_*.c.
 *
 * A field is left out of the JSON while it has its `absent` value ("" for texts, false for
 * booleans) or its has_ flag is false, unless FIELD_ALWAYS.  Reading leaves members whose key is
 * not there untouched, so the caller fills in the defaults first. */
#ifndef POWERCTL_API_FIELDS_H
#define POWERCTL_API_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/json_text.h"

enum field_type {
    FIELD_TEXT,      /* char[size] */
    FIELD_LONG_TEXT, /* char *, owned; at most size - 1 bytes */
    FIELD_BOOL,      /* bool */
    FIELD_U32,       /* uint32_t */
    FIELD_I32,       /* int32_t */
    FIELD_U64,       /* uint64_t; at most INT64_MAX, JSON libraries read no more */
    FIELD_WORD,      /* an enum, as its word */
    FIELD_DURATION,  /* uint64_t of ms, as seconds with decimals; UINT64_MAX: always absent */
    FIELD_WATTS,     /* uint32_t of mW, as watts with decimals */
    FIELD_TIME,      /* int64_t of ms since 1970, as RFC 3339 UTC; 0: always absent */
    FIELD_OBJECT,    /* a struct, with a table of its own */
};

enum { FIELD_ALWAYS = 1, FIELD_REQUIRED = 2, FIELD_HAS = 4 };

/* The words of one enum. */
struct field_words {
    const char *(*name)(int value);
    int (*parse)(const char *word, int *value);
};

struct field {
    const char *key;
    enum field_type type;
    unsigned flags;
    size_t offset, size;
    size_t has;     /* offset of the bool, with FIELD_HAS */
    int64_t absent; /* numbers and words */
    const struct field_words *words;
    const struct field *fields; /* FIELD_OBJECT; ends with a NULL key */
};

/* {FIELD(struct job_options, retry, FIELD_U32)}: the key is the member's name. */
#define FIELD_AS(key_, struct_, member, type_)                                                     \
    .key = (key_), .type = (type_), .offset = offsetof(struct_, member),                           \
    .size = sizeof(((struct_ *)NULL)->member)
#define FIELD(struct_, member, type_) FIELD_AS(#member, struct_, member, type_)

/* FIELD_WORDS(verb, enum verb): `verb_words`, for .words, from verb_name() and verb_parse(). */
#define FIELD_WORDS(prefix, enum_)                                                                 \
    _Static_assert(sizeof(enum_) == sizeof(int), "enums are read as int");                         \
    static const char *prefix##_word(int value)                                                    \
    {                                                                                              \
        return prefix##_name((enum_)value);                                                        \
    }                                                                                              \
    static int prefix##_from_word(const char *word, int *value)                                    \
    {                                                                                              \
        enum_ found;                                                                               \
        if (prefix##_parse(word, &found))                                                          \
            return -1;                                                                             \
        *value = (int)found;                                                                       \
        return 0;                                                                                  \
    }                                                                                              \
    static const struct field_words prefix##_words = {prefix##_word, prefix##_from_word}

/* STRICT: an unknown key or a text that does not fit is ERR_USAGE; the other end is a person or
 * a script.  LENIENT: unknown keys are skipped, texts are cut, control characters become '?'; a wrong
 * type is ERR_PROTOCOL; the other end is an agent, perhaps a newer one. */
enum strictness { STRICT, LENIENT };

/* Adds the fields of `value` to the object that is open in `text`. */
void fields_print(struct json_text *text, const struct field *fields, const void *value);
/* Adds the fields of `value` to `object`. -1: memory ran out. */
int fields_write(json_t *object, const struct field *fields, const void *value);
/* On failure `value` may be half written: give a scratch copy. */
int fields_read(const json_t *object, const struct field *fields, enum strictness strictness,
                void *value, struct err *err);

/* Do both structs say the same in this field? */
bool field_is_same(const struct field *field, const void *a, const void *b);

/* What an agent passes on may come from a device or a log line: nothing of it may move a cursor or
 * forge a line on somebody's terminal.  Control characters become '?', but '\n' where there may be
 * several `lines`. */
void make_printable(char *text, bool lines);

/* Parses text that must be one JSON object. The caller owns it. NULL with *err. */
json_t *object_parse(const char *json, enum strictness strictness, struct err *err);
/* One compact line. Takes over `object`, which may be NULL. NULL: memory ran out. */
char *object_print(json_t *object);
void json_unrefp(json_t **json);

/* The array at `key`, or NULL with *err. Borrowed. `max` is the most elements taken. */
const json_t *array_get(const json_t *object, const char *key, size_t max, struct err *err);

/* A JSON string of any bytes: what is not UTF-8 becomes '?', as a device may send anything. */
json_t *text_to_json(const char *text);

#endif
