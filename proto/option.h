/* option.h - a setting is described once: name, type, place, limits, default, help.
 *
 *     static const struct option options[] = {
 *         OPTION(OPTION_TEXT, struct ipmi_config, host, .required = true, .help = "..."),
 *         OPTION(OPTION_UINT, struct ipmi_config, port, .fallback = "623", .min = 1, .max = 65535),
 *     };
 *
 * Values come as text, from YAML scalars or JSON strings; lists are joined by ','. Numbers are
 * decimal, or hexadecimal behind "0x" (never octal). The place in
 * the struct is, by type: TEXT char[], UINT uint32_t, BOOL bool, CHOICE uint32_t (index into
 * choices), UINTS struct option_uints, FLAGS uint32_t (bit n for choices[n]), PATH char[]. */
#ifndef POWERCTL_OPTION_H
#define POWERCTL_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

enum option_type {
    OPTION_TEXT,
    OPTION_UINT,
    OPTION_BOOL,
    OPTION_CHOICE,
    OPTION_UINTS,
    OPTION_FLAGS,
    OPTION_TYPES
};

enum { OPTION_UINTS_MAX = 16 };
struct option_uints {
    uint32_t count, value[OPTION_UINTS_MAX];
};

struct option {
    const char *name;
    enum option_type type;
    size_t offset, size;
    const char *fallback;       /* default, as text; NULL: zero or empty */
    uint64_t min, max;          /* UINT, each of UINTS; max 0: no limit but the type's. In a decoded
                        * schema, max of TEXT is its longest length */
    const char *const *choices; /* CHOICE, FLAGS: NULL-terminated */
    bool required;
    const char *help;
};

#define OPTION(option_type_, struct_, field, ...)                                                  \
    {                                                                                              \
        .name = #field, .type = (option_type_), .offset = offsetof(struct_, field),                \
        .size = sizeof(((struct_ *)0)->field), __VA_ARGS__                                         \
    }

struct option_table {
    const struct option *rows;
    size_t count;
};

/* Fills in every default. Aborts on a default that its own row refuses: a bug, found by tests. */
void options_init(struct option_table table, void *config);

/* Sets one by name. Unknown names get the nearest known one as a hint. 0 or -1 (ERR_CONFIG). */
int option_set(struct option_table table, void *config, const char *name, const char *value,
               struct err *err);

/* Checks a value without a place for it: for a config reader that only has the description. */
int option_check(const struct option *row, const char *value, struct err *err);

/* A text that option_check() takes for a UINT, as a number. 0 or -1. */
int option_number(const char *text, uint32_t *out);

/* The name in the table nearest to `name`, or NULL if none is near: for "did you mean". */
const char *option_nearest(struct option_table table, const char *name);

/* Table <-> one line of JSON, as `DRIVER --describe` prints it:
 *   {"driver":"ipmi","help":"...","options":[{"name":"host","type":"text","required":true,
 *    "help":"..."},{"name":"port","type":"uint","min":1,"max":65535,"default":"623",...}]}
 * The decoded table owns its text (offsets and sizes are zero): free with option_schema_free(). */
struct option_schema {
    char *driver, *help;
    struct option_table table;
};
char *option_schema_encode(const char *driver, const char *help, struct option_table table);
int option_schema_decode(const char *json, struct option_schema **out, struct err *err);
struct option_schema *option_schema_free(struct option_schema *schema);

#endif
