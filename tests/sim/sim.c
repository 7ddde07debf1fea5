/* sim.c - one run: what happens next, until every job has ended and all is quiet. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/coverage.h"
#include "tests/sim/oracle.h"

enum {
    BLOCKED_MS = 30000,
    QUIET_MS = 60000, /* after the last job: what was sent may still have its effect */
    EVENTS_MAX = 300000,
};
#define RUN_MAX_MS (UINT64_C(12) * 3600000)

/* ---- the heap ---- */

static bool before(const struct happening *a, const struct happening *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void push(struct sim *sim, struct happening *happening)
{
    if (sim->nheap == sim->heap_room) {
        sim->heap_room = sim->heap_room ? 2 * sim->heap_room : 256;
        sim->heap = reallocarray(sim->heap, sim->heap_room, sizeof *sim->heap);
        if (!sim->heap)
            abort();
    }
    size_t at = sim->nheap++;
    for (; at && before(happening, sim->heap[(at - 1) / 2]); at = (at - 1) / 2)
        sim->heap[at] = sim->heap[(at - 1) / 2];
    sim->heap[at] = happening;
}

static struct happening *pop(struct sim *sim)
{
    struct happening *first = sim->heap[0], *last = sim->heap[--sim->nheap];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= sim->nheap)
            break;
        if (child + 1 < sim->nheap && before(sim->heap[child + 1], sim->heap[child]))
            child++;
        if (!before(sim->heap[child], last))
            break;
        sim->heap[at] = sim->heap[child];
        at = child;
    }
    sim->heap[at] = last;
    return first;
}

struct happening *sim_later(struct sim *sim, uint64_t in_ms, enum happening_kind kind)
{
    struct happening *happening = calloc(1, sizeof *happening);
    if (!happening)
        abort();
    happening->at_ms = sim->now_ms + in_ms;
    happening->order = ++sim->last_order;
    happening->kind = kind;
    push(sim, happening);
    return happening;
}

/* ---- what happens ---- */

/* While the agent's loop stands still, all that is for it waits. */
static bool is_for_agent(enum happening_kind kind)
{
    switch (kind) {
    case HAPPENS_REPLY:
    case HAPPENS_NOTICE:
    case HAPPENS_PROBE:
    case HAPPENS_CLIENT:
    case HAPPENS_STOP:
    case HAPPENS_STRAY:
        return true;
    case HAPPENS_ARRIVAL:
    case HAPPENS_ACT:
    case HAPPENS_SELF:
    case HAPPENS_RESTORE:
    case HAPPENS_BOOT:
    case HAPPENS_BLOCK:
    case HAPPENS_START:
    case HAPPENS_CALM:
        break;
    }
    return false;
}

static void notice(struct sim *sim, const struct happening *happening)
{
    struct machine *machine = &sim->machines[happening->machine];
    const struct note *note = &happening->note;
    bool stale = machine->boot.number != happening->number;
    if (!sim->agent.core)
        return;
    if (stale && machine->on)
        fault_happened(FAULT_NOTE_STALE);
    if (!stale && note->kind != NOTE_PHONED_HOME && note->mac.byte[0] && note->ip.host_order &&
        (note->kind == NOTE_DHCP_ACK || note->kind == NOTE_BOOTP_REPLY ||
         note->kind == NOTE_RARP_REPLY))
        machine->ip_told = true;
    trace_line(sim, "note of machine %u: %s %s%s", machine->index + 1, note_kind_name(note->kind),
               note->file, stale ? " (of the boot before)" : "");
    core_note(sim->agent.core, note, sim->now_ms);
    agent_turn(sim);
}

static void by_itself(struct sim *sim, const struct happening *happening)
{
    struct machine *machine = &sim->machines[happening->machine];
    if (sim->calm || machine->on == (bool)happening->number)
        return;
    if (happening->number)
        machine->restart_cause = 2;
    machine_by_hand(sim, machine, happening->number);
}

static void calm_down(struct sim *sim)
{
    sim->calm = true;
    for (size_t i = 0; i < sim->nmachines; i++) {
        struct endpoint *bmc = &sim->machines[i].bmc;
        memset(bmc->traits, 0, sizeof bmc->traits);
        memset(bmc->percent, 0, sizeof bmc->percent);
        bmc->dead_until_ms = 0;
    }
    for (size_t i = 0; i < sim->noutlets; i++) {
        struct endpoint *end = &sim->outlets[i].end;
        memset(end->traits, 0, sizeof end->traits);
        memset(end->percent, 0, sizeof end->percent);
    }
    for (size_t i = 0; i < PDUS; i++) {
        sim->pdus[i].dead = false;
        sim->pdus[i].dead_percent = 0;
        sim->pdus[i].dead_until_ms = 0;
    }
    trace_line(sim, "faults end");
}

