#include "drivers/modbus/button.h"

#include "drivers/modbus/outlets.h"
#include "drivers/modbus/place.h"
#include "drivers/modbus/pulse.h"

enum { RELEASE_TRIES = 5, RELEASE_MS = 5000, RELEASE_PAUSE_MS = 100, SENSE_LATE_MS = 1000 };

struct press {
    const struct map_place *relay; /* &map.write or &map.reset */
    uint32_t machine, ms;
    bool until_off; /* lets go as soon as the machine is off */
};

/* --- what the machine is --- */

static int sense(struct unit *unit, uint32_t machine, uint64_t asked_ms, enum power *power,
                 struct err *err)
{
    if (unit->map.sense.function)
        return outlets_power(unit, machine, asked_ms, power, err);
    err_set(err, ERR_UNSUPPORTED,
            "machine %u has no sense input: nobody knows whether a press would switch it on or "
            "off; nothing was pressed",
            machine);
    return unit_prefix(unit, err);
}

static enum power sense_now(struct unit *unit, uint32_t machine)
{
    enum power power = POWER_UNKNOWN;
    struct err ignored;
    unit->bank.done = false;
    (void)outlets_power(unit, machine, 0, &power, &ignored);
    return power;
}

/* --- the relay --- */

/* POWER_ON: pressed. */
static enum power read_relay(struct unit *unit, const struct press *press)
{
    struct map_place mirror = place_mirror(&unit->map, press->relay);
    struct err ignored;
    uint16_t value;
    if (place_read_one(unit, &mirror, press->machine, &value, &ignored))
        return POWER_UNKNOWN;
    return map_power(&unit->map, &mirror, value);
}

/* Writing "off" again and again is the one write that may be repeated: it only lets go. For so long,
 * as a device that restarted is away for a while. */
static int let_go(struct unit *unit, const struct press *press, bool write_first, struct err *err)
{
    struct err why = {0};
    uint64_t end_ms = link_now(unit->link) + RELEASE_MS;
    for (int tries = 0; tries < RELEASE_TRIES || link_now(unit->link) < end_ms; tries++) {
        bool write = press->relay->function && (write_first || tries > 0);
        (void)outlets_read(unit, link_now(unit->link), &why); /* recognises it if it was lost */
        if (write)
            (void)place_write(unit, press->relay, press->machine, false, &why);
        link_wait(unit->link, unit->map.settle_ms);
        if (read_relay(unit, press) == POWER_OFF)
            return 0;
        if (link_left(unit->link) == 0)
            break;
        link_wait(unit->link, RELEASE_PAUSE_MS);
    }
    err_set_sent(err, ERR_DEVICE, SENT_YES,
                 "THE BUTTON OF MACHINE %u MAY STILL BE PRESSED, open its relay by hand (%s)",
                 press->machine, why.kind != ERR_NONE ? why.text : "its relay reads closed");
    return unit_prefix(unit, err);
}

static void wait_pressed(struct unit *unit, const struct press *press)
{
    uint64_t end_ms = link_now(unit->link) + press->ms;
    while (press->until_off && link_now(unit->link) < end_ms) {
        if (sense_now(unit, press->machine) == POWER_OFF)
            return;
        link_wait(unit->link, OUTLETS_POLL_MS);
    }
    uint64_t now_ms = link_now(unit->link);
    link_wait(unit->link, end_ms > now_ms ? end_ms - now_ms : 0);
}

/* Enough to press and to let go, though the answer to the press and to what comes first after it
 * be lost, before this process is ended. */
static int check_time(const struct unit *unit, const struct press *press, struct err *err)
{
    uint64_t needed_ms =
        press->ms + unit->map.settle_ms + 3 * link_exchange_ms(unit->link, &unit->map);
    uint64_t left_ms = link_left(unit->link);
    if (left_ms >= needed_ms)
        return 0;
    err_set(err, ERR_TIMEOUT,
            "%llu ms are left, and a press of %u ms needs %llu to be ended for certain; nothing "
            "was pressed",
            (unsigned long long)left_ms, press->ms, (unsigned long long)needed_ms);
    return unit_prefix(unit, err);
}

