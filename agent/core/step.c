/* step.c - what each step of a plan does: when it begins, when its reply comes, when its rest is
 * over.  The order of steps is plan.c's. */
#include <stdio.h>
#include <string.h>

#include "agent/core/step.h"

/* ---- what a driver's failure is called ---- */

/* What it asks now has answered before. */
bool step_contacted(const struct task *task)
{
    return task_asks_feeds(task) ? feeds_all_contacted(task->feeds) : task->contacted;
}

enum verdict step_verdict(const struct err *err, bool contacted)
{
    switch (err->kind) {
    case ERR_UNREACHABLE:
    case ERR_TIMEOUT:
        return contacted ? VERDICT_BMC_LOST : VERDICT_UNREACHABLE;
    case ERR_AUTH:
        return VERDICT_WRONG_PASSWORD;
    case ERR_UNSUPPORTED:
        return VERDICT_UNSUPPORTED;
    case ERR_PROTOCOL:
        return VERDICT_BAD_REPLY;
    case ERR_SYSTEM:
        return VERDICT_AGENT_FAILED;
    case ERR_NONE:
    case ERR_USAGE:
    case ERR_CONFIG:
    case ERR_DENIED:
    case ERR_CONFIRM:
    case ERR_BUSY:
    case ERR_NOT_FOUND:
    case ERR_DEVICE:
    case ERR_LIMIT:
    case ERR_KINDS:
        break;
    }
    return VERDICT_REFUSED;
}

void step_fail_with(struct core *core, struct task *task, const struct err *err)
{
    task_fail(core, task, step_verdict(err, step_contacted(task)), "%s", err->text);
}

bool step_is_transient(const struct err *err)
{
    return err->kind == ERR_UNREACHABLE || err->kind == ERR_TIMEOUT || err->kind == ERR_BUSY ||
           err->kind == ERR_LIMIT || err->kind == ERR_SYSTEM;
}

void step_pause_longer(struct core *core, struct task *task)
{
    task_rest(core, task, task->pause_ms);
    task->pause_ms = task->pause_ms * 2 < PAUSE_MOST_MS ? task->pause_ms * 2 : PAUSE_MOST_MS;
}

/* ---- what was read, and how long things take ---- */

enum power step_reading(const struct task *task)
{
    return task_is_by_feeds(task) ? feeds_power(task->feeds) : task->control_power;
}

static uint64_t grace(const struct core *core, const struct task *task)
{
    uint32_t asked_s = task->job->request.options.grace_s;
    return asked_s ? asked_s * UINT64_C(1000) : task_deadlines(core)->soft_off;
}

/* How long an off may take to have its effect. A short --grace says when to go on harder, not when
 * a system that shuts down slowly has done so. */
uint64_t step_time_to_land(const struct core *core, const struct task *task)
{
    const struct deadlines *deadlines = task_deadlines(core);
    uint64_t soft = grace(core, task);
    if (!task->off_was_soft)
        return deadlines->off;
    return soft > deadlines->soft_off ? soft : deadlines->soft_off;
}

/* ---- the doors ---- */

static uint32_t dwell_ms(const struct core *core, const struct task *task)
{
    uint32_t otherwise = task_deadlines(core)->dwell;
    if (task->feeds && task->by_feeds)
        return feeds_dwell_ms(task->feeds, otherwise);
    return task->control.dwell_ms ? task->control.dwell_ms : otherwise;
}

static uint64_t deadline_of(const struct core *core, const struct task *task)
{
    const struct step *step = task->step;
    const struct deadlines *deadlines = task_deadlines(core);
    uint32_t patience = step_patience(step, deadlines);
    if (!patience)
        return UINT64_MAX;
    if (step->kind == STEP_SEE && step->state == POWER_OFF && task->resumed && !task->bringing_on)
        return core->now_ms + step_time_to_land(core, task);
    if (step->kind == STEP_SEE && step->state == POWER_OFF && task->bringing_on)
        return task->off_land_ms;
    return core->now_ms + (step_takes_grace(step) ? grace(core, task) : patience);
}

static void step_unproven(struct core *core, struct task *task)
{
    char means[TARGET_NAME_SIZE];
    (void)snprintf(task->text, sizeof task->text, "%s %s it; nothing can show its effect",
                   task_means(task, means), task->resumed ? "may have got" : "accepted");
    task_end(core, task, OUTCOME_UNVERIFIED, VERDICT_NONE);
}

static void end(struct core *core, struct task *task)
{
    if (task->bringing_on)
        task_fail(core, task, task->final_verdict, "%s", task->text);
    else if (task->unproven)
        step_end_unproven(core, task);
    else if (task->feeds && (task->feeds->partly[0] || task->feeds->unseen))
        step_end_partly(core, task);
    else
        task_end(core, task, OUTCOME_OK, VERDICT_NONE);
}

