/* step_read.c - READ and REQUIRE_ON: how the power is, before anything is done to it. */
#include <stdio.h>

#include "agent/core/step.h"

void step_read_begin(struct core *core, struct task *task)
{
    bool fresh = task->step->via == VIA_CONTROL
                     ? task->control_power != POWER_OFF
                     : core->now_ms - task->read_ms < task_deadlines(core)->settle;
    if (task->step->again && fresh)
        task_next_step(core, task);
    else
        task_ask(core, task, OP_STATUS);
}

/* A node that is to be on is switched on by what answers. */
static bool may_go_on(const struct task *task)
{
    return task->job->request.verb == VERB_ON && task_asks_feeds(task) &&
           feeds_any_read(task->feeds);
}

/* What it said once is not confirmed: the machine may be on where its feeds are. */
static void bmc_is_silent(struct task *task, const struct err *err)
{
    task->feeds->control_err = *err;
    task->control_power = POWER_UNKNOWN;
    if (task->was_fed && !task->off_sent && !task->escalated)
        task->was_on = true;
}

static void read_done(struct core *core, struct task *task, const struct driver_reply *reply)
{
    char not_on[JOB_TEXT_SIZE / 2] = "";
    if (reply->ok && reply->power == POWER_ON)
        task_saw_on(task);
    if (task->step->via == VIA_MEANS)
        task->read_ms = core->now_ms;
    if (task_asks_feeds(task) && reply->power == POWER_ON)
        feeds_list_not_on(task->feeds, not_on, sizeof not_on);
    if (!task->step->soft)
        (void)snprintf(task->text, sizeof task->text, "%s%s%s", power_name(reply->power),
                       *not_on ? ", but " : "", not_on);
    task_next_step(core, task);
}

void step_read_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    char means[TARGET_NAME_SIZE];
    bool again = reply->err.kind == ERR_BUSY ||
                 (reply->err.kind == ERR_SYSTEM && task->tries++ < DRIVER_DEATHS) ||
                 (task->resumed && step_is_transient(&reply->err)); /* drivers start as we do */
    if (!reply->ok && again && core->now_ms < task->step_deadline_ms) {
        task_rest(core, task, PAUSE_SILENT_MS);
    } else if (!reply->ok && task->step->soft) {
        if (task_has_both(task) && !task_asks_feeds(task))
            bmc_is_silent(task, &reply->err);
        task_next_step(core, task);
    } else if (!reply->ok && !may_go_on(task)) {
        step_fail_with(core, task, &reply->err);
    } else if (reply->ok && reply->power == POWER_UNKNOWN && !task->step->soft) {
        /* unknown is not off: nothing is done on a guess */
        task_fail(core, task, VERDICT_BAD_REPLY, "%s answered, but says neither on nor off",
                  task_means(task, means));
    } else {
        read_done(core, task, reply);
    }
}

void step_require_on(struct core *core, struct task *task)
{
    const struct job_request *request = &task->job->request;
    if (step_reading(task) == POWER_ON) {
        task_next_step(core, task);
    } else if (request->verb == VERB_NETBOOT) { /* nothing to reset: off, set, on fits */
        task->step = plan_for(VERB_NETBOOT, &request->options, false, false);
        task_next_step(core, task); /* its READ is done */
    } else {
        task_fail(core, task, VERDICT_IS_OFF, "is off; use on");
    }
}
