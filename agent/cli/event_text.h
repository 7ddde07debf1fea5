/* event_text.h - one event in words: "n01 ADDRESSED 10.1.0.1". */
#ifndef POWERCTL_EVENT_TEXT_H
#define POWERCTL_EVENT_TEXT_H

#include <stdio.h>

#include "proto/api.h"

/* No '\n' at the end. Only the outcome is coloured. */
void event_put(FILE *out, bool colours, const struct job_event *event);

#endif
