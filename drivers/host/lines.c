#include "drivers/host/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void hand_over(struct lines *lines, size_t length, line_fn take, void *arg)
{
    lines->bytes[length] = '\0';
    if (!lines->skipping)
        take(arg, lines->bytes);
    lines->skipping = false;
}

static void split(struct lines *lines, line_fn take, void *arg)
{
    char *newline;
    while ((newline = memchr(lines->bytes, '\n', lines->size))) {
        size_t length = (size_t)(newline - lines->bytes);
        hand_over(lines, length, take, arg);
        lines->size -= length + 1;
        memmove(lines->bytes, newline + 1, lines->size);
    }
    if (lines->size < sizeof lines->bytes)
        return;
    if (!lines->skipping)
        take(arg, NULL);
    lines->skipping = true;
    lines->size = 0;
}

long lines_read(struct lines *lines, int fd, line_fn take, void *arg)
{
    long count = read(fd, lines->bytes + lines->size, sizeof lines->bytes - lines->size);
    if (count > 0) {
        lines->size += (size_t)count;
        split(lines, take, arg);
    }
    if (count == 0 && lines->size) {
        hand_over(lines, lines->size, take, arg);
        lines->size = 0;
    }
    return count;
}

int outbox_add(struct outbox *out, const char *line)
{
    size_t length = strlen(line);
    if (length > OUTBOX_MAX - out->size)
        return -1;
    if (out->size + length > out->room) {
        size_t room = 2 * (out->size + length);
        char *bytes = realloc(out->bytes, room);
        if (!bytes)
            return -1;
        out->bytes = bytes;
        out->room = room;
    }
    memcpy(out->bytes + out->size, line, length);
    out->size += length;
    return 0;
}

int outbox_flush(struct outbox *out, int fd)
{
    size_t done = 0;
    long count = 0;
    while (done < out->size && (count = write(fd, out->bytes + done, out->size - done)) > 0)
        done += (size_t)count;
    int error = count < 0 ? errno : 0;
    if (done) {
        out->size -= done;
        memmove(out->bytes, out->bytes + done, out->size);
    }
    errno = error;
    return error && error != EAGAIN && error != EINTR ? -1 : 0;
}

void outbox_clear(struct outbox *out)
{
    free(out->bytes);
    *out = (struct outbox){0};
}
