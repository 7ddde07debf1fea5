/* resume.c - jobs that an earlier agent did not live to end: taken over, node by node.
 *
 *     its trail ─> how far it had come (left_by) ─> a plan that finishes (plan_to_finish)
 *
 * or a report, where there is nothing to finish or nothing may be touched. */
#include <stdio.h>
#include <string.h>

#include "agent/core/job.h"
#include "agent/core/state.h"
#include "agent/core/step.h"
#include "proto/cleanup.h"

/* ---- what is only reported ---- */

static void end_as_before(struct task *task, const struct node_view *end)
{
    task->phase = TASK_ENDED;
    task->outcome = end->outcome;
    task->verdict = end->verdict;
    task->power = end->power;
    task->attempt = end->attempt;
    task->boot.stage = end->stage;
    task->next_boot = end->next_boot;
    task->has_next_boot = end->has_next_boot;
    memcpy(task->text, end->text, sizeof task->text);
    task->job->nended++;
    task->job->nfailed +=
        task->outcome == OUTCOME_FAILED || task->outcome == OUTCOME_LEFT_OFF ? 1 : 0;
}

static bool ends_off(enum verb verb)
{
    return verb == VERB_OFF || verb == VERB_SOFT;
}

/* Nothing can be done about it: said, with what is known. */
static void report(struct core *core, struct task *task, const struct trail *trail, const char *why)
{
    enum verb verb = task->job->request.verb;
    bool off = trail->garbled ? verb_switches_off(verb) : trail->was_on && trail->done.off_sent;
    bool dark = off && !ends_off(verb);
    const struct trail_target *last = trail_last(trail);
    if (trail->last_sent == TRAIL_NOTHING)
        (void)snprintf(task->text, sizeof task->text, "the agent died; %s", why);
    else
        (void)snprintf(task->text, sizeof task->text, "the agent died after %s to %s%s; %.120s%s",
                       op_name(trail->last_op),
                       trail->last_op == OP_BOOT_SET || !last ? trail->boot_device : last->device,
                       trail->last_sent == TRAIL_MAYBE ? ", whose result was not seen" : "", why,
                       trail->done.flag_set ? "; its boot flag may still be set" : "");
    task_end(core, task, dark ? OUTCOME_LEFT_OFF : OUTCOME_FAILED,
             dark ? VERDICT_LEFT_OFF : VERDICT_INTERRUPTED);
}

/* What the node has now there where a command went to; NULL: nothing. */
static const struct target *target_at(const struct task *task, const struct trail_target *touched)
{
    if (target_is_at(&task->control, touched->device, touched->outlet))
        return &task->control;
    for (size_t i = 0; task->feeds && i < task->feeds->count; i++)
        if (target_is_at(&task->feeds->each[i].target, touched->device, touched->outlet))
            return &task->feeds->each[i].target;
    return NULL;
}

/* Why this node may not be touched; NULL: it may. The name that a command was sent to may lead to
 * another machine now. */
static const char *untouchable(struct core *core, const struct task *task,
                               const struct trail *trail)
{
    static const char changed[] =
        "that device has other settings now and may be another machine: it was not touched";
    const struct node_state *state = core_node_state(core, task->node.name);
    if (trail->garbled)
        return "what the journal has of it makes no sense: it was not touched; read its power";
    if (!target_exists(&task->control) && !task->feeds)
        return "it is not in the configuration any more, and was not touched";
    if (task->node.is_outlet && task->node.feeds_node[0])
        return "a node hangs on it now, and it was not touched";
    for (size_t i = 0; i < trail->ntouched; i++) {
        const struct target *target = target_at(task, &trail->touched[i]);
        if (!target)
            return "the configuration names another device for it now, and it was not touched";
        if (trail->touched[i].settings && trail->touched[i].settings != target->settings)
            return changed;
    }
    if (trail->boot_device[0] && strcmp(trail->boot_device, task->boot_device) != 0)
        return "the configuration names another device for it now, and it was not touched";
    if (trail->boot_settings && trail->boot_settings != task->boot_settings)
        return changed;
    if (state->task)
        return "another job has it, and it was not touched";
    return NULL;
}

/* ---- what is finished ---- */

