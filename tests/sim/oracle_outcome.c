/* oracle_outcome.c - is what a node ended with true? */
#include <string.h>

#include "tests/sim/coverage.h"
#include "tests/sim/oracle_private.h"

static bool own(const struct sim *sim, const struct judged_job *job, uint32_t cause)
{
    return cause && !strcmp(sim->sends[cause - 1].job, job->id);
}

static const struct edge *last_edge(const struct machine *machine)
{
    return machine->nedges ? &machine->edges[machine->nedges - 1] : NULL;
}

/* ---- S3: no ok without the truth ---- */

bool target_was_so(const struct sim *sim, const struct judged_job *job,
                   const struct judged_node *node, const struct judged_target *target, bool on)
{
    const struct machine *machine = &sim->machines[node->machine];
    const struct outlet *outlet =
        target->outlet < OUTLETS_MAX ? &sim->outlets[target->outlet] : NULL;
    const struct edge *edge = last_edge(machine);
    bool is_on = outlet ? outlet->on : machine->on;
    uint64_t edge_ms = outlet ? outlet->edge_ms : edge ? edge->at_ms : 0;
    uint32_t cause = outlet ? outlet->cause : edge ? edge->cause : 0;
    if (is_on == on)
        return true;
    if (!edge_ms || own(sim, job, cause))
        return false;
    for (size_t i = 0; i < 2; i++) /* one of the two may have been a lie */
        if (target->readings[i].truth_on == on && edge_ms >= target->readings[i].read_ms)
            return true;
    return false;
}

void judge_read_twice(struct sim *sim, const struct judged_job *job, const struct judged_node *node,
                      const struct judged_target *target, bool on)
{
    enum power power = on ? POWER_ON : POWER_OFF;
    const struct reading *last = &target->readings[0], *first = &target->readings[1];
    if (!last->delivered_ms || !first->delivered_ms || last->power != power ||
        first->power != power ||
        last->delivered_ms - first->delivered_ms < sim->inventory->deadlines.settle)
        sim_violation(sim, "S3",
                      "%s is ok in job %s, and %s/%u was not read %s twice, settle apart",
                      node->name, job->id, target->device, target->number, on ? "on" : "off");
}

static void judge_state(struct sim *sim, const struct judged_job *job,
                        const struct judged_node *node, bool on)
{
    const struct judged_target *control = &node->targets[0];
    if (!node->first_feed) {
        judge_feeds(sim, job, node, on);
        return;
    }
    if (!target_was_so(sim, job, node, control, on))
        sim_violation(sim, "S3", "%s is ok in job %s, and it is not %s", node->name, job->id,
                      on ? "on" : "off");
    judge_read_twice(sim, job, node, control, on);
}

/* Switched on by a hand, or by an agent that is dead, and in POST when the job began: its firmware
 * asks for an address as after a reset, and nobody who lives knows why. */
static bool was_in_post(const struct sim *sim, const struct judged_job *job,
                        const struct machine *machine)
{
    const struct edge *edge = last_edge(machine);
    uint64_t post_ms = sim->inventory->deadlines.post;
    if (!edge || !edge->on || edge->at_ms + post_ms < job->admitted_ms)
        return false;
    return !edge->cause || sim->sends[edge->cause - 1].life != sim->agent.life;
}

static uint64_t dwell_after(const struct sim *sim, const struct edge *off)
{
    const struct send *send = &sim->sends[off->cause - 1];
    uint64_t dwell_ms = sim->inventory->deadlines.dwell;
    if (send->at_outlet == OUTLETS_MAX)
        return dwell_ms;
    uint64_t of_pdu_ms = sim->pdus[sim->outlets[send->at_outlet].pdu].dwell_ms;
    return of_pdu_ms ? of_pdu_ms : dwell_ms;
}

/* Off, then on, since the job began. `dwell`: it was off so long at least, where the job did
 * both. */
static void judge_cycled(struct sim *sim, const struct judged_job *job,
                         const struct judged_node *node, bool dwell)
{
    const struct machine *machine = &sim->machines[node->machine];
    const struct edge *off = NULL;
    bool cycled = false;
    for (size_t i = 0; i < machine->nedges; i++) {
        const struct edge *edge = &machine->edges[i];
        if (edge->at_ms < job->admitted_ms)
            continue;
        if (!edge->on) {
            off = edge;
            continue;
        }
        cycled = cycled || off || !node->was_on;
        if (off && dwell && own(sim, job, off->cause) && own(sim, job, edge->cause) &&
            edge->at_ms - off->at_ms < dwell_after(sim, off))
            sim_violation(sim, "S15", "%s was off for %llu ms only in job %s", node->name,
                          (unsigned long long)(edge->at_ms - off->at_ms), job->id);
    }
    if (!cycled && !was_in_post(sim, job, machine))
        sim_violation(sim, "S3", "%s is ok in job %s, and never went off and on", node->name,
                      job->id);
}

/* ---- S16: a boot of this attempt, and not of another ---- */

struct booted {
    bool loaded, network, up, both;
};

static void add_boot(const struct judged_node *node, const struct boot_truth *boot,
                     struct booted *booted)
{
    if (!boot->on_ms || boot->on_ms < node->proof_ms)
        return;
    bool network = boot->network && boot->loaded && boot->kernel_up;
    booted->loaded = booted->loaded || (boot->network && boot->loaded);
    booted->network = booted->network || network;
    booted->up = booted->up || boot->up;
    booted->both = booted->both || (network && boot->up);
}

