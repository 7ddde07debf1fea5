/* loop.h - serves the agent: lines in on stdin, lines out on stdout, until stdin ends.
 *
 * Each request is answered once and within its budget: by the driver, or by the host.  When
 * stdin ends, what is in flight is still answered, then the loop returns; when the agent dies,
 * the kernel kills this process (PR_SET_PDEATHSIG), in the middle of it. */
#ifndef POWERCTL_DRIVERS_HOST_LOOP_H
#define POWERCTL_DRIVERS_HOST_LOOP_H

#include "proto/err.h"

/* 0 when stdin ended, -1: the engine could not be made, or nobody reads our answers. */
int host_serve(struct err *err);

#endif
