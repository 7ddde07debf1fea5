/* evidence.h - where the sources of evidence (log follower, packet capture, port probe,
 * phone-home) put what they see.
 *
 * Both calls come from the loop's thread, never from inside the source's own *_new(), and never
 * after its *_close().  A note is lent for the call: at_ms is uv_now() and `source` is filled in.
 * A problem is one line for people ("/var/log/dnsmasq.log cannot be read: Permission denied"),
 * told once when it begins and, with `over` set, once when it is gone.  The source keeps going
 * by itself either way. `on_problem` may be NULL.  on_gap: something may have been missed that was
 * seen before; told when it begins and when it is over. May be NULL.
 *
 * A callback may close the very source that called it. */
#ifndef POWERCTL_IO_EVIDENCE_H
#define POWERCTL_IO_EVIDENCE_H

#include <stdbool.h>

#include "proto/note.h"

struct evidence {
    void *arg;
    void (*on_note)(void *arg, const struct note *note);
    void (*on_problem)(void *arg, const char *text, bool over);
    void (*on_gap)(void *arg);
};

#endif
