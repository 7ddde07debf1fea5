/* task.c - one node walking its plan: asking, resting, ending.  What each step means: step.c. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/core/state.h"

enum {
    BUDGET_MIN_MS = 1000,  /* below this a request is not worth sending */
    REPLY_GRACE_MS = 5000, /* after a request's budget, before we stop believing in its reply */
};

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

static uint32_t budget(const struct core *core, const struct task *task)
{
    uint64_t most = task_deadlines(core)->command;
    if (task->step_deadline_ms != UINT64_MAX && task->step_deadline_ms < core->now_ms + most)
        most = task->step_deadline_ms > core->now_ms ? task->step_deadline_ms - core->now_ms : 0;
    return (uint32_t)(most < BUDGET_MIN_MS ? BUDGET_MIN_MS : most);
}

static bool asks_boot_device(enum op op)
{
    return op == OP_BOOT_GET || op == OP_BOOT_SET;
}

void task_ask(struct core *core, struct task *task, enum op op)
{
    bool boot = asks_boot_device(op);
    const struct job_options *options = &task->job->request.options;
    struct action *action = core_act(core, ACTION_SEND);
    struct driver_request *request = &action->request;

    request->id = ++core->last_request;
    request->op = op;
    request->budget_ms = budget(core, task);
    request->outlet = boot ? 0 : task->outlet;
    request->settings = boot ? task->boot_settings : task->power_settings;
    request->firmware = task->node.firmware;
    request->keep_ms = step_keep_ms(task->step, task_deadlines(core));
    request->seconds = options->seconds;
    if (op == OP_BOOT_SET) {
        request->boot_device = task->step->kind == STEP_FLAG ? BOOT_NONE
                               : verb_boots_network(task->job->request.verb, options)
                                   ? BOOT_NETWORK
                                   : options->boot_device;
        if (request->boot_device != BOOT_NONE)
            task->override_set = true;
    }
    memcpy(request->device, boot ? task->boot_device : task->power_device, NAME_SIZE);
    memcpy(action->driver, boot ? task->boot_driver : task->power_driver, NAME_SIZE);

    core->counts.requests[op]++;
    action->intent = op_changes_something(op);
    action->event.kind = EVENT_COMMAND;
    action->event.verb = task->job->request.verb;
    memcpy(action->event.job, task->job->id, JOB_ID_SIZE);
    task_view(core, task, &action->event.node);
    (void)snprintf(action->event.node.text, JOB_TEXT_SIZE, "%s%s%s to %s", op_name(op),
                   op == OP_BOOT_SET ? " " : "",
                   op == OP_BOOT_SET ? boot_device_name(request->boot_device) : "",
                   request->device);

    task->request_id = request->id;
    task->request_op = op;
    task->asked_ms = core->now_ms;
    task->phase = TASK_ASKS;
    HASH_ADD(by_request, core->by_request, request_id, sizeof task->request_id, task);
    /* Drivers promise a reply within the budget. If none comes all the same, stop waiting. */
    timer_set(&core->timers, &task->timer, core->now_ms + request->budget_ms + REPLY_GRACE_MS);
}

static void learn_power(struct core *core, struct task *task, enum power power)
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

/* Did something speak there? A time-out is silence, and our own trouble says nothing about it. */
static bool proves_contact(const struct driver_reply *reply)
{
    return reply->ok || reply->err.kind == ERR_DEVICE || reply->err.kind == ERR_UNSUPPORTED ||
           reply->err.kind == ERR_PROTOCOL;
}

void task_on_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    HASH_DELETE(by_request, core->by_request, task);
    task->request_id = 0;
    timer_set(&core->timers, &task->timer, UINT64_MAX);
    if (!reply->ok)
        core->counts.failures[reply->err.kind]++;
    if (proves_contact(reply))
        task->contacted = true;
    if (reply->ok && reply->power != POWER_UNKNOWN)
        learn_power(core, task, reply->power);
    if (reply->ok && reply->power == POWER_ON && !task->off_sent)
        task->was_on = true;
    if (reply->ok && reply->has_next_boot) {
        task->next_boot = reply->next_boot;
        task->has_next_boot = true;
    }
    step_reply(core, task, reply);
}

void task_on_timer(struct core *core, struct task *task)
{
    if (task->phase == TASK_ASKS) {
        struct driver_reply lost = {.id = task->request_id, .op = task->request_op};
        enum sent sent = op_changes_something(task->request_op) ? SENT_MAYBE : SENT_NO;
        (void)err_set_sent(&lost.err, ERR_TIMEOUT, sent, "the driver of %s never answered",
                           task->power_device);
        task_on_reply(core, task, &lost);
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
    task->step = plan_for(request->verb, &request->options, task->node.native_cycle,
                          task->node.boot_by_reset);
    task->off_sent = task->off_pending = false;
    task->off_land_ms = 0;
    task->skipped = task->command_in_doubt = task->has_before = task->unproven = false;
    task->resends = 0;
    task->since_ms = core->now_ms;
    boot_begin(&task->boot, verb_boots_network(request->verb, &request->options));
    step_begin(core, task);
}

const struct target *task_next_on(const struct task *task)
{
    return &task->control;
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
    step_again(core, task);
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
    return task->was_on && task->off_sent && verb != VERB_OFF && verb != VERB_SOFT;
}

static void fail_for_good(struct core *core, struct task *task, const char *why)
{
    enum verdict verdict = task->final_verdict;
    memcpy(task->text, task->final_text, sizeof task->text);
    if (must_be_brought_on(task)) {
        (void)snprintf(task->text, sizeof task->text,
                       "it was on, we switched it off or reset it, and have not seen it on since: "
                       "%.60s (before that %s: %.60s)",
                       why, verdict_name(verdict), task->final_text);
        verdict = VERDICT_LEFT_OFF;
    } else if (task->brought_on) {
        (void)snprintf(task->text, sizeof task->text, "%.200s; it was switched on again",
                       task->final_text);
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
