/* target.h - something that can be switched, by value: a BMC, a button, an outlet.  Frozen when a job
 * is admitted, so that a reload never re-aims it. Private to agent/core. */
#ifndef POWERCTL_CORE_TARGET_H
#define POWERCTL_CORE_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/inventory.h"

struct target {
    char device[NAME_SIZE], driver[NAME_SIZE]; /* device "": there is none */
    uint32_t outlet;                           /* 0: the device has none */
    uint64_t settings;                         /* inventory_fingerprint() of the device */
    uint32_t dwell_ms;                         /* it stays off so long; 0: deadlines.dwell */
    uint32_t stagger_ms;                       /* between two switch-ons at its device; 0: none */
    char circuit[NAME_SIZE];                   /* what its switching on loads; "": none */
    uint32_t circuit_per_second;               /* as struct circuit has them */
    uint32_t circuit_milliamps;
    uint32_t inrush_ma; /* its share of what the node draws when switched on */
};

/* `shares`: over so many targets the node's inrush is spread. */
void target_freeze(struct target *target, const struct inventory *inventory,
                   const struct feed *feed, uint32_t inrush_ma, uint32_t shares);

bool target_exists(const struct target *target);
/* Of the same device (by name) and outlet. */
bool target_is_at(const struct target *target, const char *device, uint32_t outlet);

enum { TARGET_NAME_SIZE = NAME_SIZE + 20 };
/* For people: "bmc-n01", "pdu-b outlet 3". */
void target_name(const struct target *target, char name[TARGET_NAME_SIZE]);

#endif
