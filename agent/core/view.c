/* view.c - what the core knows, as plain values for the API. */
#include <string.h>

#include "agent/core/job.h"
#include "agent/core/lock.h"
#include "agent/core/state.h"
#include "proto/cleanup.h"

static void view_file(const struct boot *boot, struct node_view *view)
{
    const char *slash = strrchr(boot->transfer.file, '/');
    const char *base = slash ? slash + 1 : boot->transfer.file;
    size_t length = strnlen(base, sizeof view->file - 1);
    memcpy(view->file, base, length);
    view->file[length] = '\0';
    view->percent = boot_percent(boot);
}

static uint64_t age(const struct core *core, uint64_t at_ms)
{
    return at_ms ? core->now_ms - at_ms : UINT64_MAX;
}

void task_view(const struct core *core, const struct task *task, struct node_view *view)
{
    struct node_state *state;
    HASH_FIND_STR(core->nodes, task->node.name, state);
    *view = (struct node_view){
        .outcome = task->outcome,
        .verdict = task->verdict,
        .power = task->power,
        .stage = task->boot.stage,
        .attempt = task->attempt,
        .percent = -1,
        .next_boot = task->next_boot,
        .has_next_boot = task->has_next_boot,
        .has_watts = task->has_watts,
        .milliwatts = task->milliwatts,
        .since_ms = core->now_ms - task->since_ms,
        .power_age_ms = age(core, state ? state->power_ms : 0),
    };
    memcpy(view->node, task->node.name, sizeof view->node);
    memcpy(view->text, task->text, sizeof view->text);
    memcpy(view->job, task->job->id, sizeof view->job);
    view->locked = lock_of(core, view->node, core->now_ms);
    if (task->boot.stage != STAGE_NONE)
        view_file(&task->boot, view);
}

static void fill_job(const struct job *job, uint64_t now_ms, struct job_view *view)
{
    uint64_t end = job->done ? job->ended_ms : now_ms;
    view->verb = job->request.verb;
    view->done = job->done;
    view->cancelling = job->cancelling;
    view->elapsed_ms = end - job->started_ms;
    view->started_unix_ms = job->request.unix_ms;
    view->ended_unix_ms = job->done ? job->request.unix_ms + (int64_t)view->elapsed_ms : 0;
    view->nnodes = job->ntasks;
    memcpy(view->id, job->id, sizeof view->id);
    memcpy(view->key, job->request.key, sizeof view->key);
    memcpy(view->actor, job->request.actor, sizeof view->actor);
    for (size_t i = 0; i < job->ntasks; i++)
        view->counts[job->tasks ? job->tasks[i].outcome : job->views[i].outcome]++;
}

/* Its part of a job that ended, some time ago. */
static void aged_view(const struct core *core, const struct job *job, size_t i,
                      struct node_view *view)
{
    uint64_t since_ms = core->now_ms - job->views_ms;
    *view = job->views[i];
    view->since_ms += since_ms;
    if (view->power_age_ms != UINT64_MAX)
        view->power_age_ms += since_ms;
}

int core_job(const struct core *core, const char *id, uint64_t now_ms, struct job_view *view,
             struct err *err)
{
    struct job *job;
    HASH_FIND(by_id, core->jobs_by_id, id, strlen(id), job);
    if (!job)
        return err_set(err, ERR_NOT_FOUND, "no job is called '%s'", id);
    struct job_view made = {.nodes = calloc(job->ntasks, sizeof(struct node_view))};
    if (!made.nodes)
        return err_set(err, ERR_SYSTEM, "out of memory");
    fill_job(job, now_ms, &made);
    for (size_t i = 0; i < job->ntasks; i++)
        if (job->tasks)
            task_view(core, &job->tasks[i], &made.nodes[i]);
        else
            aged_view(core, job, i, &made.nodes[i]);
    *view = made;
    return 0;
}

size_t core_jobs(const struct core *core, uint64_t now_ms, struct job_view **views)
{
    size_t count = 0;
    *views = NULL;
    struct job_view *made = calloc(HASH_CNT(by_id, core->jobs_by_id) + 1, sizeof *made);
    if (!made)
        return 0;
    for (const struct job *job = core->jobs; job; job = job->next)
        fill_job(job, now_ms, &made[count++]);
    *views = made;
    return count;
}

static void view_node(const struct core *core, const char *name, struct node_view *view)
{
    struct node_state *state;
    HASH_FIND_STR(core->nodes, name, state);
    if (state && state->task) {
        task_view(core, state->task, view);
        view->power = state->power;
        return;
    }
    if (state && state->has_last) {
        *view = state->last;
        view->since_ms = core->now_ms - state->last_ms;
        view->job[0] = '\0';
    } else {
        *view = (struct node_view){.percent = -1};
        memcpy(view->node, name, strnlen(name, sizeof view->node - 1));
    }
    view->locked = lock_of(core, name, core->now_ms);
    view->power = state ? state->power : POWER_UNKNOWN;
    view->power_age_ms = age(core, state ? state->power_ms : 0);
    view->has_watts = state && state->has_watts;
    view->milliwatts = state ? state->milliwatts : 0;
}

int core_nodes(const struct core *core, const char *expression, uint64_t now_ms,
               struct node_view **views, size_t *count, char **folded, char warning[256],
               struct err *err)
{
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    struct nodeset_source source = inventory_source(core->inventory);
    (void)now_ms; /* ages are as of the last event, which is never far */
    if (nodeset_parse(expression, &source, &set, warning, err))
        return -1;
    _cleanup_(freep) char *text = nodeset_fold(set);
    struct node_view *made = calloc(nodeset_count(set), sizeof *made);
    if (!text || !made) {
        free(made);
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < nodeset_count(set); i++)
        view_node(core, nodeset_name(set, i), &made[i]);
    *views = made;
    *count = nodeset_count(set);
    *folded = TAKE(text);
    return 0;
}
