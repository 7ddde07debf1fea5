/* capture_link.h - run powerctl-capture and turn its lines into notes.
 *
 * The program opens the raw sockets, drops every privilege and writes one JSON note a line
 * (note.h).  It dies with the agent.  If it ends, it is started again after 1, 2, 4 .. 60 s;
 * a run of a minute starts the row anew.  What it says on stderr is told as a problem, which
 * is over when it has run for 5 s without saying more.  A line that is no
 * note is counted and told as a problem; more than 100 in one run end that run. */
#ifndef POWERCTL_IO_CAPTURE_LINK_H
#define POWERCTL_IO_CAPTURE_LINK_H

#include <stddef.h>
#include <uv.h>

#include "agent/io/evidence.h"
#include "proto/err.h"

enum { CAPTURE_INTERFACES_MAX = 16 };

struct capture_link;

/* `program` is a path (no search); interfaces are names, at most CAPTURE_INTERFACES_MAX. All is
 * copied. A program that cannot be started is a problem, not a failure. NULL with *err set if
 * there are too many interfaces or memory is out. */
struct capture_link *capture_link_new(uv_loop_t *loop, const char *program,
                                      const char *const *interfaces, size_t count,
                                      const struct evidence *evidence, struct err *err);

/* True while the program runs. */
bool capture_link_is_up(const struct capture_link *link);

/* Ends the program (SIGTERM, SIGKILL 2 s later). NULL is fine. Returns NULL. */
struct capture_link *capture_link_close(struct capture_link *link);

#endif
