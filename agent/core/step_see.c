/* step_see.c - SEE: the power is read until it is what it should be, twice, settle apart.
 *
 * One reading proves nothing, and neither does a reply that lay about: what a node is told to be
 * has been asked for after the last off that may have been on its way could land. */
#include <stdio.h>

#include "agent/core/step.h"

enum {
    RESENDS = 2,
    DOUBTFUL_READS = 4, /* with growing pauses: about four seconds */
};

static void see_done(struct core *core, struct task *task)
{
    enum power power = task->step->state;
    bool behind =
        task_asks_feeds(task) && task_has_both(task); /* what its BMC does is to be seen */
    task->off_pending = false;
    task->off_land_ms = 0;
    if (power == POWER_ON && !behind)
        task->off_sent = task->off_before = false;
    else if (power == POWER_OFF && task->resumed) /* a restart that went dark is one */
        task->unproven = false;
    if (power == POWER_ON && task_asks_feeds(task))
        task->unfed = false;
    if (!task->skipped) /* else it says "was on already" */
        (void)snprintf(task->text, sizeof task->text, "%s, seen twice", power_name(power));
    task_next_step(core, task);
}

static const char *harder(const struct task *task)
{
    if (task->resumed && !task->bringing_on)
        return "going on";
    return task->bringing_on ? "switching it on all the same" : "going on harder";
}

/* It is on, or at least fed: what was done to it before its feeds, its BMC mends. */
static void forget_off(struct task *task)
{
    bool behind = task_asks_feeds(task) && task_has_both(task);
    task->off_sent = behind && task->off_before;
    task->unfed = task->bmc_away = false;
}

/* It reads on, and nobody who lives has switched it off: it is left as it is. */
static void see_off_never(struct core *core, struct task *task)
{
    char means[TARGET_NAME_SIZE], fed[JOB_TEXT_SIZE / 2] = "";
    if (!task->off_sent) { /* only its next boot was set */
        task_fail(core, task, VERDICT_INTERRUPTED,
                  "the agent died before it sent power-on to %s, and it reads on: switched on by "
                  "others",
                  task_means(task, means));
        return;
    }
    forget_off(task);
    if (task_asks_feeds(task))
        step_still_fed(task, fed, sizeof fed);
    task_fail(core, task, VERDICT_INTERRUPTED, "the agent died after %s to %s, and it reads on: %s",
              op_name(task->off_was_soft ? OP_SOFT : OP_OFF), task_means(task, means),
              *fed ? fed : "never off, or switched on by others");
}

/* It is fed, and nothing is switched on again that went off. */
static void see_still_fed(struct core *core, struct task *task)
{
    char text[JOB_TEXT_SIZE];
    forget_off(task);
    step_still_fed(task, text, sizeof text);
    task_fail(core, task, VERDICT_POWER_FAILED, "%s", text);
}

/* The last question was asked about then, or later: a reply that lay about while our loop stood
 * still tells how it was, not how it is. */
static bool has_asked_by(const struct task *task, uint64_t at_ms)
{
    return task->asked_ms + PAUSE_MOST_MS >= at_ms;
}

/* Not on one reading: it may be wrong, and the node be dark. Not while an off may be on its way. */
static bool is_certainly_on(const struct task *task, const struct driver_reply *reply)
{
    return reply->ok && reply->power == POWER_ON && task->contrary >= 2;
}

static bool is_partly_on(const struct task *task, const struct driver_reply *reply)
{
    return task->step->state == POWER_ON && task_asks_feeds(task) && reply->ok &&
           reply->power == POWER_ON && !feeds_all_on(task->feeds);
}

/* So it is read twice, too, before it is believed. */
static bool see_partly(struct core *core, struct task *task, const struct driver_reply *reply)
{
    if (!task->feeds)
        return false;
    if (!is_partly_on(task, reply)) {
        task->feeds->partly_ms = 0;
        return false;
    }
    if (!task->unproven)
        watch_ready(core, task);
    if (!task->feeds->partly_ms)
        task->feeds->partly_ms = core->now_ms;
    return core->now_ms - task->feeds->partly_ms < task_deadlines(core)->settle ||
           feeds_on_in_a_row(task->feeds) < 2;
}

