/* follow.h - follow one log file of a boot server and make notes of its lines.
 *
 * Starts at the end of the file: what was written before is not evidence of now.  A file that
 * appears later (not there yet, or created by rotation) is read from its beginning.  Rotation by
 * rename and create loses nothing: the old file is read to its end, and once more 3 s later,
 * since the writer goes on writing to it until it is told to reopen.  copytruncate starts again
 * at 0.
 *
 * inotify says when to look; a look every 250 ms finds what inotify does not tell (NFS, a
 * directory that came later).  A line is cut at 4 KiB; NULs in it read as blanks; half a line
 * waits for its end.  At most 256 KiB are read in one turn of the loop, so that a flood in the
 * log does not starve the rest of the agent. */
#ifndef POWERCTL_IO_FOLLOW_H
#define POWERCTL_IO_FOLLOW_H

#include <uv.h>

#include "agent/io/evidence.h"
#include "proto/err.h"

struct follow;

/* `path` is copied. A missing or unreadable file is a problem, not a failure. NULL with *err set
 * only if memory or descriptors are out. */
struct follow *follow_new(uv_loop_t *loop, const char *path, const struct evidence *evidence,
                          struct err *err);

/* Stops at once; memory is given back when the loop has closed the handles. NULL is fine.
 * Returns NULL. */
struct follow *follow_close(struct follow *follow);

#endif
