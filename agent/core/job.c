/* job.c - one request over many nodes: admitted whole or not at all (refuse.c), then released in
 * waves. */
#include <stdio.h>
#include <string.h>

#include "agent/core/job.h"
#include "agent/core/state.h"
#include "proto/cleanup.h"

/* ---- making one ---- */

/* -1: out of memory. */
static int freeze(struct task *task, const struct inventory *inventory, const char *name)
{
    const struct node *node = inventory_node(inventory, name);
    task->timer.at_ms = UINT64_MAX;
    if (!node) { /* only in a job of an earlier run */
        (void)snprintf(task->node.name, sizeof task->node.name, "%s", name);
        task->node.control.device = task->node.next_boot = DEVICE_NONE;
        return 0;
    }
    task->node = *node;
    target_freeze(&task->control, inventory, &node->control, node->inrush_ma, 1);
    if (node->next_boot != DEVICE_NONE) {
        const struct device *boot = &inventory->devices[node->next_boot];
        memcpy(task->boot_device, boot->config.device, NAME_SIZE);
        memcpy(task->boot_driver, boot->driver, NAME_SIZE);
        task->boot_settings = inventory_fingerprint(boot);
    }
    task->feeds = node->nfeeds ? feeds_new(inventory, node) : NULL;
    if (node->nfeeds && !task->feeds)
        return -1;
    bool check = task->job->request.verb == VERB_CHECK;
    task->check = check ? check_new(task) : NULL;
    return check && !task->check ? -1 : 0;
}

static int freeze_all(struct job *job, const struct inventory *inventory, const struct nodeset *set)
{
    for (size_t i = 0; i < job->ntasks; i++) {
        job->tasks[i].job = job;
        if (freeze(&job->tasks[i], inventory, nodeset_name(set, i)))
            return -1;
    }
    return 0;
}

static void unmake(struct job *job)
{
    for (size_t i = 0; job->tasks && i < job->ntasks; i++) {
        free(job->tasks[i].feeds);
        job->tasks[i].check = check_free(job->tasks[i].check);
    }
    free(job->folded);
    free(job->tasks);
    free(job);
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
    if (!job->folded || !job->tasks || freeze_all(job, core->inventory, set) ||
        timers_reserve(&core->timers, core->ntimers + job->ntasks)) {
        unmake(job);
        return NULL;
    }
    core->ntimers += job->ntasks;
    nodeset_hash(set, job->set_hash);
    job->started_ms = core->now_ms;
    job->reloads = core->reloads;
    if (id)
        (void)snprintf(job->id, sizeof job->id, "%s", id);
    else
        (void)snprintf(job->id, sizeof job->id, "J%.12s-%llu", core->boot_id,
                       (unsigned long long)++core->last_job);
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
        ask_forget(core, task);
        free(task->feeds);
        task->check = check_free(task->check);
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

/* All that a task commands: its BMC, its outlets, its next-boot device. */
enum { TARGETS_MAX = FEEDS_MAX + 2 };

static size_t targets_of(const struct task *task, const char *devices[TARGETS_MAX],
                         uint32_t outlets[TARGETS_MAX])
{
    size_t count = 0;
    if (target_exists(&task->control)) {
        devices[count] = task->control.device;
        outlets[count++] = task->control.outlet;
    }
    for (size_t i = 0; task->feeds && i < task->feeds->count; i++) {
        devices[count] = task->feeds->each[i].target.device;
        outlets[count++] = task->feeds->each[i].target.outlet;
    }
    if (task->boot_device[0]) {
        devices[count] = task->boot_device;
        outlets[count++] = 0;
    }
    return count;
}

static bool is_at(const struct node *node, const struct device *devices,
                  const struct device *device, uint32_t outlet)
{
    if (node->next_boot != DEVICE_NONE && !outlet && &devices[node->next_boot] == device)
        return true;
    if (node->control.device != DEVICE_NONE && &devices[node->control.device] == device &&
        node->control.outlet == outlet)
        return true;
    for (size_t i = 0; i < node->nfeeds; i++)
        if (&devices[node->feeds[i].device] == device && node->feeds[i].outlet == outlet)
            return true;
    return false;
}

/* Another name for one of its outlets that nothing is done by: an outlet as a node of its own feeds
 * its node, and those that share outlets are switched together. */
static bool is_known_alias(const struct task *task, const struct node *node, const char *device,
                           uint32_t outlet)
{
    bool is_feed = false;
    for (size_t i = 0; task->feeds && i < task->feeds->count; i++)
        is_feed = is_feed || target_is_at(&task->feeds->each[i].target, device, outlet);
    if (!is_feed)
        return false;
    if (node->is_outlet != task->node.is_outlet)
        return node->is_outlet && node->feeds_node[0] != '\0';
    return node->shares_outlets && task->node.shares_outlets;
}

/* A node of another name that has one of this task's devices or outlets in `inventory`: a second job
 * could be at the same machine by that name. NULL: none. */
static const struct node *renamed(const struct task *task, const struct inventory *inventory,
                                  const char **taken)
{
    const char *names[TARGETS_MAX];
    uint32_t outlets[TARGETS_MAX];
    size_t count = targets_of(task, names, outlets);
    for (size_t j = 0; j < count; j++) {
        const struct device *device = find_device(inventory, names[j]);
        for (size_t i = 0; i < inventory->nnodes; i++) {
            const struct node *node = &inventory->nodes[i];
            if (!is_at(node, inventory->devices, device, outlets[j]) ||
                !strcmp(node->name, task->node.name) ||
                is_known_alias(task, node, names[j], outlets[j]))
                continue;
            *taken = names[j];
            return node;
        }
    }
    return NULL;
}

static int may_reload(const struct core *core, const struct task *task,
                      const struct inventory *inventory, struct err *err)
{
    const char *names[TARGETS_MAX], *taken = NULL;
    uint32_t outlets[TARGETS_MAX];
    size_t count = targets_of(task, names, outlets);
    for (size_t i = 0; i < count; i++)
        if (!same_device(find_device(core->inventory, names[i]), find_device(inventory, names[i])))
            return err_set(err, ERR_BUSY,
                           "device %s of %s is gone or has other settings, and job %s is at "
                           "it: reload again when that has ended, or cancel it",
                           names[i], task->node.name, task->job->id);
    const struct node *other = renamed(task, inventory, &taken);
    if (other)
        return err_set(err, ERR_BUSY,
                       "device %s of %s would be that of %s, and job %s is at it: reload "
                       "again when that has ended, or cancel it",
                       taken, task->node.name, other->name, task->job->id);
    return 0;
}

int job_may_reload(const struct core *core, const struct job *job,
                   const struct inventory *inventory, struct err *err)
{
    if (!verb_changes_something(job->request.verb))
        return 0;
    for (size_t i = 0; i < job->ntasks; i++)
        if (job->tasks[i].phase != TASK_ENDED && may_reload(core, &job->tasks[i], inventory, err))
            return -1;
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
