/* job.c - one request over many nodes: admitted whole or not at all, then released in waves. */
#include <stdio.h>
#include <string.h>

#include "agent/core/job.h"
#include "agent/core/lock.h"
#include "agent/core/state.h"
#include "proto/cleanup.h"

/* ---- admission of a request ---- */

static int refuse_protected(const struct core *core, const struct job_request *request,
                            const struct nodeset *set, struct err *err)
{
    if (!verb_switches_off(request->verb))
        return 0;
    for (size_t i = 0; i < nodeset_count(set); i++) {
        const struct node *node = inventory_node(core->inventory, nodeset_name(set, i));
        if (node->protect)
            return err_set(err, ERR_DENIED,
                           "%s is protected (protect: true in the config): nothing was done",
                           node->name);
    }
    return 0;
}

static int refuse_too_many(const struct core *core, const struct job_request *request,
                           const struct nodeset *set, const char *folded, struct problem *problem,
                           struct err *err)
{
    size_t count = nodeset_count(set);
    uint32_t limit = core->inventory->limits.confirm_above;
    if (request->max_nodes && count > request->max_nodes)
        return err_set(err, ERR_USAGE, "%zu nodes are more than --max-nodes %u: nothing was done",
                       count, request->max_nodes);
    if (count <= limit || request->yes || request->max_nodes ||
        !verb_changes_something(request->verb))
        return 0;
    char hash[17];
    nodeset_hash(set, hash);
    if (!strcmp(request->confirm, hash))
        return 0;
    problem->count = (uint32_t)count;
    memcpy(problem->confirm, hash, sizeof hash);
    (void)snprintf(problem->folded, sizeof problem->folded, "%s", folded);
    return err_set(err, ERR_CONFIRM,
                   "%s of %zu nodes needs confirmation (more than %u): --yes, or --max-nodes %zu",
                   verb_name(request->verb), count, limit, count);
}

/* For everybody, its holder too, who may be root, as cron is. The caller adds since and until. */
static int refuse_locked(const struct core *core, const struct job_request *request,
                         const struct nodeset *set, struct problem *problem, struct err *err)
{
    char who[LOCK_HOLDER_SIZE];
    if (!core->locks || !verb_changes_something(request->verb))
        return 0;
    lock_holder(request->actor, request->on_behalf, who);
    for (size_t i = 0; i < nodeset_count(set); i++) {
        const struct lock_view *lock = lock_of(core, nodeset_name(set, i), core->now_ms);
        bool own = lock && !strcmp(lock->holder, who);
        if (!lock || (own && request->with_lock))
            continue;
        problem->lock = *lock;
        return err_set(err, ERR_BUSY, "%s is locked by %s (%s): nothing was done", lock->node,
                       lock->holder, lock->reason);
    }
    return 0;
}

void job_describe(const struct core *core, const struct job *job, char text[JOB_DESCRIPTION_SIZE])
{
    uint64_t s = (core->now_ms - job->started_ms) / 1000;
    bool short_time = s < 120, long_time = s >= 7200;
    (void)snprintf(text, JOB_DESCRIPTION_SIZE, "job %s (%s by %s, running for %llu %s)", job->id,
                   verb_name(job->request.verb), job->request.actor,
                   (unsigned long long)(short_time  ? s
                                        : long_time ? s / 3600
                                                    : s / 60),
                   short_time  ? "s"
                   : long_time ? "h"
                               : "min");
}

static int refuse_busy(struct core *core, const struct job_request *request,
                       const struct nodeset *set, struct problem *problem, struct err *err)
{
    if (!verb_changes_something(request->verb))
        return 0;
    for (size_t i = 0; i < nodeset_count(set); i++) {
        struct node_state *state = core_node_state(core, nodeset_name(set, i));
        if (!state)
            return err_set(err, ERR_SYSTEM, "out of memory");
        if (!state->task)
            continue;
        const struct job *job = state->task->job;
        memcpy(problem->job, job->id, sizeof problem->job);
        char text[JOB_DESCRIPTION_SIZE];
        job_describe(core, job, text);
        return err_set(err, ERR_BUSY, "%s is busy with %s: nothing was done", state->name, text);
    }
    return 0;
}

