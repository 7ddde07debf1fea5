/* oracle.c - what the judge is told, and what it makes of edges, rows and time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/coverage.h"
#include "tests/sim/oracle_private.h"

struct oracle *oracle_new(void)
{
    struct oracle *oracle = calloc(1, sizeof *oracle);
    if (!oracle)
        abort();
    return oracle;
}

struct oracle *oracle_free(struct oracle *oracle)
{
    free(oracle);
    return NULL;
}

struct judged_job *judged_job(struct sim *sim, const char *id)
{
    for (size_t i = 0; i < sim->oracle->njobs; i++)
        if (!strcmp(sim->oracle->jobs[i].id, id))
            return &sim->oracle->jobs[i];
    return NULL;
}

struct judged_node *judged_node(struct judged_job *job, const char *name)
{
    for (size_t i = 0; i < job->nnodes; i++)
        if (!strcmp(job->nodes[i].name, name))
            return &job->nodes[i];
    return NULL;
}

bool verb_changes(enum verb verb)
{
    return verb != VERB_STATUS && verb != VERB_CHECK;
}

bool op_changes(enum op op)
{
    return op != OP_STATUS && op != OP_BOOT_GET && op != OP_EVIDENCE && op != OP_INFO;
}

bool to_network(const struct judged_job *job)
{
    return job->verb == VERB_NETBOOT || (job->verb == VERB_REBOOT && job->options.netboot);
}

bool meant_off(const struct judged_job *job)
{
    return job->verb == VERB_OFF || job->verb == VERB_SOFT;
}

bool has_feeds(const struct judged_node *node)
{
    return node->ntargets > node->first_feed;
}

bool has_both(const struct judged_node *node)
{
    return node->first_feed && has_feeds(node);
}

struct judged_target *judged_target(struct judged_node *node, const char *device, uint32_t number)
{
    for (size_t i = 0; i < node->ntargets; i++)
        if (node->targets[i].number == number && !strcmp(node->targets[i].device, device))
            return &node->targets[i];
    return NULL;
}

/* ---- admission ---- */

static const struct node *configured(const struct sim *sim, const char *name)
{
    for (size_t i = 0; i < sim->inventory->nnodes; i++)
        if (!strcmp(sim->inventory->nodes[i].name, name))
            return &sim->inventory->nodes[i];
    return NULL;
}

static void add_target(struct sim *sim, struct judged_node *node, const struct feed *feed,
                       uint32_t cost_ma)
{
    struct judged_target *target = &node->targets[node->ntargets++];
    const char *device = sim->inventory->devices[feed->device].config.device;
    memcpy(target->device, device, NAME_SIZE);
    target->number = feed->outlet;
    target->circuit = feed->circuit;
    target->cost_ma = cost_ma;
    target->outlet = OUTLETS_MAX;
    for (unsigned i = 0; feed->outlet && i < sim->noutlets; i++)
        if (sim->outlets[i].number == feed->outlet &&
            !strcmp(sim->pdus[sim->outlets[i].pdu].name, device))
            target->outlet = i;
}

static void freeze_targets(struct sim *sim, struct judged_node *node, const struct node *config,
                           bool feeds)
{
    if (config->control.device != DEVICE_NONE)
        add_target(sim, node, &config->control, config->inrush_ma);
    node->first_feed = node->ntargets;
    for (size_t i = 0; i < config->nfeeds; i++) {
        uint32_t shares = (uint32_t)config->nfeeds;
        add_target(sim, node, &config->feeds[i], (config->inrush_ma + shares - 1) / shares);
        node->was_fed = node->was_fed || sim->outlets[node->targets[node->ntargets - 1].outlet].on;
    }
    node->by_feeds = has_feeds(node) && (feeds || config->feeds_first || !node->first_feed);
}

static void freeze(struct sim *sim, struct judged_node *node, const struct node *config, bool feeds)
{
    const struct device *devices = sim->inventory->devices;
    memcpy(node->name, config->name, NAME_SIZE);
    freeze_targets(sim, node, config, feeds);
    node->machine = node->boot_machine = world_node_machine(sim, config->name);
    node->up = config->up;
    if (config->next_boot != DEVICE_NONE)
        memcpy(node->boot_device, devices[config->next_boot].config.device, NAME_SIZE);
    node->was_on = sim->machines[node->machine].on;
    node->attempt = 1;
    node->proof_ms = sim->now_ms;
}

