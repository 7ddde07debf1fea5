/* stream.h - lines in from a descriptor; lines out to one, with a limit. */
#ifndef POWERCTL_DRIVERS_HOST_STREAM_H
#define POWERCTL_DRIVERS_HOST_STREAM_H

#include <stddef.h>

#include "proto/lines.h"

/* Reads once (blocks if nothing is there) and hands over each line that is complete; at the end
 * also a last one without '\n'. Returns bytes read, 0 at the end, -1 (errno). */
long stream_read(struct lines *lines, int fd, line_fn take, void *arg);

struct outbox {
    char *bytes;
    size_t size, room;
};

enum { OUTBOX_HIGH = 1 << 20, OUTBOX_MAX = 32 << 20 };

/* 0, or -1: full, or no memory. */
int outbox_add(struct outbox *out, const char *line);
/* Writes what goes without waiting. 0, or -1 (errno; EAGAIN is no error). */
int outbox_flush(struct outbox *out, int fd);
void outbox_clear(struct outbox *out);

#endif