enum { DAY_S = 86400 };

static int check_options(const struct job_request *request, struct err *err)
{
    const struct job_options *options = &request->options;
    if (request->verb == VERB_NEXT_BOOT && options->boot_device == BOOT_OTHER)
        return err_set(err, ERR_USAGE, "the next boot can be network, disk, bios or none");
    if (options->has_max_failures && !options->max_failures)
        return err_set(err, ERR_USAGE, "--max-failures 0 would stop before the first node");
    if (options->grace_s > DAY_S || options->timeout_s > DAY_S)
        return err_set(err, ERR_USAGE, "--grace and --timeout are at most one day (%d s)", DAY_S);
    return 0;
}

int job_resolve(const struct core *core, const struct job_request *request, struct nodeset **set,
                struct err *err)
{
    struct nodeset_source source = inventory_source(core->inventory);
    char warning[256];
    if (check_options(request, err))
        return -1;
    return nodeset_parse(request->nodes ? request->nodes : "", &source, set, warning, err);
}

/* Without eyes a boot would be power cycled, waited for, and blamed on the machine. */
static int refuse_blind(const struct core *core, const struct job_request *request, struct err *err)
{
    if (core->inventory->sees_boots || !verb_boots_network(request->verb, &request->options))
        return 0;
    return err_set(err, ERR_USAGE,
                   "no boot server is configured (bootserver: interfaces or logs), so nothing of a "
                   "network boot could be seen: nothing was done");
}

int job_admit(struct core *core, const struct job_request *request, const struct nodeset *set,
              const char *folded, struct problem *problem, struct err *err)
{
    if (refuse_blind(core, request, err) || refuse_protected(core, request, set, err) ||
        refuse_too_many(core, request, set, folded, problem, err))
        return -1;
    if (refuse_locked(core, request, set, problem, err))
        return -1;
    return refuse_busy(core, request, set, problem, err);
}

/* ---- making one ---- */

static void freeze(struct task *task, const struct inventory *inventory, const char *name)
{
    const struct node *node = inventory_node(inventory, name);
    task->timer.at_ms = UINT64_MAX;
    if (!node) { /* only in a job of an earlier run */
        (void)snprintf(task->node.name, sizeof task->node.name, "%s", name);
        return;
    }
    const struct feed *means = node_means(node, false);
    const struct device *power = &inventory->devices[means->device];
    task->node = *node;
    target_freeze(&task->control, inventory, means, node->inrush_ma, 1);
    task->outlet = means->outlet;
    memcpy(task->power_device, power->config.device, NAME_SIZE);
    memcpy(task->power_driver, power->driver, NAME_SIZE);
    task->power_settings = inventory_fingerprint(power);
    if (node->next_boot != DEVICE_NONE) {
        const struct device *boot = &inventory->devices[node->next_boot];
        memcpy(task->boot_device, boot->config.device, NAME_SIZE);
        memcpy(task->boot_driver, boot->driver, NAME_SIZE);
        task->boot_settings = inventory_fingerprint(boot);
    }
}

struct job *job_new(struct core *core, const char *id, const struct job_request *request,
                    const struct nodeset *set, const char *folded)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->request = *request;
    job->request.nodes = NULL;
    job->folded = strdup(folded);
    job->ntasks = nodeset_count(set);
    job->tasks = calloc(job->ntasks, sizeof *job->tasks);
    if (!job->folded || !job->tasks || timers_reserve(&core->timers, core->ntimers + job->ntasks)) {
        free(job->folded);
        free(job->tasks);
        free(job);
        return NULL;
    }
    core->ntimers += job->ntasks;
    nodeset_hash(set, job->set_hash);
    job->started_ms = core->now_ms;
    if (id)
        (void)snprintf(job->id, sizeof job->id, "%s", id);
    else
        (void)snprintf(job->id, sizeof job->id, "J%.12s-%llu", core->boot_id,
                       (unsigned long long)++core->last_job);
    for (size_t i = 0; i < job->ntasks; i++) {
        freeze(&job->tasks[i], core->inventory, nodeset_name(set, i));
        job->tasks[i].job = job;
    }
    job->next = core->jobs;
    core->jobs = job;
    HASH_ADD(by_id, core->jobs_by_id, id[0], strlen(job->id), job);
    core->counts.jobs_total++;
    core->counts.jobs_running++;
    return job;
}

