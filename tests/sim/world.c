/* world.c - what a seed makes the world of: machines and their faults, and the inventory that
 * names them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"
#include "tests/sim/coverage.h"
#include "tests/sim/sim.h"

/* How likely a fault is, where a seed has it: of a request, a boot, a note; or (trait) that a
 * machine has it at all. */
static const struct {
    unsigned char least, most;
    bool trait;
} odds[FAULTS] = {
    /* clang-format off */
    [FAULT_REQUEST_LOST]       = { 1, 15, false }, [FAULT_REPLY_LOST]        = { 1, 15, false },
    [FAULT_REPLY_LATE]         = { 1,  6, false }, [FAULT_REPLY_TWICE]       = { 1, 30, false },
    [FAULT_REPLY_NEVER]        = { 1,  5, false }, [FAULT_DRIVER_DIED_UNSENT]= { 1,  6, false },
    [FAULT_DRIVER_DIED_MAYBE]  = { 1,  6, false }, [FAULT_BMC_DEAD]          = { 1,  3, false },
    [FAULT_BMC_BUSY]           = { 1, 20, false }, [FAULT_WRONG_PASSWORD]    = { 5, 30, true  },
    [FAULT_BMC_SLOW]           = { 10, 90, false },
    [FAULT_REFUSES]            = { 1,  6, false }, [FAULT_IGNORES_POWER]     = { 1, 20, false },
    [FAULT_ACTS_LATE]          = { 5, 60, false }, [FAULT_FLAPS]             = { 5, 40, false },
    [FAULT_READS_UNKNOWN]      = { 1, 10, false }, [FAULT_READS_WRONG]       = { 5, 40, false },
    [FAULT_DROPS_FLAG]         = { 5, 30, true  }, [FAULT_KEEPS_FLAG]        = { 5, 40, true  },
    [FAULT_PERSISTENT_FLAG]    = { 5, 30, true  }, [FAULT_IGNORES_CLEAR]     = { 5, 40, true  },
    [FAULT_NO_READ_BACK]       = { 5, 30, true  }, [FAULT_NO_EVIDENCE]       = { 5, 60, true  },
    [FAULT_DIES_AFTER_OFF]     = { 5, 30, true  }, [FAULT_DIES_AT_RESET]     = { 5, 40, true  },
    [FAULT_PDU_DEAD]           = { 1,  3, false }, [FAULT_OUTLET_STICKS]     = { 3, 20, false },
    [FAULT_BOOTS_DISK]         = { 5, 40, false }, [FAULT_HANGS_IN_POST]     = { 3, 20, false },
    [FAULT_DHCP_IGNORED]       = { 3, 20, false }, [FAULT_OFFER_IGNORED]     = { 3, 20, false },
    [FAULT_WRONG_SERVER]       = { 3, 20, false }, [FAULT_DHCP_NAK]          = { 3, 20, false },
    [FAULT_LOADER_MISSING]     = { 3, 20, false }, [FAULT_CONFIG_MISSING]    = { 3, 20, false },
    [FAULT_KERNEL_MISSING]     = { 3, 20, false }, [FAULT_INITRD_MISSING]    = { 3, 20, false },
    [FAULT_STALLS]             = { 2, 10, false }, [FAULT_HANGS_IN_LOADER]   = { 3, 20, false },
    [FAULT_HANGS_IN_KERNEL]    = { 3, 20, false }, [FAULT_HANGS_IN_INITRD]   = { 3, 20, false },
    [FAULT_NEVER_PHONES]       = { 3, 30, false }, [FAULT_LOOPS]             = { 3, 20, false },
    [FAULT_NOTE_LOST]          = { 1,  8, false }, [FAULT_NOTE_TWICE]        = { 5, 50, false },
    [FAULT_NOTE_REORDERED]     = { 1, 30, false }, [FAULT_NOTE_STALE]        = { 1, 30, false },
    /* clang-format on */
};

/* A seed has some of the faults, not all: two rare ones meet more often where others are silent. */
static void choose_faults(struct sim *sim, struct dice *dice)
{
    uint32_t share = dice_below(dice, 8) ? dice_between(dice, 5, 60) : 0;
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        bool has = dice_percent(dice, share);
        uint32_t percent =
            odds[fault].most ? dice_between(dice, odds[fault].least, odds[fault].most) : 0;
        sim->percent[fault] = has ? percent : 0;
    }
}

void world_endpoint(struct sim *sim, struct endpoint *end, uint64_t stream, bool is_outlet)
{
    end->dice = dice_stream(sim->seed, stream);
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        if (odds[fault].trait)
            end->traits[fault] = !is_outlet && dice_percent(&end->dice, sim->percent[fault]);
        else if (dice_below(&end->dice, 3))
            end->percent[fault] = sim->percent[fault];
    }
    if (is_outlet)
        return;
    end->traits[FAULT_IGNORES_POWER] = dice_percent(&end->dice, sim->percent[FAULT_IGNORES_POWER]);
    end->traits[FAULT_BMC_DEAD] = dice_percent(&end->dice, 4 * sim->percent[FAULT_BMC_DEAD]);
}

