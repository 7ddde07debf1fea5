/* line.h - the wire itself: a serial line or a TCP connection, opened by libmodbus.
 *
 * A line knows bytes and time, and nothing of frames.  It may be another than line_real: tests
 * have one in memory, with a clock of its own.  Times are CLOCK_MONOTONIC milliseconds.
 * Errors are without the address: who asks puts it before them. */
#ifndef POWERCTL_MODBUS_LINE_H
#define POWERCTL_MODBUS_LINE_H

#include <sys/types.h>

#include "drivers/modbus/map.h"

struct line_ops {
    /* Within the time left; a deadline that passed is a time-out. Was it open, it is closed
     * first. ERR_UNREACHABLE; ERR_BUSY: another program has the serial line; ERR_CONFIG;
     * ERR_SYSTEM. */
    int (*open)(void *line, uint64_t deadline_ms, struct err *err);
    void (*close)(void *line);
    /* All of it, or -1 (ERR_UNREACHABLE, ERR_TIMEOUT): err->sent tells whether any byte left. */
    int (*send)(void *line, const uint8_t *bytes, size_t size, uint64_t deadline_ms,
                struct err *err);
    /* What is there; waits for a first byte. 0: none came by then. -1: the line is broken or
     * closed by the other side (ERR_UNREACHABLE). On one that is not open nothing comes. */
    ssize_t (*receive)(void *line, uint8_t *bytes, size_t size, uint64_t deadline_ms,
                       struct err *err);
    uint64_t (*now)(void *line);
};

extern const struct line_ops line_real;

/* What line_real works on; not open yet. NULL: no memory. */
struct line *line_new(const struct modbus_map *map);
struct line *line_free(struct line *line);

#endif
