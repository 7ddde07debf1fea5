/* json_plain.h - the plain kind of JSON line, read without a tree and without memory of its own.
 * Private to proto.
 *
 * Plain is: one object without blanks, of strings in printable ASCII without escapes, of integers
 * of up to 18 digits, and of objects of strings in it, with no key twice: what programs write to
 * each other all day.  A plain line means here what it means to jansson; any other line, right or
 * wrong, is left to that, with all that is to be said about it. */
#ifndef POWERCTL_JSON_PLAIN_H
#define POWERCTL_JSON_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAIN_LINE_SIZE = 512, PLAIN_MEMBERS = 24 };

enum plain_kind { PLAIN_TEXT, PLAIN_INTEGER, PLAIN_OBJECT };

struct plain_member {
    enum plain_kind kind;
    const char *key, *text; /* within the line's copy */
    int64_t integer;
    size_t inside; /* PLAIN_OBJECT: how many of the members that follow are in it */
};

struct plain {
    size_t count; /* those inside of others included */
    struct plain_member member[PLAIN_MEMBERS];
    char bytes[PLAIN_LINE_SIZE];
};

/* False: not plain, *out is rubbish. Borrows nothing. */
bool plain_read(const char *line, struct plain *out);

#endif
