/* map_check() - what one setting cannot tell of another. Each text names the settings as a profile
 * writes them. */
#include <string.h>

#include "drivers/modbus/map.h"

enum { ADDRESS_LAST = 65535, BITS = 16 };

/* ---- one place ---- */

static int check_reach(const char *name, uint32_t address, uint32_t stride, uint32_t outlets,
                       uint32_t width, struct err *err)
{
    uint64_t last = address + (uint64_t)(outlets - 1) * stride + width - 1;
    if (outlets > 1 && !stride)
        return err_set(err, ERR_CONFIG,
                       "%s_stride is 0: all %u outlets would have the address %u; is it a mask "
                       "(%s_bits)?",
                       name, outlets, address, name);
    if (last > ADDRESS_LAST)
        return err_set(err, ERR_CONFIG, "%s_address %u: outlet %u would be at %llu, past 65535",
                       name, address, outlets, (unsigned long long)last);
    return 0;
}

static int check_place_reach(const char *name, const struct map_place *place, uint32_t outlets,
                             struct err *err)
{
    if (place->bits)
        return check_reach(name, place->address, 1, (outlets + BITS - 1) / BITS, 1, err);
    return check_reach(name, place->address, place->stride, outlets, 1, err);
}

static int check_truth(const char *name, const char *word, const struct option_uints *values,
                       struct err *err)
{
    for (uint32_t i = 0; i < values->count; i++)
        if (values->value[i] > 1)
            return err_set(err, ERR_CONFIG, "%s_%s: a coil or bit is 0 or 1, never %u", name, word,
                           values->value[i]);
    return 0;
}

static int check_apart(const char *name, const struct map_place *place, struct err *err)
{
    for (uint32_t i = 0; i < place->on.count; i++)
        for (uint32_t j = 0; j < place->off.count; j++)
            if (place->on.value[i] == place->off.value[j])
                return err_set(err, ERR_CONFIG, "%s_on and %s_off are both %u", name, name,
                               place->on.value[i]);
    return 0;
}

/* A place that is read: `read`, `sense`. */
static int check_read(const char *name, const struct map_place *place, uint32_t outlets,
                      struct err *err)
{
    bool coils = place->function == 1 || place->function == 2;
    if (!place->function)
        return place->bits ? err_set(err, ERR_CONFIG, "%s_bits, but no %s_function", name, name)
                           : 0;
    if (place->bits && coils)
        return err_set(err, ERR_CONFIG,
                       "%s_bits is of a register (functions 3 and 4); %s_function %u reads bits as "
                       "it is",
                       name, name, place->function);
    if (!place->on.count || !place->off.count)
        return err_set(err, ERR_CONFIG, "%s_on and %s_off need a value each, at least", name, name);
    if ((coils || place->bits) &&
        (check_truth(name, "on", &place->on, err) || check_truth(name, "off", &place->off, err)))
        return -1;
    if (check_apart(name, place, err))
        return -1;
    return check_place_reach(name, place, outlets, err);
}

static bool is_in(uint32_t function, const uint32_t *all)
{
    for (; *all; all++)
        if (function == *all)
            return true;
    return false;
}

static int check_write_values(const char *name, const struct map_place *place, struct err *err)
{
    if (place->on.count > 1 || place->off.count > 1)
        return err_set(err, ERR_CONFIG, "%s_on and %s_off are one value each", name, name);
    if (place->on.count != place->off.count)
        return err_set(err, ERR_CONFIG, "%s_on and %s_off: say both or neither", name, name);
    if (place->function == 15 || place->bits)
        if (check_truth(name, "on", &place->on, err) || check_truth(name, "off", &place->off, err))
            return -1;
    return check_apart(name, place, err);
}

/* A place that is written: `write`, `reset`. */
static int check_write(const char *name, const struct map_place *place, uint32_t outlets,
                       struct err *err)
{
    static const uint32_t writers[] = {5, 6, 15, 16, 0};
    if (!place->function)
        return place->on.count || place->off.count || place->bits
                   ? err_set(err, ERR_CONFIG, "%s is described, but there is no %s_function", name,
                             name)
                   : 0;
    if (!is_in(place->function, writers))
        return err_set(err, ERR_CONFIG, "%s_function %u does not write: it is 5, 6, 15 or 16", name,
                       place->function);
    if (place->bits && place->function != 16)
        return err_set(err, ERR_CONFIG,
                       "%s_bits: a mask is written by function 16, not by function %u", name,
                       place->function);
    if (check_write_values(name, place, err))
        return -1;
    return check_place_reach(name, place, outlets, err);
}

/* ---- the line ---- */

