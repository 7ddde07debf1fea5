/* button.h - relays wired to machines' power and reset buttons.
 *
 * A button toggles: what a press does depends on what the machine is. So its sense input is read
 * before each press, and a machine without one can be reset only.
 * A button that stays pressed is dangerous (the machine goes off whenever it comes on): a press
 * that may have begun is always ended, read back, and if that fails the error says so first.  A
 * device that times its presses itself is asked to: then nothing hangs on us. */
#ifndef POWERCTL_MODBUS_BUTTON_H
#define POWERCTL_MODBUS_BUTTON_H

#include "drivers/modbus/unit.h"

/* Presses what makes it so, if it is not so: on and soft by a short press, off by one that lasts
 * until the sense input says off or map.hold_ms, reset by the reset relay. */
int button_on(struct unit *unit, uint32_t machine, struct err *err);
int button_off(struct unit *unit, uint32_t machine, struct err *err);
int button_soft(struct unit *unit, uint32_t machine, struct err *err);
int button_reset(struct unit *unit, uint32_t machine, struct err *err);

#endif
