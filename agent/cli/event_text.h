/* event_text.h - one event in words: "n01 ADDRESSED 10.1.0.1". */
#ifndef POWERCTL_EVENT_TEXT_H
#define POWERCTL_EVENT_TEXT_H

#include <stdio.h>

#include "proto/api.h"

/* No '\n' at the end. Only the outcome is coloured. `wanted` is what the node's last command is to
 * bring: another reading is "still on", not a failure; POWER_UNKNOWN if nobody knows. */
void event_put(FILE *out, bool colours, const struct job_event *event, enum power wanted);

/* Of an EVENT_COMMAND, "power-off to bmc-n01": what was sent. -1 if it cannot be read. */
int event_command(const struct job_event *event, enum op *op);
/* What is seen once it worked; POWER_UNKNOWN: nothing, or on again after off. */
enum power op_wanted(enum op op);

#endif
