/* map.h - what is known of one PDU or relay board: its line, its registers, its habits.
 *
 * A map comes as settings: from a profile (config/profiles/NAME.yaml), over which the device's own
 * entry in the configuration wins.  A profile's `read: { function: 1, address: 0 }` is the settings
 * read_function and read_address: the agent joins the words by '_' and checks each against the
 * option table of map.c (`--describe`), with file, line and column.  What one setting cannot tell
 * is checked here, by map_check().
 *
 * All addresses are those on the wire, from 0, as in the PDU; documents that write 00001, 40001 or
 * "1-based" are converted by who writes the profile.  Outlets count from 1.  Function codes are
 * Modbus's own: 1 coils, 2 discrete inputs, 3 holding, 4 input registers; 5, 6 write one, 15, 16
 * write several.  Function 0: the product has no such thing. */
#ifndef POWERCTL_MODBUS_MAP_H
#define POWERCTL_MODBUS_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/option.h"
#include "proto/words.h"

enum { OUTLETS_MAX = 64 };

enum transport { TRANSPORT_TCP, TRANSPORT_RTU, TRANSPORT_RTU_OVER_TCP };
enum map_kind {
    KIND_OUTLET, /* each output feeds something */
    KIND_BUTTON, /* each output presses a machine's power button */
};
enum pulse_goes { PULSE_OFF_ON, PULSE_ON_OFF }; /* of the output; `invert` is not yet applied */
enum meter_type { METER_U16, METER_S16, METER_U32, METER_S32, METER_F32 };
enum word_order { HIGH_WORD_FIRST, LOW_WORD_FIRST };

/* Where a value per outlet lies, and what it means. Outlet n is at address + (n - 1) * stride;
 * with `bits`, it is bit n - 1 of the register at address (and of those after it, from bit 16). */
struct map_place {
    uint32_t function, address, stride;
    bool bits;
    struct option_uints on, off; /* read: values that mean so; any other means neither. write: one
                                    value each, sent as it is (function 5: raw), or none: see
                                    map_write_value() */
};

struct modbus_map {
    char product[64]; /* for people */

    /* ---- the line ---- */
    uint32_t transport; /* enum transport */
    char host[ADDRESS_SIZE];
    uint32_t port;
    char serial[ADDRESS_SIZE];
    uint32_t baud, parity, stop_bits; /* parity: index into none, even, odd */
    bool rs485;                       /* the kernel switches direction (TIOCSRS485) */
    uint32_t unit;                    /* 1 to 255: never 0, which is everybody */
    bool any_unit;       /* for the agent: it answers to each, there is but one at its address */
    uint32_t timeout_ms; /* for a reply to begin and end */
    uint32_t gap_ms;     /* silence before each request; at least 3.5 characters */
    uint32_t guard_ms;   /* silence after an error, for what is late; 0: timeout_ms */

    /* ---- outlets ---- */
    uint32_t kind;       /* enum map_kind */
    uint32_t outlets;    /* how many, from 1 */
    bool invert;         /* wired the other way: on and off change places in `read` and `write` */
    uint32_t settle_ms;  /* from a write to the reading that confirms it */
    uint32_t dwell_ms;   /* for the agent: an outlet stays off so long before it may be on again;
                            0: the agent's own */
    uint32_t stagger_ms; /* for the agent: between two switch-ons at this device */
    struct map_place read, write;
    bool write_bank; /* function 15 or 16 over all outlets or not at all: read, change one, write */

    /* The device's own off-and-on (`cycle`, only where asked for), or press of a button. */
    struct {
        uint32_t function, address, stride;
        uint32_t value;   /* written to start it; with unit_ms: the time in such units is added */
        uint32_t unit_ms; /* 0: the value tells no time */
        uint32_t ms;      /* how long it lasts */
        uint32_t time_function, time_address, time_stride, time_unit_ms; /* set before, if any */
        uint32_t goes;                                                   /* enum pulse_goes */
    } pulse;

    /* ---- buttons ---- */
    uint32_t press_ms, hold_ms; /* a short press, and one that forces it off */
    struct map_place sense;     /* what tells that the machine is on: power LED or 5 V. Else
                                   nothing does, and its state is unknown */
    struct map_place reset;     /* a relay at its reset header; function 0: there is none */

    /* ---- metering, of each outlet ---- */
    struct {
        uint32_t function, address, stride;
        uint32_t type;              /* enum meter_type */
        uint32_t order;             /* of two registers: enum word_order */
        uint32_t milliwatts;        /* one count is so many; f32: one watt is 1000 */
        struct option_uints absent; /* raw values that mean "not fitted" */
    } meter;

    /* ---- is it the product we think it is? ---- */
    struct {
        uint32_t function, address;
        struct option_uints expect; /* values of registers (or bits) from there on; none: one
                                       is read, and that it is there is enough */
    } probe;
    struct {
        uint32_t function, address; /* one register: how many outlets it has */
    } count;
};

enum { MAP_ROWS = 69 };
extern const struct option map_rows[];
extern const struct option_table map_options; /* of them */

/* What holds between settings: each line says which, for who wrote the profile. ERR_CONFIG. */
int map_check(const struct modbus_map *map, struct err *err);

/* Of outlet n. Pure. */
uint32_t map_address(const struct map_place *place, uint32_t outlet);
/* What a raw value (of a bit: 0 or 1) that was read at &map->read or &map->sense means;
 * POWER_UNKNOWN: neither. */
enum power map_power(const struct modbus_map *map, const struct map_place *place, uint16_t value);
/* What is written at &map->write or &map->reset; of a bit or for function 15: 0 or 1. */
uint16_t map_write_value(const struct modbus_map *map, const struct map_place *place, bool on);
/* Whether its pulse is an off-and-on of what hangs on the outlet. */
bool map_pulse_cycles(const struct modbus_map *map);

#endif
