/* modbus_rig.h - a session of the modbus driver on a slave in memory (modbus_wire.h). */
#ifndef POWERCTL_TESTS_MODBUS_RIG_H
#define POWERCTL_TESTS_MODBUS_RIG_H

#include <stdbool.h>

#include "drivers/modbus/session.h"
#include "tests/unit/modbus_wire.h"

extern struct wire wire;
extern struct modbus_map map;
extern struct session *session;
extern struct driver_reply reply;
extern uint64_t asked_ms; /* 0: now */

/* Eight coils; holding register 900 says 4711, 901 how many. */
void begin(enum frame_format format);
int end(void **state); /* a test's teardown */
void set(const char *name, const char *value);

/* Into `reply`; whether it is ok. */
bool run_as(const char *device, enum op op, uint32_t outlet);
bool run(enum op op, uint32_t outlet);

#define assert_fails(what, kind_, sent_)                                                           \
    do {                                                                                           \
        assert_false(what);                                                                        \
        assert_int_equal(reply.err.kind, kind_);                                                   \
        assert_int_equal(reply.err.sent, sent_);                                                   \
    } while (0)
#define assert_says(text_)                                                                         \
    do {                                                                                           \
        if (!strstr(reply.err.text, text_))                                                        \
            fail_msg("no '%s' in '%s'", text_, reply.err.text);                                    \
    } while (0)

#endif
