/* agent.c - the shell around the core, as agent/io/turn.c does it: take the actions, commit what
 * is to be on disk, only then send.  It can be killed at every boundary in between. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/nodeset.h"
#include "tests/sim/coverage.h"
#include "tests/sim/oracle.h"
#include "tests/sim/sim.h"

enum { BATCH = 1024, ROUNDS = 1000 };

/* ---- life and death ---- */

void agent_start(struct sim *sim)
{
    struct agent *agent = &sim->agent;
    char boot_id[16];
    agent->life++;
    agent->started_ms = sim->now_ms;
    (void)snprintf(boot_id, sizeof boot_id, "life%u", agent->life);
    agent->core = core_new(sim->inventory, boot_id, sim->now_ms);
    if (!agent->core)
        abort();
    enum { LIVES = 6 };
    agent->boundaries_left = agent->life < LIVES && dice_below(&sim->agent_dice, 2)
                                 ? dice_between(&sim->agent_dice, 1, 120)
                                 : 0;
    for (size_t i = 0; i < sim->nmachines; i++)
        sim->machines[i].ip_told = false; /* the new one has not heard it */
    trace_line(sim, "agent %u starts", agent->life);
    oracle_restarted(sim);
    journal_recall(sim);
    agent_turn(sim);
}

/* People change the configuration while it is down as well. */
static void maybe_rewire(struct sim *sim)
{
    if (dice_below(&sim->agent_dice, 6))
        return;
    bool swapped = sim->swap_a != MACHINES_MAX;
    sim->swap_a = swapped ? MACHINES_MAX : 0;
    sim->swap_b = swapped ? MACHINES_MAX : 1;
    inventory_free(sim->inventory);
    sim->inventory = world_inventory(sim);
}

static void dies(struct sim *sim, enum fault how)
{
    struct agent *agent = &sim->agent;
    fault_happened(how);
    coverage->restarts++;
    trace_line(sim, "agent %u dies: %s", agent->life, fault_name(how));
    agent->core = core_free(agent->core);
    agent->nresults = 0;
    agent->admitted = NULL;
    memset(agent->ports, 0, sizeof agent->ports);
    journal_roll_back(&sim->journal);
    maybe_rewire(sim);
    static const uint32_t mosts_ms[] = {60, 2000, 2000, 90000};
    uint32_t most_ms = mosts_ms[dice_below(&sim->agent_dice, ARRAY_SIZE(mosts_ms))];
    uint32_t down_ms = dice_between(&sim->agent_dice, 20, most_ms);
    sim_later(sim, down_ms, HAPPENS_START);
    /* Somebody has been waiting for it to come back. */
    uint32_t number = dice_below(&sim->agent_dice, CLIENTS);
    sim->clients[number].hurries = dice_below(&sim->agent_dice, 2);
    uint32_t after_ms = dice_between(&sim->agent_dice, 1, sim->clients[number].hurries ? 40 : 1000);
    sim_later(sim, down_ms + after_ms, HAPPENS_CLIENT)->number = number;
}

void agent_stop(struct sim *sim)
{
    if (sim->agent.core)
        dies(sim, FAULT_STOPPED);
}

/* One of the moments between which nothing can be seen from outside. True: it is dead now. */
static bool boundary(struct sim *sim, enum fault how)
{
    struct agent *agent = &sim->agent;
    if (!agent->boundaries_left || --agent->boundaries_left)
        return false;
    dies(sim, how);
    return true;
}

/* ---- one turn ---- */

static void record(struct sim *sim, const struct action *actions, size_t count)
{
    struct agent *agent = &sim->agent;
    if (agent->admitted) {
        struct row *row = journal_add(sim, ROW_JOB, agent->admitted->job, "");
        row->admitted = agent->admitted->admitted;
    }
    for (size_t i = 0; i < agent->nresults; i++)
        journal_add(sim, ROW_RESULT, "", "")->result = agent->results[i];
    for (size_t i = 0; i < count; i++) {
        const struct action *action = &actions[i];
        const struct job_event *event = &action->event;
        bool intent = action->kind == ACTION_SEND && action->intent;
        if ((action->kind != ACTION_TELL && !intent) || event->kind == EVENT_PROGRESS)
            continue;
        journal_add(sim, ROW_EVENT, event->job, event->node.node)->event = *event;
        if (intent)
            journal_add(sim, ROW_INTENT, event->job, event->node.node)->intent = action->request;
        if (event->kind == EVENT_JOB_ENDED)
            journal_add(sim, ROW_END, event->job, "");
    }
}

static void port(struct sim *sim, const struct action *action)
{
    unsigned index = action->ip.host_order - 0x0a000000 - 1;
    if (index >= sim->nmachines)
        return;
    sim->agent.ports[index].watched = action->kind == ACTION_WATCH_PORT;
    sim->agent.ports[index].number++;
    sim->agent.ports[index].port = action->port;
    if (action->kind == ACTION_LEAVE_PORT)
        return;
    struct happening *probe = sim_later(sim, 200, HAPPENS_PROBE);
    probe->machine = index;
    probe->number = sim->agent.ports[index].number;
}

