#include "drivers/modbus/outlets.h"

#include <stdio.h>

#include <string.h>

#include "drivers/modbus/place.h"
#include "drivers/modbus/probe.h"

const struct map_place *outlets_place(const struct modbus_map *map)
{
    return map->kind == KIND_BUTTON ? &map->sense : &map->read;
}

/* --- reading --- */

static int read_bank(struct unit *unit, struct err *err)
{
    if (unit_is_recognised(unit) &&
        place_read(unit, outlets_place(&unit->map), unit->value, err) != 0)
        return -1;
    return unit_is_recognised(unit) ? 0 : probe_unit(unit, err); /* it reads the bank too */
}

int outlets_read(struct unit *unit, uint64_t asked_ms, struct err *err)
{
    if (!reading_answers(unit, &unit->bank, asked_ms)) {
        struct reading reading = reading_begin(unit);
        if (read_bank(unit, &reading.err) == 0)
            reading.err = (struct err){0}; /* what a first try met may stand there */
        reading_end(unit, &reading);
        unit->bank = reading;
    }
    if (unit->bank.err.kind == ERR_NONE)
        return 0;
    *err = unit->bank.err;
    err->sent = SENT_NO;
    return -1;
}

int outlets_power(struct unit *unit, uint32_t outlet, uint64_t asked_ms, enum power *power,
                  struct err *err)
{
    const struct map_place *place = outlets_place(&unit->map);
    if (outlets_read(unit, asked_ms, err))
        return -1;
    enum power is = map_power(&unit->map, place, unit->value[outlet - 1]);
    if (is == POWER_UNKNOWN) {
        err_set(err, ERR_DEVICE, "outlet %u reads %u (function %u, address %u): neither on nor off",
                outlet, unit->value[outlet - 1], place->function, map_address(place, outlet));
        return unit_prefix(unit, err);
    }
    *power = is;
    return 0;
}

/* --- switching --- */

bool outlets_is_at_it(const struct err *err)
{
    return err->kind == ERR_BUSY && err->sent == SENT_MAYBE;
}

static int write_outlet(struct unit *unit, uint32_t outlet, bool on, struct err *err)
{
    bool bank = unit->map.write_bank || unit->map.write.bits;
    int failed = bank ? place_write_bank(unit, outlet, on, err)
                      : place_write(unit, &unit->map.write, outlet, on, err);
    return failed && outlets_is_at_it(err) ? 0 : failed;
}

/* A write that is begun is read back in time, or it is not begun. */
static int check_time(const struct unit *unit, struct err *err)
{
    uint64_t needed_ms = unit->map.settle_ms + 2 * (uint64_t)unit->map.timeout_ms;
    uint64_t left_ms = link_left(unit->link);
    if (left_ms >= needed_ms)
        return 0;
    err_set(err, ERR_TIMEOUT,
            "%llu ms are left, and writing and reading back may take %llu; nothing was written",
            (unsigned long long)left_ms, (unsigned long long)needed_ms);
    return unit_prefix(unit, err);
}

/* With the bank as it was before in `before`. What did not leave can be sent again. */
static int write_recognised(struct unit *unit, uint32_t outlet, bool on, uint16_t *before,
                            struct err *err)
{
    enum power power;
    for (int tries = 2;; tries--) {
        if (outlets_power(unit, outlet, link_asked(unit->link), &power, err) ||
            check_time(unit, err))
            return -1;
        memcpy(before, unit->value, sizeof unit->value);
        if (write_outlet(unit, outlet, on, err) == 0)
            return 0;
        if (tries == 1 || err->sent != SENT_NO || err->kind != ERR_UNREACHABLE)
            return -1;
        unit->bank.done = false;
    }
}

/* The first outlet that changed though another was meant; 0: none. */
static uint32_t find_other_change(const struct unit *unit, uint32_t outlet, const uint16_t *before)
{
    const struct modbus_map *map = &unit->map;
    for (uint32_t other = 1; other <= map->outlets; other++)
        if (other != outlet && map_power(map, &map->read, before[other - 1]) !=
                                   map_power(map, &map->read, unit->value[other - 1]))
            return other;
    return 0;
}

static int fail_after(struct unit *unit, struct err *err)
{
    err->sent = SENT_YES;
    return unit_prefix(unit, err);
}

/* With why in *err. */
static int cannot_tell(uint32_t outlet, bool on, struct err *err)
{
    err->sent = SENT_YES;
    return err_prefix(err, "outlet %u took the write (%s), and cannot be read back", outlet,
                      on ? "on" : "off");
}

static int say_other_changed(const struct unit *unit, uint32_t outlet, bool on, enum power power,
                             uint32_t other, struct err *err)
{
    char reads[16];
    if (power == POWER_UNKNOWN)
        (void)snprintf(reads, sizeof reads, "reads %u", unit->value[outlet - 1]);
    else
        (void)snprintf(reads, sizeof reads, "still reads %s", on ? "off" : "on");
    return err_set(err, ERR_DEVICE,
                   "outlet %u took the write (%s), and %s; outlet %u changed instead: is its "
                   "profile right?",
                   outlet, on ? "on" : "off", reads, other);
}

/* `power`: as it reads now; unknown: *err says why. */
static int judge(struct unit *unit, uint32_t outlet, bool on, const uint16_t *before,
                 enum power power, struct err *err)
{
    const char *wanted = on ? "on" : "off";
    bool obeyed = power == (on ? POWER_ON : POWER_OFF);
    uint32_t other = find_other_change(unit, outlet, before);
    if (obeyed && (!other || !unit->map.write_bank))
        return 0;
    if (obeyed)
        err_set(err, ERR_DEVICE, "outlet %u went %s, and outlet %u changed with it", outlet, wanted,
                other);
    else if (other)
        say_other_changed(unit, outlet, on, power, other, err);
    else if (power == POWER_UNKNOWN)
        return cannot_tell(outlet, on, err);
    else
        err_set(err, ERR_DEVICE, "outlet %u took the write (%s), and still reads %s", outlet,
                wanted, on ? "off" : "on");
    return fail_after(unit, err);
}

static int read_back(struct unit *unit, uint32_t outlet, bool on, const uint16_t *before,
                     struct err *err)
{
    uint64_t end_ms = link_now(unit->link) + unit->map.settle_ms + OUTLETS_CONFIRM_MS;
    link_wait(unit->link, unit->map.settle_ms);
    for (;;) {
        enum power power = POWER_UNKNOWN;
        unit->bank.done = false;
        if (outlets_power(unit, outlet, 0, &power, err) && err->kind != ERR_DEVICE)
            return cannot_tell(outlet, on, err);
        bool obeyed = power == (on ? POWER_ON : POWER_OFF);
        if (obeyed || link_now(unit->link) >= end_ms || link_left(unit->link) == 0)
            return judge(unit, outlet, on, before, power, err);
        link_wait(unit->link, OUTLETS_POLL_MS);
    }
}

int outlets_switch(struct unit *unit, uint32_t outlet, bool on, struct err *err)
{
    uint16_t before[OUTLETS_MAX];
    if (write_recognised(unit, outlet, on, before, err))
        return -1;
    return read_back(unit, outlet, on, before, err);
}
