/* ask.c - requests of a task on their way to drivers, and back.
 *
 * One at a time to a BMC.  To the feeds of a node in a round: questions and offs to all of them at
 * once, power-ons one after the other, each when it has its turn (admission.c): a round of those is
 * left open while the next one queues.  The last answer ends the round, and the task gets one reply
 * that stands for all (feeds.c). */
#include <stdio.h>
#include <string.h>

#include "agent/core/state.h"

enum {
    BUDGET_MIN_MS = 1000,  /* below this a request is not worth sending */
    REPLY_GRACE_MS = 5000, /* after a request's budget, before we stop believing in its reply */
};

/* ---- where it goes ---- */

/* What outlets can do. All else takes a device of the machine's own. */
static bool is_of_outlets(enum op op)
{
    return op == OP_STATUS || op == OP_ON || op == OP_OFF;
}

bool task_is_by_feeds(const struct task *task)
{
    enum via via = task->step->via;
    return task->feeds && (via == VIA_FEEDS || (via == VIA_MEANS && task->by_feeds));
}

bool task_asks_feeds(const struct task *task)
{
    return task_is_by_feeds(task) && is_of_outlets(task->request_op);
}

static bool asks_boot_device(enum op op)
{
    return op == OP_BOOT_GET || op == OP_BOOT_SET;
}

/* NULL: nothing of this node can be asked that. */
static const struct target *single_target(const struct task *task, enum op op, struct target *boot)
{
    if (asks_boot_device(op)) {
        *boot = (struct target){.settings = task->boot_settings};
        memcpy(boot->device, task->boot_device, NAME_SIZE);
        memcpy(boot->driver, task->boot_driver, NAME_SIZE);
        return boot;
    }
    if (target_exists(&task->control))
        return &task->control;
    return task->feeds && task->feeds->count == 1 ? &task->feeds->each[0].target : NULL;
}

/* ---- one request ---- */

static uint32_t budget(const struct core *core, const struct task *task)
{
    uint64_t most = task_deadlines(core)->command;
    if (task->step_deadline_ms != UINT64_MAX && task->step_deadline_ms < core->now_ms + most)
        most = task->step_deadline_ms > core->now_ms ? task->step_deadline_ms - core->now_ms : 0;
    return (uint32_t)(most < BUDGET_MIN_MS ? BUDGET_MIN_MS : most);
}

static void point_boot(struct task *task, struct driver_request *request)
{
    const struct job_options *options = &task->job->request.options;
    request->boot_device = task->step->kind == STEP_FLAG ? BOOT_NONE
                           : verb_boots_network(task->job->request.verb, options)
                               ? BOOT_NETWORK
                               : options->boot_device;
    if (request->boot_device != BOOT_NONE)
        task->override_set = true;
}

static void describe(const struct core *core, const struct task *task, const struct target *target,
                     struct action *action)
{
    const struct driver_request *request = &action->request;
    char name[TARGET_NAME_SIZE];
    target_name(target, name);
    action->event.kind = EVENT_COMMAND;
    action->event.verb = task->job->request.verb;
    memcpy(action->event.job, task->job->id, JOB_ID_SIZE);
    task_view(core, task, &action->event.node);
    bool boot = request->op == OP_BOOT_SET;
    (void)snprintf(action->event.node.text, JOB_TEXT_SIZE, "%s%s%s to %s", op_name(request->op),
                   boot ? " " : "", boot ? boot_device_name(request->boot_device) : "", name);
}

static void send(struct core *core, struct call *call, const struct target *target)
{
    struct task *task = call->task;
    struct action *action = core_act(core, ACTION_SEND);
    struct driver_request *request = &action->request;
    request->id = ++core->last_request;
    request->op = call->op;
    request->budget_ms = budget(core, task);
    request->outlet = target->outlet;
    request->settings = target->settings;
    request->firmware = task->node.firmware;
    request->keep_ms = step_keep_ms(task->step, task_deadlines(core));
    request->seconds = task->job->request.options.seconds;
    if (call->op == OP_BOOT_SET)
        point_boot(task, request);
    memcpy(request->device, target->device, NAME_SIZE);
    memcpy(action->driver, target->driver, NAME_SIZE);
    action->intent = op_changes_something(call->op);
    describe(core, task, target, action);

    core->counts.requests[call->op]++;
    call->id = request->id;
    HASH_ADD(by_request, core->by_request, id, sizeof call->id, call);
    task->asked_ms = core->now_ms;
    task->phase = TASK_ASKS;
    /* Drivers promise a reply within the budget. If none comes all the same, stop waiting. */
    timer_set(&core->timers, &task->timer, core->now_ms + request->budget_ms + REPLY_GRACE_MS);
}

static void cannot(struct core *core, struct task *task, enum op op)
{
    struct driver_reply reply = {.op = op};
    (void)err_set(&reply.err, ERR_UNSUPPORTED, "%s has outlets only, which cannot do %s",
                  task->node.name, op_name(op));
    task->phase = TASK_ASKS;
    task_on_reply(core, task, &reply);
}

/* ---- a round ---- */

static void send_to(struct core *core, struct task *task, struct supply *supply)
{
    supply->part = PART_ASKED;
    supply->call.op = task->request_op;
    supply->call.task = task;
    supply->call.supply = supply;
    send(core, &supply->call, &supply->target);
}

static struct supply *next_waiting(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++)
        if (feeds->each[i].part == PART_WAITS)
            return &feeds->each[i];
    return NULL;
}

bool task_is_switching_on(const struct task *task)
{
    return task->feeds && task->request_op == OP_ON && next_waiting(task->feeds);
}

