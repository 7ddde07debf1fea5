/* boot.c - the order of a boot, its waits, and where it hangs. */
#include <string.h>

#include "tests/peers/pxe_nodes/nodes.h"

const char *const stage_names[STAGES] = {
    [STAGE_OFF] = "off",         [STAGE_POST] = "post",       [STAGE_ROM_DHCP] = "rom-dhcp",
    [STAGE_ROM_ARP] = "rom-arp", [STAGE_LOADER] = "loader",   [STAGE_LOADER_DHCP] = "loader-dhcp",
    [STAGE_CONFIG] = "config",   [STAGE_KERNEL] = "kernel",   [STAGE_INITRD] = "initrd",
    [STAGE_BOOT] = "boot",       [STAGE_OS_DHCP] = "os-dhcp", [STAGE_INIT] = "init",
    [STAGE_UP] = "up",           [STAGE_DISK] = "disk",       [STAGE_DISK_UP] = "disk-up",
    [STAGE_HUNG] = "hung",       [STAGE_FAILED] = "failed",
};

bool node_is_up(const struct node *node)
{
    return node->stage == STAGE_UP || node->stage == STAGE_DISK_UP;
}

void node_wait(struct swarm *swarm, struct node *node, unsigned ms)
{
    node->due_us = swarm->now_us + ms * 1000ull;
}

static const struct fault *fault_now(const struct node *node, int kind, enum stage stage)
{
    for (size_t i = 0; i < FAULTS_MAX; i++) {
        const struct fault *fault = &node->faults[i];
        if ((int)fault->kind == kind && (kind != FAULT_HANG || fault->stage == stage) &&
            (fault->boot == 0 || fault->boot == node->counts.boots))
            return fault;
    }
    return NULL;
}

const struct fault *node_hangs_here(const struct node *node)
{
    return fault_now(node, FAULT_HANG, node->stage);
}

static void log_stage(struct swarm *swarm, const struct node *node)
{
    if (!swarm->log)
        return;
    fprintf(swarm->log, "%llu %s boot %u %s%s%s\n", (unsigned long long)(swarm->now_us / 1000),
            node_name(swarm, node), node->counts.boots, stage_names[node->stage],
            node->reason[0] ? ": " : "", node->reason);
    (void)fflush(swarm->log);
}

static void node_ends(struct swarm *swarm, struct node *node, enum stage stage)
{
    node->stage = stage;
    node->due_us = UINT64_MAX;
    log_stage(swarm, node);
}

void node_fail(struct swarm *swarm, struct node *node, const char *reason)
{
    (void)snprintf(node->reason, sizeof node->reason, "in %s: %s", stage_names[node->stage],
                   reason);
    node_ends(swarm, node, STAGE_FAILED);
}

void node_hang(struct swarm *swarm, struct node *node)
{
    const struct transfer *transfer = &node->transfer;
    const unsigned percent =
        transfer->total ? (unsigned)(transfer->bytes * 100 / transfer->total) : 100;
    (void)snprintf(node->reason, sizeof node->reason, "in %s, %u%%", stage_names[node->stage],
                   percent);
    node_ends(swarm, node, STAGE_HUNG);
}

const char *node_file(const struct swarm *swarm, const struct node *node)
{
    if (node->stage == STAGE_LOADER)
        return node->bootfile;
    if (node->stage == STAGE_CONFIG)
        return swarm->ipxe ? node->bootfile : swarm->config;
    if (node->stage == STAGE_KERNEL)
        return swarm->kernel;
    return node->stage == STAGE_INITRD ? swarm->initrd : NULL;
}

/* What a boot skips: no iPXE, no config, no RAM disk. */
static bool stage_is_skipped(const struct swarm *swarm, const struct node *node)
{
    if (node->stage == STAGE_LOADER_DHCP)
        return !swarm->ipxe;
    const bool fetches =
        node->stage == STAGE_CONFIG || node->stage == STAGE_KERNEL || node->stage == STAGE_INITRD;
    return fetches && !node_file(swarm, node);
}

