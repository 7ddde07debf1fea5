/* oracle_feeds.c - outlets: all off before any on, nothing told that only some of them say, and no
 * more at once than a PDU, a circuit, or the agent may. */
#include <string.h>

#include "tests/sim/oracle_private.h"

static const struct outlet *outlet_of(const struct sim *sim, const struct judged_target *target)
{
    return &sim->outlets[target->outlet];
}

static bool any_on(const struct sim *sim, const struct judged_node *node)
{
    bool on = false;
    for (size_t i = node->first_feed; i < node->ntargets; i++)
        on = on || outlet_of(sim, &node->targets[i])->on;
    return on;
}

/* F1: once one of its outlets was told to be off, none is told to be on before all of them were off,
 * but to repair what has failed. */
void judge_on_after_off(struct sim *sim, const struct judged_job *job, struct judged_node *node,
                        const struct send *send)
{
    if (send->at_outlet == OUTLETS_MAX)
        return;
    if (send->op == OP_OFF) {
        node->feeds_off = true;
        node->all_off = !any_on(sim, node);
    }
    if (send->op == OP_ON && node->feeds_off && !node->all_off && !node->repaired)
        sim_violation(sim, "F1",
                      "%s of %s is switched on in job %s before all of its outlets were off",
                      send->device, node->name, job->id);
}

/* S7: who hangs on the same outlet is in the same job. */
void judge_shared(struct sim *sim, struct judged_job *job, const struct send *send)
{
    uint32_t missing = send->bodies;
    if (send->op != OP_ON && send->op != OP_OFF && send->op != OP_CYCLE)
        return; /* an outlet cannot do it */
    for (size_t i = 0; i < job->nnodes; i++)
        missing &= ~bit(job->nodes[i].machine);
    if (missing)
        sim_violation(sim, "S7", "%s/%u is switched by job %s, and feeds machine %d too",
                      send->device, send->outlet, job->id, __builtin_ctz(missing) + 1);
}

/* ---- S11 ---- */

static uint32_t stagger_of(const struct sim *sim, const char *device)
{
    for (size_t i = 0; i < PDUS; i++)
        if (!strcmp(sim->pdus[i].name, device))
            return sim->pdus[i].stagger_ms;
    return 0;
}

/* What went on within the last second, over jobs, clients and agents. */
struct second {
    uint32_t all, on_circuit;
    uint64_t milliamps;
};

static struct second last_second(const struct sim *sim, const struct power_on *now)
{
    struct second second = {0};
    const struct oracle *oracle = sim->oracle;
    for (size_t i = oracle->npower_ons; i--;) {
        const struct power_on *one = &oracle->power_ons[i];
        if (now->at_ms - one->at_ms >= 1000)
            break;
        second.all++;
        if (one->circuit != now->circuit || now->circuit == CIRCUIT_NONE)
            continue;
        second.on_circuit++;
        second.milliamps += one->cost_ma;
    }
    return second;
}

void judge_inrush(struct sim *sim, const struct judged_target *target)
{
    struct oracle *oracle = sim->oracle;
    uint32_t limit = sim->inventory->limits.power_on_per_second;
    uint32_t stagger_ms = stagger_of(sim, target->device);
    if (oracle->npower_ons == POWER_ONS_MAX)
        return;
    for (size_t i = oracle->npower_ons; stagger_ms && i--;)
        if (!strcmp(oracle->power_ons[i].device, target->device)) {
            if (sim->now_ms - oracle->power_ons[i].at_ms < stagger_ms)
                sim_violation(sim, "S11", "two power-ons at %s within %u ms", target->device,
                              stagger_ms);
            break;
        }
    struct power_on *now = &oracle->power_ons[oracle->npower_ons++];
    *now = (struct power_on){
        .at_ms = sim->now_ms, .circuit = target->circuit, .cost_ma = target->cost_ma};
    memcpy(now->device, target->device, NAME_SIZE);
    struct second second = last_second(sim, now);
    if (second.all > limit)
        sim_violation(sim, "S11", "more than %u power-ons within a second", limit);
    if (target->circuit == CIRCUIT_NONE)
        return;
    const struct circuit *circuit = &sim->circuits[target->circuit];
    if (circuit->per_second && second.on_circuit > circuit->per_second)
        sim_violation(sim, "S11", "more than %u power-ons on circuit %s within a second",
                      circuit->per_second, circuit->name);
    if (circuit->milliamps && second.milliamps > circuit->milliamps && second.on_circuit > 1)
        sim_violation(sim, "S11", "%u mA on circuit %s within a second", (unsigned)second.milliamps,
                      circuit->name);
}

