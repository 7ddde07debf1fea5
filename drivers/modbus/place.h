/* place.h - a value per outlet: read for all of them, or written for one. */
#ifndef POWERCTL_MODBUS_PLACE_H
#define POWERCTL_MODBUS_PLACE_H

#include "drivers/modbus/unit.h"

/* In one request where they are neighbours. A place with function 0 leaves `values` alone. */
int place_read(struct unit *unit, const struct map_place *place, uint16_t values[OUTLETS_MAX],
               struct err *err);
int place_read_one(struct unit *unit, const struct map_place *place, uint32_t outlet,
                   uint16_t *value, struct err *err);

/* &map.write or &map.reset of one outlet alone. */
int place_write(struct unit *unit, const struct map_place *place, uint32_t outlet, bool on,
                struct err *err);

/* All outlets at once, one of them changed: map.write of a product that takes it only so. The
 * others as they were read, which must be on or off each: ERR_DEVICE, nothing written. */
int place_write_bank(struct unit *unit, uint32_t outlet, bool on, struct err *err);

/* Where a relay that is written at `place` can be read back, for what map.read does not cover. */
struct map_place place_mirror(const struct modbus_map *map, const struct map_place *place);

#endif
