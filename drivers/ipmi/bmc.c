#include "drivers/ipmi/bmc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_DEFAULT = 623 };

/* "10.1.0.11", "10.1.0.11 port 6230", "bmc7 (10.1.0.11)". */
static void name_address(struct bmc *bmc, const struct ipmi_config *config)
{
    char number[64], port[16] = "";
    peer_text(&bmc->peer, number, sizeof number);
    if (config->port != PORT_DEFAULT)
        (void)snprintf(port, sizeof port, " port %u", config->port);
    if (!strcmp(number, config->host))
        (void)snprintf(bmc->address, sizeof bmc->address, "%s%s", number, port);
    else
        (void)snprintf(bmc->address, sizeof bmc->address, "%.24s (%s%s)", config->host, number,
                       port);
}

struct bmc *bmc_new(const char *device, const struct ipmi_config *config,
                    const struct driver_credentials *credentials, struct wire *wire,
                    struct codec *codec, struct rtt *neighbours, struct err *err)
{
    struct bmc *bmc = calloc(1, sizeof *bmc);
    if (!bmc) {
        err_set(err, ERR_SYSTEM, "%s: out of memory", device);
        return NULL;
    }
    (void)snprintf(bmc->device, sizeof bmc->device, "%s", device);
    bmc->suites = config->cipher_suites;
    if (config_login(config, credentials, &bmc->login, err) ||
        wire_resolve(wire, config->host, (uint16_t)config->port, &bmc->peer, err)) {
        bmc_free(bmc);
        return NULL;
    }
    name_address(bmc, config);
    bmc->session = (struct session){
        .codec = codec,
        .login = &bmc->login,
        .suites = &bmc->suites,
        .retransmit_ms = config->retransmit_ms,
        .boot_timer = config->boot_timer,
        .memory = &bmc->memory,
        .neighbours = neighbours,
        .address = bmc->address,
    };
    return bmc;
}

void bmc_free(struct bmc *bmc)
{
    if (!bmc)
        return;
    explicit_bzero(bmc, sizeof *bmc);
    free(bmc);
}

void bmc_remember(struct bmc *bmc, const struct bmc *before)
{
    bool same_login = !strcmp(bmc->login.user, before->login.user) &&
                      !strcmp(bmc->login.password.bytes, before->login.password.bytes);
    bool same_suites = !memcmp(&bmc->suites, &before->suites, sizeof bmc->suites);
    if (!peer_equal(&bmc->peer, &before->peer))
        return;
    bmc->memory = before->memory;
    bmc->memory.suite_known &= same_suites;
    if (!same_login) { /* a corrected password is tried at once */
        bmc->memory.auth_failures = 0;
        bmc->memory.locked_until_ms = 0;
    }
}
