/* session.h - the devices on one link, and which of their operations a request asks for. */
#ifndef POWERCTL_MODBUS_SESSION_H
#define POWERCTL_MODBUS_SESSION_H

#include "drivers/driver.h"
#include "drivers/modbus/line.h"

enum { SESSION_UNITS_MAX = 256 };

struct session;

/* `ops` and `line` stay the caller's. NULL: *err. The line is opened by session_open(). */
struct session *session_new(const struct modbus_map *map, const struct line_ops *ops, void *line,
                            struct err *err);
struct session *session_free(struct session *session);

int session_open(struct session *session, struct err *err);
/* Another session was killed in mid-request: what it asked is waited for, and thrown away. */
void session_expect_late(struct session *session, const struct modbus_map *map);
void session_run(struct session *session, const struct modbus_map *map,
                 const struct driver_request *request, struct driver_reply *reply);

#endif
