/* task.c - one node walking its plan: asking, resting, ending.  What each step means: step.c. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/core/state.h"

const struct deadlines *task_deadlines(const struct core *core)
{
    return &core->inventory->deadlines;
}

static uint64_t total_deadline(const struct core *core, const struct task *task)
{
    uint32_t seconds = task->job->request.options.timeout_s;
    return task->started_ms + (seconds ? seconds * UINT64_C(1000) : task_deadlines(core)->total);
}

static bool out_of_time(const struct core *core, const struct task *task)
{
    return !task->bringing_on && core->now_ms >= total_deadline(core, task);
}

static void arm(struct core *core, struct task *task, uint64_t at_ms)
{
    uint64_t total = total_deadline(core, task);
    timer_set(&core->timers, &task->timer, !task->bringing_on && total < at_ms ? total : at_ms);
}

void task_rest(struct core *core, struct task *task, uint64_t ms)
{
    task->phase = TASK_RESTS;
    arm(core, task, core->now_ms + ms);
}

void watch_arm(struct core *core, struct task *task)
{
    task->phase = TASK_BOOTS;
    arm(core, task, task->boot.deadline_ms);
}

bool task_has_both(const struct task *task)
{
    return task->feeds && target_exists(&task->control);
}

const char *task_means(const struct task *task, char name[TARGET_NAME_SIZE])
{
    bool feeds = task->by_feeds && task->feeds;
    if (feeds && task->feeds->count > 1)
        return "its outlets";
    target_name(feeds ? &task->feeds->each[0].target : &task->control, name);
    return name;
}

/* What is known of the machine. Of one with both, fed is not yet on; unfed is off, though a BMC that is
 * not behind those feeds may say otherwise. */
static enum power power_of(const struct task *task)
{
    if (!task->feeds)
        return task->control_power;
    enum power fed = feeds_power(task->feeds);
    bool silent = task->control_power == POWER_UNKNOWN;
    if (!target_exists(&task->control))
        return fed;
    if (task->node.feeds_first && task->by_feeds) /* off once by them, and on by its BMC: on */
        return fed == POWER_OFF && !task->unfed && !silent ? task->control_power : fed;
    if ((fed == POWER_OFF && (silent || task->unfed)) || (task->by_feeds && silent))
        return fed;
    return task->control_power;
}

void task_learn(struct core *core, struct task *task, enum power power)
{
    struct node_state *state = core_node_state(core, task->node.name);
    /* A job that changes something tells what it began from; a question, what nobody knew yet. */
    bool first = task->power != power && verb_changes_something(task->job->request.verb);
    bool changed = first || !state || state->power != power;
    task->power = power;
    if (state && state->power == POWER_OFF && power == POWER_ON && !task->command_ms)
        state->on_ms = core->now_ms; /* by somebody else */
    if (state) {
        state->power = power;
        state->power_ms = core->now_ms;
    }
    if (changed)
        core_tell(core, task, EVENT_POWER, "%s", power_name(power));
}

static void learn_power(struct core *core, struct task *task, const struct driver_reply *reply)
{
    bool fed = task_asks_feeds(task);
    if (!fed)
        task->control_power = reply->power;
    else if (reply->power == POWER_OFF && task->unfed) /* and so is what its BMC would say */
        task->control_power = POWER_OFF;
    enum power power = power_of(task);
    if (power != POWER_UNKNOWN)
        task_learn(core, task, power);
}

static void learn_watts(struct core *core, struct task *task, const struct driver_reply *reply)
{
    struct node_state *state = core_node_state(core, task->node.name);
    if (task_has_both(task) && !task_asks_feeds(task) && !reply->has_watts)
        return; /* a BMC that does not measure says nothing about its outlets */
    task->has_watts = reply->has_watts;
    task->milliwatts = reply->milliwatts;
    if (state) {
        state->has_watts = reply->has_watts;
        state->milliwatts = reply->milliwatts;
    }
}

void task_saw_on(struct task *task)
{
    if (!task_has_both(task) || !task_asks_feeds(task)) {
        task->was_on = true;
        return;
    }
    task->was_fed = true;
    if (task->control_power == POWER_UNKNOWN && !task->escalated && !task->off_sent)
        task->was_on = true; /* as far as anybody can tell */
}

/* Before an off of ours, or while it is still on its way: it was never read before, and its system
 * has not shut down yet. */
static bool is_on_from_before(const struct task *task)
{
    bool shuts_down = task->off_pending && task->off_was_soft && !task_asks_feeds(task);
    return !task->off_sent || shuts_down;
}

