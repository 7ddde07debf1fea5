/* config.h - the settings of one BMC, as a person writes them. */
#ifndef POWERCTL_IPMI_CONFIG_H
#define POWERCTL_IPMI_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/driver.h"
#include "drivers/ipmi/codec.h"
#include "proto/option.h"
#include "proto/words.h"

struct ipmi_config {
    char host[ADDRESS_SIZE];
    uint32_t port;
    char credentials[NAME_SIZE];
    struct option_uints cipher_suites; /* in order of preference */
    uint32_t privilege;                /* index: user, operator, admin */
    uint32_t workarounds;              /* bit n: enum ipmi_workaround */
    bool boot_timer;
    uint32_t codec; /* index: native, freeipmi */
    uint32_t retransmit_ms;
};

/* The credentials and settings as a login, checked: lengths, suites. 0 or -1 (ERR_CONFIG). */
int config_login(const struct ipmi_config *config, const struct driver_credentials *credentials,
                 struct login *out, struct err *err);

extern const struct driver_engine ipmi_engine; /* engine.c */

#endif
