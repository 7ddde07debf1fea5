/* devices.h - the devices this driver was told of, as checked configs, and the secrets they need.
 *
 * A device with bad settings is kept with the reason, so that requests for it can say why. */
#ifndef POWERCTL_DRIVERS_HOST_DEVICES_H
#define POWERCTL_DRIVERS_HOST_DEVICES_H

#include <stdbool.h>

#include "drivers/driver.h"

struct secrets {
    struct driver_credentials *rows;
    size_t count;
};

/* Reads `fd` to its end and closes it; not open, or not readable: no secrets. Lines that are no
 * credentials are reported on stderr and skipped. 0, or -1: read failed, no memory. */
int secrets_read(struct secrets *secrets, int fd, struct err *err);
void secrets_wipe(struct secrets *secrets);

struct device;
struct devices {
    struct device *by_name;
};

struct device_view {
    const void *config;                           /* NULL: refused */
    const struct driver_credentials *credentials; /* NULL: it needs none */
    struct err refusal;
};

/* Puts in or replaces one. 0, or -1: refused, *err says why (and is remembered). */
int devices_put(struct devices *devices, const struct secrets *secrets,
                const struct driver_device *device, struct err *err);
/* Remembers a refusal that came later, from the engine. */
void devices_refuse(struct devices *devices, const char *name, const struct err *err);
/* False: no such device. */
bool devices_get(const struct devices *devices, const char *name, struct device_view *out);
void devices_clear(struct devices *devices);

#endif
