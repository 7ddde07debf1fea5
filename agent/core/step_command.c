/* step_command.c - COMMAND: what is sent, whether it is sent again, and what is not known any more
 * from then on. */
#include <stdio.h>

#include "agent/core/step.h"

/* A node is on by one of its feeds, but `on` is for all of them. */
bool step_is_needless(const struct task *task)
{
    const struct step *step = task->step;
    if (step->unless == POWER_UNKNOWN || step_reading(task) != step->unless)
        return false;
    bool feeds = step->unless == POWER_ON && task_is_by_feeds(task);
    return !feeds || step->kind == STEP_SET_BOOT || feeds_all_on(task->feeds);
}

/* Its boot is followed from here on; not from where only its BMC comes back by it, if that is to
 * switch it off once more. */
static bool is_edge_of_boot(const struct task *task)
{
    const struct job_request *request = &task->job->request;
    return !(task_has_both(task) && task->by_feeds &&
             verb_boots_network(request->verb, &request->options));
}

void step_command_begin(struct core *core, struct task *task)
{
    const struct step *step = task->step;
    task->skipped = step_is_needless(task);
    if (task->skipped) {
        (void)snprintf(task->text, sizeof task->text, "was %s already", power_name(step->unless));
        task_next_step(core, task);
        return;
    }
    if (step->op == OP_OFF && task_has_both(task) && task->by_feeds && !task->resends)
        task->off_before = task->off_sent;
    if (op_powers_on(step->op) && is_edge_of_boot(task)) {
        /* A power edge of our own: what was missed before is of another boot, and what its feeds
         * began when they came on ended where its BMC says off. */
        if (task->resumed || task->boot.stage != STAGE_NONE)
            boot_begin(&task->boot, task->boot.wanted_netboot);
        watch_begin(core, task);
    }
    step_again(core, task);
}

void step_again(struct core *core, struct task *task)
{
    task->command_in_doubt = false;
    task->command_ms = task->edge_ms = core->now_ms;
    task_ask(core, task, task->step->op);
}

/* From here on the state last read says nothing. A reset counts: there are boards that it leaves
 * dark. */
void step_note_effect(struct core *core, struct task *task, enum op op)
{
    if (op_powers_on(op))
        core_node_state(core, task->node.name)->on_ms = core->now_ms;
    if (op_powers_on(op) && !task_asks_feeds(task))
        task->control_power = POWER_UNKNOWN; /* each feed has its own */
    if (op != OP_OFF && op != OP_SOFT && op != OP_CYCLE && op != OP_RESET)
        return;
    task->off_sent = task->off_pending = true;
    task->power = task->control_power = POWER_UNKNOWN;
    if (task_asks_feeds(task) && task_has_both(task))
        task->unfed = task->bmc_away = task->cut = true;
    task->off_was_soft = op == OP_SOFT;
    uint64_t land_ms = task->command_ms + step_time_to_land(core, task);
    if (land_ms > task->off_land_ms)
        task->off_land_ms = land_ms;
}

/* On by one feed, and another cannot be switched on: that is not "no answer". */
static void command_failed(struct core *core, struct task *task, const struct err *err)
{
    bool on = task->step->unless == POWER_ON && task_asks_feeds(task) && !task->bringing_on &&
              feeds_power(task->feeds) == POWER_ON;
    if (on)
        task_fail(core, task, VERDICT_POWER_FAILED, "on, but %s", err->text);
    else
        step_fail_with(core, task, err);
}

static bool may_try_again(const struct core *core, const struct task *task, const struct err *err)
{
    return err->sent == SENT_NO && step_is_transient(err) &&
           (step_contacted(task) || task->bringing_on) &&
           core->now_ms + PAUSE_SILENT_MS < task->step_deadline_ms;
}

static bool can_be_seen(enum op op)
{
    return op == OP_ON || op == OP_OFF || op == OP_SOFT || op == OP_RESET || op == OP_CYCLE;
}

void step_command_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    enum op op = task->step->op;
    bool reached = reply->ok || reply->err.sent != SENT_NO;
    if (reached)
        step_note_effect(core, task, op);
    if (reply->ok) {
        task_next_step(core, task);
    } else if (reply->err.sent == SENT_MAYBE && can_be_seen(op)) {
        task->command_in_doubt = true; /* never sent again unseen: the next step reads */
        core_tell(core, task, EVENT_NOTE, "%s may have been done (%s): reading to see", op_name(op),
                  reply->err.text);
        task_next_step(core, task);
    } else if (reply->err.sent == SENT_MAYBE) {
        (void)snprintf(task->text, sizeof task->text, "may have been done: %s", reply->err.text);
        task_end(core, task, OUTCOME_UNVERIFIED, VERDICT_NONE);
    } else if (may_try_again(core, task, &reply->err)) {
        task_rest(core, task, PAUSE_SILENT_MS);
    } else if (task->step->soft) {
        core_tell(core, task, EVENT_NOTE, "%s: %s; going on harder", op_name(op), reply->err.text);
        task->skipped = true; /* it was not sent: there is nothing to wait for */
        task_next_step(core, task);
    } else {
        command_failed(core, task, &reply->err);
    }
}
