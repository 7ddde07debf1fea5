/* driver_lines.h - what a driver is told at its start, as lines: its devices, and the secrets
 * they name.  Plain text, so that two of them can be compared for a reload. */
#ifndef POWERCTL_AGENT_IO_DRIVER_LINES_H
#define POWERCTL_AGENT_IO_DRIVER_LINES_H

#include <stdbool.h>

#include "agent/io/driver_link.h"

struct driver_lines {
    size_t count;
    struct driver_line {
        char device[NAME_SIZE];
        char *text; /* JSON and '\n' */
    } * rows;       /* sorted by device */
    char *secrets;  /* lines; only the credentials that a device names */
};

/* NULL, with the reason: a device or a secret that does not fit into a line, no memory. */
struct driver_lines *driver_lines_new(const struct driver_link_config *config, struct err *err);
struct driver_lines *driver_lines_free(struct driver_lines *lines); /* wipes the secrets */
void driver_lines_freep(struct driver_lines **lines);

/* Whether a running driver can go from `old` to `now` by lines: no device gone, same secrets. */
bool driver_lines_can_follow(const struct driver_lines *old, const struct driver_lines *now);
bool driver_lines_has(const struct driver_lines *lines, const struct driver_line *line);

#endif
