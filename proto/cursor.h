/* cursor.h - read foreign bytes: bounds once, check once.
 *
 * Reads past the end return zero and mark the cursor bad for good; a decoder reads freely and
 * asks `bad` once at the end.  No arithmetic on lengths outside this file. */
#ifndef POWERCTL_CURSOR_H
#define POWERCTL_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static inline struct cursor cursor(const void *bytes, size_t size)
{
    return (struct cursor){.at = bytes, .left = size};
}

/* The next `size` bytes, or NULL (and bad) if there are not as many. */
static inline const uint8_t *get_span(struct cursor *c, size_t size)
{
    if (c->bad || c->left < size) {
        c->bad = true;
        c->left = 0;
        return NULL;
    }
    const uint8_t *span = c->at;
    c->at += size;
    c->left -= size;
    return span;
}

static inline void skip(struct cursor *c, size_t size)
{
    (void)get_span(c, size);
}

static inline uint8_t get_u8(struct cursor *c)
{
    const uint8_t *b = get_span(c, 1);
    return b ? b[0] : 0;
}

static inline uint16_t get_be16(struct cursor *c)
{
    const uint8_t *b = get_span(c, 2);
    return (uint16_t)(b ? b[0] << 8 | b[1] : 0);
}

static inline uint32_t get_be32(struct cursor *c)
{
    const uint8_t *b = get_span(c, 4);
    return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

static inline void get_bytes(struct cursor *c, void *out, size_t size)
{
    const uint8_t *b = get_span(c, size);
    if (b)
        memcpy(out, b, size);
    else
        memset(out, 0, size);
}

/* A part of the rest as a cursor of its own; an empty, bad one if there is not as much. */
static inline struct cursor get_part(struct cursor *c, size_t size)
{
    const uint8_t *b = get_span(c, size);
    return (struct cursor){.at = b, .left = b ? size : 0, .bad = b == NULL};
}

/* Text up to a NUL byte; NULL (and bad) if none comes. The text stays in the packet. */
static inline const char *get_text(struct cursor *c)
{
    const uint8_t *nul = c->bad || !c->left ? NULL : memchr(c->at, 0, c->left);
    return (const char *)get_span(c, nul ? (size_t)(nul - c->at) + 1 : c->left + 1);
}

#endif
