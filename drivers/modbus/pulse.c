#include "drivers/modbus/pulse.h"

#include "drivers/modbus/outlets.h"

enum { LATE_MS = 2000 }; /* after pulse.ms: a relay board counts its seconds loosely */

bool pulse_can_last(const struct modbus_map *map, uint32_t ms)
{
    uint32_t unit_ms = map->pulse.time_function ? map->pulse.time_unit_ms : map->pulse.unit_ms;
    if (!map->pulse.function)
        return false;
    if (!unit_ms)
        return ms == map->pulse.ms;
    uint32_t count = (ms + unit_ms - 1) / unit_ms;
    return count + (map->pulse.time_function ? 0 : map->pulse.value) <= UINT16_MAX;
}

static int set_time(struct unit *unit, uint32_t outlet, uint32_t ms, struct err *err)
{
    const struct modbus_map *map = &unit->map;
    uint32_t address = map->pulse.time_address + (outlet - 1) * map->pulse.time_stride;
    if (!map->pulse.time_function)
        return 0;
    uint16_t value = (uint16_t)((ms + map->pulse.time_unit_ms - 1) / map->pulse.time_unit_ms);
    if (unit_write(unit, map->pulse.time_function, address, 1, &value, err) == 0)
        return 0;
    err->sent = SENT_NO; /* of the pulse */
    return err_prefix(err, "the time of a pulse could not be set");
}

int pulse_start(struct unit *unit, uint32_t outlet, uint32_t ms, struct err *err)
{
    const struct modbus_map *map = &unit->map;
    uint32_t address = map->pulse.address + (outlet - 1) * map->pulse.stride;
    uint32_t count = map->pulse.unit_ms ? (ms + map->pulse.unit_ms - 1) / map->pulse.unit_ms : 0;
    uint16_t value = (uint16_t)(map->pulse.value + count);
    if (set_time(unit, outlet, ms, err))
        return -1;
    int failed = unit_write(unit, map->pulse.function, address, 1, &value, err);
    return failed && outlets_is_at_it(err) ? 0 : failed;
}

static int check_cycle(struct unit *unit, uint32_t outlet, struct err *err)
{
    const struct modbus_map *map = &unit->map;
    enum power power;
    if (outlets_power(unit, outlet, link_asked(unit->link), &power, err))
        return -1;
    if (power == POWER_OFF) {
        err_set(err, ERR_DEVICE, "outlet %u is off: a cycle is of one that is on", outlet);
        return unit_prefix(unit, err);
    }
    uint64_t needed_ms = map->pulse.ms + map->settle_ms + 2 * (uint64_t)map->timeout_ms;
    if (link_left(unit->link) >= needed_ms)
        return 0;
    err_set(err, ERR_TIMEOUT, "%llu ms are left, and a cycle may take %llu; nothing was written",
            (unsigned long long)link_left(unit->link), (unsigned long long)needed_ms);
    return unit_prefix(unit, err);
}

/* Reads as fast as the line allows: some cycles are short. A reading that fails is not the end. */
static int watch_cycle(struct unit *unit, uint32_t outlet, struct err *err)
{
    uint64_t end_ms = link_now(unit->link) + unit->map.pulse.ms + unit->map.settle_ms + LATE_MS;
    bool seen_off = false, seen = false;
    while (link_now(unit->link) < end_ms && link_left(unit->link) > 0) {
        enum power power = POWER_UNKNOWN;
        unit->bank.done = false;
        if (outlets_power(unit, outlet, 0, &power, err) == 0)
            seen = true;
        else
            link_wait(unit->link, OUTLETS_POLL_MS);
        if (power == POWER_ON && seen_off)
            return 0;
        seen_off |= power == POWER_OFF;
        link_wait(unit->link, 1); /* a clock in memory moves only when somebody waits */
    }
    err_set_sent(err, ERR_DEVICE, SENT_YES, "outlet %u took the cycle, and %s", outlet,
                 !seen       ? "could not be read since"
                 : !seen_off ? "was never seen off"
                             : "has not come on again");
    return unit_prefix(unit, err);
}

int pulse_cycle(struct unit *unit, uint32_t outlet, struct err *err)
{
    if (check_cycle(unit, outlet, err) || pulse_start(unit, outlet, unit->map.pulse.ms, err))
        return -1;
    return watch_cycle(unit, outlet, err);
}
