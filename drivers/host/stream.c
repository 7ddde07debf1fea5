#include "drivers/host/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

long stream_read(struct lines *lines, int fd, line_fn take, void *arg)
{
    char bytes[DRIVER_LINE_SIZE];
    long count = read(fd, bytes, sizeof bytes);
    if (count > 0)
        lines_feed(lines, bytes, (size_t)count, take, arg);
    if (count == 0)
        lines_end(lines, take, arg);
    explicit_bzero(bytes, sizeof bytes); /* may have been secrets */
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