static void take_facts(struct core *core, struct task *task, const struct trail *trail)
{
    const struct trail_facts *done = &trail->done;
    const struct job_request *request = &task->job->request;
    task->was_on = trail->was_on;
    task->off_sent = done->off_sent;
    /* One reading of off is told, and may have been wrong; power-on is sent after two. */
    task->off_pending = done->off_sent && !(done->off_seen && done->on_sent);
    task->off_was_soft = done->off_soft;
    task->contacted = trail->last_sent == TRAIL_DONE;
    for (size_t i = 0; task->feeds && i < task->feeds->count; i++)
        task->feeds->each[i].contacted = task->contacted;
    if (task->by_feeds && task_has_both(task)) /* seen on with all of them nobody knows */
        task->was_fed = task->unfed = task->bmc_away = done->off_sent;
    /* When they were sent only the wall clock knows: patience counts from now. */
    task->command_ms = task->edge_ms = core->now_ms;
    task->off_land_ms = core->now_ms + step_time_to_land(core, task);
    task->override_set = done->flag_set;
    if (verb_boots_network(request->verb, &request->options)) {
        task->has_place = true; /* it had one before anything was sent */
        core->booting++;
    }
}

/* A restart is proven by what was seen after it. */
static void take_proof(struct task *task, const struct trail *trail)
{
    const struct trail_facts *done = &trail->done;
    enum verb verb = task->job->request.verb;
    if (!done->restarted || verb == VERB_NETBOOT || done->stage != STAGE_NONE)
        return;
    task->unproven = true;
    char means[TARGET_NAME_SIZE];
    (void)snprintf(task->final_text, sizeof task->final_text,
                   "%s went to %s before the agent died; it is on, but nothing shows that it "
                   "restarted",
                   op_name(trail->last_op), task_means(task, means));
}

/* AC power was asked for, and only its system had been told to shut down. */
static bool never_came_to_feeds(const struct task *task, const struct trail *trail, enum left left)
{
    const struct job_request *request = &task->job->request;
    bool asked = plan_goes_by_feeds(&task->node, request->verb, &request->options);
    for (size_t i = 0; i < trail->ntouched; i++)
        if (!target_is_at(&task->control, trail->touched[i].device, trail->touched[i].outlet))
            return false;
    return asked && task_has_both(task) && left == LEFT_OFF_OUT;
}

static void finish(struct core *core, struct task *task, const struct trail *trail, enum left left)
{
    const struct job_request *request = &task->job->request;
    const struct trail_facts *done = &trail->done;
    core_tell(core, task, EVENT_NOTE, "the agent restarted; reading to see what became of %s",
              op_name(trail->last_op));
    if (trail->failed != VERDICT_NONE) {
        task->override_set = done->flag_set;
        task_fail(core, task, trail->failed, "%s", trail->why);
    } else if (left == LEFT_ALONE && trail->was_on &&
               verb_boots_network(request->verb, &request->options)) {
        task_fail(core, task, VERDICT_INTERRUPTED,
                  "the agent died before this attempt touched its power");
    } else if (never_came_to_feeds(task, trail, left)) {
        task_fail(core, task, VERDICT_INTERRUPTED,
                  "the agent died before its outlets were switched off");
    } else if (task->node.protect && plan_sends_off(task->step)) {
        task_fail(core, task, VERDICT_INTERRUPTED,
                  "the agent died, and it is protected by now: it is not switched off once more");
    } else if (left == LEFT_ON_OUT && done->off_sent && !done->off_seen) {
        task_fail(core, task, VERDICT_INTERRUPTED,
                  "the agent died before it was seen off, and power-on was sent");
    } else {
        if (done->on_sent)
            watch_resume(core, task, done->stage, done->off_seen);
        step_begin(core, task);
    }
}

/* By what it was being switched when the agent died: the feeds are cycled first, then its BMC has it.
 * Feeds that nobody asked for were cycled because its BMC had failed. */
static void choose_means(struct task *task, const struct trail *trail, enum left left)
{
    const struct trail_target *last = trail_last(trail);
    const struct job_request *request = &task->job->request;
    bool asked = plan_goes_by_feeds(&task->node, request->verb, &request->options);
    task->by_feeds = asked;
    if (task_has_both(task) && left == LEFT_ALONE)
        task->by_feeds = false;
    else if (task_has_both(task) && last)
        task->by_feeds = !target_is_at(&task->control, last->device, last->outlet);
    task->escalated = task->by_feeds && !asked;
    for (size_t i = 0; task_has_both(task) && i < trail->ntouched; i++) {
        const struct trail_target *touched = &trail->touched[i];
        if (target_is_at(&task->control, touched->device, touched->outlet))
            task->off_before = trail->done.off_sent;
        else
            task->cut = true;
    }
    if (task->cut)
        task->feeds->unseen = !task->by_feeds;
}

