/* meter.h - what an outlet draws. */
#ifndef POWERCTL_MODBUS_METER_H
#define POWERCTL_MODBUS_METER_H

#include "drivers/modbus/unit.h"

/* Pure. `raw` are the one or two registers of a value, as they lie on the wire. False: absent, or
 * no number. What flows backwards is nothing drawn. */
bool meter_decode(const struct modbus_map *map, const uint16_t *raw, uint32_t *milliwatts);

/* False: it is not metered, not fitted, or could not be read: a meter that fails must not make an
 * outlet's state unknown. */
bool meter_read(struct unit *unit, uint32_t outlet, uint64_t asked_ms, uint32_t *milliwatts);

#endif
