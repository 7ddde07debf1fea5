/* confirm.h - the question before many nodes are touched. */
#ifndef POWERCTL_CONFIRM_H
#define POWERCTL_CONFIRM_H

#include <stdbool.h>
#include <stdio.h>

#include "proto/api.h"

/* "power off 32 nodes (n[01-32])? type 32 to go on: "; true if exactly that number came. */
bool confirm_ask(FILE *in, FILE *out, enum verb verb, const struct problem *problem);

/* "power off", for sentences. */
const char *verb_phrase(enum verb verb);

#endif