static void tasks_free(struct core *core, struct job *job)
{
    for (size_t i = 0; job->tasks && i < job->ntasks; i++) {
        struct task *task = &job->tasks[i];
        watch_end(core, task);
        timer_set(&core->timers, &task->timer, UINT64_MAX);
        if (task->request_id)
            HASH_DELETE(by_request, core->by_request, task);
    }
    if (job->tasks)
        core->ntimers -= job->ntasks;
    free(job->tasks);
    job->tasks = NULL;
}

struct job *job_free(struct core *core, struct job *job)
{
    if (!job)
        return NULL;
    tasks_free(core, job);
    HASH_DELETE(by_id, core->jobs_by_id, job);
    free(job->views);
    free(job->folded);
    free(job);
    return NULL;
}

/* Ended jobs are kept to be looked at, and a thousand may be kept: only what is looked at. */
static void condense(struct core *core, struct job *job)
{
    struct node_view *views = calloc(job->ntasks, sizeof *views);
    if (!views)
        return;
    for (size_t i = 0; i < job->ntasks; i++)
        task_view(core, &job->tasks[i], &views[i]);
    job->views = views;
    job->views_ms = core->now_ms;
    tasks_free(core, job);
}

void job_end_taken(struct core *core, const char *id)
{
    struct job *job;
    HASH_FIND(by_id, core->jobs_by_id, id, strlen(id), job);
    if (job && !job->end_taken) {
        job->end_taken = true;
        core->jobs_ended++;
        core->tasks_ended += job->ntasks;
        condense(core, job);
    }
}

/* By when they ended, not by when they began: a long job must not be gone the moment it ends, when
 * many short ones came after it. */
static struct job **first_ended(struct core *core)
{
    struct job **first = NULL;
    for (struct job **link = &core->jobs; *link; link = &(*link)->next)
        if ((*link)->end_taken && (!first || (*link)->ended_ms <= (*first)->ended_ms))
            first = link;
    return first;
}

void job_forget_old(struct core *core)
{
    while (core->jobs_ended > core->inventory->limits.jobs_kept ||
           (core->jobs_ended > 1 && core->tasks_ended > TASKS_KEPT_MAX)) {
        struct job **link = first_ended(core);
        struct job *job = *link;
        core->jobs_ended--;
        core->tasks_ended -= job->ntasks;
        *link = job->next;
        (void)job_free(core, job);
    }
}

/* ---- a reload meanwhile ---- */

static const struct device *find_device(const struct inventory *inventory, const char *name)
{
    for (size_t i = 0; i < inventory->ndevices; i++)
        if (!strcmp(inventory->devices[i].config.device, name))
            return &inventory->devices[i];
    return NULL;
}

static bool same_device(const struct device *a, const struct device *b)
{
    if (!a || !b || strcmp(a->driver, b->driver) || a->config.nsettings != b->config.nsettings)
        return false;
    for (size_t i = 0; i < a->config.nsettings; i++)
        if (strcmp(a->config.settings[i].name, b->config.settings[i].name) ||
            strcmp(a->config.settings[i].value, b->config.settings[i].value))
            return false;
    return true;
}

/* A node of another name that has this task's device or outlet in `inventory`: a second job could
 * be at the same machine by that name. NULL: none. */
static const struct node *renamed(const struct task *task, const struct inventory *inventory)
{
    const struct device *power = find_device(inventory, task->power_device);
    const struct device *boot = find_device(inventory, task->boot_device);
    for (size_t i = 0; i < inventory->nnodes; i++) {
        const struct node *node = &inventory->nodes[i];
        const struct feed *means = node_means(node, false);
        bool same = &inventory->devices[means->device] == power && means->outlet == task->outlet;
        if (node->next_boot != DEVICE_NONE && &inventory->devices[node->next_boot] == boot)
            same = true;
        if (same && strcmp(node->name, task->node.name) != 0)
            return node;
    }
    return NULL;
}

