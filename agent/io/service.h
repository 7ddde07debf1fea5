/* service.h - the agent as a service: one per state directory, and what systemd is told. */
#ifndef POWERCTL_SERVICE_H
#define POWERCTL_SERVICE_H

#include "proto/err.h"

/* Takes STATE_DIR/agent.lock (an open file description lock: it goes with the process, however
 * that ends) and makes the directory (0700) if there is none. ERR_BUSY names the pid of the
 * other agent. The descriptor, to be kept open, or -1. */
int service_lock(const char *state_dir, struct err *err);

/* sd_notify(3): "READY=1", "RELOADING=1", "STOPPING=1", "STATUS=...". Nothing if the service
 * manager did not ask ($NOTIFY_SOCKET). "RELOADING=1" gets its MONOTONIC_USEC. */
void service_notify(const char *state);

/* As many descriptors as the system lets this process have. */
void service_raise_descriptors(void);

#endif
