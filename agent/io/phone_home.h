/* phone_home.h - the one page a freshly booted node may call: "I am up".
 *
 *     GET or POST /v1/phone-home/{token}     token: the node's name or its MAC
 *     GET or POST /v1/phone-home?mac={mac}
 *
 * The answer is 200 "ok\n", 404 or 400.  NOTE_PHONED_HOME carries the caller's ip and the token
 * in `reason` (and in `mac`, if it is one): a claim of whoever sent it, to be checked against
 * the inventory by its reader.  A listener of its own, because the nodes' network must not reach
 * the control API.
 *
 * Bounds: 2 s and 4 KiB a request, one request a connection, 1024 connections; what is over is
 * closed and told as a problem. */
#ifndef POWERCTL_IO_PHONE_HOME_H
#define POWERCTL_IO_PHONE_HOME_H

#include <uv.h>

#include "agent/io/evidence.h"
#include "proto/err.h"

struct phone_home;

/* `listen` is "10.1.0.1:8670", "*:8670" or ":8670" (all addresses); port 0 takes a free one.
 * NULL with *err set if it cannot be bound. */
struct phone_home *phone_home_new(uv_loop_t *loop, const char *listen,
                                  const struct evidence *evidence, struct err *err);

uint16_t phone_home_port(const struct phone_home *home); /* the port it is bound to */

/* NULL is fine. Returns NULL. */
struct phone_home *phone_home_close(struct phone_home *home);

#endif
