/* driver_link.h - the agent's end of one driver program: starts it, talks to it, outlives it.
 *
 * One link is one program, DRIVER_DIR/powerctl-driver-NAME, with the devices of that driver.
 * What a link promises:
 *  - each request is answered exactly once through on_reply, whatever the driver does: by the
 *    driver, or by the link when the driver is down (ERR_SYSTEM, sent no), died with it
 *    (ERR_SYSTEM, sent maybe; questions: no) or is 2 s late (ERR_TIMEOUT, likewise);
 *  - on_reply is never called from inside a driver_link_ function, only from the loop;
 *  - a driver that dies is started again after 1, 2, 4 .. 60 s, with its devices;
 *  - it is never started while an older one lives: each holds STATE_DIR/driver-NAME.lock, and
 *    a new one waits for it (DRIVER_LINK_WAITING).  The driver that a dead agent left behind
 *    may have one command on the wire: read no state before each link has been UP once, and
 *    then a settle time.  Where STATE_DIR cannot be written and there is no such file, it runs
 *    without, and only questions reach it;
 *  - what switches something on never waits in the link: the inrush limit counted it for that moment.
 *
 * Errors that belong to no request (driver died, refused a device, spoke nonsense, wrote on
 * stderr) come through on_problem, one line each, for the log.
 *
 * The link copies what it is given; secrets are wiped when it is freed.  uv_loop_t: the caller's. */
#ifndef POWERCTL_DRIVER_LINK_H
#define POWERCTL_DRIVER_LINK_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "agent/core/inventory.h"
#include "proto/driver_msg.h"
#include "proto/err.h"

enum {
    DRIVER_LINK_REQUESTS_MAX = 16384, /* in flight; one more: ERR_LIMIT */
    DRIVER_LINK_QUEUE_MAX = 8 << 20,  /* bytes not yet taken by the driver; one more: ERR_LIMIT */
    DRIVER_LINK_GRACE_MS = 2000,      /* after its budget a request is answered by the link */
    DRIVER_LINK_BACKOFF_MAX_MS = 60000,
};

enum driver_link_state {
    DRIVER_LINK_WAITING, /* for an older driver's lock */
    DRIVER_LINK_UP,      /* the program runs; requests are taken */
    DRIVER_LINK_DOWN,    /* died or could not be started; tried again by itself */
    DRIVER_LINK_STATES
};
const char *driver_link_state_name(enum driver_link_state state);

struct driver_link;

struct driver_link_events {
    /* `reply->op` is filled in. Valid during the call. */
    void (*on_reply)(void *arg, const struct driver_reply *reply);
    /* `err->text` is complete: "driver ipmi died (signal 11); again in 2 s". */
    void (*on_problem)(void *arg, const char *driver, const struct err *err);
    /* Changes only. May be NULL. */
    void (*on_state)(void *arg, const char *driver, enum driver_link_state state);
    void *arg;
};

/* Starts nothing yet. NULL: no memory, or the name or a path is too long. */
struct driver_link *driver_link_new(uv_loop_t *loop, const char *driver, const char *driver_dir,
                                    const char *state_dir, const struct driver_link_events *events,
                                    struct err *err);

/* What the driver is to work with. The first call starts the program; a later one is a reload:
 * changed and new devices are sent to the running driver; if a device is gone or a secret
 * changed, the driver is restarted as soon as nothing is in flight (new requests wait for that,
 * within their budgets; those that switch on are answered ERR_BUSY, sent no).  `credentials`: may be all there are, the link passes on only those
 * that a device names in its setting "credentials".  Errors (a device that does not fit in a
 * line, a password that is not UTF-8): nothing was changed.  0 or -1. */
struct driver_link_config {
    const struct device_config *const *devices; /* of this driver */
    size_t ndevices;
    const struct driver_credentials *credentials;
    size_t ncredentials;
};
int driver_link_configure(struct driver_link *link, const struct driver_link_config *config,
                          struct err *err);

/* The answer comes through on_reply, also if it cannot be sent. `request->id` as driver_msg.h
 * says; an id that is in flight already is answered ERR_USAGE. */
void driver_link_request(struct driver_link *link, const struct driver_request *request);

enum driver_link_state driver_link_state(const struct driver_link *link);
size_t driver_link_in_flight(const struct driver_link *link);

/* Ends the driver: what is in flight is answered as when it dies, its stdin is closed, after
 * 2 s it is killed.  Frees the link when the program is gone, then calls `closed` (may be NULL).
 * No callback but `closed` comes after the in-flight answers. */
void driver_link_close(struct driver_link *link, void (*closed)(void *arg), void *arg);

#endif
