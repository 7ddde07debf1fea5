/* watchers.h - every source of evidence the configuration asks for: packet capture, logs of the
 * boot server, port probes, phone-home. */
#ifndef POWERCTL_IO_WATCHERS_H
#define POWERCTL_IO_WATCHERS_H

#include <uv.h>

#include "agent/io/conf.h"
#include "proto/note.h"

struct watchers;

struct watchers_events {
    void (*on_note)(void *arg, const struct note *note);
    void (*on_gap)(void *arg); /* notes may have been missed just now (evidence.h) */
    void *arg;
};
struct watchers *watchers_new(uv_loop_t *loop, const struct watchers_events *events,
                              struct err *err);

/* Starts and stops what differs from before; what is the same goes on undisturbed, since a log
 * opened anew begins at its end. A source that cannot be started is logged, and the others work. */
void watchers_configure(struct watchers *watchers, const struct config *config);

void watchers_watch_port(struct watchers *watchers, struct ipv4 ip, uint16_t port);
void watchers_leave_port(struct watchers *watchers, struct ipv4 ip, uint16_t port);

struct watchers *watchers_close(struct watchers *watchers); /* returns NULL */

#endif
