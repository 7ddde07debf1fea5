/* lines.h - cuts a stream of bytes into lines, however they arrive.
 *
 * A line longer than DRIVER_LINE_SIZE (its newline counts) is handed over once as NULL and
 * skipped to its end. */
#ifndef POWERCTL_LINES_H
#define POWERCTL_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/driver_msg.h"

struct lines {
    char bytes[DRIVER_LINE_SIZE];
    size_t size;
    bool skipping; /* inside a line that was too long */
};

typedef void (*line_fn)(void *arg, const char *line); /* NUL-terminated, without '\n' */

/* Hands over each line that is complete now. `take` may not call these on the same struct. */
void lines_feed(struct lines *lines, const char *bytes, size_t size, line_fn take, void *arg);

/* The stream ended: hands over a last line that has no newline. */
void lines_end(struct lines *lines, line_fn take, void *arg);

#endif
