#include "drivers/modbus/probe.h"

#include <stdio.h>

#include "drivers/modbus/outlets.h"
#include "drivers/modbus/place.h"

enum { PROBE_TRIES = 3 };

static int is_not(const struct unit *unit, struct err *err)
{
    err_prefix(err, "is not what its profile says (%s)",
               unit->map.product[0] ? unit->map.product : "no product named");
    return unit_prefix(unit, err);
}

/* Manuals and profiles write either way: 0x5206, 20998. */
static void list(const uint32_t *values, uint32_t count, char *text, size_t size)
{
    size_t at = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count && at < size; i++) {
        int more =
            snprintf(text + at, size - at, "%s0x%04x (%u)", i ? ", " : "", values[i], values[i]);
        at += more > 0 ? (size_t)more : 0;
    }
}

/* A register that does not exist is as telling as one that holds something else. */
static int ask_for(struct unit *unit, uint32_t function, uint32_t address, uint32_t count,
                   uint16_t *values, struct err *err)
{
    if (unit_read(unit, function, address, count, values, err) == 0)
        return 0;
    if (err->kind == ERR_DEVICE)
        err_prefix(err, "is not what its profile says (%s)", unit->map.product);
    return -1;
}

static int check_expected(struct unit *unit, struct err *err)
{
    const struct modbus_map *map = &unit->map;
    const struct option_uints *expect = &map->probe.expect;
    uint32_t count = expect->count ? expect->count : 1, read[OPTION_UINTS_MAX];
    uint16_t values[PDU_VALUES_MAX];
    char wanted[256], found[256];
    bool same = true;
    if (!map->probe.function)
        return 0;
    if (ask_for(unit, map->probe.function, map->probe.address, count, values, err))
        return -1;
    for (uint32_t i = 0; i < count; i++)
        read[i] = values[i];
    for (uint32_t i = 0; i < expect->count; i++)
        same &= read[i] == expect->value[i];
    if (same)
        return 0;
    list(expect->value, count, wanted, sizeof wanted);
    list(read, count, found, sizeof found);
    err_set(err, ERR_DEVICE, "address %u (function %u) holds %s, not %s; nothing was written",
            map->probe.address, map->probe.function, found, wanted);
    return is_not(unit, err);
}

static int check_count(struct unit *unit, struct err *err)
{
    const struct modbus_map *map = &unit->map;
    uint16_t values[PDU_VALUES_MAX];
    if (!map->count.function)
        return 0;
    if (ask_for(unit, map->count.function, map->count.address, 1, values, err))
        return -1;
    unit->counted = values[0];
    if (values[0] == map->outlets)
        return 0;
    err_set(err, ERR_DEVICE,
            "it says it has %u outlets, the configuration says %u; nothing was written", values[0],
            map->outlets);
    return is_not(unit, err);
}

static int check_bank(struct unit *unit, struct err *err)
{
    const struct modbus_map *map = &unit->map;
    uint16_t relays[OUTLETS_MAX];
    int failed = place_read(unit, outlets_place(map), unit->value, err);
    if (!failed && map->kind == KIND_BUTTON && map->write.function) {
        struct map_place mirror = place_mirror(map, &map->write);
        failed = place_read(unit, &mirror, relays, err);
    }
    if (failed && err->kind == ERR_DEVICE)
        err_prefix(err, "is not what its profile says (%s), with %u outlets", map->product,
                   map->outlets);
    return failed;
}

int probe_unit(struct unit *unit, struct err *err)
{
    for (int tries = PROBE_TRIES; tries > 0; tries--) {
        unit->recognised = 0;
        if (link_open(unit->link, err))
            return unit_prefix(unit, err);
        uint32_t connection = link_connection(unit->link);
        if (check_expected(unit, err) || check_count(unit, err) || check_bank(unit, err))
            return -1;
        if (connection == link_connection(unit->link)) { /* else who answered is not one device */
            unit->recognised = connection;
            return 0;
        }
    }
    err_set(err, ERR_UNREACHABLE, "its connection does not last");
    return unit_prefix(unit, err);
}
