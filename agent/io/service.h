/* service.h - the agent as a service: one per state directory, and what systemd is told. */
#ifndef POWERCTL_SERVICE_H
#define POWERCTL_SERVICE_H

#include "proto/err.h"

/* Locks the directory itself (flock: it goes with the process, however that ends, and needs
 * nothing to be written) and makes it (0700) if there is none. ERR_BUSY names the pid of the
 * other agent, as far as agent.pid tells. The descriptor, to be kept open, or -1. */
int service_lock(const char *state_dir, struct err *err);

/* When the directory may be another one than was locked: it was removed and made again, or
 * mounted. 0, also if it is the same; -1: it is gone, or another agent has it; *lock is as it was. */
int service_lock_again(int *lock, const char *state_dir, struct err *err);

/* sd_notify(3): "READY=1", "RELOADING=1", "STOPPING=1", "STATUS=...". Nothing if the service
 * manager did not ask ($NOTIFY_SOCKET). "RELOADING=1" gets its MONOTONIC_USEC. */
void service_notify(const char *state);

/* As many descriptors as the system lets this process have. */
void service_raise_descriptors(void);

#endif