void task_on_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    timer_set(&core->timers, &task->timer, UINT64_MAX);
    if (task->check) { /* of one device among several: what they say together is its step's */
        step_reply(core, task, reply);
        return;
    }
    if (reply->ok && reply->power != POWER_UNKNOWN)
        learn_power(core, task, reply);
    if (reply->ok && reply->op == OP_STATUS)
        learn_watts(core, task, reply);
    if (reply->ok && reply->power == POWER_ON && is_on_from_before(task))
        task_saw_on(task);
    if (reply->ok && reply->has_next_boot) {
        task->next_boot = reply->next_boot;
        task->has_next_boot = true;
    }
    step_reply(core, task, reply);
}

void task_on_timer(struct core *core, struct task *task)
{
    if (task->phase == TASK_ASKS) {
        ask_lost(core, task);
        return;
    }
    if (out_of_time(core, task)) {
        task_fail(core, task, VERDICT_TIMED_OUT, "the time for the whole job ran out at: %s",
                  task->text);
        return;
    }
    if (task->phase == TASK_BOOTS)
        watch_timer(core, task);
    else if (task->phase == TASK_RESTS)
        step_rested(core, task);
}

void task_next_step(struct core *core, struct task *task)
{
    task->step++;
    step_begin(core, task);
}

void task_start(struct core *core, struct task *task)
{
    const struct job_request *request = &task->job->request;
    if (!task->started_ms)
        task->started_ms = core->now_ms;
    if (!task->attempt)
        task->attempt = 1;
    task->step = plan_for_node(&task->node, request->verb, &request->options);
    task->by_feeds = plan_goes_by_feeds(&task->node, request->verb, &request->options);
    task->off_sent = task->off_pending = task->escalated = task->unfed = task->bmc_away =
        task->off_before = task->cut = false;
    task->vain = 0;
    task->off_land_ms = 0;
    task->skipped = task->command_in_doubt = task->has_before = task->unproven = false;
    task->resends = 0;
    task->since_ms = core->now_ms;
    if (task->feeds)
        task->feeds->partly[0] = '\0';
    boot_begin(&task->boot, verb_boots_network(request->verb, &request->options));
    step_begin(core, task);
}

const struct target *task_next_on(const struct task *task)
{
    const struct step *step = task->step;
    while (step->kind != STEP_COMMAND && step->kind != STEP_END)
        step++;
    bool feeds = task->feeds && task->by_feeds && step->via != VIA_CONTROL;
    const struct supply *each = feeds ? task->feeds->each : NULL;
    for (size_t i = 0; feeds && i < task->feeds->count; i++) {
        bool its_turn = task_is_switching_on(task) ? each[i].part == PART_WAITS
                                                   : ask_is_to_switch_on(task, step, &each[i]);
        if (its_turn)
            return &each[i].target;
    }
    return feeds || !target_exists(&task->control) ? &each[0].target : &task->control;
}

void task_on_turn(struct core *core, struct task *task)
{
    uint64_t waited_ms = core->now_ms - task->queued_ms;
    task->started_ms += waited_ms; /* its own time, not the queue's */
    if (task->step->kind != STEP_COMMAND) {
        task_next_step(core, task);
        return;
    }
    if (task->step_deadline_ms != UINT64_MAX)
        task->step_deadline_ms += waited_ms;
    if (task_is_switching_on(task))
        task_on_feed(core, task);
    else
        step_again(core, task);
}

/* It was read off, then power-on was sent, and it was not read since: it may be on. */
static void doubt_off(struct task *task, struct node_state *state)
{
    if (task->check || !task->command_ms || task->power != POWER_OFF ||
        power_of(task) != POWER_UNKNOWN)
        return;
    task->power = POWER_UNKNOWN;
    if (state)
        state->power = POWER_UNKNOWN;
}

void task_end(struct core *core, struct task *task, enum outcome outcome, enum verdict verdict)
{
    watch_end(core, task);
    admission_leave(core, task);
    timer_set(&core->timers, &task->timer, UINT64_MAX);
    task->phase = TASK_ENDED;
    task->outcome = outcome;
    task->verdict = verdict;
    task->since_ms = task->ended_ms = core->now_ms;
    core->counts.outcomes[outcome]++;
    core->counts.verdicts[verdict]++;

    struct node_state *state = core_node_state(core, task->node.name);
    doubt_off(task, state);
    if (state) {
        if (state->task == task)
            state->task = NULL;
        if (verb_changes_something(task->job->request.verb)) {
            task_view(core, task, &state->last);
            state->last_ms = core->now_ms;
            state->has_last = true;
        }
    }
    core_tell(core, task, EVENT_OUTCOME, "%s", task->text);
    job_task_ended(core, task);
}