static void make_machine(struct sim *sim, struct dice *dice, unsigned index)
{
    struct machine *machine = &sim->machines[index];
    machine->index = index;
    world_endpoint(sim, &machine->bmc, 100 + index, false);
    machine->by_bmc = true; /* so far: outlets_begin() */
    machine->circuit = CIRCUITS;
    machine->boot_dice = dice_stream(sim->seed, 200 + index);
    machine->note_dice = dice_stream(sim->seed, 300 + index);
    machine->mac = (struct mac){{0x52, 0x54, 0, 0, 0, (uint8_t)(index + 1)}};
    machine->ip = (struct ipv4){0x0a000000 + index + 1};
    machine->network_first = dice_below(dice, 4) == 0;
    machine->by_logs = dice_below(dice, 4) == 0;
    machine->uefi_ipxe = dice_below(dice, 3) == 0;
    machine->etherboot = dice_below(dice, 5) == 0;
    machine->quick = dice_below(dice, 4) == 0;
    machine->one_file = dice_below(dice, 6) == 0;
    machine->nfs = dice_below(dice, 2);
    machine->restart_cause = (uint8_t)dice_below(dice, 4);
    machine->on = dice_below(dice, 3) != 0;
    machine->boot.up = machine->boot.kernel_up = machine->on;
    if (dice_below(dice, 20) == 0) /* an override of somebody else */
        machine->flag = (struct next_boot){.valid = true, .device = BOOT_DISK};
}

/* ---- the inventory ---- */

/* Device i is machine i's BMC; PDUs come behind them. */
static void name_bmcs(struct sim *sim, struct inventory *inventory)
{
    for (size_t i = 0; i < sim->nmachines; i++) {
        struct device *device = &inventory->devices[i];
        (void)snprintf(device->driver, NAME_SIZE, "ipmi");
        (void)snprintf(device->config.device, NAME_SIZE, "b%02zu", i + 1);
        device->config.nsettings = 1;
        device->config.settings = calloc(1, sizeof *device->config.settings);
        if (!device->config.settings)
            abort();
        (void)snprintf(device->config.settings[0].name, NAME_SIZE, "host");
        (void)snprintf(device->config.settings[0].value, DRIVER_SETTING_SIZE, "10.1.%u.%zu",
                       sim->settings_differ && i == 0 ? 9 : 0, i);
    }
}

unsigned world_node_machine(const struct sim *sim, const char *node)
{
    const char *slash = strchr(node, '/');
    if (slash) {
        const struct outlet *outlet = sim->outlets;
        char pdu[NAME_SIZE];
        (void)snprintf(pdu, sizeof pdu, "%.*s", (int)(slash - node), node);
        while (strcmp(sim->pdus[outlet->pdu].name, pdu) != 0 ||
               outlet->number != strtoul(slash + 1, NULL, 10))
            outlet++;
        return (unsigned)__builtin_ctz(outlet->bodies);
    }
    unsigned number = (unsigned)strtoul(node + 1, NULL, 10) - 1;
    return number == sim->swap_a ? sim->swap_b : number == sim->swap_b ? sim->swap_a : number;
}

static void name_nodes(struct sim *sim, struct inventory *inventory)
{
    struct dice dice = dice_stream(sim->seed, 1); /* the same in every inventory of a seed */
    for (size_t i = 0; i < sim->nmachines; i++) {
        struct node *node = &inventory->nodes[i];
        (void)snprintf(node->name, NAME_SIZE, "n%02zu", i + 1);
        const struct machine *machine = &sim->machines[world_node_machine(sim, node->name)];
        node->control =
            (struct feed){machine->by_bmc ? machine->index : DEVICE_NONE, 0,
                          machine->circuit < CIRCUITS ? machine->circuit : CIRCUIT_NONE};
        node->inrush_ma = machine->inrush_ma;
        node->next_boot = dice_below(&dice, 12) ? machine->index : DEVICE_NONE;
        node->nmacs = 1;
        node->macs[0] = machine->mac;
        node->firmware = machine->uefi_ipxe ? FIRMWARE_UEFI : FIRMWARE_LEGACY;
        static const enum up_proof proofs[] = {UP_BY_PHONE_HOME, UP_BY_PHONE_HOME, UP_BY_PORT,
                                               UP_NOT_WATCHED};
        node->up = proofs[dice_below(&dice, ARRAY_SIZE(proofs))];
        node->up_port = 22;
        if (dice_below(&dice, 3) == 0)
            node->address = machine->ip;
        node->native_cycle = dice_below(&dice, 2);
        node->boot_by_reset = dice_below(&dice, 3) == 0;
        node->protect = dice_below(&dice, 30) == 0;
    }
}