static void judge_booted(struct sim *sim, const struct judged_job *job,
                         const struct judged_node *node)
{
    const struct machine *machine = &sim->machines[node->machine];
    const struct edge *edge = last_edge(machine);
    struct booted booted = {0};
    add_boot(node, &machine->boot, &booted);
    for (size_t i = 0; i < machine->npast && i < PAST_BOOTS; i++)
        add_boot(node, &machine->past[i], &booted);
    bool good = true;
    if (!to_network(job))
        good = node->up == UP_NOT_WATCHED || booted.up;
    else if (edge && !own(sim, job, edge->cause)) /* restarted by itself meanwhile: nobody saw it */
        good = booted.loaded && (node->up == UP_NOT_WATCHED || booted.up);
    else if (node->up == UP_NOT_WATCHED)
        good = booted.network;
    else
        good = booted.both;
    if (!good && !was_in_post(sim, job, machine))
        sim_violation(sim, "S16", "%s is ok in job %s, and no boot of this attempt came %s",
                      node->name, job->id, to_network(job) ? "up from the network" : "up");
}

static void judge_next_boot(struct sim *sim, const struct judged_job *job,
                            const struct judged_node *node)
{
    const struct machine *machine = &sim->machines[node->boot_machine];
    const struct edge *edge = last_edge(machine);
    enum boot_device wanted = job->options.boot_device;
    if (edge && edge->at_ms >= job->admitted_ms) /* a boot has used it up meanwhile */
        return;
    if (machine->flag.valid != (wanted != BOOT_NONE) ||
        (machine->flag.valid && (machine->flag.device != wanted || machine->flag.persistent)))
        sim_violation(sim, "S3", "the next boot of %s is ok in job %s, and it is another",
                      node->name, job->id);
}

static void judge_ok(struct sim *sim, const struct judged_job *job, const struct judged_node *node,
                     const struct job_event *event)
{
    switch (job->verb) {
    case VERB_STATUS:
    case VERB_CHECK:
        judge_told_power(sim, node, event->node.power);
        break;
    case VERB_ON:
    case VERB_OFF:
        if (node->by_feeds)
            judge_feeds(sim, job, node, job->verb == VERB_ON);
        else
            judge_state(sim, job, node, job->verb == VERB_ON);
        break;
    case VERB_SOFT:
        judge_state(sim, job, node, false);
        break;
    case VERB_RESET:
    case VERB_CYCLE:
        if (job->verb == VERB_CYCLE && node->by_feeds && has_both(node)) {
            judge_fed_cycle(sim, job, node);
            break;
        }
        judge_state(sim, job, node, true);
        judge_cycled(sim, job, node, job->verb == VERB_CYCLE && !job->options.native);
        break;
    case VERB_REBOOT:
    case VERB_NETBOOT:
        judge_state(sim, job, node, true);
        judge_cycled(sim, job, node, job->verb == VERB_REBOOT);
        judge_booted(sim, job, node);
        break;
    case VERB_NEXT_BOOT:
        judge_next_boot(sim, job, node);
        break;
    case VERB_DIAG:
    case VERB_IDENTIFY:
    case VERBS:
        sim_violation(sim, "S3", "%s is ok in job %s, and nothing can show that", node->name,
                      job->id);
        break;
    }
}

/* ---- S4: no silent dark node ---- */

static void judge_dark(struct sim *sim, const struct judged_job *job,
                       const struct judged_node *node)
{
    const struct machine *machine = &sim->machines[node->machine];
    const struct edge *edge = last_edge(machine);
    bool dark = edge && !edge->on && own(sim, job, edge->cause);
    if (dark && node->was_on && !meant_off(job) && node->outcome != OUTCOME_LEFT_OFF)
        sim_violation(sim, "S4",
                      "%s was on, job %s switched it off, and ends for it with outcome %d",
                      node->name, job->id, node->outcome);
    /* By its feeds it may have come on, and its BMC have switched it off again. */
    if (node->outcome == OUTCOME_LEFT_OFF && !node->was_on && !has_both(node) &&
        node->attempt < 2 && !node->by_others && !node->lied_on)
        sim_violation(sim, "S4", "%s was off before job %s, and is told as left off", node->name,
                      job->id);
}

/* ---- S6: one shot ---- */

static void judge_flag(struct sim *sim, const struct judged_job *job,
                       const struct judged_node *node)
{
    const struct machine *machine = &sim->machines[node->boot_machine];
    /* Where it cannot be read back nobody can know that it is persistent: unverified. */
    bool wanted =
        job->verb == VERB_NEXT_BOOT && (node->outcome == OUTCOME_UNVERIFIED ||
                                        (node->outcome == OUTCOME_OK && !machine->flag.persistent));
    if (!machine->flag.valid || !machine->flag_cause || !own(sim, job, machine->flag_cause) ||
        wanted || node->flag_told)
        return;
    sim_violation(sim, "S6", "job %s leaves a %s boot flag set on %s, and says nothing", job->id,
                  machine->flag.persistent ? "persistent" : "one-shot", node->name);
}

void judge_outcome(struct sim *sim, struct judged_job *job, struct judged_node *node,
                   const struct job_event *event)
{
    if (node->ended)
        sim_violation(sim, "S8", "%s has a second outcome in job %s", node->name, job->id);
    if (event->node.outcome == OUTCOME_PENDING)
        sim_violation(sim, "S8", "%s ends in job %s without an outcome", node->name, job->id);
    node->ended = true;
    node->outcome = event->node.outcome;
    coverage->outcomes[job->verb][node->outcome]++;
    coverage->verdicts[event->node.verdict]++;
    if (node->outcome == OUTCOME_OK)
        judge_ok(sim, job, node, event);
    judge_dark(sim, job, node);
    judge_unfed(sim, job, node, event);
    judge_flag(sim, job, node);
}
