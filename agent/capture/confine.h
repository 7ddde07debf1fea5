/* confine.h - give up every right but those of the descriptors that are open.
 *
 * The program parses packets of strangers, so after its sockets are open it becomes nobody, with
 * no groups, no capabilities, nothing to gain by exec (no_new_privs), no new processes and no core
 * dump.  What is left to a hijacked process: the raw sockets, which
 * still see one interface, and the pipe to the agent, whose reader is strict and for whom a note
 * never triggers a power action. */
#ifndef POWERCTL_CAPTURE_CONFINE_H
#define POWERCTL_CAPTURE_CONFINE_H

#include <sys/types.h>

#include "proto/err.h"

/* Also: dies when its parent does. `parent` is getppid() as read at the start; if it is no
 * longer the parent, this fails. */
int confine(pid_t parent, struct err *err);

#endif
