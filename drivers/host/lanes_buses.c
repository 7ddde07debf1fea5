#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "drivers/host/lanes_private.h"

struct lanes_device *lanes_find(const struct lanes *lanes, const char *name)
{
    struct lanes_device *device;
    HASH_FIND_STR(lanes->by_name, name, device);
    return device;
}

/* True: the driver names a bus. Else the device is alone, whatever another's bus is called. */
static bool make_key(const char *name, const void *config, char key[BUS_SIZE + 16])
{
    char text[BUS_SIZE] = "";
    if (driver.blocking->bus)
        driver.blocking->bus(config, text);
    text[sizeof text - 1] = '\0';
    (void)snprintf(key, BUS_SIZE + 16, "%s %s", *text ? "bus" : "device", *text ? text : name);
    return *text;
}

static struct lanes_bus *find_or_add(struct lanes *lanes, const char *name, const void *config)
{
    char key[sizeof((struct lanes_bus *)0)->key];
    bool shared = make_key(name, config, key);
    struct lanes_bus *bus;
    HASH_FIND_STR(lanes->by_key, key, bus);
    if (bus || !(bus = calloc(1, sizeof *bus)))
        return bus;
    memcpy(bus->key, key, sizeof bus->key);
    bus->shared = shared;
    HASH_ADD_STR(lanes->by_key, key, bus);
    return bus;
}

void lanes_free_if_unused(struct lanes *lanes, struct lanes_bus *bus)
{
    if (bus->ndevices || bus->listed || bus->state != NO_LANE)
        return;
    HASH_DEL(lanes->by_key, bus);
    free(bus);
}

int lanes_join(struct lanes *lanes, struct lanes_device *device, const void *config)
{
    struct lanes_bus *bus = find_or_add(lanes, device->name, config), *old = device->bus;
    if (!bus)
        return -1;
    bus->outdated = bus->state != NO_LANE; /* its lane was forked without these settings */
    bus->silent = false;                   /* which may mend what was wrong */
    if (bus == old)
        return 0;
    bus->ndevices++;
    device->bus = bus;
    if (!old)
        return 0;
    old->ndevices--;
    lanes_free_if_unused(lanes, old);
    return 0;
}

void lanes_list(struct lanes *lanes, struct lanes_bus *bus)
{
    if (!bus->listed)
        DL_APPEND(lanes->busy, bus);
    bus->listed = true;
}

void lanes_unlist(struct lanes *lanes, struct lanes_bus *bus)
{
    if (bus->listed)
        DL_DELETE(lanes->busy, bus);
    bus->listed = false;
}
