/* lanes.h - blocking drivers behind the engine interface: a lane for each device that is at work.
 *
 * Each device has a queue: commands before questions, each in order of arrival, at most
 * LANES_QUEUE_MAX.  A lane is started when a device has work, kept while requests come for it
 * (its session stays open), ended when it was idle for LANES_IDLE_MS or when another device
 * waits for a lane and all LANES_MAX are taken: at once if it has no work, else after
 * LANES_SLICE_MS, between two requests.
 * A request that overruns its budget is answered (sent: no, if the session was not yet open or
 * if it is a question; else maybe), its lane killed and reaped before its device gets another.
 *
 * Works for the one `driver` of this program. */
#ifndef POWERCTL_DRIVERS_HOST_LANES_H
#define POWERCTL_DRIVERS_HOST_LANES_H

#include "drivers/driver.h"

enum {
    LANES_MAX = 64,
    LANES_SLICE_MS = 500, /* a lane that others wait for is kept so long for its device */
    LANES_QUEUE_MAX = 64,
    LANES_IDLE_MS = 10000,
    LANES_CLOSE_MS = 1000, /* to close a session; then the lane is killed */
};

extern const struct driver_engine lanes_engine;

/* For tests: the process that works for a device, 0 if there is none. */
int lanes_pid(void *engine, const char *device);

#endif