static void set_deadlines(struct deadlines *deadlines, struct dice *dice)
{
    deadlines->command = 5000;
    deadlines->off = deadlines->on = 8000;
    deadlines->soft_off = 25000;
    deadlines->dwell = 2000;
    deadlines->post = 15000;
    deadlines->addressed = deadlines->loader = deadlines->loader_up = 10000;
    deadlines->config = deadlines->kernel = deadlines->kernel_up = 10000;
    deadlines->root = deadlines->up = 10000;
    deadlines->bmc_back = dice_below(dice, 3) ? 150000 : 60000;
    deadlines->stall = dice_below(dice, 2) ? 1600 : 10000;
    deadlines->total = dice_below(dice, 3) ? 600000 : 60000;
}

struct inventory *world_inventory(struct sim *sim)
{
    struct inventory *inventory = inventory_new();
    struct err err;
    if (!inventory)
        abort();
    inventory->ndevices = sim->nmachines + PDUS;
    inventory->nnodes = sim->nmachines + sim->noutlets;
    inventory->devices = calloc(inventory->ndevices, sizeof *inventory->devices);
    inventory->nodes = calloc(inventory->nnodes, sizeof *inventory->nodes);
    inventory->groups = calloc(1, sizeof *inventory->groups);
    inventory->ngroups = 1;
    (void)snprintf(inventory->groups[0].name, NAME_SIZE, "all");
    inventory->groups[0].expression = malloc(32);
    (void)snprintf(inventory->groups[0].expression, 32, "n[01-%02zu]", sim->nmachines);
    name_bmcs(sim, inventory);
    name_nodes(sim, inventory);
    outlets_name(sim, inventory, sim->nmachines);
    struct dice dice = dice_stream(sim->seed, 2);
    inventory->sees_boots = true;
    inventory->limits.confirm_above = 3;
    inventory->limits.power_on_per_second = dice_between(&dice, 1, 5);
    inventory->limits.booting_at_once = dice_between(&dice, 1, 4);
    inventory->limits.jobs_kept = dice_between(&dice, 1, 20);
    inventory->limits.retries = dice_below(&dice, 3);
    set_deadlines(&inventory->deadlines, &dice);
    if (inventory_seal(inventory, &err))
        abort();
    return inventory;
}

struct machine *world_bmc(struct sim *sim, const char *device, uint32_t outlet)
{
    unsigned long index = strtoul(device + 1, NULL, 10) - 1;
    return device[0] == 'b' && !outlet && index < sim->nmachines ? &sim->machines[index] : NULL;
}

/* ---- the beginning ---- */

static void begin_time(struct sim *sim, struct dice *dice)
{
    static const uint64_t starts[] = {1000,
                                      1000,
                                      86400000,
                                      (UINT64_C(1) << 31) - 30000,
                                      (UINT64_C(1) << 32) - 30000,
                                      (UINT64_C(1) << 42) + 12345};
    uint32_t which = dice_below(dice, ARRAY_SIZE(starts));
    sim->now_ms = sim->began_ms = starts[which];
    if (which == 3)
        fault_happened(FAULT_CLOCK_31_BITS);
    if (which == 4)
        fault_happened(FAULT_CLOCK_32_BITS);
}

static void schedule_trouble(struct sim *sim, struct dice *dice)
{
    if (dice_below(dice, 3) == 0)
        for (uint32_t i = dice_between(dice, 1, 3); i; i--)
            sim_later(sim, dice_below(dice, 240000), HAPPENS_BLOCK);
    if (dice_below(dice, 6) == 0)
        sim_later(sim, dice_below(dice, 240000), HAPPENS_STOP);
    for (uint32_t i = dice_below(dice, 4); i; i--) {
        struct happening *self = sim_later(sim, dice_below(dice, 240000), HAPPENS_SELF);
        self->machine = dice_below(dice, (uint32_t)sim->nmachines);
        self->number = dice_below(dice, 2);
    }
    if (dice_below(dice, 2))
        sim_later(sim, dice_between(dice, 30000, 400000), HAPPENS_CALM);
    sim_later(sim, 50, HAPPENS_STRAY);
}

void world_begin(struct sim *sim)
{
    struct dice dice = dice_stream(sim->seed, 3);
    begin_time(sim, &dice);
    sim->stray_dice = dice_stream(sim->seed, 4);
    sim->agent_dice = dice_stream(sim->seed, 5);
    sim->nmachines = dice_between(&dice, 2, MACHINES_MAX);
    sim->swap_a = sim->swap_b = MACHINES_MAX;
    choose_faults(sim, &dice);
    for (unsigned i = 0; i < sim->nmachines; i++)
        make_machine(sim, &dice, i);
    outlets_begin(sim);
    sim->inventory = world_inventory(sim);
    schedule_trouble(sim, &dice);
}
