/* step.c - what each step of a plan does: when it begins, when its reply comes, when its rest is
 * over.  The order of steps is plan.c's. */
#include <stdio.h>
#include <string.h>

#include "agent/core/state.h"

enum {
    PAUSE_FIRST_MS = 250,
    PAUSE_MOST_MS = 2000,
    PAUSE_SILENT_MS = 1000, /* a device that did not answer is not hurried */
    BOOT_SET_TRIES = 3,
    RESENDS = 2,
    DOUBTFUL_READS = 4,        /* with growing pauses: about four seconds */
    CAUSE_CHASSIS_CONTROL = 1, /* IPMI 2.0 table 28-11: what a restart on our order leaves */
};

/* ---- what a driver's failure is called ---- */

static enum verdict verdict_of(const struct task *task, const struct err *err)
{
    switch (err->kind) {
    case ERR_UNREACHABLE:
    case ERR_TIMEOUT:
        return task->contacted ? VERDICT_BMC_LOST : VERDICT_UNREACHABLE;
    case ERR_AUTH:
        return VERDICT_WRONG_PASSWORD;
    case ERR_UNSUPPORTED:
        return VERDICT_UNSUPPORTED;
    case ERR_PROTOCOL:
        return VERDICT_BAD_REPLY;
    case ERR_NONE:
    case ERR_USAGE:
    case ERR_CONFIG:
    case ERR_DENIED:
    case ERR_CONFIRM:
    case ERR_BUSY:
    case ERR_NOT_FOUND:
    case ERR_DEVICE:
    case ERR_LIMIT:
    case ERR_SYSTEM:
    case ERR_KINDS:
        break;
    }
    return VERDICT_REFUSED;
}

static void fail_with(struct core *core, struct task *task, const struct err *err)
{
    task_fail(core, task, verdict_of(task, err), "%s", err->text);
}

/* Worth another try of the very same request: chance, not an answer. */
static bool is_transient(const struct err *err)
{
    return err->kind == ERR_UNREACHABLE || err->kind == ERR_TIMEOUT || err->kind == ERR_BUSY ||
           err->kind == ERR_LIMIT || err->kind == ERR_SYSTEM;
}

static bool may_try_again(const struct core *core, const struct task *task, const struct err *err)
{
    return err->sent == SENT_NO && is_transient(err) && (task->contacted || task->bringing_on) &&
           core->now_ms + PAUSE_SILENT_MS < task->step_deadline_ms;
}

static void pause_longer(struct core *core, struct task *task)
{
    task_rest(core, task, task->pause_ms);
    task->pause_ms = task->pause_ms * 2 < PAUSE_MOST_MS ? task->pause_ms * 2 : PAUSE_MOST_MS;
}

/* ---- READ, EVIDENCE ---- */

static void read_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    if (!reply->ok && reply->err.kind == ERR_BUSY && core->now_ms < task->step_deadline_ms) {
        task_rest(core, task, PAUSE_SILENT_MS);
        return;
    }
    if (!reply->ok) {
        fail_with(core, task, &reply->err);
        return;
    }
    if (reply->power == POWER_ON)
        task->was_on = true;
    (void)snprintf(task->text, sizeof task->text, "%s", power_name(reply->power));
    task_next_step(core, task);
}

static void evidence_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    task->has_before = reply->ok && reply->has_evidence;
    task->before = reply->evidence;
    task_next_step(core, task);
}

/* ---- REQUIRE_ON ---- */

static void require_on(struct core *core, struct task *task)
{
    const struct job_request *request = &task->job->request;
    if (task->power == POWER_ON) {
        task_next_step(core, task);
    } else if (request->verb == VERB_NETBOOT) { /* nothing to reset: off, set, on fits */
        task->step = plan_for(VERB_NETBOOT, &request->options, false, false);
        task_next_step(core, task); /* its READ is done */
    } else {
        task_fail(core, task, VERDICT_IS_OFF, "is off; use on");
    }
}

/* ---- COMMAND ---- */

