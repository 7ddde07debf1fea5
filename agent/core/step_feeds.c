/* step_feeds.c - what only nodes with feeds need: what a feed that stays on or off means, waiting for
 * the BMC behind them, and cycling them when that BMC cannot switch its node on. */
#include <stdio.h>
#include <string.h>

#include "agent/core/step.h"

/* ---- not all of them obeyed ---- */

void step_still_fed(const struct task *task, char *text, size_t size)
{
    enum { PART_SIZE = JOB_TEXT_SIZE / 2 };
    char on[PART_SIZE], off[PART_SIZE], failed[PART_SIZE], rest[PART_SIZE + NAME_SIZE + 80] = "";
    feeds_list(task->feeds, POWER_ON, on, sizeof on);
    feeds_list(task->feeds, POWER_OFF, off, sizeof off);
    feeds_list_failed(task->feeds, failed, sizeof failed);
    bool several = strchr(off, ',') != NULL;
    if (*off && task->job->request.verb == VERB_OFF)
        (void)snprintf(rest, sizeof rest, "; %s %s off", off, several ? "are" : "is");
    else if (*off)
        (void)snprintf(rest, sizeof rest, "; %s %s so: powerctl on %s%s restores it", off,
                       several ? "were switched off and stay" : "was switched off and stays",
                       task_has_both(task) && !task->node.feeds_first ? "--feeds " : "",
                       task->node.name);
    (void)snprintf(text, size, "still fed by %s, which reads on%s%s%s", on, rest,
                   *failed ? "; " : "", failed);
}

/* What was to be on is, and says how; what was to be switched on failed. */
void step_end_partly(struct core *core, struct task *task)
{
    char text[JOB_TEXT_SIZE];
    enum verb verb = task->job->request.verb;
    const char *partly = task->feeds->partly;
    if (task->step != &plan_ask_feeds[1] && task->feeds->unseen) {
        task->step = plan_ask_feeds;
        step_begin(core, task);
        return;
    }
    if (task->feeds->unseen)
        feeds_list_not_on(task->feeds, task->feeds->partly, sizeof task->feeds->partly);
    task->feeds->unseen = false;
    if (!*partly) {
        task_end(core, task, OUTCOME_OK, VERDICT_NONE);
        return;
    }
    if (verb == VERB_ON || verb == VERB_CYCLE) {
        task_fail(core, task, VERDICT_POWER_FAILED, "on, but %s", partly);
        return;
    }
    memcpy(text, task->text, sizeof text);
    (void)snprintf(task->text, sizeof task->text, "%.120s; %s", text, partly);
    task_end(core, task, OUTCOME_OK, VERDICT_NONE);
}

/* ---- BMC_BACK, AS_BEFORE ---- */

void step_bmc_back_begin(struct core *core, struct task *task)
{
    task->by_feeds = false;
    task_ask(core, task, OP_STATUS);
}

void step_bmc_back_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    const struct job_request *request = &task->job->request;
    char means[TARGET_NAME_SIZE];
    if (reply->ok && reply->power != POWER_UNKNOWN) {
        task->bmc_away = false;
        task->read_ms = core->now_ms;
        if (!task->bringing_on && verb_boots_network(request->verb, &request->options)) {
            watch_end(core, task); /* what it did by itself meanwhile is no boot of ours */
            boot_begin(&task->boot, true);
        }
        core_tell(core, task, EVENT_NOTE, "%s answers again: %s", task_means(task, means),
                  power_name(reply->power));
        task_next_step(core, task);
    } else if (core->now_ms < task->step_deadline_ms) {
        task_rest(core, task, PAUSE_SILENT_MS);
    } else if (task->bringing_on) { /* nothing else is left to try; and its boot flag is told */
        task->bmc_away = false;
        core_tell(core, task, EVENT_NOTE, "%s did not come back: trying all the same",
                  task_means(task, means));
        task_next_step(core, task);
    } else {
        task->bmc_away = false; /* it is not waited for again */
        task_fail(core, task, VERDICT_BMC_LOST,
                  "its outlets are on again, but %s did not come back within %.0f s: %.120s",
                  task_means(task, means), (double)task_deadlines(core)->bmc_back / 1000,
                  reply->ok ? "it says neither on nor off" : reply->err.text);
    }
}

void step_as_before(struct core *core, struct task *task)
{
    if (task->was_on || task->escalated) {
        task_next_step(core, task);
        return;
    }
    (void)snprintf(
        task->text, sizeof task->text, "its outlets were cycled; its BMC read off before, %s",
        task->control_power == POWER_ON ? "and it came on with its power" : "and it was left so");
    while (task->step->kind != STEP_END)
        task->step++;
    step_begin(core, task);
}