/* S7: nobody else is at this machine. */
static void judge_alone(struct sim *sim, const struct judged_job *job, unsigned machine,
                        const char *what)
{
    for (size_t i = 0; i < sim->oracle->njobs; i++) {
        const struct judged_job *other = &sim->oracle->jobs[i];
        for (size_t j = 0; j < other->nnodes; j++)
            if (other != job && verb_changes(other->verb) && !other->nodes[j].ended &&
                other->nodes[j].machine == machine)
                sim_violation(sim, "S7", "%s of job %s at machine %u, which job %s has as %s", what,
                              job->id, machine + 1, other->id, other->nodes[j].name);
    }
}

static void admitted(struct sim *sim, const struct row *row)
{
    struct oracle *oracle = sim->oracle;
    const struct job_request *request = &row->admitted.request;
    bool off = verb_changes(request->verb) && request->verb != VERB_ON &&
               request->verb != VERB_IDENTIFY && request->verb != VERB_NEXT_BOOT;
    if (oracle->njobs == JUDGED_JOBS_MAX)
        abort();
    if (judged_job(sim, row->job))
        sim_violation(sim, "S14", "job %s is admitted twice", row->job);
    struct judged_job *job = &oracle->jobs[oracle->njobs++];
    *job = (struct judged_job){.verb = request->verb,
                               .options = request->options,
                               .admitted_ms = sim->now_ms,
                               .life = row->life,
                               .nnodes = row->admitted.nnames};
    memcpy(job->id, row->job, sizeof job->id);
    coverage->jobs++;
    for (size_t i = 0; i < job->nnodes; i++) {
        const struct node *config = configured(sim, row->admitted.names[i]);
        if (!config) {
            sim_violation(sim, "S1", "%s of job %s is not configured", row->admitted.names[i],
                          job->id);
            return;
        }
        freeze(sim, &job->nodes[i], config, request->options.feeds);
        if (config->protect && off)
            sim_violation(sim, "S13", "%s is protected, and in job %s", config->name, job->id);
        if (config->feeds_node[0] && verb_changes(job->verb))
            sim_violation(sim, "S13", "%s feeds %s, and is in job %s", config->name,
                          config->feeds_node, job->id);
        if (verb_changes(job->verb))
            judge_alone(sim, job, job->nodes[i].machine, "admission");
    }
}

/* ---- rows ---- */

static bool speaks_of_flag(const char *text)
{
    return strstr(text, "boot flag") != NULL;
}

static void job_ended(struct sim *sim, struct judged_job *job, const struct job_event *event)
{
    bool all_ok = true;
    if (job->ended)
        sim_violation(sim, "S8", "job %s ends twice", job->id);
    job->ended = true;
    for (size_t i = 0; i < job->nnodes; i++) {
        if (!job->nodes[i].ended)
            sim_violation(sim, "S8", "job %s ends, and %s has no outcome", job->id,
                          job->nodes[i].name);
        all_ok = all_ok && job->nodes[i].outcome == OUTCOME_OK;
    }
    if ((event->node.outcome == OUTCOME_OK) != all_ok)
        sim_violation(sim, "S3", "job %s ends with outcome %d, and its nodes say otherwise",
                      job->id, event->node.outcome);
}

static void event_told(struct sim *sim, const struct row *row)
{
    struct judged_job *job = judged_job(sim, row->job);
    if (!job) {
        sim_violation(sim, "S8", "an event of job %s, which was never admitted", row->job);
        return;
    }
    if (row->event.kind == EVENT_JOB_ENDED)
        job_ended(sim, job, &row->event);
    struct judged_node *node = judged_node(job, row->node);
    if (!node) {
        if (row->node[0])
            sim_violation(sim, "S1", "an event of %s, which is not in job %s", row->node, row->job);
        return;
    }
    if (row->event.kind == EVENT_ATTEMPT || row->event.node.attempt > node->attempt) {
        node->attempt = row->event.node.attempt;
        node->restarts_maybe = 0;
        node->proof_ms = sim->now_ms;
        node->feeds_off = node->all_off = false;
    }
    if (strstr(row->event.node.text, "switching it on again"))
        node->repaired = true;
    if (speaks_of_flag(row->event.node.text))
        node->flag_told = true;
    if (row->event.kind == EVENT_OUTCOME)
        judge_outcome(sim, job, node, &row->event);
}