static void command_begin(struct core *core, struct task *task)
{
    const struct step *step = task->step;
    task->skipped = step->unless != POWER_UNKNOWN && task->power == step->unless;
    if (task->skipped) {
        (void)snprintf(task->text, sizeof task->text, "was %s already", power_name(task->power));
        task_next_step(core, task);
        return;
    }
    task->command_in_doubt = false;
    task->command_ms = core->now_ms;
    if (step->op == OP_ON || step->op == OP_RESET || step->op == OP_CYCLE)
        watch_begin(core, task);
    task_ask(core, task, step->op);
}

/* From here on the state last read says nothing. */
static void note_effect(struct task *task, enum op op)
{
    if (op == OP_OFF || op == OP_SOFT || op == OP_CYCLE) {
        task->off_sent = true;
        task->power = POWER_UNKNOWN;
    }
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
        note_effect(task, op);
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
        task_next_step(core, task);
    } else {
        fail_with(core, task, &reply->err);
    }
}

/* ---- SEE ---- */

static void see_done(struct core *core, struct task *task)
{
    (void)snprintf(task->text, sizeof task->text, "%s, seen twice", power_name(task->power));
    task_next_step(core, task);
}

static void see_give_up(struct core *core, struct task *task, const struct driver_reply *reply)
{
    if (task->step->soft) {
        core_tell(core, task, EVENT_NOTE, "still %s after the grace; going on harder",
                  power_name(task->power));
        task_next_step(core, task);
    } else if (reply->ok) {
        task_fail(core, task, VERDICT_POWER_FAILED,
                  "%s said ok to %s, but still reads %s after %.0f s", task->power_device,
                  task->step->state == POWER_ON ? "power-on" : "power-off",
                  power_name(reply->power), (double)(core->now_ms - task->command_ms) / 1000);
    } else {
        fail_with(core, task, &reply->err);
    }
}

static void see_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    uint64_t settle = task_deadlines(core)->settle;
    task->tries++;
    if (reply->ok && reply->power == task->step->state) {
        if (reply->power == POWER_ON)
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
    if (core->now_ms >= task->step_deadline_ms) {
        see_give_up(core, task, reply);
    } else if (!reply->ok) {
        task_rest(core, task, PAUSE_SILENT_MS);
    } else if (task->command_in_doubt && task->tries >= DOUBTFUL_READS && task->resends < RESENDS &&
               task->step[-1].kind == STEP_COMMAND) {
        /* Read again and again as never done: on and off may be asked once more. */
        task->resends++;
        task->step--;
        step_begin(core, task);
    } else {
        pause_longer(core, task);
    }
}

/* ---- SET_BOOT, FLAG ---- */

static void describe_next_boot(const struct next_boot *boot, char text[64])
{
    if (!boot->valid)
        (void)snprintf(text, 64, "no override");
    else
        (void)snprintf(text, 64, "%s (%s, %s)", boot_device_name(boot->device),
                       firmware_name(boot->uefi ? FIRMWARE_UEFI : FIRMWARE_LEGACY),
                       boot->persistent ? "for ever" : "once");
}

static bool boot_stored(const struct next_boot *wanted, const struct next_boot *read)
{
    if (!wanted->valid)
        return !read->valid;
    return read->valid && read->device == wanted->device && read->uefi == wanted->uefi &&
           !read->persistent;
}

static void set_boot_begin(struct core *core, struct task *task)
{
    if (!task->boot_device[0])
        task_fail(core, task, VERDICT_UNSUPPORTED,
                  "no device sets its next boot: the config names none (next_boot:)");
    else
        task_ask(core, task, OP_BOOT_SET);
}

