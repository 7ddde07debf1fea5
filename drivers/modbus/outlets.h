/* outlets.h - the outlets of a unit: which are on, and switching one.
 *
 * Reading: the whole bank, for all questions that were asked before.
 * Switching: recognise and read, write once, let it settle, and read back, always: an echo alone
 * proves nothing. */
#ifndef POWERCTL_MODBUS_OUTLETS_H
#define POWERCTL_MODBUS_OUTLETS_H

#include "drivers/modbus/unit.h"

enum {
    OUTLETS_CONFIRM_MS = 1500, /* after settle_ms, for a reading that says otherwise */
    OUTLETS_POLL_MS = 50,
};

/* Where what an outlet is comes from: of buttons, what their machines are. */
const struct map_place *outlets_place(const struct modbus_map *map);

/* unit->value as it was read at asked_ms or later, of a unit that is recognised. */
int outlets_read(struct unit *unit, uint64_t asked_ms, struct err *err);

/* On or off; a value that means neither: ERR_DEVICE. */
int outlets_power(struct unit *unit, uint32_t outlet, uint64_t asked_ms, enum power *power,
                  struct err *err);

int outlets_switch(struct unit *unit, uint32_t outlet, bool on, struct err *err);

/* An exception that says "I am at it" (5) is no refusal: reading will tell. */
bool outlets_is_at_it(const struct err *err);

#endif
