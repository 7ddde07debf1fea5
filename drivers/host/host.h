/* host.h - what one driver program consists of while it serves: shared by loop.c (bytes and
 * time) and orders.c (what the agent's lines mean). */
#ifndef POWERCTL_DRIVERS_HOST_HOST_H
#define POWERCTL_DRIVERS_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/driver.h"
#include "drivers/host/calls.h"
#include "drivers/host/devices.h"
#include "drivers/host/stream.h"

struct host {
    const struct driver_engine *engine; /* the driver's own, or the lanes */
    void *state;                        /* of the engine */
    struct secrets secrets;
    struct devices devices;
    struct calls calls;
    struct lines in;
    struct outbox out;
    uint64_t now_ms;
    bool input_ended;
    bool deaf; /* an answer could not be kept: the agent reads too slowly, or no memory */
};

/* A line from the agent; NULL: it was too long. */
void host_take_line(void *arg, const char *line);
/* A reply for the agent, from the engine; dropped if that id was answered already. */
void host_take_reply(void *arg, const struct driver_reply *reply);
/* Answers what the engine has not answered within its budget. */
void host_expire(struct host *host);

#endif
