/* client.c - the people and scripts that ask: jobs over overlapping sets, cancels, keys, reloads. */
#include <stdio.h>
#include <string.h>

#include "proto/cleanup.h"
#include "tests/sim/coverage.h"
#include "tests/sim/sim.h"

void clients_begin(struct sim *sim)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *client = &sim->clients[i];
        client->dice = dice_stream(sim->seed, 400 + i);
        client->jobs_left = dice_below(&client->dice, CLIENT_JOBS + 1);
        if (!i && !client->jobs_left)
            client->jobs_left = 1;
        sim_later(sim, 100 + dice_below(&client->dice, 30000), HAPPENS_CLIENT)->number = i;
    }
}

/* ---- what to ask ---- */

static unsigned choose_nodes(struct sim *sim, struct client *client)
{
    unsigned all = bit((unsigned)sim->nmachines) - 1;
    unsigned mask = dice_below(&client->dice, 6) ? 1 + dice_below(&client->dice, all) : all;
    if (dice_below(&client->dice, 3) == 0) /* few of them */
        mask &= 1 + dice_below(&client->dice, all);
    if (!mask)
        mask = 1;
    return mask;
}

/* Those who hang on one outlet are mostly asked for together, as they must be. */
static unsigned with_sharers(const struct sim *sim, unsigned mask)
{
    for (unsigned i = 0; i < sim->nmachines; i++) {
        const struct machine *machine = &sim->machines[i];
        for (size_t j = 0; j < machine->nfeeds && mask & bit(i); j++)
            mask |= sim->outlets[machine->feeds[j]].bodies;
    }
    return mask;
}

static bool shares(const struct sim *sim, unsigned number)
{
    return with_sharers(sim, bit(number)) != bit(number);
}

/* What hangs on a shared outlet is switched off, then on: one verb does not do both. */
static unsigned without_sharers(const struct sim *sim, unsigned mask)
{
    unsigned left = mask;
    for (unsigned i = 0; i < sim->nmachines; i++)
        if (shares(sim, i))
            left &= ~bit(i);
    return left ? left : mask;
}

static unsigned fed_nodes(const struct sim *sim, unsigned mask)
{
    for (unsigned i = 0; i < sim->nmachines; i++)
        if (!sim->machines[i].nfeeds)
            mask &= ~bit(i);
    return mask;
}

static void name_nodes(struct client *client, unsigned mask)
{
    size_t length = 0;
    for (unsigned i = 0; i < MACHINES_MAX; i++)
        if (mask & bit(i))
            length += (size_t)snprintf(client->nodes + length, sizeof client->nodes - length,
                                       "%sn%02u", length ? "," : "", i + 1);
}

/* Outlets have names, too: one, or all that feed nobody. */
static void name_outlets(struct sim *sim, struct client *client)
{
    size_t length = 0;
    bool all = dice_below(&client->dice, 3) == 0;
    uint32_t chosen = dice_below(&client->dice, (uint32_t)sim->noutlets);
    for (size_t i = 0; i < sim->noutlets; i++) {
        const struct outlet *outlet = &sim->outlets[i];
        bool lamp = sim->machines[__builtin_ctz(outlet->bodies)].lamp;
        if (all && sim->nlamps ? lamp : i == chosen)
            length += (size_t)snprintf(client->nodes + length, sizeof client->nodes - length,
                                       "%spdu-%c/%u", length ? "," : "", 'a' + (char)outlet->pdu,
                                       outlet->number);
    }
}

static void choose_options(struct client *client, struct job_options *options)
{
    struct dice *dice = &client->dice;
    options->boot_device = (enum boot_device)dice_below(dice, BOOT_OTHER);
    options->netboot = dice_below(dice, 2);
    options->native = dice_below(dice, 4) == 0;
    options->feeds = dice_below(dice, 3) == 0;
    options->grace_s = dice_below(dice, 2) ? 10 : 0;
    options->timeout_s = dice_below(dice, 5) ? 0 : 1 + dice_below(dice, 60);
    options->batch = dice_below(dice, 2) ? 0 : 1 + dice_below(dice, 4);
    options->has_max_failures = dice_below(dice, 4) == 0;
    options->max_failures = 1 + dice_below(dice, 3);
    options->has_retry = dice_below(dice, 2);
    options->retry = dice_below(dice, 3);
    options->seconds = 15;
}

