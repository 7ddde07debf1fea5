#include "drivers/modbus/map.h"

#include "proto/cleanup.h"

static const char *const transports[] = {
    [TRANSPORT_TCP] = "tcp",
    [TRANSPORT_RTU] = "rtu",
    [TRANSPORT_RTU_OVER_TCP] = "rtu-over-tcp",
    NULL,
};
static const char *const kinds[] = {[KIND_OUTLET] = "outlet", [KIND_BUTTON] = "button", NULL};
static const char *const parities[] = {"none", "even", "odd", NULL};
static const char *const pulses[] = {"off-on", "on-off", NULL};
static const char *const meter_types[] = {"u16", "s16", "u32", "s32", "f32", NULL};
static const char *const word_orders[] = {"high-first", "low-first", NULL};

#define LINE(type, field, ...) OPTION(type, struct modbus_map, field, __VA_ARGS__)
/* A field inside a field: its name as the profile's nested maps make it. */
#define NESTED(type_, name_, field, ...)                                                           \
    {                                                                                              \
        .name = (name_), .type = (type_), .offset = offsetof(struct modbus_map, field),            \
        .size = sizeof(((struct modbus_map *)0)->field), __VA_ARGS__                               \
    }
#define ADDRESS(name, field, what)                                                                 \
    NESTED(OPTION_UINT, name, field, .fallback = "0", .max = 65535, .help = (what))
#define STRIDE(name, field)                                                                        \
    NESTED(OPTION_UINT, name, field, .fallback = "1", .max = 65535,                                \
           .help = "from one outlet's address to the next one's")
#define VALUES(name, field, fallback_, what)                                                       \
    NESTED(OPTION_UINTS, name, field, .fallback = (fallback_), .max = 65535, .help = (what))

