/* outlet.c - PDUs and their outlets: who hangs on which, and what becomes of those when one is
 * switched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/coverage.h"
#include "tests/sim/oracle.h"
#include "tests/sim/sim.h"

enum { RESTORE_MOST_MS = 5000, BMC_BACK_LEAST_MS = 20000, BMC_BACK_MOST_MS = 120000 };

uint32_t bit(unsigned index)
{
    return UINT32_C(1) << index;
}

bool machine_fed(const struct sim *sim, const struct machine *machine)
{
    for (size_t i = 0; i < machine->nfeeds; i++)
        if (sim->outlets[machine->feeds[i]].on)
            return true;
    return machine->nfeeds == 0;
}

/* ---- switching ---- */

static void loses_power(struct sim *sim, struct machine *machine, uint32_t cause)
{
    machine->ran_when_fed = machine->on;
    machine->bmc.act++; /* what its BMC had still to do is lost with it */
    machine_power(sim, machine, false, cause);
}

static void has_power(struct sim *sim, struct machine *machine, uint32_t cause)
{
    struct dice *dice = &machine->bmc.dice;
    if (!machine->by_bmc) {
        machine_power(sim, machine, true, cause);
        return;
    }
    machine->bmc.dead_until_ms = 0;
    machine->bmc_back_ms = sim->now_ms + dice_between(dice, BMC_BACK_LEAST_MS, BMC_BACK_MOST_MS);
    struct happening *restore = sim_later(
        sim, dice_below(dice, 2) ? 0 : dice_below(dice, RESTORE_MOST_MS), HAPPENS_RESTORE);
    restore->machine = machine->index;
    restore->number = machine->bmc.act;
    restore->cause = cause;
}

void outlet_restore(struct sim *sim, const struct happening *happening)
{
    struct machine *machine = &sim->machines[happening->machine];
    if (machine->bmc.act != happening->number || !machine_fed(sim, machine))
        return;
    bool on = machine->restore == RESTORES_ON ||
              (machine->restore == RESTORES_LAST && machine->ran_when_fed);
    fault_happened(on ? FAULT_RESTORES_POWER : FAULT_STAYS_DARK);
    machine->restart_cause = 6; /* by its policy */
    if (on)
        machine_power(sim, machine, true, happening->cause);
}

void outlet_switch(struct sim *sim, struct outlet *outlet, bool on, uint32_t cause)
{
    bool fed[BODIES_MAX];
    if (outlet->on == on)
        return;
    for (unsigned i = 0; i < BODIES_MAX; i++)
        fed[i] = machine_fed(sim, &sim->machines[i]);
    outlet->on = on;
    outlet->edge_ms = sim->now_ms;
    outlet->cause = cause;
    trace_line(sim, "%s/%u is %s, by request %u", sim->pdus[outlet->pdu].name, outlet->number,
               on ? "on" : "off", cause);
    oracle_outlet(sim, outlet);
    for (unsigned i = 0; i < BODIES_MAX; i++) {
        struct machine *machine = &sim->machines[i];
        if (!(outlet->bodies & bit(i)) || machine_fed(sim, machine) == fed[i])
            continue;
        if (on)
            has_power(sim, machine, cause);
        else
            loses_power(sim, machine, cause);
    }
}

struct outlet *outlet_find(struct sim *sim, const char *device, uint32_t number)
{
    for (size_t i = 0; i < sim->noutlets; i++) {
        struct outlet *outlet = &sim->outlets[i];
        if (outlet->number == number && !strcmp(sim->pdus[outlet->pdu].name, device))
            return outlet;
    }
    return NULL;
}

/* ---- the world's ---- */

