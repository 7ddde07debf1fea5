/* lanes.h - blocking drivers behind the engine interface: a lane for each bus that is at work.
 *
 * A bus is what the driver says it is: the devices on one wire (driver.blocking->bus), or else a
 * device that is alone.  It has one lane, one session and one request at a time, and a queue:
 * commands before questions, each in order of arrival, at most LANES_QUEUE_MAX.
 *
 * A lane is started when its bus has work, kept while requests come for it (its session stays
 * open), ended when it was idle for LANES_IDLE_MS or when another bus waits for a lane and all
 * LANES_MAX are taken: at once if it has no work, else after LANES_SLICE_MS, between two requests.
 * Those that did not answer in time when they were asked last have half of the lanes at most, in
 * turns, so that any number of dead devices leaves the other half to the living.
 * The session of a device that is alone also ends after a reply that makes it doubtful; that of a
 * bus does not, for its driver mends it itself.
 *
 *  - A session that cannot be opened: what was in line before it was begun is answered by the same
 *    error (sent: no), since to try again for each would take as long for each.
 *  - A request that overruns its budget is answered (sent: no, if the session was not yet open or
 *    if it is a question; else maybe), its lane killed and reaped before its bus gets another. What
 *    is in line stays there for the next lane.
 *  - A lane that dies by itself: its request fails (ERR_SYSTEM, sent likewise); the rest as above.
 *  - A device that was replaced, or is new on its bus: the lane, which knows only what was there
 *    when it was forked, is ended after the request it works on, and the next one knows it. What
 *    was asked of the replaced one is answered; if that is at work, its lane is killed.
 *
 * So a session may begin where another was killed in the middle of a request: after_kill() tells the
 * driver to wait for what is late on the wire, and to throw it away.
 *
 * A lane costs its host two descriptors, and the machine some 120 KB (512 of the fake driver's: 59 MB);
 * where few descriptors may be had, there are fewer lanes.
 * Works for the one `driver` of this program. */
#ifndef POWERCTL_DRIVERS_HOST_LANES_H
#define POWERCTL_DRIVERS_HOST_LANES_H

#include "drivers/driver.h"

enum {
    LANES_MAX = 512,
    LANES_SLICE_MS = 500,   /* a lane that others wait for is kept so long for its bus */
    LANES_QUEUE_MAX = 1024, /* of a bus */
    LANES_IDLE_MS = 10000,
    LANES_CLOSE_MS = 1000, /* to close a session; then the lane is killed */
};

extern const struct driver_engine lanes_engine;

/* For tests: the process that works for a device, 0 if there is none. */
int lanes_pid(void *engine, const char *device);
/* For tests: as if so many lanes were all there may be. */
void lanes_limit(void *engine, size_t lanes);

#endif