static void tell(struct sim *sim, const struct job_event *event)
{
    if (event->kind == EVENT_PROGRESS)
        return;
    trace_line(sim, "%s %s %s: %s%s%.150s", event->job, event->node.node,
               event_kind_name(event->kind),
               event->kind == EVENT_OUTCOME || event->kind == EVENT_JOB_ENDED
                   ? outcome_name(event->node.outcome)
                   : "",
               event->kind == EVENT_OUTCOME ? " " : "", event->node.text);
}

static void carry_out(struct sim *sim, const struct action *action)
{
    switch (action->kind) {
    case ACTION_SEND:
        device_send(sim, &action->request, action->event.job, action->event.node.node);
        break;
    case ACTION_TELL:
        tell(sim, &action->event);
        break;
    case ACTION_WATCH_PORT:
    case ACTION_LEAVE_PORT:
        port(sim, action);
        break;
    }
}

static size_t take(struct core *core, struct action *actions)
{
    size_t count = 0;
    while (count < BATCH && core_take(core, &actions[count]))
        count++;
    return count;
}

/* False: nothing left, or nobody. */
static bool round_once(struct sim *sim)
{
    static struct action actions[BATCH];
    struct agent *agent = &sim->agent;
    size_t count = take(agent->core, actions);
    if (!count && !agent->nresults && !agent->admitted)
        return false;
    record(sim, actions, count);
    if (boundary(sim, FAULT_KILLED_UNCOMMITTED))
        return false;
    journal_commit(sim);
    agent->nresults = 0;
    agent->admitted = NULL;
    if (boundary(sim, FAULT_KILLED_UNSENT))
        return false;
    for (size_t i = 0; i < count; i++) {
        carry_out(sim, &actions[i]);
        if (actions[i].kind == ACTION_SEND &&
            boundary(sim, i + 1 < count ? FAULT_KILLED_IN_BATCH : FAULT_KILLED_WAITING))
            return false;
    }
    return count > 0;
}

void agent_turn(struct sim *sim)
{
    for (int rounds = 0; sim->agent.core && round_once(sim); rounds++)
        if (rounds == ROUNDS) {
            sim_violation(sim, "S21", "the core has more to do in one moment than ever ends");
            return;
        }
}

/* ---- the ways in ---- */

static bool changes(enum op op)
{
    return op != OP_STATUS && op != OP_BOOT_GET && op != OP_EVIDENCE && op != OP_INFO;
}

void agent_reply(struct sim *sim, const struct happening *happening)
{
    struct agent *agent = &sim->agent;
    if (!agent->core || happening->life != agent->life)
        return;
    if (changes(happening->reply.op)) {
        if (agent->nresults == agent->results_room) {
            agent->results_room = agent->results_room ? 2 * agent->results_room : 64;
            agent->results =
                reallocarray(agent->results, agent->results_room, sizeof *agent->results);
            if (!agent->results)
                abort();
        }
        agent->results[agent->nresults++] = happening->reply;
    }
    oracle_delivered(sim, happening->cause, &happening->reply);
    core_reply(agent->core, &happening->reply, sim->now_ms);
    agent_turn(sim);
}

static void set_of(const struct job_view *view, struct row *row)
{
    const char *names[NODES_MAX];
    struct nodeset *set = NULL;
    row->admitted.nnames = view->nnodes;
    for (size_t i = 0; i < view->nnodes; i++) {
        memcpy(row->admitted.names[i], view->nodes[i].node, NAME_SIZE);
        names[i] = view->nodes[i].node;
    }
    if (nodeset_from_names(names, view->nnodes, &set, NULL))
        abort();
    nodeset_hash(set, row->admitted.hash);
    nodeset_free(set);
}

int agent_submit(struct sim *sim, const struct job_request *request, char id[JOB_ID_SIZE],
                 bool *existing, struct problem *problem, struct err *err)
{
    struct agent *agent = &sim->agent;
    static struct row row;
    struct job_view view = {0};
    if (core_submit(agent->core, request, sim->now_ms, id, existing, problem, err))
        return -1;
    if (*existing)
        return 0;
    if (core_job(agent->core, id, sim->now_ms, &view, err))
        abort();
    row = (struct row){.kind = ROW_JOB};
    memcpy(row.job, id, JOB_ID_SIZE);
    row.admitted.request = *request;
    row.admitted.request.nodes = NULL;
    set_of(&view, &row);
    job_view_clear(&view);
    agent->admitted = &row;
    unsigned life = agent->life;
    agent_turn(sim);
    if (agent->core && agent->life == life)
        return 0;
    return err_set(err, ERR_NOT_FOUND, "the agent is gone");
}

int agent_reload(struct sim *sim, struct inventory *inventory, struct err *err)
{
    if (core_may_reload(sim->agent.core, inventory, err))
        return -1;
    core_reload(sim->agent.core, inventory, sim->now_ms);
    inventory_free(sim->inventory);
    sim->inventory = inventory;
    agent_turn(sim);
    return 0;
}
