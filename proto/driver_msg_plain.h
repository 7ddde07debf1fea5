/* driver_msg_plain.h - the lines that come by the thousand, read without a tree: requests, devices,
 * and replies that say no more than a state and the watts.  Private to proto.
 *
 * What is right takes this way; what is not plain, or wrong in any way, is left to jansson and the
 * checks behind it, which have the words for it. */
#ifndef POWERCTL_DRIVER_MSG_PLAIN_H
#define POWERCTL_DRIVER_MSG_PLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/driver_msg.h"

/* A request's members as they stand on the line. */
struct request_words {
    const char *device, *op, *boot_device, *firmware; /* NULL: not there (the last two) */
    int64_t id, budget_ms, seconds, outlet, keep_ms;
    bool has_seconds;
};

struct plain;

/* False: another way is to be tried. */
bool request_words_read(const struct plain *line, struct request_words *out);
bool device_read(const struct plain *line, struct driver_device *out); /* false: *out untouched */
bool reply_read(const struct plain *line, struct driver_reply *out);

#endif