static void end_round(struct core *core, struct task *task)
{
    /* Nothing is done to a node of which one outlet cannot be read. */
    bool strict = task->step->kind == STEP_READ && verb_switches_off(task->job->request.verb);
    struct driver_reply reply;
    feeds_combine(task->feeds, task->request_op, strict, &reply);
    ask_no_more(task);
    task_on_reply(core, task, &reply);
}

void ask_no_more(struct task *task)
{
    for (size_t i = 0; task->feeds && i < task->feeds->count; i++)
        if (task->feeds->each[i].part == PART_WAITS)
            task->feeds->each[i].part = PART_NONE;
}

void task_on_feed(struct core *core, struct task *task)
{
    send_to(core, task, next_waiting(task->feeds));
}

/* Power-on goes to those that were not read on, where that is what the step or its repetition is for;
 * and else to all, since an off may have been on its way to one that reads on. */
bool ask_is_to_switch_on(const struct task *task, const struct step *command,
                         const struct supply *supply)
{
    bool again = task->resends && !task->bringing_on;
    bool only_dark = command->unless == POWER_ON || again;
    return !only_dark || supply->power != POWER_ON;
}

static bool takes_part(const struct task *task, const struct supply *supply)
{
    return task->request_op != OP_ON || ask_is_to_switch_on(task, task->step, supply);
}

static void begin_round(struct core *core, struct task *task)
{
    struct feeds *feeds = task->feeds;
    for (size_t i = 0; i < feeds->count; i++)
        feeds->each[i].part = takes_part(task, &feeds->each[i]) ? PART_WAITS : PART_NONE;
    struct supply *next = next_waiting(feeds);
    if (!next) /* all of them were read on meanwhile */
        end_round(core, task);
    for (; next && task->request_op != OP_ON; next = next_waiting(feeds))
        send_to(core, task, next);
    if (next)
        send_to(core, task, next);
}

void task_ask(struct core *core, struct task *task, enum op op)
{
    struct target boot;
    task->request_op = op;
    if (task_asks_feeds(task)) {
        begin_round(core, task);
        return;
    }
    const struct target *target = single_target(task, op, &boot);
    if (!target) {
        cannot(core, task, op);
        return;
    }
    task_ask_at(core, task, op, target);
}

void task_ask_at(struct core *core, struct task *task, enum op op, const struct target *target)
{
    task->request_op = op;
    task->call.op = op;
    task->call.task = task;
    send(core, &task->call, target);
}

/* ---- and back ---- */

/* Did something speak there? A time-out is silence, and our own trouble says nothing about it. */
static bool proves_contact(const struct driver_reply *reply)
{
    return reply->ok || reply->err.kind == ERR_DEVICE || reply->err.kind == ERR_UNSUPPORTED ||
           reply->err.kind == ERR_PROTOCOL;
}

static void take(struct supply *supply, const struct driver_reply *reply)
{
    supply->part = PART_DONE;
    supply->ok = reply->ok;
    supply->err = reply->err;
    supply->contacted = supply->contacted || proves_contact(reply);
    if (supply->call.op == OP_STATUS) {
        supply->power = reply->ok ? reply->power : POWER_UNKNOWN;
        supply->on_in_a_row = supply->power == POWER_ON ? supply->on_in_a_row + 1 : 0;
        supply->has_watts = reply->ok && reply->has_watts;
        supply->milliwatts = supply->has_watts ? reply->milliwatts : 0;
    } else if (supply->call.op == OP_OFF || supply->power == POWER_OFF) {
        supply->power = POWER_UNKNOWN; /* until it is read again */
    }
}

static bool is_open(const struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++)
        if (feeds->each[i].part == PART_ASKED)
            return true;
    return false;
}

static void fed(struct core *core, struct task *task)
{
    if (is_open(task->feeds))
        return;
    if (task_is_switching_on(task) && (!task->job->cancelling || task->bringing_on))
        admission_queue(core, task);
    else
        end_round(core, task);
}

void ask_answered(struct core *core, struct call *call, const struct driver_reply *reply)
{
    struct task *task = call->task;
    HASH_DELETE(by_request, core->by_request, call);
    call->id = 0;
    if (!reply->ok)
        core->counts.failures[reply->err.kind]++;
    if (!call->supply) {
        if (proves_contact(reply))
            task->contacted = true;
        task_on_reply(core, task, reply);
        return;
    }
    struct driver_reply judged = *reply;
    if (call->op == OP_STATUS)
        feeds_doubt_off(&judged);
    take(call->supply, &judged);
    fed(core, task);
}

static void lost(struct core *core, struct call *call, const struct target *target)
{
    struct driver_reply reply = {.id = call->id, .op = call->op};
    enum sent sent = op_changes_something(call->op) ? SENT_MAYBE : SENT_NO;
    (void)err_set_sent(&reply.err, ERR_TIMEOUT, sent, "the driver of %s never answered",
                       target->device);
    ask_answered(core, call, &reply);
}

void ask_lost(struct core *core, struct task *task)
{
    struct target boot;
    if (task->call.id) {
        lost(core, &task->call,
             task->check ? check_target(task->check) : single_target(task, task->call.op, &boot));
        return;
    }
    struct call *calls[FEEDS_MAX];
    size_t count = 0;
    for (size_t i = 0; task->feeds && i < task->feeds->count; i++)
        if (task->feeds->each[i].part == PART_ASKED)
            calls[count++] = &task->feeds->each[i].call;
    for (size_t i = 0; i < count; i++)
        lost(core, calls[i], &calls[i]->supply->target);
}

static void forget(struct core *core, struct call *call)
{
    if (call->id)
        HASH_DELETE(by_request, core->by_request, call);
    call->id = 0;
}

void ask_forget(struct core *core, struct task *task)
{
    forget(core, &task->call);
    for (size_t i = 0; task->feeds && i < task->feeds->count; i++)
        forget(core, &task->feeds->each[i].call);
}
