/* check.h - reads devices from stdin and tells on stdout which of them the driver cannot use, by
 * their settings alone (driver.check); of the first hundred of them. */
#ifndef POWERCTL_DRIVERS_HOST_CHECK_H
#define POWERCTL_DRIVERS_HOST_CHECK_H

#include "proto/err.h"

/* 0 when stdin ended, whatever is wrong with the devices; -1: a line that is no device, no memory. */
int host_check(struct err *err);

#endif
