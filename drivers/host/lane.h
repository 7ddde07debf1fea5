/* lane.h - one worker process, which runs a blocking driver for one device, or for all on one
 * bus, one request at a time.
 *
 * A lane lives as long as its session: it is forked with the devices' configs in its memory,
 * opens the session at the first request, and ends with it.  So no state of one session can
 * reach another, and nothing a library leaks outlives a session.
 * A lane that was killed counts as living until it is reaped: only then may its devices be
 * worked on by another.  It holds DRIVER_LOCK_FD, as it may have a command on the wire.
 * It has no descriptor but the lowest ones, however many its host has, and gets none from
 * FD_SETSIZE on: libraries that wait by select(), as libmodbus does, write beyond their sets.
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

struct lane_device {
    const char *name;
    const void *config;
    const struct driver_credentials *credentials; /* NULL: none */
};

/* What the lane is for: it calls find() on its own copy of `arg`, by fork. False: not there. */
struct lane_devices {
    bool (*find)(const void *arg, const char *name, struct lane_device *out);
    const void *arg;
    bool after_kill; /* the lane before was killed: driver_blocking.after_kill */
};

/* `name`: whom it is started for, for texts. 0, or -1: ERR_SYSTEM. */
int lane_start(struct lane *lane, const char *name, const struct lane_devices *devices,
               struct err *err);
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