/* *mask 0: outlets. */
static void choose_whom(struct sim *sim, struct client *client, unsigned *mask)
{
    unsigned all = bit((unsigned)sim->nmachines) - 1;
    enum verb verb = client->last.verb;
    bool one_way = verb == VERB_ON || verb == VERB_OFF;
    bool either = one_way || verb == VERB_CYCLE || verb == VERB_STATUS || verb == VERB_CHECK;
    if (sim->noutlets && either && dice_below(&client->dice, 5) == 0) {
        *mask = 0;
        name_outlets(sim, client);
        return;
    }
    unsigned fed = fed_nodes(sim, *mask);
    client->last.options.feeds =
        client->last.options.feeds && (fed || dice_below(&client->dice, 8) == 0);
    if (client->last.options.feeds && fed && dice_below(&client->dice, 8))
        *mask = fed;
    if (dice_below(&client->dice, 6))
        *mask = one_way ? with_sharers(sim, *mask) : without_sharers(sim, *mask);
    if (*mask == all && dice_below(&client->dice, 2))
        (void)snprintf(client->nodes, sizeof client->nodes, "@all");
    else
        name_nodes(client, *mask);
}

static void choose(struct sim *sim, struct client *client, unsigned *mask)
{
    static const enum verb verbs[] = {VERB_NETBOOT,   VERB_NETBOOT, VERB_NETBOOT,  VERB_NETBOOT,
                                      VERB_NETBOOT,   VERB_CYCLE,   VERB_CYCLE,    VERB_CYCLE,
                                      VERB_REBOOT,    VERB_REBOOT,  VERB_RESET,    VERB_RESET,
                                      VERB_ON,        VERB_OFF,     VERB_SOFT,     VERB_STATUS,
                                      VERB_NEXT_BOOT, VERB_DIAG,    VERB_IDENTIFY, VERB_CHECK};
    client->last = (struct job_request){.yes = true};
    *mask = choose_nodes(sim, client);
    client->last.verb = verbs[dice_below(&client->dice, ARRAY_SIZE(verbs))];
    if (client->hurries)
        client->last.verb = VERB_ON;
    client->last.nodes = client->nodes;
    choose_options(client, &client->last.options);
    choose_whom(sim, client, mask);
    (void)snprintf(client->last.actor, ACTOR_SIZE, "client %td", client - sim->clients);
    if (dice_below(&client->dice, 2))
        (void)snprintf(client->last.key, JOB_KEY_SIZE, "key-%td-%u", client - sim->clients,
                       client->jobs_left);
    unsigned count = *mask ? (unsigned)__builtin_popcount(*mask) : 1;
    if (dice_below(&client->dice, 8) == 0)
        client->last.yes = false;
    if (dice_below(&client->dice, 8) == 0)
        client->last.max_nodes = count > 1 && dice_below(&client->dice, 2) ? count - 1 : count;
}

/* ---- what came of it ---- */

static void count_refusal(enum err_kind kind)
{
    static const enum fault faults[ERR_KINDS] = {[ERR_BUSY] = FAULT_CLIENT_OVERLAP,
                                                 [ERR_CONFIRM] = FAULT_CLIENT_TOO_MANY,
                                                 [ERR_USAGE] = FAULT_CLIENT_TOO_MANY,
                                                 [ERR_DENIED] = FAULT_CLIENT_PROTECTED};
    if (faults[kind])
        fault_happened(faults[kind]);
}

/* The nodes of the job are those that were asked for, each once. */
static void compare_set(struct sim *sim, const char *id, unsigned mask)
{
    struct job_view view = {0};
    struct err err;
    unsigned asked = mask; /* none: outlets */
    if (!sim->agent.core || core_job(sim->agent.core, id, sim->now_ms, &view, &err))
        return; /* ended and forgotten in the same moment */
    for (size_t i = 0; mask && i < view.nnodes; i++) {
        unsigned number = (unsigned)(view.nodes[i].node[1] - '0') * 10 +
                          (unsigned)(view.nodes[i].node[2] - '0') - 1;
        if (!(asked & bit(number)))
            sim_violation(sim, "S1", "%s is in job %s, and was not asked for", view.nodes[i].node,
                          id);
        asked &= ~bit(number);
    }
    if (asked)
        sim_violation(sim, "S1", "nodes asked for are not in job %s", id);
    job_view_clear(&view);
}