const struct option map_rows[] = {
    LINE(OPTION_TEXT, product, .help = "what it is, for people"),

    LINE(OPTION_CHOICE, transport, .fallback = "tcp", .choices = transports,
         .help =
             "tcp: Modbus TCP; rtu: a serial line; rtu-over-tcp: serial frames in a TCP stream, "
             "as terminal servers and some relay boards have it"),
    LINE(OPTION_TEXT, host, .help = "its address or name, or its terminal server's; not for rtu"),
    LINE(OPTION_UINT, port, .fallback = "502", .min = 1, .max = 65535, .help = "TCP port"),
    LINE(OPTION_TEXT, serial,
         .help = "device file of the serial line: /dev/serial/by-id/...; for rtu"),
    LINE(OPTION_UINT, baud, .fallback = "9600", .min = 300, .max = 921600, .help = "bits a second"),
    LINE(OPTION_CHOICE, parity, .fallback = "none", .choices = parities, .help = "parity bit"),
    LINE(OPTION_UINT, stop_bits, .fallback = "1", .min = 1, .max = 2, .help = "stop bits"),
    LINE(OPTION_BOOL, rs485, .fallback = "false",
         .help = "the kernel switches the direction of the line (TIOCSRS485); adapters that do it "
                 "themselves, nearly all on USB, refuse this"),
    LINE(OPTION_UINT, unit, .fallback = "1", .min = 1, .max = 255,
         .help = "its unit id (slave address); never 0, which is everybody on the line"),
    LINE(OPTION_BOOL, any_unit, .fallback = "false",
         .help = "it answers to every unit id: nothing else can be at its address"),
    LINE(OPTION_UINT, timeout_ms, .fallback = "1000", .min = 20, .max = 60000,
         .help = "for a reply to begin and to end"),
    LINE(OPTION_UINT, gap_ms, .fallback = "0", .max = 10000,
         .help = "silence before each request; never less than 3.5 characters on a serial line"),
    LINE(OPTION_UINT, guard_ms, .fallback = "0", .max = 60000,
         .help = "silence after an error, for answers that are late; 0: as long as timeout_ms"),

    LINE(OPTION_CHOICE, kind, .fallback = "outlet", .choices = kinds,
         .help = "outlet: each output feeds something; button: each output presses a machine's "
                 "power button, so that on and off are presses of it"),
    LINE(OPTION_UINT, outlets, .min = 1, .max = OUTLETS_MAX,
         .help = "how many outlets (or buttons) it has; must be said, here or by its profile"),
    LINE(OPTION_BOOL, invert, .fallback = "false",
         .help = "wired the other way (normally closed): on and off change places"),
    LINE(OPTION_UINT, settle_ms, .fallback = "100", .max = 60000,
         .help = "from a write to the reading that confirms it"),
    LINE(OPTION_UINT, dwell_ms, .fallback = "0", .max = 600000,
         .help = "an outlet stays off so long before it is switched on again; 0: deadlines.dwell"),
    LINE(OPTION_UINT, stagger_ms, .fallback = "500", .max = 600000,
         .help = "between two outlets switched on at this device"),

    NESTED(OPTION_UINT, "read_function", read.function, .fallback = "0", .max = 4,
           .help =
               "how an outlet's state is read: 1 coils, 2 discrete inputs, 3 holding registers, "
               "4 input registers; 0: it cannot be read"),
    ADDRESS("read_address", read.address, "of outlet 1, from 0, as on the wire"),
    STRIDE("read_stride", read.stride),
    NESTED(OPTION_BOOL, "read_bits", read.bits, .fallback = "false",
           .help = "outlet n is bit n - 1 of the register at read_address and those after it"),
    VALUES("read_on", read.on, "1", "values that mean on; what means neither is unknown"),
    VALUES("read_off", read.off, "0", "values that mean off"),

    NESTED(OPTION_UINT, "write_function", write.function, .fallback = "0", .max = 16,
           .help = "how an outlet is switched: 5 one coil, 6 one register, 15 several coils, 16 "
                   "several registers; 0: it cannot be switched"),
    ADDRESS("write_address", write.address, "of outlet 1, from 0, as on the wire"),
    STRIDE("write_stride", write.stride),
    NESTED(OPTION_BOOL, "write_bits", write.bits, .fallback = "false",
           .help = "outlet n is bit n - 1 of the register; needs write_bank"),
    VALUES("write_on", write.on, NULL,
           "the value that switches on, as sent; none: 0xff00 for function 5, else 1"),
    VALUES("write_off", write.off, NULL, "the value that switches off; none: 0"),
    LINE(OPTION_BOOL, write_bank, .fallback = "false",
         .help = "it takes function 15 or 16 over all outlets only: they are read, one is changed, "
                 "all are written"),

    NESTED(OPTION_UINT, "pulse_function", pulse.function, .fallback = "0", .max = 16,
           .help = "its own off-and-on, or press: 5, 6 or 16; 0: it has none"),
    ADDRESS("pulse_address", pulse.address, "of outlet 1"),
    STRIDE("pulse_stride", pulse.stride),
    NESTED(OPTION_UINT, "pulse_value", pulse.value, .fallback = "0", .max = 65535,
           .help = "written to start it; with pulse_unit_ms the time is added to it"),
    NESTED(OPTION_UINT, "pulse_unit_ms", pulse.unit_ms, .fallback = "0", .max = 60000,
           .help = "the time in the value counts so many ms; 0: the value tells no time"),
    NESTED(OPTION_UINT, "pulse_ms", pulse.ms, .fallback = "0", .max = 600000,
           .help = "how long it lasts"),
    NESTED(OPTION_UINT, "pulse_time_function", pulse.time_function, .fallback = "0", .max = 16,
           .help = "the time is written before, by function 6 or 16; 0: it is not"),
    ADDRESS("pulse_time_address", pulse.time_address, "of outlet 1's time"),
    NESTED(OPTION_UINT, "pulse_time_stride", pulse.time_stride, .fallback = "1", .max = 65535,
           .help = "from one outlet's time to the next one's; 0: one time for all"),
    NESTED(OPTION_UINT, "pulse_time_unit_ms", pulse.time_unit_ms, .fallback = "0", .max = 60000,
           .help = "that time counts so many ms"),
    NESTED(OPTION_CHOICE, "pulse_goes", pulse.goes, .fallback = "off-on", .choices = pulses,
           .help = "what the output does: off-on, or on-off (a press; an off-on with invert)"),

    LINE(OPTION_UINT, press_ms, .fallback = "500", .min = 50, .max = 5000,
         .help = "button: a short press, which switches on and asks the system to end"),
    LINE(OPTION_UINT, hold_ms, .fallback = "6000", .min = 1000, .max = 60000,
         .help = "button: a long press, which switches off; firmware asks for 4 s and more"),
    NESTED(OPTION_UINT, "sense_function", sense.function, .fallback = "0", .max = 4,
           .help = "button: how a machine's power LED or 5 V is read, as read_function; 0: it "
                   "cannot be, and its state is unknown"),
    ADDRESS("sense_address", sense.address, "of machine 1's"),
    STRIDE("sense_stride", sense.stride),
    NESTED(OPTION_BOOL, "sense_bits", sense.bits, .fallback = "false",
           .help = "machine n is bit n - 1 of the register"),
    VALUES("sense_on", sense.on, "1", "values that mean the machine is on"),
    VALUES("sense_off", sense.off, "0", "values that mean it is off"),
    NESTED(OPTION_UINT, "reset_function", reset.function, .fallback = "0", .max = 16,
           .help = "button: a relay at the reset header, written by function 5, 6, 15 or 16; 0: "
                   "there is none"),
    ADDRESS("reset_address", reset.address, "of machine 1's"),
    STRIDE("reset_stride", reset.stride),
    VALUES("reset_on", reset.on, NULL, "the value that presses; none: as write_on"),
    VALUES("reset_off", reset.off, NULL, "the value that lets go; none: 0"),

    NESTED(OPTION_UINT, "meter_function", meter.function, .fallback = "0", .max = 4,
           .help = "active power of each outlet: 3 holding, 4 input registers; 0: not metered"),
    ADDRESS("meter_address", meter.address, "of outlet 1's power"),
    STRIDE("meter_stride", meter.stride),
    NESTED(OPTION_CHOICE, "meter_type", meter.type, .fallback = "u16", .choices = meter_types,
           .help = "unsigned, signed or floating point, 16 or 32 bits"),
    NESTED(OPTION_CHOICE, "meter_order", meter.order, .fallback = "high-first",
           .choices = word_orders, .help = "which of two registers comes first"),
    NESTED(OPTION_UINT, "meter_milliwatts", meter.milliwatts, .fallback = "1000", .min = 1,
           .max = 1000000, .help = "one count is so many milliwatts; f32: 1000 if it tells watts"),
    NESTED(OPTION_UINTS, "meter_absent", meter.absent, .help = "values that mean: not fitted"),

    NESTED(OPTION_UINT, "probe_function", probe.function, .fallback = "0", .max = 4,
           .help = "a harmless reading that tells this product from others, made before the first "
                   "write; 0: there is none"),
    ADDRESS("probe_address", probe.address, "the first address of it"),
    VALUES("probe_expect", probe.expect, NULL,
           "what stands there and in the registers after it; none: any value will do, an exception "
           "will not"),
    NESTED(OPTION_UINT, "count_function", count.function, .fallback = "0", .max = 4,
           .help = "a register that tells how many outlets it has: 3 or 4; 0: there is none"),
    ADDRESS("count_address", count.address, "its address"),
};

