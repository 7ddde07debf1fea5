#include "agent/core/target.h"

#include <stdio.h>
#include <string.h>

void target_freeze(struct target *target, const struct inventory *inventory,
                   const struct feed *feed, uint32_t inrush_ma, uint32_t shares)
{
    *target = (struct target){.outlet = feed->outlet};
    if (feed->device == DEVICE_NONE)
        return;
    const struct device *device = &inventory->devices[feed->device];
    memcpy(target->device, device->config.device, NAME_SIZE);
    memcpy(target->driver, device->driver, NAME_SIZE);
    target->settings = inventory_fingerprint(device);
    target->dwell_ms = device->dwell_ms;
    target->stagger_ms = device->stagger_ms;
    target->inrush_ma = (inrush_ma + shares - 1) / shares;
    if (feed->circuit == CIRCUIT_NONE || feed->circuit >= inventory->ncircuits)
        return;
    const struct circuit *circuit = &inventory->circuits[feed->circuit];
    memcpy(target->circuit, circuit->name, NAME_SIZE);
    target->circuit_per_second = circuit->per_second;
    target->circuit_milliamps = circuit->milliamps;
}

bool target_exists(const struct target *target)
{
    return target->device[0] != '\0';
}

bool target_is_at(const struct target *target, const char *device, uint32_t outlet)
{
    return target->outlet == outlet && !strcmp(target->device, device);
}

void target_name(const struct target *target, char name[TARGET_NAME_SIZE])
{
    if (target->outlet)
        (void)snprintf(name, TARGET_NAME_SIZE, "%s outlet %u", target->device, target->outlet);
    else
        (void)snprintf(name, TARGET_NAME_SIZE, "%s", target->device);
}