static int check_line(const struct modbus_map *map, struct err *err)
{
    if (map->transport == TRANSPORT_RTU) {
        if (!map->serial[0])
            return err_set(
                err, ERR_CONFIG, "transport rtu is a serial line: say which by serial: /dev/...%s",
                map->host[0] ? ", or transport: rtu-over-tcp for a terminal server" : "");
        if (map->host[0])
            return err_set(err, ERR_CONFIG,
                           "host and serial: transport rtu has no host (a terminal server is "
                           "transport: rtu-over-tcp)");
        return 0;
    }
    if (!map->host[0])
        return err_set(err, ERR_CONFIG, "transport %s needs a host%s",
                       map->transport == TRANSPORT_TCP ? "tcp" : "rtu-over-tcp",
                       map->transport == TRANSPORT_TCP || map->serial[0]
                           ? "; for a serial line say transport: rtu"
                           : "");
    if (map->serial[0])
        return err_set(
            err, ERR_CONFIG,
            "host and serial: it has one line, not two; for the serial one say transport: rtu");
    if (map->rs485)
        return err_set(err, ERR_CONFIG, "rs485 is of a serial line, transport: rtu");
    return 0;
}

/* ---- what is of outlets and what is of buttons ---- */

static int check_bank(const struct modbus_map *map, struct err *err)
{
    const struct map_place *write = &map->write;
    if (write->bits && !map->write_bank)
        return err_set(err, ERR_CONFIG,
                       "write_bits needs write_bank: the other outlets' bits are written too");
    if (!map->write_bank)
        return 0;
    if (write->function != 15 && write->function != 16)
        return err_set(err, ERR_CONFIG, "write_bank needs write_function 15 or 16, not %u",
                       write->function);
    if (!write->bits && write->stride != 1 && map->outlets > 1)
        return err_set(err, ERR_CONFIG, "write_bank writes neighbours: write_stride must be 1");
    return 0;
}

static int check_outlets(const struct modbus_map *map, struct err *err)
{
    if (map->sense.function || map->reset.function)
        return err_set(err, ERR_CONFIG, "sense and reset are of kind: button");
    if (map->write.function && !map->read.function)
        return err_set(
            err, ERR_CONFIG,
            "write_function without read_function: nothing would tell whether it obeyed");
    /* A product that is named may be known to do nothing by Modbus: config/profiles says so of some. */
    if (!map->read.function && !map->meter.function && !map->product[0])
        return err_set(err, ERR_CONFIG,
                       "nothing can be read or written: give it a profile, or read_function and "
                       "write_function");
    if (map->pulse.function && !map->read.function)
        return err_set(
            err, ERR_CONFIG,
            "pulse_function without read_function: nothing would tell whether it obeyed");
    return check_bank(map, err);
}

/* A press that the device times itself. */
static int check_press(const struct modbus_map *map, struct err *err)
{
    if (map->pulse.function && map->pulse.goes != PULSE_ON_OFF)
        return err_set(err, ERR_CONFIG, "a button's pulse is a press: pulse_goes: on-off");
    if (map->pulse.function && !map->write.function && !map->pulse.unit_ms &&
        !map->pulse.time_function)
        return err_set(err, ERR_CONFIG,
                       "a press is short or long: the pulse needs pulse_unit_ms or "
                       "pulse_time_function, or the button write_function");
    if (!map->write.function && !map->read.function)
        return err_set(
            err, ERR_CONFIG,
            "pulse_function without read_function (or write_function): nothing would tell "
            "that the button is let go");
    const uint32_t unit = map->pulse.unit_ms ? map->pulse.unit_ms : map->pulse.time_unit_ms;
    if (unit && (map->press_ms % unit || map->hold_ms % unit))
        return err_set(
            err, ERR_CONFIG,
            "press_ms %u and hold_ms %u cannot both be said in the pulse's units of %u ms",
            map->press_ms, map->hold_ms, unit);
    return 0;
}

static int check_buttons(const struct modbus_map *map, struct err *err)
{
    if (!map->write.function && !map->pulse.function)
        return err_set(err, ERR_CONFIG,
                       "a button needs write_function (or pulse_function) to press");
    if (map->invert)
        return err_set(err, ERR_CONFIG,
                       "invert is of kind: outlet; of a button, say write_on and write_off");
    if (map->write_bank)
        return err_set(err, ERR_CONFIG, "write_bank would hold the other machines' buttons too");
    if (map->hold_ms <= map->press_ms)
        return err_set(err, ERR_CONFIG, "hold_ms %u is not longer than press_ms %u", map->hold_ms,
                       map->press_ms);
    if (map->meter.function)
        return err_set(err, ERR_CONFIG, "meter is of kind: outlet");
    return check_press(map, err);
}

/* ---- pulse, meter, probe ---- */