static void happen(struct sim *sim, struct happening *happening)
{
    switch (happening->kind) {
    case HAPPENS_ARRIVAL:
        device_arrival(sim, happening);
        break;
    case HAPPENS_REPLY:
        agent_reply(sim, happening);
        break;
    case HAPPENS_ACT:
        device_act(sim, happening);
        break;
    case HAPPENS_SELF:
        by_itself(sim, happening);
        break;
    case HAPPENS_RESTORE:
        outlet_restore(sim, happening);
        break;
    case HAPPENS_BOOT:
        boot_next(sim, happening);
        break;
    case HAPPENS_NOTICE:
        notice(sim, happening);
        break;
    case HAPPENS_PROBE:
        boot_probe(sim, happening);
        break;
    case HAPPENS_CLIENT:
        client_wakes(sim, happening->number);
        break;
    case HAPPENS_STRAY:
        boot_stray(sim);
        break;
    case HAPPENS_BLOCK:
        if (!sim->agent.core || sim->calm)
            break;
        fault_happened(FAULT_LOOP_BLOCKED);
        trace_line(sim, "the agent's loop stands still");
        sim->blocked_until_ms = sim->now_ms + BLOCKED_MS;
        break;
    case HAPPENS_STOP:
        agent_stop(sim);
        break;
    case HAPPENS_START:
        agent_start(sim);
        break;
    case HAPPENS_CALM:
        calm_down(sim);
        break;
    }
}

/* ---- one after the other ---- */

static uint64_t tick_due(const struct sim *sim)
{
    uint64_t due = sim->agent.core ? core_deadline(sim->agent.core) : UINT64_MAX;
    return due < sim->blocked_until_ms ? sim->blocked_until_ms : due;
}

static void show_jobs(struct sim *sim)
{
    struct job_view *views = NULL;
    if (!sim->agent.core)
        return;
    size_t count = core_jobs(sim->agent.core, sim->now_ms, &views);
    for (size_t i = 0; i < count; i++) {
        struct job_view view = {0};
        struct err err;
        if (views[i].done || core_job(sim->agent.core, views[i].id, sim->now_ms, &view, &err))
            continue;
        oracle_view(sim, &view);
        job_view_clear(&view);
    }
    job_list_free(views, count);
}

/* False: nothing is left before `until_ms`. */
static bool step(struct sim *sim, uint64_t until_ms)
{
    uint64_t due = tick_due(sim), next = sim->nheap ? sim->heap[0]->at_ms : UINT64_MAX;
    uint64_t at = due < next ? due : next;
    if (at > until_ms)
        return false;
    if (at > sim->now_ms)
        sim->now_ms = at;
    sim->event++;
    if (due < next) {
        core_tick(sim->agent.core, sim->now_ms);
        agent_turn(sim);
    } else {
        struct happening *happening = pop(sim);
        if (is_for_agent(happening->kind) && happening->at_ms < sim->blocked_until_ms) {
            happening->at_ms = sim->blocked_until_ms;
            push(sim, happening);
            return true;
        }
        happen(sim, happening);
        free(happening);
    }
    show_jobs(sim);
    oracle_check(sim);
    return true;
}

static bool all_asked(const struct sim *sim)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        if (sim->clients[i].jobs_left)
            return false;
    return sim->agent.core != NULL;
}

static void run(struct sim *sim)
{
    uint64_t quiet_ms = 0;
    world_begin(sim);
    uint64_t end_ms = sim->began_ms + RUN_MAX_MS;
    clients_begin(sim);
    agent_start(sim);
    while (!sim->violated && step(sim, end_ms)) {
        bool idle = all_asked(sim) && oracle_idle(sim);
        if (!idle)
            quiet_ms = 0;
        else if (!quiet_ms)
            quiet_ms = sim->now_ms + QUIET_MS;
        else if (sim->now_ms >= quiet_ms)
            break;
        if (sim->event > EVENTS_MAX)
            break;
    }
    if (!sim->violated)
        oracle_finish(sim);
}

static void clear(struct sim *sim)
{
    while (sim->nheap)
        free(pop(sim));
    free(sim->heap);
    free(sim->sends);
    core_free(sim->agent.core);
    free(sim->agent.results);
    inventory_free(sim->inventory);
    journal_free(&sim->journal);
    sim->oracle = oracle_free(sim->oracle);
}

struct sim_result sim_run(uint64_t seed, bool strays, enum sim_show show)
{
    static struct sim sim;
    sim = (struct sim){.seed = seed, .strays = strays};
    sim.trace = trace_new(show == SHOW_TRACE);
    sim.oracle = oracle_new();
    run(&sim);
    struct sim_result result = {.trace_hash = trace_hash(sim.trace),
                                .commands_hash = sim.commands_hash,
                                .violated = sim.violated};
    (void)trace_violation(sim.trace, result.invariant, &result.event);
    if (sim.violated && show == SHOW_VIOLATION)
        trace_tail(sim.trace);
    coverage->events += sim.event;
    coverage->virtual_ms += sim.now_ms - sim.began_ms;
    clear(&sim);
    sim.trace = trace_free(sim.trace);
    return result;
}
