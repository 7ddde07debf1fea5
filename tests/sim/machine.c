/* machine.c - a computer: its real power, and what its edges do to the boot that was going on. */
#include <stdlib.h>

#include "tests/sim/coverage.h"
#include "tests/sim/oracle.h"
#include "tests/sim/sim.h"

void machine_power(struct sim *sim, struct machine *machine, bool on, uint32_t cause)
{
    if (machine->on == on)
        return;
    if (machine->nedges == EDGES_MAX)
        abort();
    if (machine->on)
        machine->past[machine->npast++ % PAST_BOOTS] = machine->boot;
    machine->on = on;
    struct edge *edge = &machine->edges[machine->nedges++];
    *edge = (struct edge){.at_ms = sim->now_ms, .cause = cause, .on = on};
    coverage->edges++;
    machine->boot.number++; /* what was booting is gone */
    machine->ip_told = false;
    trace_line(sim, "machine %u is %s, by %s %u", machine->index + 1, on ? "on" : "off",
               cause ? "request" : "itself", cause);
    if (on && !machine->lamp)
        boot_start(sim, machine);
    oracle_edge(sim, machine, edge);
}

void machine_by_hand(struct sim *sim, struct machine *machine, bool on)
{
    if (machine->by_bmc || !machine->nfeeds) {
        if (on == machine->on || !machine_fed(sim, machine))
            return;
        machine_power(sim, machine, on, 0);
        if (!on)
            machine->bmc.act++; /* a system that was shutting down is gone */
        return;
    }
    for (size_t i = 0; i < machine->nfeeds; i++)
        outlet_switch(sim, &sim->outlets[machine->feeds[i]], on, 0);
}
