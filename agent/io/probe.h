/* probe.h - ask TCP ports whether they are open, by connecting and closing.
 *
 * Each target is asked about once a second (spread out, so that a thousand targets do not fire
 * at once); an attempt that has no answer after 2 s counts as closed.  Every attempt makes a
 * note: NOTE_PORT_OPEN or NOTE_PORT_CLOSED with ip, port and, if closed, why.  Nothing is read
 * or sent on the connection.  At most 256 connects at once: with more targets than that can
 * carry, each is asked less often.  An attempt that could not be made (no descriptors) makes no
 * note, since it says nothing about the node: it is a problem. */
#ifndef POWERCTL_IO_PROBE_H
#define POWERCTL_IO_PROBE_H

#include <uv.h>

#include "agent/io/evidence.h"
#include "proto/address.h"
#include "proto/err.h"

enum { PROBE_TARGETS_MAX = 65536 };

struct probes;

struct probes *probes_new(uv_loop_t *loop, const struct evidence *evidence, struct err *err);

/* Watching what is watched already counts: it takes as many leaves. 0 or -1 (ERR_LIMIT). */
int probe_watch(struct probes *probes, struct ipv4 ip, uint16_t port, struct err *err);

/* No note about it follows. Unknown targets are ignored. */
void probe_leave(struct probes *probes, struct ipv4 ip, uint16_t port);

/* NULL is fine. Returns NULL. */
struct probes *probes_close(struct probes *probes);

#endif