void step_begin(struct core *core, struct task *task)
{
    const struct step *step = task->step;
    const struct deadlines *deadlines = task_deadlines(core);
    task->step_deadline_ms = deadline_of(core, task);
    task->pause_ms = PAUSE_FIRST_MS;
    task->tries = 0;
    ask_no_more(task);

    switch (step->kind) {
    case STEP_READ:
        step_read_begin(core, task);
        break;
    case STEP_REQUIRE_ON:
        step_require_on(core, task);
        break;
    case STEP_COMMAND:
        step_command_begin(core, task);
        break;
    case STEP_SEE:
        step_see_begin(core, task);
        break;
    case STEP_SETTLE:
        if (task->unsettled)
            task_rest(core, task, deadlines->settle);
        else
            task_next_step(core, task);
        break;
    case STEP_READ_BOOT:
        step_read_boot_begin(core, task);
        break;
    case STEP_DWELL:
        if (task->off_sent)
            task_rest(core, task, dwell_ms(core, task));
        else
            task_next_step(core, task);
        break;
    case STEP_SET_BOOT:
        if (step_is_needless(task))
            task_next_step(core, task);
        else
            step_set_boot_begin(core, task);
        break;
    case STEP_PLACE: /* a place kept from before is good */
        if (task->has_place)
            task_next_step(core, task);
        else
            admission_queue(core, task);
        break;
    case STEP_TURN:
        if (step_is_needless(task))
            task_next_step(core, task);
        else
            admission_queue(core, task);
        break;
    case STEP_EVIDENCE:
    case STEP_RESTARTED:
        task_ask(core, task, OP_EVIDENCE);
        break;
    case STEP_UNPROVEN:
        step_unproven(core, task);
        break;
    case STEP_WATCH:
        watch_begin(core, task);
        watch_timer(core, task);
        break;
    case STEP_FLAG:
        step_flag_begin(core, task);
        break;
    case STEP_BMC_BACK:
        step_bmc_back_begin(core, task);
        break;
    case STEP_AS_BEFORE:
        step_as_before(core, task);
        break;
    case STEP_COMPARE:
        step_compare(core, task);
        break;
    case STEP_CHECK:
        step_check_begin(core, task);
        break;
    case STEP_END:
        end(core, task);
        break;
    }
}

void step_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    enum step_kind kind = task->step->kind;
    if (task->job->cancelling && !task->bringing_on) {
        /* What this reply says about off and on still counts. */
        bool reached = reply->ok || reply->err.sent != SENT_NO;
        if (reached)
            step_note_effect(core, task, task->request_op);
        if (kind == STEP_READ && reply->ok && reply->power == POWER_ON)
            task_saw_on(task);
        task_fail(core, task, VERDICT_CANCELLED, "cancelled");
        return;
    }
    switch (kind) {
    case STEP_READ:
        step_read_reply(core, task, reply);
        break;
    case STEP_COMMAND:
        step_command_reply(core, task, reply);
        break;
    case STEP_SEE:
        step_see_reply(core, task, reply);
        break;
    case STEP_READ_BOOT:
        step_read_boot_reply(core, task, reply);
        break;
    case STEP_SET_BOOT:
        step_set_boot_reply(core, task, reply);
        break;
    case STEP_EVIDENCE:
        step_evidence_reply(core, task, reply);
        break;
    case STEP_RESTARTED:
        step_restarted_reply(core, task, reply);
        break;
    case STEP_FLAG:
        step_flag_reply(core, task, reply);
        break;
    case STEP_BMC_BACK:
        step_bmc_back_reply(core, task, reply);
        break;
    case STEP_CHECK:
        step_check_reply(core, task, reply);
        break;
    case STEP_AS_BEFORE:
    case STEP_COMPARE:
    case STEP_REQUIRE_ON:
    case STEP_SETTLE:
    case STEP_DWELL:
    case STEP_PLACE:
    case STEP_TURN:
    case STEP_UNPROVEN:
    case STEP_WATCH:
    case STEP_END:
        break; /* these ask nothing */
    }
}

void step_rested(struct core *core, struct task *task)
{
    switch (task->step->kind) {
    case STEP_READ:
    case STEP_SEE:
    case STEP_BMC_BACK:
        task_ask(core, task, OP_STATUS);
        break;
    case STEP_COMMAND: /* not sent before: its token is spent all the same */
        if (op_powers_on(task->step->op))
            admission_queue(core, task);
        else
            step_again(core, task);
        break;
    case STEP_FLAG:
        task_ask(core, task, task->request_op);
        break;
    case STEP_CHECK:
        step_check_ask(core, task);
        break;
    case STEP_SET_BOOT:
        task_ask(core, task, OP_BOOT_SET);
        break;
    case STEP_RESTARTED:
        task_ask(core, task, OP_EVIDENCE);
        break;
    case STEP_READ_BOOT:
        task_ask(core, task, OP_BOOT_GET);
        break;
    case STEP_SETTLE:
        task->unsettled = false;
        task_next_step(core, task);
        break;
    case STEP_DWELL:
        task_next_step(core, task);
        break;
    case STEP_AS_BEFORE:
    case STEP_COMPARE:
    case STEP_REQUIRE_ON:
    case STEP_PLACE:
    case STEP_TURN:
    case STEP_EVIDENCE:
    case STEP_UNPROVEN:
    case STEP_WATCH:
    case STEP_END:
        break; /* these never rest */
    }
}