static void set_boot_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    const struct job_request *request = &task->job->request;
    enum boot_device device = verb_boots_network(request->verb, &request->options)
                                  ? BOOT_NETWORK
                                  : request->options.boot_device;
    if (!reply->ok) { /* setting it twice does no harm */
        if (is_transient(&reply->err) && ++task->tries < BOOT_SET_TRIES &&
            (task->contacted || task->bringing_on))
            task_rest(core, task, PAUSE_SILENT_MS);
        else
            fail_with(core, task, &reply->err);
        return;
    }
    if (!reply->has_next_boot) {
        if (request->verb == VERB_NEXT_BOOT) {
            (void)snprintf(task->text, sizeof task->text,
                           "%s accepted it, but cannot be asked back", task->boot_device);
            task_end(core, task, OUTCOME_UNVERIFIED, VERDICT_NONE);
        } else {
            core_tell(core, task, EVENT_NOTE, "next boot accepted, but %s cannot be asked back",
                      task->boot_device);
            task_next_step(core, task);
        }
        return;
    }
    struct next_boot wanted = {.valid = device != BOOT_NONE,
                               .device = device,
                               .uefi = task->node.firmware == FIRMWARE_UEFI};
    char asked[64], got[64];
    describe_next_boot(&wanted, asked);
    describe_next_boot(&reply->next_boot, got);
    if (!boot_stored(&wanted, &reply->next_boot)) {
        task->override_set = reply->next_boot.valid;
        task_fail(core, task, VERDICT_NEXT_BOOT_NOT_STORED, "%s said ok to %s, but reads back %s",
                  task->boot_device, asked, got);
        return;
    }
    (void)snprintf(task->text, sizeof task->text, "next boot: %s, read back", got);
    core_tell(core, task, EVENT_NOTE, "%s", task->text);
    task_next_step(core, task);
}

static void flag_begin(struct core *core, struct task *task)
{
    if (task->override_set && task->boot_device[0])
        task_ask(core, task, OP_BOOT_GET);
    else
        task_next_step(core, task);
}

static void flag_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    if (!reply->ok) {
        core_tell(core, task, EVENT_NOTE, "the boot flag of %s may still be set: %s",
                  task->boot_device, reply->err.text);
    } else if (reply->op == OP_BOOT_GET && reply->has_next_boot && reply->next_boot.valid) {
        core_tell(core, task, EVENT_NOTE, "the boot flag is still set; clearing it");
        task_ask(core, task, OP_BOOT_SET);
        return;
    } else {
        task->override_set = false;
    }
    task_next_step(core, task);
}

/* ---- RESTARTED ---- */

static bool evidence_differs(const struct restart_evidence *a, const struct restart_evidence *b)
{
    return (a->has_cause && b->has_cause && a->cause != b->cause) ||
           (a->has_last_event && b->has_last_event && a->last_event != b->last_event) ||
           (a->has_power_on_minutes && b->has_power_on_minutes &&
            b->power_on_minutes < a->power_on_minutes);
}

static void restarted_give_up(struct core *core, struct task *task)
{
    if (task->job->request.verb == VERB_NETBOOT) { /* its boot is the proof */
        task_next_step(core, task);
        return;
    }
    if (task->has_before && task->before.has_cause && task->before.cause != CAUSE_CHASSIS_CONTROL) {
        task_fail(core, task, VERDICT_POWER_FAILED,
                  "%s said ok, but its restart cause still reads %u: it did not restart",
                  task->power_device, task->before.cause);
        return;
    }
    (void)snprintf(
        task->text, sizeof task->text,
        "accepted, but nothing that %s tells, and no DHCP of its MAC, shows that it happened",
        task->power_device);
    task_end(core, task, OUTCOME_UNVERIFIED, VERDICT_NONE);
}

static void restarted_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    bool proven = reply->ok && reply->has_evidence && task->has_before &&
                  evidence_differs(&task->before, &reply->evidence);
    if (proven || task->boot.stage >= STAGE_POWERED) {
        watch_ready(core, task);
        (void)snprintf(task->text, sizeof task->text, "restarted: %s",
                       proven ? "its restart evidence changed"
                              : "its firmware asks for an address");
        core_tell(core, task, EVENT_NOTE, "%s", task->text);
        task_next_step(core, task);
        return;
    }
    /* A cause that was "chassis control" before reads the same after: only its DHCP can tell. */
    bool can_tell = (task->has_before && task->before.has_cause &&
                     task->before.cause != CAUSE_CHASSIS_CONTROL) ||
                    task->node.nmacs;
    if (!can_tell || core->now_ms >= task->step_deadline_ms)
        restarted_give_up(core, task);
    else
        pause_longer(core, task);
}

