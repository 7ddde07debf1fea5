/* pulse.h - what a device times itself: an outlet's off-and-on, a button's press.
 *
 * A pulse is one write and is never sent again: two are two cycles. */
#ifndef POWERCTL_MODBUS_PULSE_H
#define POWERCTL_MODBUS_PULSE_H

#include "drivers/modbus/unit.h"

/* Whether it can last so long. */
bool pulse_can_last(const struct modbus_map *map, uint32_t ms);

/* Starts one that lasts so long (its time is set before, if the device has it apart). err.sent is
 * of the pulse itself. */
int pulse_start(struct unit *unit, uint32_t outlet, uint32_t ms, struct err *err);

/* OP_CYCLE: only of an outlet that is on; done when it was seen off, and then on. */
int pulse_cycle(struct unit *unit, uint32_t outlet, struct err *err);

#endif