/* On and off by its feeds are no more than that; what goes off and on brings its BMC back. */
static bool is_simple(const struct task *task)
{
    return task->job->request.verb == VERB_ON || task->job->request.verb == VERB_OFF;
}

void resume_task(struct core *core, struct task *task, const struct trail *trail)
{
    const struct job_request *request = &task->job->request;
    enum left left = left_by(&trail->done);
    if (trail->ended) {
        end_as_before(task, &trail->end);
        return;
    }
    task->resumed = task->unsettled = true;
    task->started_ms = task->since_ms = core->now_ms;
    task->attempt = trail->attempt;
    boot_begin(&task->boot, verb_boots_network(request->verb, &request->options));
    if (left == LEFT_UNTOUCHED && !trail->garbled && trail->failed != VERDICT_NONE) {
        task_fail(core, task, trail->failed, "%s", trail->why);
        return;
    }
    if (left == LEFT_UNTOUCHED && !trail->garbled) {
        (void)snprintf(task->text, sizeof task->text,
                       "the agent died before anything was sent to it; nothing was done");
        task_end(core, task, OUTCOME_CANCELLED, VERDICT_INTERRUPTED);
        return;
    }
    choose_means(task, trail, left);
    bool cycled = task->by_feeds && task_has_both(task) && (task->escalated || !is_simple(task));
    task->step = cycled ? plan_to_finish_cycled(request->verb, &request->options, left)
                        : plan_to_finish(request->verb, &request->options, left);
    const char *why = untouchable(core, task, trail);
    if (!why && !task->step)
        why = "what became of it was not followed";
    if (why) {
        report(core, task, trail, why);
        return;
    }
    core_node_state(core, task->node.name)->task = task;
    take_facts(core, task, trail);
    take_proof(task, trail);
    finish(core, task, trail, left);
}

/* ---- the job ---- */

static int set_of(struct core *core, const struct resume *resume, struct nodeset **set,
                  struct err *err)
{
    _cleanup_(freep) const char **names = calloc(resume->ntrails + 1, sizeof *names);
    if (!names)
        return err_set(err, ERR_SYSTEM, "out of memory");
    for (size_t i = 0; i < resume->ntrails; i++) {
        names[i] = resume->trails[i].node;
        if (!core_node_state(core, names[i]))
            return err_set(err, ERR_SYSTEM, "out of memory");
    }
    return nodeset_from_names(names, resume->ntrails, set, err);
}

static int compare_to_task(const void *name, const void *task)
{
    return name_compare(name, ((const struct task *)task)->node.name);
}

int core_resume(struct core *core, const struct resume *resume, uint64_t now_ms, struct err *err)
{
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    struct job *known;
    core->now_ms = now_ms;
    HASH_FIND(by_id, core->jobs_by_id, resume->id, strlen(resume->id), known);
    if (known)
        return err_set(err, ERR_USAGE, "job %s is known already", resume->id);
    if (set_of(core, resume, &set, err))
        return -1;
    _cleanup_(freep) char *folded = nodeset_fold(set);
    struct job *job = folded ? job_new(core, resume->id, resume->request, set, folded) : NULL;
    if (!job)
        return err_set(err, ERR_SYSTEM, "out of memory");
    /* May be before this machine's clock began: ages come out right all the same. */
    job->started_ms = now_ms - resume->age_ms;
    job->nreleased = job->ntasks;
    (void)core_remember_key(core, job->id, &job->request, job->set_hash);
    for (size_t i = 0; i < resume->ntrails; i++) {
        struct task *task = bsearch(resume->trails[i].node, job->tasks, job->ntasks,
                                    sizeof *job->tasks, compare_to_task);
        if (task && task->phase == TASK_WAITS)
            resume_task(core, task, &resume->trails[i]);
    }
    job_release(core, job);
    core_tick(core, now_ms);
    return 0;
}

/* ---- what ended before ---- */

void core_remember_last(struct core *core, const struct node_view *last, uint64_t age_ms)
{
    struct node_state *state = core_node_state(core, last->node);
    if (!state || state->has_last)
        return;
    state->last = *last;
    state->last_ms = core->now_ms - age_ms;
    state->has_last = true;
}
