#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/modbus_rig.h"

#include <cmocka.h> /* after cursor.h: it has a macro skip() */

enum { BUDGET_MS = 20000 };

struct wire wire;
struct modbus_map map;
struct session *session;
struct driver_reply reply;
uint64_t asked_ms;

void set(const char *name, const char *value)
{
    struct err err = {0};
    if (option_set(map_options, &map, name, value, &err))
        fail_msg("%s", err.text);
}

void begin(enum frame_format format)
{
    struct err err;
    session = session_free(session);
    wire = wire_new(format);
    wire.holding[900] = 4711;
    wire.holding[901] = 8;
    memset(&map, 0, sizeof map);
    options_init(map_options, &map);
    map.timeout_ms = 200;
    set("product", "Test-8");
    set("transport", format == FRAME_TCP ? "tcp" : "rtu");
    set(format == FRAME_TCP ? "host" : "serial", format == FRAME_TCP ? "10.1.0.5" : "/dev/ttyUSB0");
    set("outlets", "8");
    set("read_function", "1");
    set("write_function", "5");
    set("probe_function", "3");
    set("probe_address", "900");
    set("probe_expect", "4711");
    set("count_function", "3");
    set("count_address", "901");
    asked_ms = 0;
    session = session_new(&map, &wire_ops, &wire, &err);
    assert_non_null(session);
    assert_int_equal(session_open(session, &err), 0);
}

int end(void **state)
{
    (void)state;
    session = session_free(session);
    return 0;
}

bool run_as(const char *device, enum op op, uint32_t outlet)
{
    struct driver_request request = {.id = 1, .op = op, .outlet = outlet, .budget_ms = BUDGET_MS};
    (void)snprintf(request.device, sizeof request.device, "%s", device);
    request.asked_ms = asked_ms ? asked_ms : wire.now_ms;
    memset(&reply, 0, sizeof reply);
    session_run(session, &map, &request, &reply);
    assert_true(wire.now_ms <= request.asked_ms + BUDGET_MS || asked_ms);
    assert_true(reply.ok || reply.err.kind != ERR_NONE);
    return reply.ok;
}

bool run(enum op op, uint32_t outlet)
{
    return run_as("pdu-a", op, outlet);
}
