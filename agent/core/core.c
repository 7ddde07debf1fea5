/* core.c - the doors of the core: events in, actions out. */
#include "agent/core/core.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/core/job.h"
#include "agent/core/memory.h"
#include "agent/core/state.h"
#include "proto/cleanup.h"

/* ---- birth and death ---- */

struct core *core_new(const struct inventory *inventory, const char *boot_id, uint64_t now_ms)
{
    struct core *core = calloc(1, sizeof *core);
    if (!core)
        return NULL;
    core->inventory = inventory;
    core->now_ms = now_ms;
    pace_begin(&core->pace, inventory->limits.power_on_per_second, 1000 * now_ms);
    core->queue_tail = &core->queue_head;
    core->turn.at_ms = UINT64_MAX;
    core->ntimers = 1;
    (void)snprintf(core->boot_id, sizeof core->boot_id, "%s", boot_id);
    if (timers_reserve(&core->timers, core->ntimers))
        return core_free(core);
    return core;
}

struct core *core_free(struct core *core)
{
    if (!core)
        return NULL;
    while (core->jobs) {
        struct job *job = core->jobs;
        core->jobs = job->next;
        (void)job_free(core, job);
    }
    struct address_entry *address, *next_address;
    HASH_ITER(hh, core->addresses, address, next_address)
    {
        HASH_DEL(core->addresses, address);
        free(address);
    }
    struct node_state *node, *next_node;
    HASH_ITER(hh, core->nodes, node, next_node)
    {
        HASH_DEL(core->nodes, node);
        free(node);
    }
    struct used_key *key, *next_key;
    HASH_ITER(hh, core->keys, key, next_key)
    {
        HASH_DEL(core->keys, key);
        free(key);
    }
    core_locks_free(core);
    pace_clear(&core->pace);
    timers_clear(&core->timers);
    free(core->actions);
    free(core);
    return NULL;
}

int core_may_reload(const struct core *core, const struct inventory *inventory, struct err *err)
{
    for (const struct job *job = core->jobs; job; job = job->next)
        if (!job->done && job_may_reload(core, job, inventory, err))
            return -1;
    return 0;
}

void core_reload(struct core *core, const struct inventory *inventory, uint64_t now_ms)
{
    core->now_ms = now_ms;
    core->inventory = inventory;
    core->reloads++;
    admission_reload(core);
    timer_set(&core->timers, &core->turn, now_ms);
}

struct node_state *core_node_state(struct core *core, const char *name)
{
    struct node_state *state;
    HASH_FIND_STR(core->nodes, name, state);
    if (state)
        return state;
    state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    (void)snprintf(state->name, sizeof state->name, "%s", name);
    HASH_ADD_STR(core->nodes, name, state);
    return state;
}

/* ---- actions ---- */

enum { ACTIONS_KEPT = 1024 }; /* room for as many is not given back: about 700 KiB */

struct action *core_act(struct core *core, enum action_kind kind)
{
    if (core->action_count == core->action_room) {
        size_t room = core->action_room ? 2 * core->action_room : 64;
        struct action *actions = core_allocate(room * sizeof *actions);
        for (size_t i = 0; i < core->action_count; i++)
            actions[i] = core->actions[(core->action_first + i) % core->action_room];
        free(core->actions);
        core->actions = actions;
        core->action_room = room;
        core->action_first = 0;
    }
    size_t at = (core->action_first + core->action_count++) % core->action_room;
    core->actions[at] = (struct action){.kind = kind};
    return &core->actions[at];
}

bool core_take(struct core *core, struct action *action)
{
    if (!core->action_count)
        return false;
    *action = core->actions[core->action_first];
    core->action_first = (core->action_first + 1) % core->action_room;
    core->action_count--;
    if (!core->action_count && core->action_room > ACTIONS_KEPT) { /* a burst is over */
        free(core->actions);
        core->actions = NULL;
        core->action_room = core->action_first = 0;
    }
    if (action->kind == ACTION_TELL && action->event.kind == EVENT_JOB_ENDED)
        job_end_taken(core, action->event.job);
    return true;
}

void core_tell(struct core *core, struct task *task, enum event_kind kind, const char *format, ...)
{
    struct action *action = core_act(core, ACTION_TELL);
    struct job_event *event = &action->event;
    event->kind = kind;
    event->verb = task->job->request.verb;
    memcpy(event->job, task->job->id, sizeof event->job);
    task_view(core, task, &event->node);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(event->node.text, sizeof event->node.text, format, args);
    va_end(args);
}

