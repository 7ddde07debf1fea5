#include "drivers/modbus/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/modbus/button.h"
#include "drivers/modbus/meter.h"
#include "drivers/modbus/outlets.h"
#include "drivers/modbus/pulse.h"

struct session {
    struct link *link;
    struct unit *units[SESSION_UNITS_MAX];
    size_t count;
};

struct session *session_new(const struct modbus_map *map, const struct line_ops *ops, void *line,
                            struct err *err)
{
    struct session *session = calloc(1, sizeof *session);
    if (session)
        session->link = link_new(map, ops, line);
    if (session && session->link)
        return session;
    err_set(err, ERR_SYSTEM, "no memory");
    return session_free(session);
}

struct session *session_free(struct session *session)
{
    if (!session)
        return NULL;
    for (size_t i = 0; i < session->count; i++)
        free(session->units[i]);
    session->link = link_free(session->link);
    free(session);
    return NULL;
}

void session_expect_late(struct session *session, const struct modbus_map *map)
{
    link_expect_late(session->link, map);
}

int session_open(struct session *session, struct err *err)
{
    uint64_t now_ms = link_now(session->link);
    link_serve(session->link, now_ms, now_ms + LINK_CONNECT_MS + LINK_MARGIN_MS);
    return link_open(session->link, err);
}

/* Another map under the same name is another device: nothing that was known of it holds. */
static struct unit *find_unit(struct session *session, const char *device,
                              const struct modbus_map *map, struct err *err)
{
    struct unit *unit = NULL;
    for (size_t i = 0; i < session->count && !unit; i++)
        if (strcmp(session->units[i]->device, device) == 0)
            unit = session->units[i];
    if (unit && memcmp(&unit->map, map, sizeof *map) == 0)
        return unit;
    if (map_check(map, err)) {
        err_prefix(err, "%s", device);
        return NULL;
    }
    if (!unit && session->count == SESSION_UNITS_MAX) {
        err_set(err, ERR_LIMIT, "%s: more than %d devices on one bus", device, SESSION_UNITS_MAX);
        return NULL;
    }
    if (!unit && (unit = malloc(sizeof *unit)))
        session->units[session->count++] = unit;
    if (!unit) {
        err_set(err, ERR_SYSTEM, "%s: no memory", device);
        return NULL;
    }
    memset(unit, 0, sizeof *unit);
    (void)snprintf(unit->device, sizeof unit->device, "%s", device);
    memcpy(&unit->map, map, sizeof *map);
    unit->link = session->link;
    return unit;
}

/* --- operations --- */

static int refuse(const struct unit *unit, enum op op, struct err *err)
{
    err_set(err, ERR_UNSUPPORTED, "%s%s has no %s",
            unit->map.kind == KIND_BUTTON ? "a button of " : "an outlet of ",
            unit->map.product[0] ? unit->map.product : "a Modbus device", op_name(op));
    return unit_prefix(unit, err);
}

static int status(struct unit *unit, uint32_t outlet, struct driver_reply *reply)
{
    uint64_t asked_ms = link_asked(unit->link);
    if (!outlets_place(&unit->map)->function) {
        err_set(&reply->err, ERR_UNSUPPORTED,
                unit->map.kind == KIND_BUTTON
                    ? "machine %u has no sense input: nothing tells whether it is on"
                    : "outlet %u cannot be read",
                outlet);
        return unit_prefix(unit, &reply->err);
    }
    if (outlets_power(unit, outlet, asked_ms, &reply->power, &reply->err))
        return -1;
    reply->has_watts = meter_read(unit, outlet, asked_ms, &reply->milliwatts);
    return 0;
}

static int info(struct unit *unit, struct driver_reply *reply)
{
    if (outlets_read(unit, link_asked(unit->link), &reply->err))
        return -1;
    reply->has_info = true;
    reply->info.outlets = unit->counted;
    (void)snprintf(reply->info.model, sizeof reply->info.model, "%s",
                   unit->map.product[0] ? unit->map.product : "Modbus device");
    link_describe(unit->link, &unit->map, reply->info.session, sizeof reply->info.session);
    return 0;
}

static int run_button(struct unit *unit, enum op op, uint32_t machine, struct err *err)
{
    switch (op) {
    case OP_ON:
        return button_on(unit, machine, err);
    case OP_OFF:
        return button_off(unit, machine, err);
    case OP_SOFT:
        return button_soft(unit, machine, err);
    case OP_RESET:
        return button_reset(unit, machine, err);
    case OP_STATUS:
    case OP_CYCLE:
    case OP_DIAG:
    case OP_IDENTIFY:
    case OP_BOOT_SET:
    case OP_BOOT_GET:
    case OP_EVIDENCE:
    case OP_INFO:
    case OPS:
        break;
    }
    return refuse(unit, op, err);
}

static int run_outlet(struct unit *unit, enum op op, uint32_t outlet, struct err *err)
{
    switch (op) {
    case OP_ON:
    case OP_OFF:
        return unit->map.write.function ? outlets_switch(unit, outlet, op == OP_ON, err)
                                        : refuse(unit, op, err);
    case OP_CYCLE:
        return map_pulse_cycles(&unit->map) ? pulse_cycle(unit, outlet, err)
                                            : refuse(unit, op, err);
    case OP_STATUS:
    case OP_SOFT:
    case OP_RESET:
    case OP_DIAG:
    case OP_IDENTIFY:
    case OP_BOOT_SET:
    case OP_BOOT_GET:
    case OP_EVIDENCE:
    case OP_INFO:
    case OPS:
        break;
    }
    return refuse(unit, op, err);
}

static int run(struct unit *unit, const struct driver_request *request, struct driver_reply *reply)
{
    /* One button needs no number. */
    uint32_t outlet = !request->outlet && unit->map.outlets == 1 ? 1 : request->outlet;
    if (request->op == OP_INFO)
        return info(unit, reply);
    if (!outlet || outlet > unit->map.outlets) {
        err_set(&reply->err, ERR_CONFIG, "no outlet %u; it has 1 to %u", request->outlet,
                unit->map.outlets);
        return unit_prefix(unit, &reply->err);
    }
    if (request->op == OP_STATUS)
        return status(unit, outlet, reply);
    if (unit->bank.err.kind == ERR_PROTOCOL || unit->bank.err.kind == ERR_BUSY)
        unit->bank.done = false; /* noise that met another request is no reason to fail this one */
    return unit->map.kind == KIND_BUTTON ? run_button(unit, request->op, outlet, &reply->err)
                                         : run_outlet(unit, request->op, outlet, &reply->err);
}

void session_run(struct session *session, const struct modbus_map *map,
                 const struct driver_request *request, struct driver_reply *reply)
{
    uint64_t asked_ms = request->asked_ms ? request->asked_ms : link_now(session->link);
    link_serve(session->link, asked_ms, asked_ms + request->budget_ms);
    struct unit *unit = find_unit(session, request->device, map, &reply->err);
    reply->ok = unit && run(unit, request, reply) == 0;
    if (reply->ok)
        reply->err = (struct err){0};
    else if (!op_changes_something(request->op))
        reply->err.sent = SENT_NO;
}