/* ---- the doors ---- */

void step_begin(struct core *core, struct task *task)
{
    const struct step *step = task->step;
    const struct deadlines *deadlines = task_deadlines(core);
    uint32_t patience = 0;
    if (step->patience)
        patience = *(const uint32_t *)((const char *)deadlines + step->patience);
    if (step->kind == STEP_SEE && step->patience == offsetof(struct deadlines, soft_off) &&
        task->job->request.options.grace_s)
        patience = task->job->request.options.grace_s * 1000;
    task->step_deadline_ms = patience ? core->now_ms + patience : UINT64_MAX;
    task->pause_ms = PAUSE_FIRST_MS;
    task->tries = 0;

    switch (step->kind) {
    case STEP_READ:
        task_ask(core, task, OP_STATUS);
        break;
    case STEP_REQUIRE_ON:
        require_on(core, task);
        break;
    case STEP_COMMAND:
        command_begin(core, task);
        break;
    case STEP_SEE:
        task->seen_ms = 0;
        if (task->skipped)
            task_next_step(core, task);
        else
            task_ask(core, task, OP_STATUS);
        break;
    case STEP_DWELL:
        if (task->off_sent)
            task_rest(core, task, deadlines->dwell);
        else
            task_next_step(core, task);
        break;
    case STEP_SET_BOOT:
        set_boot_begin(core, task);
        break;
    case STEP_TURN:
        if (step->unless != POWER_UNKNOWN && task->power == step->unless)
            task_next_step(core, task);
        else
            admission_queue(core, task);
        break;
    case STEP_EVIDENCE:
    case STEP_RESTARTED:
        task_ask(core, task, OP_EVIDENCE);
        break;
    case STEP_UNPROVEN:
        (void)snprintf(task->text, sizeof task->text, "%s accepted it; nothing can show its effect",
                       task->power_device);
        task_end(core, task, OUTCOME_UNVERIFIED, VERDICT_NONE);
        break;
    case STEP_WATCH:
        watch_begin(core, task);
        watch_timer(core, task);
        break;
    case STEP_FLAG:
        flag_begin(core, task);
        break;
    case STEP_END:
        if (task->bringing_on)
            task_fail(core, task, task->final_verdict, "%s", task->text);
        else
            task_end(core, task, OUTCOME_OK, VERDICT_NONE);
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
            note_effect(task, task->request_op);
        if (kind == STEP_READ && reply->ok && reply->power == POWER_ON)
            task->was_on = true;
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
        see_reply(core, task, reply);
        break;
    case STEP_SET_BOOT:
        set_boot_reply(core, task, reply);
        break;
    case STEP_EVIDENCE:
        evidence_reply(core, task, reply);
        break;
    case STEP_RESTARTED:
        restarted_reply(core, task, reply);
        break;
    case STEP_FLAG:
        flag_reply(core, task, reply);
        break;
    case STEP_REQUIRE_ON:
    case STEP_DWELL:
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
        task_ask(core, task, OP_STATUS);
        break;
    case STEP_COMMAND:
        task_ask(core, task, task->step->op);
        break;
    case STEP_SET_BOOT:
        task_ask(core, task, OP_BOOT_SET);
        break;
    case STEP_RESTARTED:
        task_ask(core, task, OP_EVIDENCE);
        break;
    case STEP_DWELL:
        task_next_step(core, task);
        break;
    case STEP_REQUIRE_ON:
    case STEP_TURN:
    case STEP_EVIDENCE:
    case STEP_UNPROVEN:
    case STEP_WATCH:
    case STEP_FLAG:
    case STEP_END:
        break; /* these never rest */
    }
}
