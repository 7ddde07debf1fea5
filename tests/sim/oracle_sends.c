/* oracle_sends.c - may this be sent, to this device, now? */
#include <string.h>

#include "tests/sim/oracle_private.h"

static bool is_power(enum op op)
{
    return op == OP_ON || op == OP_OFF || op == OP_SOFT || op == OP_RESET || op == OP_CYCLE ||
           op == OP_DIAG;
}

static const char *op_word(enum op op)
{
    static const char *const words[OPS] = {
        [OP_STATUS] = "status",     [OP_ON] = "on",
        [OP_OFF] = "off",           [OP_SOFT] = "soft",
        [OP_RESET] = "reset",       [OP_CYCLE] = "cycle",
        [OP_DIAG] = "diag",         [OP_IDENTIFY] = "identify",
        [OP_BOOT_SET] = "boot-set", [OP_BOOT_GET] = "boot-get",
        [OP_EVIDENCE] = "evidence", [OP_INFO] = "info",
    };
    return words[op];
}

/* S1: to the device that the node had when the job was admitted, and to no other. */
static void judge_target(struct sim *sim, const struct judged_job *job, struct judged_node *node,
                         const struct send *send)
{
    bool boot = send->op == OP_BOOT_SET || send->op == OP_BOOT_GET;
    bool to_boot_device = !strcmp(send->device, node->boot_device) && !send->outlet;
    bool to_power = judged_target(node, send->device, send->outlet) != NULL;
    if (boot ? !to_boot_device : !to_power && !(to_boot_device && send->op == OP_INFO))
        sim_violation(sim, "S1", "%s for %s of job %s goes to %s/%u, which it had not at admission",
                      op_word(send->op), node->name, job->id, send->device, send->outlet);
    if (node->ended)
        sim_violation(sim, "S1", "%s for %s, which has its outcome in job %s", op_word(send->op),
                      node->name, job->id);
}

/* S8: on disk before it goes out. */
static void judge_intent(struct sim *sim, const struct send *send)
{
    for (size_t i = sim->journal.committed; i--;) {
        const struct row *row = &sim->journal.rows[i];
        if (row->life != send->life)
            break;
        if (row->kind == ROW_INTENT && row->intent.id == send->request &&
            row->intent.op == send->op && !strcmp(row->intent.device, send->device))
            return;
    }
    sim_violation(sim, "S8", "%s to %s is sent, and no intent is in the journal", op_word(send->op),
                  send->device);
}

/* The same order to several outlets of a machine, or to two that share one, is one order. */
static bool belong_together(const struct send *a, const struct send *b)
{
    bool outlets = a->at_outlet != OUTLETS_MAX && b->at_outlet != OUTLETS_MAX;
    return a->op == b->op && !strcmp(a->job, b->job) && (outlets || strcmp(a->node, b->node) != 0);
}

/* S7: one job at a machine. */
static void judge_alone(struct sim *sim, const struct judged_job *job, const struct send *send)
{
    for (size_t i = 0; i < sim->oracle->njobs; i++) {
        const struct judged_job *other = &sim->oracle->jobs[i];
        for (size_t j = 0; j < other->nnodes; j++)
            if (other != job && verb_changes(other->verb) && !other->nodes[j].ended &&
                (bit(other->nodes[j].machine) & send->bodies))
                sim_violation(sim, "S7", "%s of job %s to %s, which job %s has as %s",
                              op_word(send->op), job->id, send->device, other->id,
                              other->nodes[j].name);
    }
    for (size_t i = sim->nsends - 1; i--;) {
        const struct send *older = &sim->sends[i];
        if (sim->now_ms - older->at_ms > 60000 || older->life != send->life)
            break;
        if (!older->delivered && (older->bodies & send->bodies) && op_changes(older->op) &&
            !belong_together(older, send) && sim->now_ms < older->at_ms + older->budget_ms)
            sim_violation(sim, "S7", "%s of job %s to %s, where %s of job %s is not answered yet",
                          op_word(send->op), job->id, send->device, op_word(older->op), older->job);
    }
}

static void judge_restart(struct sim *sim, const struct judged_job *job, struct judged_node *node,
                          const struct send *send)
{
    if (send->life != job->life)
        sim_violation(sim, "S8", "%s of %s is sent by another agent than took job %s",
                      op_word(send->op), node->name, job->id);
    if (node->restarts_maybe++)
        sim_violation(sim, "S8", "%s of %s is sent again in attempt %u of job %s",
                      op_word(send->op), node->name, node->attempt, job->id);
}

/* S8: a job taken over is let settle, read, and not begun anew. */
static void judge_taken_over(struct sim *sim, const struct judged_job *job,
                             const struct judged_node *node, const struct send *send)
{
    if (send->life == job->life)
        return;
    if (sim->now_ms < sim->agent.started_ms + sim->inventory->deadlines.settle)
        sim_violation(sim, "S8", "%s of %s is sent before what a dead agent sent has landed",
                      op_word(send->op), node->name);
    if (op_changes(send->op) && node->intended && node->intended_life == send->life)
        sim_violation(sim, "S8", "%s of %s is the first command of job %s, whose agent is dead",
                      op_word(send->op), node->name, job->id);
}

static void count_command(struct sim *sim, const struct send *send)
{
    const uint64_t words[] = {sim->now_ms, send->machine, send->op, send->boot_device,
                              send->outlet};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        sim->commands_hash = (sim->commands_hash ^ words[i]) * 0x100000001b3 + i;
}

void judge_send(struct sim *sim, struct judged_job *job, struct judged_node *node, uint32_t cause)
{
    const struct send *send = &sim->sends[cause - 1];
    judge_target(sim, job, node, send);
    judge_taken_over(sim, job, node, send);
    if (!node->first_sent_ms)
        node->first_sent_ms = sim->now_ms;
    if (!op_changes(send->op))
        return;
    count_command(sim, send);
    judge_intent(sim, send);
    judge_alone(sim, job, send);
    judge_shared(sim, job, send);
    judge_on_after_off(sim, job, node, send);
    /* S5: on a guess nothing is switched. Power-on alone may rest on what an earlier agent read: on
     * twice is on, and a node that was on must come back. */
    bool known = send->op == OP_ON ? node->known_life != 0 : node->known_life == send->life;
    if (is_power(send->op) && !known)
        sim_violation(sim, "S5", "%s of %s in job %s, and its power was never read",
                      op_word(send->op), node->name, job->id);
    if (send->op == OP_RESET || send->op == OP_CYCLE)
        judge_restart(sim, job, node, send);
    const struct judged_target *target = judged_target(node, send->device, send->outlet);
    if (target && (send->op == OP_ON || send->op == OP_RESET || send->op == OP_CYCLE))
        judge_inrush(sim, target);
}