static unsigned add_outlet(struct sim *sim, struct dice *dice, unsigned pdu, bool on)
{
    struct outlet *outlet = &sim->outlets[sim->noutlets];
    outlet->index = (unsigned)sim->noutlets;
    outlet->pdu = pdu;
    outlet->number = 1;
    for (size_t i = 0; i < sim->noutlets; i++)
        outlet->number += sim->outlets[i].pdu == pdu;
    outlet->on = on;
    outlet->circuit = dice_below(dice, 2) ? dice_below(dice, CIRCUITS) : CIRCUITS;
    world_endpoint(sim, &outlet->end, 500 + outlet->index, true);
    outlet->end.traits[FAULT_OUTLET_STICKS] =
        dice_percent(&outlet->end.dice, sim->percent[FAULT_OUTLET_STICKS]);
    return (unsigned)sim->noutlets++;
}

static void feed(struct sim *sim, struct machine *machine, unsigned outlet)
{
    machine->feeds[machine->nfeeds++] = outlet;
    sim->outlets[outlet].bodies |= bit(machine->index);
}

/* On one, two or three PDUs; now and then two at the same one. */
static void hang_on_outlets(struct sim *sim, struct dice *dice, struct machine *machine)
{
    static const size_t counts[] = {1, 1, 2, 2, 2, 3};
    size_t count = counts[dice_below(dice, sizeof counts / sizeof counts[0])];
    unsigned first = dice_below(dice, PDUS), apart = dice_below(dice, 8) ? 1 : 0;
    bool fed = machine->by_bmc || machine->on;
    for (unsigned i = 0; i < count; i++)
        feed(sim, machine, add_outlet(sim, dice, (first + i * apart) % PDUS, fed));
}

/* The machine before it, which is as this one, hangs on the same outlet. */
static void share_outlet(struct sim *sim, struct machine *machine)
{
    const struct machine *before = machine - 1;
    machine->by_bmc = before->by_bmc;
    machine->on = before->by_bmc ? machine->on : before->on;
    machine->boot.up = machine->boot.kernel_up = machine->on;
    feed(sim, machine, before->feeds[0]);
}

static void make_pdu(struct sim *sim, struct dice *dice, unsigned index)
{
    struct pdu *pdu = &sim->pdus[index];
    static const uint32_t staggers[] = {0, 300, 1000}, dwells[] = {0, 0, 4000};
    (void)snprintf(pdu->name, sizeof pdu->name, "pdu-%c", 'a' + (char)index);
    pdu->dice = dice_stream(sim->seed, 600 + index);
    pdu->stagger_ms = staggers[dice_below(dice, 3)];
    pdu->dwell_ms = dwells[dice_below(dice, 3)];
    pdu->metered = dice_below(dice, 2);
    pdu->cycles = dice_below(&pdu->dice, 2);
    pdu->dead_percent = sim->percent[FAULT_PDU_DEAD];
    pdu->dead = dice_percent(&pdu->dice, 2 * pdu->dead_percent);
}

static void make_machine(struct sim *sim, struct dice *dice, unsigned index)
{
    struct machine *machine = &sim->machines[index];
    bool may_share = index && machine[-1].nfeeds == 1 && !machine[-1].lamp &&
                     sim->outlets[machine[-1].feeds[0]].bodies == bit(index - 1);
    machine->inrush_ma = dice_between(dice, 500, 6000);
    machine->restore = (enum restore)dice_below(dice, 3);
    machine->feeds_after = dice_below(dice, 3);
    if (dice_below(dice, 3) == 0)
        machine->circuit = dice_below(dice, CIRCUITS);
    if (may_share && dice_below(dice, 3) == 0) {
        share_outlet(sim, machine);
    } else if (dice_below(dice, 3) == 0) {
        machine->by_bmc = dice_below(dice, 2);
        hang_on_outlets(sim, dice, machine);
    }
    machine->feeds_first = machine->nfeeds && dice_below(dice, 4) == 0;
}

/* What nobody has named: it is switched by the name of its outlet. */
static void make_lamp(struct sim *sim, struct dice *dice)
{
    unsigned index = (unsigned)(sim->nmachines + sim->nlamps++);
    struct machine *lamp = &sim->machines[index];
    lamp->index = index;
    lamp->lamp = true;
    lamp->circuit = CIRCUITS;
    lamp->on = dice_below(dice, 2);
    lamp->restore = RESTORES_ON;
    feed(sim, lamp, add_outlet(sim, dice, dice_below(dice, PDUS), lamp->on));
}

