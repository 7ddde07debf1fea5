/* nodeset_private.h - what the nodeset files share: patterns with brackets, and a table of names.
 *
 * A pattern is one name with brackets, "rack[1-2]n[01-40]", taken apart but not expanded: its
 * size is known, and checked, before the first name is made.  Positions are byte offsets into
 * the text that was given; errors begin with "column N: ", counted from 1. */
#ifndef POWERCTL_NODESET_PRIVATE_H
#define POWERCTL_NODESET_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/nodeset.h"

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_letter_or_digit(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool is_name_char(char c)
{
    return is_letter_or_digit(c) || c == '.' || c == '_' || c == ':' || c == '-';
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int slice_compare(const char *a, size_t asize, const char *b, size_t bsize);

/* "column 3: what is wrong", ERR_USAGE. `at` points into `text`. Returns -1. */
int complain(struct err *err, const char *text, const char *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A short copy of what stands at `at`, up to the next blank: printable ASCII, whatever came. */
struct quote {
    char text[36];
};
struct quote quote(const char *at);

enum {
    PATTERN_PARTS_MAX = 32,
    PATTERN_DIGITS_MAX = 9,
    PATTERN_NAME_SIZE = 256, /* longest expanded text: a driver's setting */
};

struct range {
    uint32_t first, last, step;
    uint32_t width; /* padded with zeros to this; 0: not padded */
};

/* Literal text, or the ranges of one bracket. */
struct part {
    const char *text;
    size_t size;
    size_t first_range, nranges; /* nranges 0: literal */
};

/* Where a pattern stands: among operators, where names are strict and '*' may be part of them;
 * or alone in a setting, where it ends with the text and may be a path or an address. */
enum pattern_place { PATTERN_OPERAND, PATTERN_SETTING };

struct pattern {
    const char *text; /* all of what is parsed, for columns */
    const char *start, *end;
    enum pattern_place place;
    size_t nparts;
    struct part parts[PATTERN_PARTS_MAX];
    size_t nranges, ranges_size;
    struct range *ranges;
    size_t count; /* names it stands for: 1..NODESET_MAX */
};

/* Takes apart the pattern that begins at `start`, in `text`. pattern_clear() in either case. */
int pattern_parse(struct pattern *pattern, const char *text, const char *start,
                  enum pattern_place place, struct err *err);
void pattern_clear(struct pattern *pattern);

/* Calls `each` for every name, rightmost bracket fastest, until it returns non-zero. */
typedef int pattern_name_fn(void *arg, const char *name, size_t size);
int pattern_expand(const struct pattern *pattern, pattern_name_fn *each, void *arg,
                   struct err *err);

/* Names seen so far, each once. Entries are found by index; names live until the table ends. */
struct name_entry {
    const char *name;
    uint32_t size;
    uint32_t stamp; /* of the operand that named it last */
    uint64_t hash;
    bool member;
};

struct name_chunk;
struct name_table {
    size_t count, size;
    struct name_entry *entries;
    size_t nslots;
    uint32_t *slots; /* index + 1; 0: free */
    struct name_chunk *chunks;
};

/* The entry, or NULL: not there (find), or no memory (intern). */
struct name_entry *name_table_find(const struct name_table *table, const char *name, size_t size);
struct name_entry *name_table_intern(struct name_table *table, const char *name, size_t size);
void name_table_clear(struct name_table *table);

/* A set of the `count` names, which need not be sorted but must be unique. NULL: no memory. */
struct nodeset *nodeset_make(const char **names, size_t count);

/* A set in the making. Every name that an operand brings is given to members_take(), between
 * members_begin() and members_end(). */
enum set_operator { SET_UNION, SET_EXCLUDE, SET_INTERSECT, SET_XOR };
struct members {
    struct name_table names;
    size_t count;   /* members among them */
    size_t changed; /* by this operand */
    uint32_t operand;
    enum set_operator op;
};
void members_begin(struct members *members, enum set_operator op);
int members_take(struct members *members, const char *name, size_t size, struct err *err);
void members_end(struct members *members);
struct nodeset *members_nodeset(const struct members *members); /* NULL: no memory */
void members_clear(struct members *members);

#endif