static void see_give_up(struct core *core, struct task *task, const struct driver_reply *reply)
{
    char means[TARGET_NAME_SIZE];
    if (task->step->soft) {
        core_tell(core, task, EVENT_NOTE, "still %s after the grace; %s",
                  power_name(step_reading(task)), harder(task));
        task_next_step(core, task);
    } else if (is_partly_on(task, reply)) { /* told when it has come to its end */
        feeds_list_not_on(task->feeds, task->feeds->partly, sizeof task->feeds->partly);
        see_done(core, task);
    } else if (is_certainly_on(task, reply) && task->resumed && task->step->state == POWER_OFF) {
        see_off_never(core, task);
    } else if (is_certainly_on(task, reply) && task_asks_feeds(task) && !task->node.is_outlet) {
        see_still_fed(core, task);
    } else if (reply->ok) {
        if (is_certainly_on(task, reply)) /* all its patience long: it never went off */
            task->off_sent = false;
        task_fail(core, task, VERDICT_POWER_FAILED,
                  "%s said ok to %s, but still reads %s after %.0f s", task_means(task, means),
                  task->step->state == POWER_ON ? "power-on" : "power-off",
                  power_name(reply->power), (double)(core->now_ms - task->command_ms) / 1000);
    } else {
        step_fail_with(core, task, &reply->err);
    }
}

/* A soft off is a button pressed: still on says nothing while the system shuts down, and pressed
 * just after it went off the button switches some boards on. */
static bool may_be_repeated(enum op op)
{
    return op == OP_ON || op == OP_OFF;
}

/* The command was left out on one reading, and the next says otherwise: that one was wrong. */
static bool was_left_out_wrongly(const struct task *task, const struct driver_reply *reply)
{
    return task->skipped && reply->ok && reply->power != POWER_UNKNOWN && !task->step->soft &&
           task->step[-1].kind == STEP_COMMAND;
}

static void back_to_command(struct core *core, struct task *task)
{
    task->skipped = false;
    task->step--;
    if (op_powers_on(task->step->op) && task->step[-1].kind == STEP_TURN)
        task->step--;
    step_begin(core, task);
}

/* Of feeds it takes the same one, twice. */
static void count_contrary(struct task *task, const struct driver_reply *reply)
{
    bool in_time = has_asked_by(task, task->off_land_ms);
    bool counts =
        reply->ok && reply->power != POWER_UNKNOWN && reply->power != task->step->state && in_time;
    if (!in_time && task->feeds)
        feeds_look_anew(task->feeds);
    if (task_asks_feeds(task) && reply->power == POWER_ON)
        task->contrary = counts ? feeds_on_in_a_row(task->feeds) : 0;
    else
        task->contrary = counts ? task->contrary + 1 : 0;
}

void step_see_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    uint64_t settle = task_deadlines(core)->settle;
    bool over = core->now_ms >= task->step_deadline_ms;
    bool once_more = see_partly(core, task, reply);
    task->tries++;
    if (reply->ok && reply->power == task->step->state && !is_partly_on(task, reply)) {
        task->contrary = 0;
        if (reply->power == POWER_ON && !task->unproven) /* on, but not known to have restarted */
            watch_ready(core, task);
        if (task->seen_ms && core->now_ms - task->seen_ms >= settle) {
            see_done(core, task);
        } else {
            if (!task->seen_ms)
                task->seen_ms = core->now_ms;
            task_rest(core, task, task->seen_ms + settle - core->now_ms);
        }
        return;
    }
    task->seen_ms = 0;
    count_contrary(task, reply);
    if (was_left_out_wrongly(task, reply)) {
        back_to_command(core, task);
    } else if (over && !once_more && task->contrary != 1 &&
               has_asked_by(task, task->step_deadline_ms)) {
        see_give_up(core, task, reply);
    } else if (!reply->ok) {
        task_rest(core, task, PAUSE_SILENT_MS);
    } else if (!over && task->command_in_doubt && task->tries >= DOUBTFUL_READS &&
               task->resends < RESENDS && task->step[-1].kind == STEP_COMMAND &&
               may_be_repeated(task->step[-1].op)) {
        /* Read again and again as never done: on and off may be asked once more. */
        task->resends++;
        task->step--;
        if (op_powers_on(task->step->op))
            admission_queue(core, task);
        else
            step_begin(core, task);
    } else {
        step_pause_longer(core, task);
    }
}

/* One reading may be wrong, and would leave out an off that a cycle is made of: where the command
 * was left out, that reading was the first of two. */
void step_see_begin(struct core *core, struct task *task)
{
    const struct step *step = task->step;
    uint64_t settle = task_deadlines(core)->settle;
    bool read = task->skipped && task->read_ms && step_reading(task) == step->state;
    task->seen_ms = read ? task->read_ms : 0;
    task->contrary = 0;
    if (task->feeds)
        feeds_look_anew(task->feeds);
    if (step->soft && (task->skipped || (task->bringing_on && !task->off_pending)))
        task_next_step(core, task);
    else if (read && core->now_ms < task->read_ms + settle)
        task_rest(core, task, task->read_ms + settle - core->now_ms);
    else
        task_ask(core, task, OP_STATUS);
}
