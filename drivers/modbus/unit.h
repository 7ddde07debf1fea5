/* unit.h - what is known of one device on a link: its map, whether it was recognised, what was
 * read of it last.
 *
 * A unit is recognised (probe.h) once per connection, and again after it was silent: another
 * may have been plugged in. Nothing is written to one that is not.
 * What was read answers every question that was asked before the reading began, until something
 * is written to the unit, through this device or another one; so do failures. */
#ifndef POWERCTL_MODBUS_UNIT_H
#define POWERCTL_MODBUS_UNIT_H

#include "drivers/modbus/link.h"
#include "drivers/modbus/map.h"

struct reading {
    bool done;
    uint64_t began_ms;
    uint32_t writes; /* link_writes() when it began */
    struct err err;  /* ERR_NONE: it succeeded */
};

struct unit {
    char device[NAME_SIZE];
    struct modbus_map map;
    struct link *link;
    uint32_t recognised; /* in this connection; 0: not */
    uint32_t counted;    /* outlets it says it has; 0: it does not say */

    struct reading bank;
    uint16_t value[OUTLETS_MAX]; /* of outlet n at n - 1, from map.read, of buttons map.sense */

    struct reading meter[OUTLETS_MAX];
    bool has_watts[OUTLETS_MAX];
    uint32_t milliwatts[OUTLETS_MAX];
};

bool unit_is_recognised(const struct unit *unit);

/* Errors as of link_ask(). A write to a unit that is not recognised: ERR_UNREACHABLE, SENT_NO. */
int unit_read(struct unit *unit, uint32_t function, uint32_t address, uint32_t count,
              uint16_t values[PDU_VALUES_MAX], struct err *err);
int unit_write(struct unit *unit, uint32_t function, uint32_t address, uint32_t count,
               const uint16_t *values, struct err *err);

/* Whether a reading answers a question that was asked then. */
bool reading_answers(const struct unit *unit, const struct reading *reading, uint64_t asked_ms);
struct reading reading_begin(const struct unit *unit);
/* With its err set. One that failed when its request had no more time answers no other. */
void reading_end(const struct unit *unit, struct reading *reading);

/* "10.1.0.5:502 unit 3", put before the text. Returns -1. */
int unit_prefix(const struct unit *unit, struct err *err);

#endif
