/* watchers.h - every source of evidence the configuration asks for: packet capture, logs of the
 * boot server, port probes, phone-home. */
#ifndef POWERCTL_IO_WATCHERS_H
#define POWERCTL_IO_WATCHERS_H

#include <uv.h>

#include "agent/io/conf.h"
#include "proto/note.h"

struct watchers;

typedef void watchers_note_fn(void *arg, const struct note *note);
struct watchers *watchers_new(uv_loop_t *loop, watchers_note_fn *on_note, void *arg,
                              struct err *err);

/* Starts and stops what differs from before; what is the same goes on undisturbed, since a log
 * opened anew begins at its end. A source that cannot be started is logged, and the others work. */
void watchers_configure(struct watchers *watchers, const struct config *config);

void watchers_watch_port(struct watchers *watchers, struct ipv4 ip, uint16_t port);
void watchers_leave_port(struct watchers *watchers, struct ipv4 ip, uint16_t port);

struct watchers *watchers_close(struct watchers *watchers); /* returns NULL */

#endif