_Static_assert(ARRAY_SIZE(map_rows) == MAP_ROWS, "map.h counts the rows");
const struct option_table map_options = {map_rows, MAP_ROWS};

uint32_t map_address(const struct map_place *place, uint32_t outlet)
{
    return place->bits ? place->address + (outlet - 1) / 16
                       : place->address + (outlet - 1) * place->stride;
}

static bool has(const struct option_uints *values, uint32_t value)
{
    for (uint32_t i = 0; i < values->count; i++)
        if (values->value[i] == value)
            return true;
    return false;
}

enum power map_power(const struct modbus_map *map, const struct map_place *place, uint16_t value)
{
    bool inverted = map->invert && place == &map->read;
    if (has(&place->on, value))
        return inverted ? POWER_OFF : POWER_ON;
    if (has(&place->off, value))
        return inverted ? POWER_ON : POWER_OFF;
    return POWER_UNKNOWN;
}

uint16_t map_write_value(const struct modbus_map *map, const struct map_place *place, bool on)
{
    enum { COIL_ON = 0xff00 };
    if (map->invert && place == &map->write)
        on = !on;
    const struct option_uints *said = on ? &place->on : &place->off;
    if (said->count)
        return (uint16_t)said->value[0];
    if (!on)
        return 0;
    return place->function == 5 ? COIL_ON : 1;
}

bool map_pulse_cycles(const struct modbus_map *map)
{
    return map->pulse.function && (map->pulse.goes == PULSE_OFF_ON) != map->invert;
}
