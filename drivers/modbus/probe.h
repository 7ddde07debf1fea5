/* probe.h - is it the product its profile describes?  Asked before anything is written: with a
 * wrong address, outlet 3's command would switch another machine's outlet. */
#ifndef POWERCTL_MODBUS_PROBE_H
#define POWERCTL_MODBUS_PROBE_H

#include "drivers/modbus/unit.h"

/* Reads what map.probe expects, how many outlets it says it has, and all that will be read later:
 * the bank (into unit->value), of buttons their relays too. Then the unit is recognised, in the
 * connection that stands.  ERR_DEVICE: it is another; all else as of link_ask(). */
int probe_unit(struct unit *unit, struct err *err);

#endif
