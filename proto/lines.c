#include "proto/lines.h"

#include <string.h>

static void hand_over(struct lines *lines, line_fn take, void *arg)
{
    bool skipped = lines->skipping;
    lines->bytes[lines->size] = '\0';
    lines->size = 0;
    lines->skipping = false;
    if (!skipped)
        take(arg, lines->bytes);
}

static void keep(struct lines *lines, const char *bytes, size_t size, line_fn take, void *arg)
{
    if (lines->skipping)
        return;
    if (size >= sizeof lines->bytes - lines->size) { /* no room for it and a NUL */
        lines->skipping = true;
        lines->size = 0;
        take(arg, NULL);
        return;
    }
    memcpy(lines->bytes + lines->size, bytes, size);
    lines->size += size;
}

void lines_feed(struct lines *lines, const char *bytes, size_t size, line_fn take, void *arg)
{
    while (size) {
        const char *newline = memchr(bytes, '\n', size);
        size_t part = newline ? (size_t)(newline - bytes) : size;
        keep(lines, bytes, part, take, arg);
        if (!newline)
            return;
        hand_over(lines, take, arg);
        bytes += part + 1;
        size -= part + 1;
    }
}

void lines_end(struct lines *lines, line_fn take, void *arg)
{
    if (lines->size)
        hand_over(lines, take, arg);
}
