/* lines.h - bytes in, whole lines out; lines in, bytes out.  Both with limits.
 *
 * A line longer than DRIVER_LINE_SIZE is handed over once as NULL and skipped to its end. */
#ifndef POWERCTL_DRIVERS_HOST_LINES_H
#define POWERCTL_DRIVERS_HOST_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/driver_msg.h"

struct lines {
    char bytes[DRIVER_LINE_SIZE];
    size_t size;
    bool skipping; /* inside a line that was too long */
};

typedef void (*line_fn)(void *arg, const char *line); /* NUL-terminated, without '\n' */

/* Reads once (may block if nothing is there) and hands over each line that is complete; at the
 * end also a last one without '\n'. Returns bytes read, 0 at the end, -1 (errno). */
long lines_read(struct lines *lines, int fd, line_fn take, void *arg);

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