static void intended(struct sim *sim, const struct row *row)
{
    struct judged_job *job = judged_job(sim, row->job);
    struct judged_node *node = job ? judged_node(job, row->node) : NULL;
    if (!node || node->intended)
        return;
    node->intended = true;
    node->intended_life = row->life;
}

void oracle_committed(struct sim *sim, const struct row *rows, size_t count)
{
    for (const struct row *row = rows; row < rows + count; row++)
        switch (row->kind) {
        case ROW_JOB:
            admitted(sim, row);
            break;
        case ROW_EVENT:
            event_told(sim, row);
            break;
        case ROW_INTENT:
            intended(sim, row);
            break;
        case ROW_RESULT:
        case ROW_END:
            break;
        }
}

/* ---- requests and replies ---- */

void oracle_sent(struct sim *sim, uint32_t cause)
{
    const struct send *send = &sim->sends[cause - 1];
    struct judged_job *job = judged_job(sim, send->job);
    struct judged_node *node = job ? judged_node(job, send->node) : NULL;
    if (!node)
        sim_violation(sim, "S1", "a request of no job goes to %s for '%s'", send->device,
                      send->node);
    else
        judge_send(sim, job, node, cause);
}

/* After this the agent has given the request up, and does not hear the reply. */
static bool too_late(const struct sim *sim, const struct send *send)
{
    enum { GIVEN_UP_MS = 5000 };
    return sim->now_ms >= send->at_ms + send->budget_ms + GIVEN_UP_MS;
}

void oracle_delivered(struct sim *sim, uint32_t cause, const struct driver_reply *reply)
{
    struct send *send = &sim->sends[cause - 1];
    struct judged_job *job = judged_job(sim, send->job);
    struct judged_node *node = job ? judged_node(job, send->node) : NULL;
    if (send->delivered || !node)
        return;
    send->delivered = true;
    send->delivered_ms = sim->now_ms;
    bool restart = send->op == OP_RESET || send->op == OP_CYCLE;
    if (restart && !reply->ok && reply->err.sent == SENT_NO && node->restarts_maybe)
        node->restarts_maybe--;
    if (send->op != OP_STATUS || !reply->ok || reply->power == POWER_UNKNOWN)
        return;
    node->known_life = send->life;
    node->lied_on = node->lied_on || (reply->power == POWER_ON && !send->truth_on);
    struct judged_target *target = judged_target(node, send->device, send->outlet);
    if (!target || (too_late(sim, send) && sim->blocked_until_ms < sim->now_ms))
        return;
    target->readings[1] = target->readings[0];
    target->readings[0] = (struct reading){.read_ms = send->arrived_ms,
                                           .delivered_ms = sim->now_ms,
                                           .power = reply->power,
                                           .truth_on = send->truth_on};
}

/* ---- what really happens ---- */

/* S8, S4: edges of a job are bounded, and none comes when the job has said how it ended. */
static void own_off(struct sim *sim, struct judged_job *job, struct judged_node *node, bool stays)
{
    node->proof_ms = sim->now_ms;
    /* By its feeds, then by its BMC; and both again, when its BMC could not switch it on. */
    unsigned most = node->attempt * (has_both(node) ? 4 : 1);
    if (++node->offs > most + node->by_others)
        sim_violation(sim, "S8", "%s went off %u times in attempt %u of job %s", node->name,
                      node->offs, node->attempt, job->id);
    if (stays && node->ended && node->was_on && !meant_off(job) &&
        node->outcome != OUTCOME_LEFT_OFF)
        sim_violation(sim, "S4", "%s went off after job %s had ended for it with outcome %d",
                      node->name, job->id, node->outcome);
}

void oracle_edge(struct sim *sim, const struct machine *machine, const struct edge *edge)
{
    const struct send *send = edge->cause ? &sim->sends[edge->cause - 1] : NULL;
    for (size_t i = 0; i < sim->oracle->njobs; i++) {
        struct judged_job *job = &sim->oracle->jobs[i];
        bool own = send && !strcmp(send->job, job->id);
        for (size_t j = 0; j < job->nnodes; j++) {
            struct judged_node *node = &job->nodes[j];
            if (node->machine != machine->index)
                continue;
            if (own && !edge->on &&
                (send->at_outlet != OUTLETS_MAX || !strcmp(send->node, node->name)))
                own_off(sim, job, node,
                        (send->op != OP_RESET && send->op != OP_CYCLE) ||
                            machine->bmc.traits[FAULT_DIES_AT_RESET]);
            else if (!own && edge->on)
                node->by_others++;
        }
    }
}