static int submit(struct sim *sim, struct client *client, const struct job_request *request,
                  char id[JOB_ID_SIZE], bool *existing)
{
    struct problem problem = {0};
    struct err err = {0};
    int failed = agent_submit(sim, request, id, existing, &problem, &err);
    trace_line(sim, "client %td: %s of %s: %s", client - sim->clients, verb_name(request->verb),
               request->nodes, failed ? err.text : id);
    if (failed)
        count_refusal(err.kind);
    if (failed && err.kind == ERR_CONFIRM && dice_below(&client->dice, 2)) {
        struct job_request confirmed = *request;
        memcpy(confirmed.confirm, problem.confirm, sizeof confirmed.confirm);
        failed = agent_submit(sim, &confirmed, id, existing, &problem, &err);
    }
    return failed;
}

static void ask(struct sim *sim, struct client *client)
{
    bool existing = false;
    char id[JOB_ID_SIZE] = "";
    unsigned mask;
    choose(sim, client, &mask);
    client->jobs_left--;
    client->hurries = false;
    client->id[0] = '\0';
    if (submit(sim, client, &client->last, id, &existing))
        return;
    memcpy(client->id, id, sizeof client->id);
    client->may_cancel = dice_below(&client->dice, 3) == 0;
    if (existing)
        sim_violation(sim, "S14", "a new key gave the old job %s", id);
    compare_set(sim, id, mask);
}

/* The same request again is the same job; the key with another verb is refused. */
static void ask_again(struct sim *sim, struct client *client)
{
    bool existing = false;
    char id[JOB_ID_SIZE] = "";
    struct job_request again = client->last;
    bool other = dice_below(&client->dice, 3) == 0;
    if (other)
        again.verb = again.verb == VERB_ON ? VERB_OFF : VERB_ON;
    fault_happened(other ? FAULT_CLIENT_OTHER_KEY : FAULT_CLIENT_SAME_KEY);
    int failed = submit(sim, client, &again, id, &existing);
    if (other && !failed)
        sim_violation(sim, "S14", "key %s of job %s was taken for another verb", again.key,
                      client->id);
    if (!other && (failed || !existing || strcmp(id, client->id) != 0))
        sim_violation(sim, "S14", "key %s of job %s was not known again", again.key, client->id);
}

static void cancel(struct sim *sim, struct client *client)
{
    struct err err;
    client->may_cancel = false;
    fault_happened(FAULT_CLIENT_CANCEL);
    trace_line(sim, "client %td cancels %s", client - sim->clients, client->id);
    (void)core_cancel(sim->agent.core, client->id, sim->now_ms, &err);
    agent_turn(sim);
}

static void reload(struct sim *sim, struct client *client)
{
    unsigned a = sim->swap_a, b = sim->swap_b;
    bool differ = sim->settings_differ;
    struct err err = {0};
    if (dice_below(&client->dice, 3) == 0) {
        sim->settings_differ = !differ;
    } else {
        sim->swap_a = a == MACHINES_MAX ? dice_below(&client->dice, (uint32_t)sim->nmachines - 1)
                                        : MACHINES_MAX;
        sim->swap_b = a == MACHINES_MAX ? sim->swap_a + 1 : MACHINES_MAX;
    }
    struct inventory *inventory = world_inventory(sim);
    int failed = agent_reload(sim, inventory, &err);
    trace_line(sim, "reload: %s", failed ? err.text : "done");
    fault_happened(failed ? FAULT_RELOAD_REFUSED : FAULT_RELOAD);
    if (!failed)
        return;
    sim->swap_a = a;
    sim->swap_b = b;
    sim->settings_differ = differ;
    inventory_free(inventory);
}

void client_wakes(struct sim *sim, unsigned number)
{
    struct client *client = &sim->clients[number];
    uint32_t what = dice_below(&client->dice, 10);
    if (client->jobs_left || client->may_cancel)
        sim_later(sim, dice_between(&client->dice, 1, 40000), HAPPENS_CLIENT)->number = number;
    if (!sim->agent.core)
        return;
    if (client->hurries && client->jobs_left)
        ask(sim, client);
    else if (client->may_cancel && client->id[0] && what < 4)
        cancel(sim, client);
    else if (what == 9)
        reload(sim, client);
    else if (what == 8 && client->id[0] && client->last.key[0])
        ask_again(sim, client);
    else if (client->jobs_left)
        ask(sim, client);
}
