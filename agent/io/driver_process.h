/* driver_process.h - one run of a driver program, from spawn to reaping, on libuv.
 *
 * stdin, stdout, stderr are pipes; DRIVER_SECRETS_FD is a pipe with the secrets, closed after
 * them; DRIVER_LOCK_FD is the lock that the program holds while it or a child of it lives.
 *
 * The object frees itself after `gone`, which comes exactly once for each start that succeeded,
 * after the last `line`.  All callbacks come from the loop. */
#ifndef POWERCTL_AGENT_IO_DRIVER_PROCESS_H
#define POWERCTL_AGENT_IO_DRIVER_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "proto/err.h"

enum { DRIVER_PROCESS_END_MS = 2000 }; /* from the end of its stdin until it is killed */

struct driver_process;

struct driver_process_events {
    void (*line)(void *arg, const char *line);      /* from stdout; NULL: too long */
    void (*complaint)(void *arg, const char *line); /* from stderr; NULL: too long */
    void (*gone)(void *arg, int64_t status, int signal);
    void *arg;
};

/* `secrets` is copied, and wiped when it is written. `lock_fd` stays the caller's. */
struct driver_process *driver_process_start(uv_loop_t *loop, const char *program, int lock_fd,
                                            const char *secrets,
                                            const struct driver_process_events *events,
                                            struct err *err);
/* Takes a malloc'd line, always. 0, or -1: no memory, or its stdin is closed. */
int driver_process_write(struct driver_process *process, char *line);
size_t driver_process_queued(const struct driver_process *process); /* bytes it has not taken */
void driver_process_stop(struct driver_process *process); /* ends its stdin, later kills it */
void driver_process_kill(struct driver_process *process);

#endif
