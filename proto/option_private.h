/* option_private.h - the words for option types in a driver's description. */
#ifndef POWERCTL_OPTION_PRIVATE_H
#define POWERCTL_OPTION_PRIVATE_H

#include "proto/option.h"

enum { OPTION_CHOICES_MAX = 32 }; /* FLAGS are the bits of a uint32_t */

const char *option_type_name(enum option_type type);
int option_type_parse(const char *word, enum option_type *type); /* 0 or -1 */

#endif
