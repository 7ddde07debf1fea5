/* step.c - what each step of a plan does: when it begins, when its reply comes, when its rest is
 * over.  The order of steps is plan.c's. */
#include <stdio.h>
#include <string.h>

#include "agent/core/step.h"

enum { DRIVER_DEATHS = 3 }; /* it is back within seconds, or not at all */

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

static bool may_try_again(const struct core *core, const struct task *task, const struct err *err)
{
    return err->sent == SENT_NO && step_is_transient(err) &&
           (step_contacted(task) || task->bringing_on) &&
           core->now_ms + PAUSE_SILENT_MS < task->step_deadline_ms;
}

void step_pause_longer(struct core *core, struct task *task)
{
    task_rest(core, task, task->pause_ms);
    task->pause_ms = task->pause_ms * 2 < PAUSE_MOST_MS ? task->pause_ms * 2 : PAUSE_MOST_MS;
}

/* ---- READ ---- */

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

static void read_reply(struct core *core, struct task *task, const struct driver_reply *reply)
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

/* ---- REQUIRE_ON ---- */

static void require_on(struct core *core, struct task *task)
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

/* ---- how long things take ---- */

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

/* ---- COMMAND ---- */

enum power step_reading(const struct task *task)
{
    enum via via = task->step->via;
    bool feeds = task->feeds && (via == VIA_FEEDS || (via == VIA_MEANS && task->by_feeds));
    return feeds ? feeds_power(task->feeds) : task->control_power;
}

/* A node is on by one of its feeds, but `on` is for all of them. */
static bool is_needless(const struct task *task)
{
    const struct step *step = task->step;
    if (step->unless == POWER_UNKNOWN || step_reading(task) != step->unless)
        return false;
    bool feeds = step->unless == POWER_ON && task->feeds && task->by_feeds;
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

static void command_begin(struct core *core, struct task *task)
{
    const struct step *step = task->step;
    task->skipped = is_needless(task);
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
static void note_effect(struct core *core, struct task *task, enum op op)
{
    if (op_powers_on(op))
        core_node_state(core, task->node.name)->on_ms = core->now_ms;
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

static bool can_be_seen(enum op op)
{
    return op == OP_ON || op == OP_OFF || op == OP_SOFT || op == OP_RESET || op == OP_CYCLE;
}

static void command_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    enum op op = task->step->op;
    bool reached = reply->ok || reply->err.sent != SENT_NO;
    if (reached)
        note_effect(core, task, op);
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
        if (step->again &&
            (step->via == VIA_CONTROL ? task->control_power != POWER_OFF
                                      : core->now_ms - task->read_ms < deadlines->settle))
            task_next_step(core, task);
        else
            task_ask(core, task, OP_STATUS);
        break;
    case STEP_REQUIRE_ON:
        require_on(core, task);
        break;
    case STEP_COMMAND:
        command_begin(core, task);
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
        if (is_needless(task))
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
        if (is_needless(task))
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
            note_effect(core, task, task->request_op);
        if (kind == STEP_READ && reply->ok && reply->power == POWER_ON)
            task_saw_on(task);
        task_fail(core, task, VERDICT_CANCELLED, "cancelled");
        return;
    }
    switch (kind) {
    case STEP_READ:
        read_reply(core, task, reply);
        break;
    case STEP_COMMAND:
        command_reply(core, task, reply);
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