/* The worst of its nodes: "ok" only if every one is. */
static enum outcome job_outcome(const struct job *job)
{
    static const enum outcome worst_first[] = {OUTCOME_LEFT_OFF, OUTCOME_FAILED, OUTCOME_PENDING,
                                               OUTCOME_CANCELLED, OUTCOME_UNVERIFIED};
    for (size_t i = 0; i < ARRAY_SIZE(worst_first); i++)
        for (size_t j = 0; j < job->ntasks; j++)
            if (job->tasks[j].outcome == worst_first[i])
                return worst_first[i];
    return OUTCOME_OK;
}

void core_tell_job(struct core *core, const struct job *job, enum event_kind kind)
{
    struct action *action = core_act(core, ACTION_TELL);
    struct job_event *event = &action->event;
    event->kind = kind;
    event->verb = job->request.verb;
    memcpy(event->job, job->id, sizeof event->job);
    event->node.percent = -1;
    event->node.power_age_ms = UINT64_MAX;
    if (kind == EVENT_JOB_ENDED)
        event->node.outcome = job_outcome(job);
    (void)snprintf(event->node.text, sizeof event->node.text, "%s by %s", job->folded,
                   job->request.actor);
}

/* ---- events in ---- */

static void release_waves(struct core *core)
{
    while (core->releases) {
        core->releases = false;
        for (struct job *job = core->jobs; job; job = job->next)
            if (!job->done)
                job_release(core, job);
    }
    job_forget_old(core);
}

void core_tick(struct core *core, uint64_t now_ms)
{
    core->now_ms = now_ms;
    struct timer *due;
    while ((due = timers_take(&core->timers, now_ms))) {
        if (due != &core->turn) {
            task_on_timer(core, (struct task *)due);
            continue;
        }
        release_waves(core);
        admission_run(core);
    }
}

uint64_t core_deadline(const struct core *core)
{
    return timers_next(&core->timers);
}

void core_reply(struct core *core, const struct driver_reply *reply, uint64_t now_ms)
{
    struct call *call;
    core->now_ms = now_ms;
    HASH_FIND(by_request, core->by_request, &reply->id, sizeof reply->id, call);
    if (call) /* else late: its task stopped believing in it */
        ask_answered(core, call, reply);
    core_tick(core, now_ms);
}

void core_note(struct core *core, const struct note *note, uint64_t now_ms)
{
    core->now_ms = now_ms;
    watch_note(core, note);
    core_tick(core, now_ms);
}

/* ---- requests ---- */

int core_submit(struct core *core, const struct job_request *request, uint64_t now_ms,
                char id[JOB_ID_SIZE], bool *existing, struct problem *problem, struct err *err)
{
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    core->now_ms = now_ms;
    if (job_resolve(core, request, &set, err))
        return -1;

    char hash[17];
    nodeset_hash(set, hash);
    const struct used_key *used = key_find(core, request->key);
    if (used) {
        if (key_check(used, request, hash, problem, err))
            return -1;
        memcpy(id, used->id, JOB_ID_SIZE);
        *existing = true;
        return 0;
    }

    _cleanup_(freep) char *folded = nodeset_fold(set);
    if (!folded)
        return err_set(err, ERR_SYSTEM, "out of memory");
    if (job_admit(core, request, set, folded, problem, err))
        return -1;
    if (core_remember_key(core, "", request, hash))
        return err_set(err, ERR_SYSTEM, "out of memory");
    struct job *job = job_new(core, NULL, request, set, folded);
    if (!job) {
        core_forget_key(core, request->key, "");
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    key_belongs_to(core, request->key, job->id);
    memcpy(id, job->id, JOB_ID_SIZE);
    *existing = false;
    job_start(core, job);
    core_tick(core, now_ms);
    return 0;
}

int core_cancel(struct core *core, const char *id, uint64_t now_ms, struct err *err)
{
    struct job *job;
    core->now_ms = now_ms;
    HASH_FIND(by_id, core->jobs_by_id, id, strlen(id), job);
    if (!job)
        return err_set(err, ERR_NOT_FOUND, "no job is called '%s'", id);
    if (!job->done && !job->cancelling)
        job_cancel(core, job);
    core_tick(core, now_ms);
    return 0;
}

void core_count(const struct core *core, struct core_counts *counts)
{
    *counts = core->counts;
    counts->nodes = core->inventory->nmachines;
    counts->booting = core->booting;
    for (const struct node_state *node = core->nodes; node; node = node->hh.next) {
        const struct node *known = inventory_node(core->inventory, node->name);
        if (!known || known->is_outlet) /* gone with a reload, or no machine */
            continue;
        counts->nodes_on += node->power == POWER_ON;
        counts->nodes_off += node->power == POWER_OFF;
    }
    counts->nodes_unknown = counts->nodes - counts->nodes_on - counts->nodes_off;
}
