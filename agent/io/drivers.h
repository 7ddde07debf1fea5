/* drivers.h - all driver programs of the agent: one driver_link for each driver name in the
 * inventory. */
#ifndef POWERCTL_IO_DRIVERS_H
#define POWERCTL_IO_DRIVERS_H

#include <uv.h>

#include "agent/io/conf.h"
#include "agent/io/driver_link.h"

enum { DRIVERS_MAX = 32 };

struct drivers;

struct drivers_events {
    void (*on_reply)(void *arg, const struct driver_reply *reply);
    /* Once: no link waits for the driver of an earlier agent any more. Never from inside a
     * drivers_ function. */
    void (*on_settled)(void *arg);
    void *arg;
};

struct drivers *drivers_new(uv_loop_t *loop, const struct drivers_events *events, struct err *err);

/* Starts what is new, tells the others what changed; a driver without devices any more stays,
 * idle, for the jobs that still have its devices. 0, or -1 with the first error. */
int drivers_configure(struct drivers *drivers, const struct config *config, struct err *err);

/* Answered exactly once through on_reply, at once if there is no such driver. */
void drivers_send(struct drivers *drivers, const char *driver,
                  const struct driver_request *request);

size_t drivers_count(const struct drivers *drivers);
const struct driver_link *drivers_link(const struct drivers *drivers, size_t index,
                                       const char **name);

/* Ends all of them; calls `closed` when the last is gone, then frees itself. */
void drivers_close(struct drivers *drivers, void (*closed)(void *arg), void *arg);

#endif