static void stage_enter(struct swarm *swarm, struct node *node)
{
    node->tries = 0;
    node->requesting = false;
    node->transfer = (struct transfer){0};
    log_stage(swarm, node);
    switch (node->stage) {
    case STAGE_ROM_DHCP:
    case STAGE_LOADER_DHCP:
    case STAGE_OS_DHCP:
        node->transaction = swarm_random(swarm);
        dhcp_ask(swarm, node);
        node_wait(swarm, node, 1000);
        return;
    case STAGE_ROM_ARP:
        arp_ask(swarm, node);
        node_wait(swarm, node, 1000);
        return;
    case STAGE_LOADER:
        tftp_begin(swarm, node, true);
        return;
    case STAGE_CONFIG:
    case STAGE_KERNEL:
    case STAGE_INITRD:
        tftp_begin(swarm, node, false);
        return;
    case STAGE_BOOT:
        node_wait(swarm, node, swarm->pace.kernel_ms);
        return;
    case STAGE_INIT:
        node_wait(swarm, node, swarm->pace.init_ms);
        return;
    case STAGE_UP:
    case STAGE_DISK_UP:
        node->counts.ups += node->stage == STAGE_UP;
        node->due_us = UINT64_MAX;
        return;
    case STAGE_OFF:
    case STAGE_POST:
    case STAGE_DISK:
    case STAGE_HUNG:
    case STAGE_FAILED:
    case STAGES:
        return;
    }
}

static void count_fetched(struct node *node)
{
    node->counts.loaders += node->stage == STAGE_LOADER;
    node->counts.kernels += node->stage == STAGE_KERNEL;
    node->counts.initrds += node->stage == STAGE_INITRD;
}

void node_advance(struct swarm *swarm, struct node *node)
{
    count_fetched(node);
    if (node_hangs_here(node)) {
        node_hang(swarm, node);
        return;
    }
    do
        node->stage++;
    while (stage_is_skipped(swarm, node));
    if (node->stage == STAGE_UP && node->from_disk)
        node->stage = STAGE_DISK_UP;
    stage_enter(swarm, node);
}

/* POST is over: the boot device decides. */
static void post_done(struct swarm *swarm, struct node *node)
{
    if (fault_now(node, FAULT_DISK_OS, 0)) {
        node->from_disk = true;
        node->stage = STAGE_BOOT;
        stage_enter(swarm, node);
    } else if (node->from_disk || fault_now(node, FAULT_DISK, 0)) {
        node_ends(swarm, node, STAGE_DISK);
    } else {
        node_advance(swarm, node);
    }
}

void node_power(struct swarm *swarm, struct node *node, bool on, const char *boots_from)
{
    if (!on) {
        node->address = 0;
        node->reason[0] = '\0';
        if (node->stage != STAGE_OFF)
            node_ends(swarm, node, STAGE_OFF);
        return;
    }
    const unsigned spread = swarm->pace.post_spread_ms;
    node->counts.boots++;
    node->stage = STAGE_POST;
    node->address = 0;
    node->reason[0] = '\0';
    node->from_disk = strcmp(boots_from, "network") != 0;
    node->on_us = swarm->now_us;
    node->transfer = (struct transfer){0};
    log_stage(swarm, node);
    node_wait(swarm, node, swarm->pace.post_ms + (spread ? swarm_random(swarm) % spread : 0));
}

static void ask_again(struct swarm *swarm, struct node *node)
{
    enum { TRIES = 5 };
    if (++node->tries >= TRIES) {
        node_fail(swarm, node, "no answer");
        return;
    }
    if (node->stage == STAGE_ROM_ARP)
        arp_ask(swarm, node);
    else if (node_file(swarm, node))
        tftp_ask(swarm, node);
    else
        dhcp_ask(swarm, node);
    node_wait(swarm, node, 1000u << node->tries);
}

void node_time_is_up(struct swarm *swarm, struct node *node)
{
    switch (node->stage) {
    case STAGE_POST:
        if (node_hangs_here(node))
            node_hang(swarm, node);
        else
            post_done(swarm, node);
        return;
    case STAGE_BOOT:
    case STAGE_INIT:
        node_advance(swarm, node);
        return;
    case STAGE_LOADER:
    case STAGE_CONFIG:
    case STAGE_KERNEL:
    case STAGE_INITRD:
        if (node->transfer.ack_due)
            tftp_ask(swarm, node);
        else
            ask_again(swarm, node);
        return;
    case STAGE_ROM_DHCP:
    case STAGE_ROM_ARP:
    case STAGE_LOADER_DHCP:
    case STAGE_OS_DHCP:
        ask_again(swarm, node);
        return;
    case STAGE_OFF:
    case STAGE_UP:
    case STAGE_DISK:
    case STAGE_DISK_UP:
    case STAGE_HUNG:
    case STAGE_FAILED:
    case STAGES:
        node->due_us = UINT64_MAX;
        return;
    }
}