/* ---- S3 ---- */

void judge_feeds(struct sim *sim, const struct judged_job *job, const struct judged_node *node,
                 bool on)
{
    bool partly = on && job->verb != VERB_ON && job->verb != VERB_CYCLE;
    bool some = false;
    for (size_t i = node->first_feed; i < node->ntargets; i++) {
        const struct judged_target *target = &node->targets[i];
        bool so = target_was_so(sim, job, node, target, on);
        some = some || so;
        if (!so && !partly)
            sim_violation(sim, "S3", "%s is ok in job %s, and %s/%u is not %s", node->name, job->id,
                          target->device, target->number, on ? "on" : "off");
        if (!partly)
            judge_read_twice(sim, job, node, target, on);
    }
    if (partly && !some) /* it may go on with one of them, and says so */
        sim_violation(sim, "S3", "%s is ok in job %s, and none of its outlets is on", node->name,
                      job->id);
}

/* It is off, and by the job. */
static bool went_off_by(const struct sim *sim, const struct judged_job *job,
                        const struct judged_node *node)
{
    const struct machine *machine = &sim->machines[node->machine];
    if (machine->on || !machine->nedges)
        return false;
    uint32_t cause = machine->edges[machine->nedges - 1].cause;
    return cause && !strcmp(sim->sends[cause - 1].job, job->id);
}

/* AC power was away, and it is as it was before. */
void judge_fed_cycle(struct sim *sim, const struct judged_job *job, const struct judged_node *node)
{
    if (!node->all_off && node->was_fed)
        sim_violation(sim, "S3", "%s is ok in job %s, and its outlets were never all off",
                      node->name, job->id);
    for (size_t i = node->first_feed; i < node->ntargets; i++)
        if (!target_was_so(sim, job, node, &node->targets[i], true))
            sim_violation(sim, "S3", "%s is ok in job %s, and %s/%u is not on", node->name, job->id,
                          node->targets[i].device, node->targets[i].number);
    if (node->was_on && went_off_by(sim, job, node))
        sim_violation(sim, "S3", "%s was on, is ok in job %s, and is not on", node->name, job->id);
}

/* A node is told as off only by what said so: its BMC, or each of its outlets. */
void judge_told_power(struct sim *sim, const struct judged_node *node, enum power told)
{
    bool all_off = has_feeds(node), some_on = false;
    for (size_t i = node->first_feed; i < node->ntargets; i++)
        all_off = all_off && node->targets[i].readings[0].power == POWER_OFF;
    for (size_t i = 0; i < node->ntargets; i++)
        some_on = some_on || node->targets[i].readings[0].power == POWER_ON;
    bool bmc_off = node->first_feed && node->targets[0].readings[0].power == POWER_OFF;
    if ((told == POWER_OFF && !all_off && !bmc_off) || (told == POWER_ON && !some_on))
        sim_violation(sim, "S3", "the power of %s is told as %d, and nothing said so", node->name,
                      told);
}

/* S4: it had power, a job took that away, and it has it again or is told as left off. That what was
 * off had power before is not known to an agent that may not touch it. */
void judge_unfed(struct sim *sim, const struct judged_job *job, const struct judged_node *node,
                 const struct job_event *event)
{
    bool ours = false;
    if (!node->was_on && strstr(event->node.text, "was not touched"))
        return;
    if (!has_feeds(node) || !node->was_fed || meant_off(job) || any_on(sim, node) ||
        node->outcome == OUTCOME_LEFT_OFF)
        return;
    uint64_t last_ms = 0; /* the last one off is the one that took it */
    for (size_t i = node->first_feed; i < node->ntargets; i++) {
        const struct outlet *outlet = outlet_of(sim, &node->targets[i]);
        bool own = outlet->cause && !strcmp(sim->sends[outlet->cause - 1].job, job->id);
        ours = outlet->edge_ms >= last_ms ? own : ours;
        last_ms = outlet->edge_ms > last_ms ? outlet->edge_ms : last_ms;
    }
    if (ours)
        sim_violation(sim, "S4", "%s had power, job %s took it, and ends for it with outcome %d",
                      node->name, job->id, node->outcome);
}