void outlets_begin(struct sim *sim)
{
    struct dice dice = dice_stream(sim->seed, 6);
    for (unsigned i = 0; i < PDUS; i++)
        make_pdu(sim, &dice, i);
    sim->circuits[0] = (struct circuit){.name = "c0", .per_second = dice_between(&dice, 1, 3)};
    sim->circuits[1] =
        (struct circuit){.name = "c1", .milliamps = dice_between(&dice, 2, 12) * 1000};
    for (unsigned i = 0; i < sim->nmachines; i++)
        make_machine(sim, &dice, i);
    for (uint32_t i = dice_below(&dice, LAMPS_MAX + 1); i; i--)
        make_lamp(sim, &dice);
}

/* ---- the inventory's ---- */

static struct feed feed_of(const struct outlet *outlet, size_t first_device)
{
    return (struct feed){(uint32_t)first_device + outlet->pdu, outlet->number,
                         outlet->circuit < CIRCUITS ? outlet->circuit : CIRCUIT_NONE};
}

static void name_feeds(const struct sim *sim, struct node *node, size_t first_device)
{
    const struct machine *machine = &sim->machines[world_node_machine(sim, node->name)];
    node->feeds_first = machine->feeds_first;
    node->feeds_after = machine->by_bmc && machine->nfeeds ? machine->feeds_after : 0;
    node->nfeeds = machine->nfeeds;
    for (size_t i = 0; i < machine->nfeeds; i++) {
        const struct outlet *outlet = &sim->outlets[machine->feeds[i]];
        node->feeds[i] = feed_of(outlet, first_device);
        node->shares_outlets = node->shares_outlets || outlet->bodies != bit(machine->index);
    }
    if (node->shares_outlets)
        node->feeds_after = 0;
}

/* The first of the nodes whose machine hangs on it. */
static void name_fed(const struct sim *sim, const struct inventory *inventory,
                     const struct outlet *outlet, char name[NAME_SIZE])
{
    for (size_t i = 0; i < sim->nmachines; i++)
        if (outlet->bodies & bit(world_node_machine(sim, inventory->nodes[i].name))) {
            (void)snprintf(name, NAME_SIZE, "%s", inventory->nodes[i].name);
            return;
        }
}

void outlets_name(const struct sim *sim, struct inventory *inventory, size_t first_device)
{
    for (size_t i = 0; i < PDUS; i++) {
        struct device *device = &inventory->devices[first_device + i];
        (void)snprintf(device->driver, NAME_SIZE, "modbus");
        (void)snprintf(device->config.device, NAME_SIZE, "%s", sim->pdus[i].name);
        device->outlets = OUTLETS_MAX;
        device->dwell_ms = sim->pdus[i].dwell_ms;
        device->stagger_ms = sim->pdus[i].stagger_ms;
    }
    inventory->ncircuits = CIRCUITS;
    inventory->circuits = calloc(CIRCUITS, sizeof *inventory->circuits);
    if (!inventory->circuits)
        abort();
    memcpy(inventory->circuits, sim->circuits, sizeof sim->circuits);
    for (size_t i = 0; i < sim->nmachines; i++)
        name_feeds(sim, &inventory->nodes[i], first_device);
    for (size_t i = 0; i < sim->noutlets; i++) {
        const struct outlet *outlet = &sim->outlets[i];
        struct node *node = &inventory->nodes[sim->nmachines + i];
        (void)snprintf(node->name, NAME_SIZE, "%.20s/%u", sim->pdus[outlet->pdu].name,
                       outlet->number);
        node->is_outlet = true;
        node->control = (struct feed){DEVICE_NONE, 0, CIRCUIT_NONE};
        node->next_boot = DEVICE_NONE;
        node->up = UP_NOT_WATCHED;
        node->nfeeds = 1;
        node->feeds[0] = feed_of(outlet, first_device);
        name_fed(sim, inventory, outlet, node->feeds_node);
    }
}