static int check_released(struct unit *unit, const struct press *press, struct err *err)
{
    enum power relay = read_relay(unit, press);
    if (relay == POWER_OFF)
        return 0;
    if (relay == POWER_ON)
        return let_go(unit, press, true, err);
    err_set(err, ERR_DEVICE,
            "the relay of machine %u cannot be read: nobody would know that its button was let go; "
            "nothing was pressed",
            press->machine);
    return unit_prefix(unit, err);
}

static int do_press(struct unit *unit, const struct press *press, struct err *err)
{
    struct err doubt = {0}, held;
    bool timed = press->relay == &unit->map.write && pulse_can_last(&unit->map, press->ms);
    if (check_released(unit, press, err) || check_time(unit, press, err))
        return -1;
    int failed = timed ? pulse_start(unit, press->machine, press->ms, &doubt)
                       : place_write(unit, press->relay, press->machine, true, &doubt);
    if (failed && doubt.sent == SENT_NO) {
        *err = doubt;
        return -1;
    }
    wait_pressed(unit, press);
    if (let_go(unit, press, !timed, &held)) {
        *err = held;
        return -1;
    }
    if (failed)
        *err = doubt;
    return failed;
}

/* --- the verbs --- */

static struct press short_press(const struct unit *unit, uint32_t machine)
{
    return (struct press){&unit->map.write, machine, unit->map.press_ms, false};
}

static int refuse_off(const struct unit *unit, uint32_t machine, struct err *err)
{
    err_set(err, ERR_DEVICE, "machine %u is off; nothing was pressed", machine);
    return unit_prefix(unit, err);
}

int button_on(struct unit *unit, uint32_t machine, struct err *err)
{
    struct press press = short_press(unit, machine);
    enum power power;
    if (sense(unit, machine, link_asked(unit->link), &power, err))
        return -1;
    return power == POWER_ON ? 0 : do_press(unit, &press, err);
}

int button_soft(struct unit *unit, uint32_t machine, struct err *err)
{
    struct press press = short_press(unit, machine);
    enum power power;
    if (sense(unit, machine, link_asked(unit->link), &power, err))
        return -1;
    return power == POWER_OFF ? refuse_off(unit, machine, err) : do_press(unit, &press, err);
}

int button_off(struct unit *unit, uint32_t machine, struct err *err)
{
    struct press press = {&unit->map.write, machine, unit->map.hold_ms, true};
    enum power power;
    if (sense(unit, machine, link_asked(unit->link), &power, err))
        return -1;
    if (power == POWER_OFF)
        return 0;
    if (do_press(unit, &press, err))
        return -1;
    uint64_t end_ms = link_now(unit->link) + SENSE_LATE_MS;
    while ((power = sense_now(unit, machine)) == POWER_ON && link_now(unit->link) < end_ms)
        link_wait(unit->link, OUTLETS_POLL_MS);
    if (power == POWER_OFF)
        return 0;
    err_set_sent(err, ERR_DEVICE, SENT_YES,
                 "machine %u: its button was held for up to %u ms, and it is not seen off", machine,
                 unit->map.hold_ms);
    return unit_prefix(unit, err);
}

int button_reset(struct unit *unit, uint32_t machine, struct err *err)
{
    struct press press = {&unit->map.reset, machine, unit->map.press_ms, false};
    enum power power = POWER_ON;
    if (!unit->map.reset.function) {
        err_set(err, ERR_UNSUPPORTED, "machine %u has no relay at its reset button", machine);
        return unit_prefix(unit, err);
    }
    if (unit->map.sense.function
            ? sense(unit, machine, link_asked(unit->link), &power, err)
            : outlets_read(unit, link_asked(unit->link), err)) /* recognises it */
        return -1;
    return power == POWER_OFF ? refuse_off(unit, machine, err) : do_press(unit, &press, err);
}
