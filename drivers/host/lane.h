/* lane.h - one worker process, which runs a blocking driver for one device, one request at a
 * time.
 *
 * A lane lives as long as its session: it is forked with the device's config in its memory,
 * opens the session at the first request, and ends with it.  So no state of one device can
 * reach another, and nothing a library leaks outlives a session.
 * A lane that was killed counts as living until it is reaped: only then may its device be
 * worked on by another.  It holds DRIVER_LOCK_FD, as it may have a command on the wire.
 *
 * Only the lane process waits; every function here returns at once. */
#ifndef POWERCTL_DRIVERS_HOST_LANE_H
#define POWERCTL_DRIVERS_HOST_LANE_H

#include <sys/types.h>

#include "drivers/driver.h"

struct lane {
    pid_t pid; /* 0: there is no process */
    int fd;    /* to talk to it: SOCK_SEQPACKET, non-blocking */
    int pidfd; /* readable when it died */
};

/* What the lane is for. The child works on its own copy, by fork. */
struct lane_device {
    const char *name;
    const void *config;
    const struct driver_credentials *credentials; /* NULL: none */
};

int lane_start(struct lane *lane, const struct lane_device *device, struct err *err);
/* With no session yet, opens one and does nothing else (LANE_OPENED, or LANE_REPLIED: failed):
 * what was not sent again after LANE_OPENED has reached no device. */
int lane_send(struct lane *lane, const struct driver_request *request, struct err *err);

enum lane_news {
    LANE_SILENT,
    LANE_OPENED,  /* the session stands; send the request again to have it run */
    LANE_REPLIED, /* *reply is filled in, checked for sanity */
    LANE_BROKEN,  /* it sent nonsense, or nothing more will come: kill it */
};
enum lane_news lane_receive(struct lane *lane, struct driver_reply *reply);

void lane_end(struct lane *lane); /* asks it to close its session and exit */
void lane_kill(struct lane *lane);
/* True once it is dead; it is then gone from `lane`. *status as from waitpid(). */
bool lane_reap(struct lane *lane, int *status);

#endif