int job_may_reload(const struct core *core, const struct job *job,
                   const struct inventory *inventory, struct err *err)
{
    if (!verb_changes_something(job->request.verb))
        return 0;
    for (size_t i = 0; i < job->ntasks; i++) {
        const struct task *task = &job->tasks[i];
        const char *names[] = {task->power_device, task->boot_device};
        for (size_t j = 0; j < ARRAY_SIZE(names) && task->phase != TASK_ENDED; j++)
            if (*names[j] && !same_device(find_device(core->inventory, names[j]),
                                          find_device(inventory, names[j])))
                return err_set(err, ERR_BUSY,
                               "device %s of %s is gone or has other settings, and job %s is at "
                               "it: reload again when that has ended, or cancel it",
                               names[j], task->node.name, job->id);
        const struct node *other = task->phase == TASK_ENDED ? NULL : renamed(task, inventory);
        if (other)
            return err_set(err, ERR_BUSY,
                           "device %s of %s would be that of %s, and job %s is at it: reload "
                           "again when that has ended, or cancel it",
                           task->power_device, task->node.name, other->name, job->id);
    }
    return 0;
}

/* ---- running it ---- */

void job_start(struct core *core, struct job *job)
{
    if (verb_changes_something(job->request.verb))
        for (size_t i = 0; i < job->ntasks; i++)
            core_node_state(core, job->tasks[i].node.name)->task = &job->tasks[i];
    core_tell_job(core, job, EVENT_JOB_STARTED);
    job_release(core, job);
}

static void drop(struct core *core, struct job *job, struct task *task)
{
    (void)snprintf(task->text, sizeof task->text, "%s before its turn; nothing was sent",
                   job->cancelling ? "cancelled" : "the line was stopped");
    task_end(core, task, OUTCOME_CANCELLED,
             job->cancelling ? VERDICT_CANCELLED : VERDICT_NOT_STARTED);
}

/* Those that had not begun: not released, or still waiting for a place in their first attempt. */
static void drop_the_rest(struct core *core, struct job *job)
{
    for (size_t i = 0; i < job->nreleased; i++) {
        struct task *task = &job->tasks[i];
        if (task->phase == TASK_QUEUES && task->step->kind == STEP_PLACE && task->attempt == 1)
            drop(core, job, task);
    }
    while (job->nreleased < job->ntasks)
        drop(core, job, &job->tasks[job->nreleased++]);
}

static void finish(struct core *core, struct job *job)
{
    job->done = true;
    job->ended_ms = core->now_ms;
    core->counts.jobs_running--;
    core_tell_job(core, job, EVENT_JOB_ENDED);
}

void job_release(struct core *core, struct job *job)
{
    if (job->releasing) /* a task ended while it was being started: the loop below goes on */
        return;
    job->releasing = true;
    uint32_t batch = job->request.options.batch;
    while (job->nreleased < job->ntasks && !job->cancelling && !job->stopped) {
        if (batch && job->nreleased % batch == 0 && job->nended < job->nreleased)
            break; /* the wave before has not ended */
        task_start(core, &job->tasks[job->nreleased++]);
    }
    if (job->cancelling || job->stopped)
        drop_the_rest(core, job);
    job->releasing = false;
    if (job->nended == job->ntasks && !job->done)
        finish(core, job);
}

void job_task_ended(struct core *core, struct task *task)
{
    struct job *job = task->job;
    const struct job_options *options = &job->request.options;
    job->nended++;
    if (task->outcome == OUTCOME_FAILED || task->outcome == OUTCOME_LEFT_OFF)
        job->nfailed++;
    if (options->has_max_failures && job->nfailed >= options->max_failures)
        job->stopped = true;
    /* All the others are under way already: nobody waits for this one. */
    if (!options->batch && !job->stopped && job->nended < job->ntasks)
        return;
    /* Not from here: the caller may still hold the task. At the next tick. */
    timer_set(&core->timers, &core->turn, core->now_ms);
    core->releases = true;
}

void job_cancel(struct core *core, struct job *job)
{
    job->cancelling = true;
    for (size_t i = 0; i < job->nreleased; i++)
        task_cancel(core, &job->tasks[i]);
    job_release(core, job);
}