static enum outcome outcome_of(enum verdict verdict)
{
    if (verdict == VERDICT_CANCELLED || verdict == VERDICT_NOT_STARTED)
        return OUTCOME_CANCELLED;
    return verdict == VERDICT_LEFT_OFF ? OUTCOME_LEFT_OFF : OUTCOME_FAILED;
}

/* A node that was on, and that we may have switched off. That it read "on" once after the off is
 * no comfort: BMCs answer ok first and act later. */
static bool must_be_brought_on(const struct task *task)
{
    enum verb verb = task->job->request.verb;
    bool dark = (task->was_on && task->off_sent) || (task->was_fed && task->unfed);
    return dark && verb != VERB_OFF && verb != VERB_SOFT;
}

/* What of it stays off, though it is on. */
static const char *partly(const struct task *task)
{
    return task->feeds ? task->feeds->partly : "";
}

/* A machine that is not fed cannot be asked for its boot flag: the plan ended before that. */
static bool flag_is_still_to_come(const struct task *task)
{
    const struct step *step = task->step;
    while (step->kind != STEP_FLAG && step->kind != STEP_END)
        step++;
    return step->kind == STEP_FLAG;
}

static void fail_for_good(struct core *core, struct task *task, const char *why)
{
    if (task->bringing_on && task->override_set && flag_is_still_to_come(task))
        core_tell(core, task, EVENT_NOTE, "the boot flag of %s may still be set: it was not asked",
                  task->boot_device);
    enum verdict verdict = task->final_verdict;
    memcpy(task->text, task->final_text, sizeof task->text);
    const char *off = task->unfed ? "switched its outlets off" : "switched it off or reset it";
    if (must_be_brought_on(task)) {
        (void)snprintf(task->text, sizeof task->text,
                       "it was on, we %s, and have not seen it on since: "
                       "%.60s (before that %s: %.60s)",
                       off, why, verdict_name(verdict), task->final_text);
        verdict = VERDICT_LEFT_OFF;
    } else if (task->brought_on) {
        (void)snprintf(task->text, sizeof task->text, "%.200s; it was switched on again%s%.100s",
                       task->final_text, partly(task)[0] ? ", but " : "", partly(task));
    }
    task_end(core, task, outcome_of(verdict), verdict);
}

void task_fail(struct core *core, struct task *task, enum verdict verdict, const char *format, ...)
{
    char text[JOB_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (step_escalates(core, task, verdict, text))
        return;
    if (task->bringing_on && task->unfed && task->escalated && !task->refed) {
        task->refed = task->by_feeds = true; /* cycling them failed: not left off for that */
        task->step = plan_bring_on_by_feeds;
        step_begin(core, task);
        return;
    }
    if (task->bringing_on) { /* that failed too; the first reason is the one to tell first */
        fail_for_good(core, task, text);
        return;
    }
    memcpy(task->final_text, text, sizeof text);

    watch_end(core, task);
    admission_leave(core, task);
    task->final_verdict = verdict;
    bool bring_on = must_be_brought_on(task);
    bool clear = task->override_set;
    if (!bring_on && !clear) {
        fail_for_good(core, task, text);
        return;
    }
    task->verdict = verdict; /* told with it: a new agent must know, should this one die now */
    core_tell(core, task, EVENT_NOTE, "%s", text);
    task->verdict = VERDICT_NONE;
    core_tell(core, task, EVENT_NOTE,
              bring_on ? "switching it on again" : "clearing its boot flag");
    task->bringing_on = true;
    task->brought_on = bring_on;
    task->step = bring_on ? plan_bring_on : plan_clear_boot;
    if (bring_on && task_has_both(task)) {
        task->by_feeds = task->unfed || task->bmc_away;
        task->step = task->by_feeds ? plan_bring_on_by_feeds : plan_bring_on;
    }
    step_begin(core, task);
}

void task_cancel(struct core *core, struct task *task)
{
    switch (task->phase) {
    case TASK_ENDED:
    case TASK_ASKS: /* what was sent cannot be called back: its reply decides (step_reply) */
        return;
    case TASK_WAITS:
    case TASK_QUEUES:
    case TASK_RESTS:
    case TASK_BOOTS:
        if (!task->bringing_on)
            task_fail(core, task, VERDICT_CANCELLED, "cancelled");
        return;
    }
}