/* ---- COMPARE ---- */

static void fail_with_other(struct core *core, struct task *task, const struct err *err,
                            const char *other, enum power power)
{
    struct err told = *err;
    if (power != POWER_UNKNOWN)
        (void)snprintf(told.text, sizeof told.text, "%.180s; %s %s", err->text, other,
                       power_name(power));
    step_fail_with(core, task, &told);
}

static void tell_agreement(struct core *core, struct task *task, enum power power)
{
    char text[JOB_TEXT_SIZE / 2], rest[JOB_TEXT_SIZE / 2];
    feeds_contradict(task->feeds, task->control_power, task->node.standby_mw, text, sizeof text);
    if (power == POWER_ON && feeds_power(task->feeds) != POWER_OFF)
        feeds_list_not_on(task->feeds, rest, sizeof rest);
    else
        feeds_list_failed(task->feeds, rest, sizeof rest);
    (void)snprintf(task->text, sizeof task->text, "%s%s%s", *text ? text : power_name(power),
                   *rest ? "; " : "", rest);
    task_next_step(core, task);
}

void step_compare(struct core *core, struct task *task)
{
    struct driver_reply fed;
    bool silent = task->control_power == POWER_UNKNOWN;
    feeds_combine(task->feeds, OP_STATUS, false, &fed);
    if (task->by_feeds && !fed.ok) {
        fail_with_other(core, task, &fed.err, "its BMC reads", task->control_power);
    } else if (!task->by_feeds && silent && fed.ok && fed.power == POWER_OFF) {
        (void)snprintf(task->text, sizeof task->text,
                       "off: its outlets are off, and its BMC is silent");
        task_next_step(core, task);
    } else if (!task->by_feeds && silent && task->feeds->control_err.kind != ERR_NONE) {
        fail_with_other(core, task, &task->feeds->control_err, "its outlets are", fed.power);
    } else if (!task->by_feeds && silent) {
        task_fail(core, task, VERDICT_BAD_REPLY, "%s answered, but says neither on nor off",
                  task->control.device);
    } else {
        tell_agreement(core, task, task->by_feeds ? fed.power : task->control_power);
    }
}

/* ---- escalation ---- */

static bool is_power_on_in_vain(const struct task *task, enum verdict verdict)
{
    const struct step *step = task->step;
    if (!step) /* taken over with its end known: it walks no plan yet */
        return false;
    if (step->kind == STEP_SEE && step->state == POWER_ON)
        step--;
    bool seen_on =
        task->control_power == POWER_ON || (task->boots && task->boot.stage != STAGE_NONE);
    bool told = verdict == VERDICT_POWER_FAILED || verdict == VERDICT_REFUSED ||
                verdict == VERDICT_BMC_LOST || verdict == VERDICT_UNREACHABLE ||
                verdict == VERDICT_BAD_REPLY;
    return told && !seen_on && step->kind == STEP_COMMAND && step->op == OP_ON;
}

/* Not by itself what would need the others on its outlets to agree, or what is protected. */
static bool may_cycle_feeds(const struct task *task)
{
    const struct node *node = &task->node;
    return node->feeds_after && task_has_both(task) && !task->by_feeds && !task->cut &&
           !node->shares_outlets && !node->protect && (!task->job->cancelling || task->bringing_on);
}

static void try_once_more(struct core *core, struct task *task, const char *text)
{
    core_tell(core, task, EVENT_NOTE, "power-on by its BMC failed %u of %u times: %s", task->vain,
              task->node.feeds_after, text);
    while (task->step->kind != STEP_COMMAND)
        task->step--;
    if (task->step[-1].kind == STEP_TURN)
        task->step--;
    task->skipped = false;
    step_begin(core, task);
}

bool step_escalates(struct core *core, struct task *task, enum verdict verdict, const char *text)
{
    const struct job_request *request = &task->job->request;
    if (!may_cycle_feeds(task) || !is_power_on_in_vain(task, verdict))
        return false;
    if (++task->vain < task->node.feeds_after) {
        try_once_more(core, task, text);
        return true;
    }
    core_tell(core, task, EVENT_NOTE,
              "power-on by its BMC failed %u times: cycling its outlets (%s)", task->vain, text);
    task->escalated = task->by_feeds = true;
    task->resends = 0;
    task->step = task->bringing_on ? plan_escalated(VERB_CYCLE, &request->options)
                                   : plan_escalated(request->verb, &request->options);
    step_begin(core, task);
    return true;
}
