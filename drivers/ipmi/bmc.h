/* bmc.h - one BMC: its address, its login, its queue, its session and what is remembered of it.
 *
 * Two devices at one address are two BMCs here: give each BMC one device. */
#ifndef POWERCTL_IPMI_BMC_H
#define POWERCTL_IPMI_BMC_H

#include <stdint.h>

#include "drivers/ipmi/config.h"
#include "drivers/ipmi/index.h"
#include "drivers/ipmi/queue.h"
#include "drivers/ipmi/session.h"
#include "drivers/ipmi/wire.h"
#include "proto/timers.h"

struct bmc {
    struct index_node by_name, by_address;
    struct timer timer;
    char device[NAME_SIZE];
    char address[96]; /* for texts */
    struct peer peer;
    struct login login;
    struct option_uints suites;
    struct memory memory;
    struct session session;
    struct queue queue;
    struct bmc *next, **place; /* of all; place: what points here */
};

/* Everything but its places in the engine's indexes. NULL with *err set. */
struct bmc *bmc_new(const char *device, const struct ipmi_config *config,
                    const struct driver_credentials *credentials, struct wire *wire,
                    struct codec *codec, struct rtt *neighbours, struct err *err);
void bmc_free(struct bmc *bmc); /* wipes the password */

/* Pace, suite and lockout of the BMC that was called so before, if it is the same one. */
void bmc_remember(struct bmc *bmc, const struct bmc *before);

#endif