static int check_pulse_time(const struct modbus_map *map, struct err *err)
{
    static const uint32_t registers[] = {6, 16, 0};
    const uint32_t unit = map->pulse.unit_ms, time_unit = map->pulse.time_unit_ms;
    if (!map->pulse.ms)
        return err_set(err, ERR_CONFIG, "pulse_ms: say how long the pulse lasts");
    if (unit && (map->pulse.ms % unit || map->pulse.value + map->pulse.ms / unit > UINT16_MAX))
        return err_set(err, ERR_CONFIG,
                       "pulse_ms %u cannot be said in units of %u ms on top of pulse_value %u",
                       map->pulse.ms, unit, map->pulse.value);
    if (!map->pulse.time_function)
        return time_unit
                   ? err_set(err, ERR_CONFIG, "pulse_time_unit_ms, but no pulse_time_function")
                   : 0;
    if (!is_in(map->pulse.time_function, registers))
        return err_set(err, ERR_CONFIG, "pulse_time_function is 6 or 16, not %u",
                       map->pulse.time_function);
    if (unit)
        return err_set(err, ERR_CONFIG,
                       "pulse_unit_ms and pulse_time_function: the time is in one place");
    if (!time_unit || map->pulse.ms % time_unit || map->pulse.ms / time_unit > UINT16_MAX)
        return err_set(err, ERR_CONFIG, "pulse_ms %u cannot be said in pulse_time_unit_ms %u",
                       map->pulse.ms, time_unit);
    if (!map->pulse.time_stride) /* one time for all of them */
        return 0;
    return check_reach("pulse_time", map->pulse.time_address, map->pulse.time_stride, map->outlets,
                       1, err);
}

static int check_pulse(const struct modbus_map *map, struct err *err)
{
    static const uint32_t writers[] = {5, 6, 16, 0};
    if (!map->pulse.function) {
        if (map->pulse.value || map->pulse.unit_ms || map->pulse.ms || map->pulse.time_function)
            return err_set(err, ERR_CONFIG, "pulse is described, but there is no pulse_function");
        return 0;
    }
    if (!is_in(map->pulse.function, writers))
        return err_set(err, ERR_CONFIG, "pulse_function is 5, 6 or 16, not %u",
                       map->pulse.function);
    if (check_pulse_time(map, err))
        return -1;
    return check_reach("pulse", map->pulse.address, map->pulse.stride, map->outlets, 1, err);
}

static int check_meter(const struct modbus_map *map, struct err *err)
{
    bool wide = map->meter.type >= METER_U32;
    if (!map->meter.function)
        return map->meter.absent.count
                   ? err_set(err, ERR_CONFIG, "meter_absent, but no meter_function")
                   : 0;
    if (map->meter.function < 3)
        return err_set(err, ERR_CONFIG, "meter_function is 3 or 4 (registers), not %u",
                       map->meter.function);
    if (wide && map->meter.stride == 1 && map->outlets > 1)
        return err_set(err, ERR_CONFIG,
                       "meter_stride 1: a value of 32 bits takes two registers, the next outlet's "
                       "would begin inside it");
    for (uint32_t i = 0; i < map->meter.absent.count; i++)
        if (!wide && map->meter.absent.value[i] > UINT16_MAX)
            return err_set(err, ERR_CONFIG, "meter_absent: %u does not fit into 16 bits",
                           map->meter.absent.value[i]);
    return check_reach("meter", map->meter.address, map->meter.stride, map->outlets, wide ? 2 : 1,
                       err);
}

static int check_probe(const struct modbus_map *map, struct err *err)
{
    const struct option_uints *expect = &map->probe.expect;
    if (!map->probe.function && expect->count)
        return err_set(err, ERR_CONFIG, "probe_expect, but no probe_function");
    if ((map->probe.function == 1 || map->probe.function == 2) &&
        check_truth("probe", "expect", expect, err))
        return -1;
    if (expect->count && map->probe.address + expect->count - 1 > ADDRESS_LAST)
        return err_set(err, ERR_CONFIG, "probe_expect: %u values from %u on run past 65535",
                       expect->count, map->probe.address);
    if (map->count.function == 1 || map->count.function == 2)
        return err_set(err, ERR_CONFIG, "count_function is 3 or 4: a number is in a register");
    return 0;
}

int map_check(const struct modbus_map *map, struct err *err)
{
    if (check_line(map, err))
        return -1;
    if (!map->unit) /* the option refuses it too: a broadcast switches everything */
        return err_set(err, ERR_CONFIG, "unit 0 is everybody on the line");
    if (!map->outlets || map->outlets > OUTLETS_MAX)
        return err_set(err, ERR_CONFIG, "outlets: say how many it has, 1 to %d", OUTLETS_MAX);
    if (check_read("read", &map->read, map->outlets, err) ||
        check_write("write", &map->write, map->outlets, err) ||
        check_read("sense", &map->sense, map->outlets, err) ||
        check_write("reset", &map->reset, map->outlets, err))
        return -1;
    if (map->kind == KIND_OUTLET ? check_outlets(map, err) : check_buttons(map, err))
        return -1;
    if (check_pulse(map, err) || check_meter(map, err))
        return -1;
    return check_probe(map, err);
}