void oracle_outlet(struct sim *sim, const struct outlet *outlet)
{
    for (size_t i = 0; i < sim->oracle->njobs; i++)
        for (size_t j = 0; j < sim->oracle->jobs[i].nnodes; j++) {
            struct judged_node *node = &sim->oracle->jobs[i].nodes[j];
            bool all_off = has_feeds(node) && !node->ended && !outlet->on;
            for (size_t k = node->first_feed; k < node->ntargets; k++)
                all_off = all_off && !sim->outlets[node->targets[k].outlet].on;
            node->all_off = node->all_off || all_off;
        }
}

void oracle_flag(struct sim *sim, const struct machine *machine)
{
    const struct send *send = &sim->sends[machine->flag_cause - 1];
    struct judged_job *job = judged_job(sim, send->job);
    struct judged_node *node = job ? judged_node(job, send->node) : NULL;
    if (node && node->ended && machine->flag.valid && !node->flag_told)
        sim_violation(sim, "S6", "the boot flag of %s was set after job %s had ended for it",
                      node->name, job->id);
}

/* ---- time ---- */

void oracle_restarted(struct sim *sim)
{
    for (size_t i = 0; i < sim->oracle->njobs; i++)
        for (size_t j = 0; j < sim->oracle->jobs[i].nnodes; j++) {
            struct judged_node *node = &sim->oracle->jobs[i].nodes[j];
            node->first_sent_ms = 0; /* the clock of its deadline starts anew */
            node->waited_ms = 0;
            node->waits = false;
        }
}

void oracle_view(struct sim *sim, const struct job_view *view)
{
    struct judged_job *job = judged_job(sim, view->id);
    for (size_t i = 0; job && i < view->nnodes; i++) {
        struct judged_node *node = judged_node(job, view->nodes[i].node);
        if (!node)
            continue;
        bool waits = !strncmp(view->nodes[i].text, "waits for", 9);
        if (node->waits)
            node->waited_ms += sim->now_ms - node->waits_since_ms;
        node->waits = waits;
        node->waits_since_ms = sim->now_ms;
        if (node->ended != (view->nodes[i].outcome != OUTCOME_PENDING))
            sim_violation(sim, "S18", "job %s shows outcome %d of %s, and the journal %d", job->id,
                          view->nodes[i].outcome, node->name, node->outcome);
    }
}

/* S15: nothing outlives its total, but for what brings a node back on. */
static void judge_time(struct sim *sim, const struct judged_job *job,
                       const struct judged_node *node)
{
    enum { GRACE_MS = 300000 };
    uint64_t total = job->options.timeout_s ? job->options.timeout_s * UINT64_C(1000)
                                            : sim->inventory->deadlines.total;
    if (has_both(node)) /* it is brought on by its feeds, and its BMC waited for */
        total += 2 * sim->inventory->deadlines.bmc_back;
    if (node->ended || !node->first_sent_ms || node->waits)
        return;
    if (sim->now_ms - node->first_sent_ms > total + node->waited_ms + GRACE_MS)
        sim_violation(sim, "S15", "%s of job %s is busy for %llu s", node->name, job->id,
                      (unsigned long long)(sim->now_ms - node->first_sent_ms) / 1000);
}

void oracle_check(struct sim *sim)
{
    for (size_t i = 0; i < sim->oracle->njobs; i++)
        for (size_t j = 0; j < sim->oracle->jobs[i].nnodes; j++)
            judge_time(sim, &sim->oracle->jobs[i], &sim->oracle->jobs[i].nodes[j]);
}

bool oracle_idle(const struct sim *sim)
{
    for (size_t i = 0; i < sim->oracle->njobs; i++)
        if (!sim->oracle->jobs[i].ended)
            return false;
    return true;
}

void oracle_finish(struct sim *sim)
{
    for (size_t i = 0; i < sim->oracle->njobs; i++)
        if (!sim->oracle->jobs[i].ended)
            sim_violation(sim, "L1", "job %s never ended", sim->oracle->jobs[i].id);
}
