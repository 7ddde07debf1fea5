/* step_boot.c - the steps that point the next boot and prove a restart. */
#include <stdio.h>
#include <string.h>

#include "agent/core/step.h"

enum {
    BOOT_SET_TRIES = 3,
    CAUSE_CHASSIS_CONTROL = 1, /* IPMI 2.0 table 28-11: what a restart on our order leaves */
};

/* ---- what is wanted, what is there ---- */

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

static struct next_boot wanted_boot(const struct task *task)
{
    const struct job_request *request = &task->job->request;
    enum boot_device device = verb_boots_network(request->verb, &request->options)
                                  ? BOOT_NETWORK
                                  : request->options.boot_device;
    return (struct next_boot){.valid = device != BOOT_NONE,
                              .device = device,
                              .uefi = task->node.firmware == FIRMWARE_UEFI};
}

/* ---- READ_BOOT: never set again, it may have been used up ---- */

void step_read_boot_begin(struct core *core, struct task *task)
{
    if (!task->boot_device[0])
        task_fail(core, task, VERDICT_INTERRUPTED,
                  "the agent died while it set the next boot, and the config names no device to "
                  "read it from any more");
    else
        task_ask(core, task, OP_BOOT_GET);
}

void step_read_boot_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    struct next_boot wanted = wanted_boot(task);
    char asked[64], got[64];
    describe_next_boot(&wanted, asked);
    describe_next_boot(&reply->next_boot, got);
    if (!reply->ok && step_is_transient(&reply->err) &&
        core->now_ms + PAUSE_SILENT_MS < task->step_deadline_ms) {
        task_rest(core, task, PAUSE_SILENT_MS);
    } else if (!reply->ok) {
        task->override_set = true; /* nobody knows: cleared, or told */
        step_fail_with(core, task, &reply->err);
    } else if (!reply->has_next_boot) {
        (void)snprintf(task->text, sizeof task->text, "%s may have got it, but cannot be asked",
                       task->boot_device);
        task_end(core, task, OUTCOME_UNVERIFIED, VERDICT_NONE);
    } else if (!boot_stored(&wanted, &reply->next_boot)) {
        task->override_set = reply->next_boot.persistent; /* never left, whoever made it so */
        task_fail(core, task, VERDICT_INTERRUPTED,
                  "the agent died while it set the next boot of %s to %s: it reads %s (not set, or "
                  "used up since)",
                  task->boot_device, asked, got);
    } else {
        (void)snprintf(task->text, sizeof task->text, "next boot: %s, read back", got);
        task_next_step(core, task);
    }
}

/* ---- SET_BOOT, FLAG ---- */

void step_set_boot_begin(struct core *core, struct task *task)
{
    const struct job_request *request = &task->job->request;
    if (task->boot_device[0]) {
        task_ask(core, task, OP_BOOT_SET);
    } else if (verb_boots_network(request->verb, &request->options)) {
        core_tell(core, task, EVENT_NOTE,
                  "no device sets its next boot (next_boot: in the config): its firmware's boot "
                  "order decides");
        task_next_step(core, task);
    } else {
        task_fail(core, task, VERDICT_UNSUPPORTED,
                  "no device sets its next boot: the config names none (next_boot:)");
    }
}

void step_set_boot_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    const struct job_request *request = &task->job->request;
    if (!reply->ok) { /* setting it twice does no harm */
        if (step_is_transient(&reply->err) && ++task->tries < BOOT_SET_TRIES &&
            (task->contacted || task->bringing_on))
            task_rest(core, task, PAUSE_SILENT_MS);
        else
            step_fail_with(core, task, &reply->err);
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
    struct next_boot wanted = wanted_boot(task);
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

void step_flag_begin(struct core *core, struct task *task)
{
    if (task->override_set && task->boot_device[0])
        task_ask(core, task, OP_BOOT_GET);
    else
        task_next_step(core, task);
}

void step_flag_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    if (!reply->ok && step_is_transient(&reply->err) &&
        core->now_ms + PAUSE_SILENT_MS < task->step_deadline_ms) {
        task_rest(core, task, PAUSE_SILENT_MS);
        return;
    }
    if (!reply->ok) {
        core_tell(core, task, EVENT_NOTE, "the boot flag of %s may still be set: %s",
                  task->boot_device, reply->err.text);
    } else if (!reply->has_next_boot) {
        core_tell(core, task, EVENT_NOTE, "the boot flag of %s may still be set: it does not say",
                  task->boot_device);
    } else if (reply->next_boot.valid && task->request_op == OP_BOOT_GET) {
        core_tell(core, task, EVENT_NOTE, "the boot flag is still set; clearing it");
        task_ask(core, task, OP_BOOT_SET);
        return;
    } else if (reply->next_boot.valid) {
        char got[64];
        describe_next_boot(&reply->next_boot, got);
        core_tell(core, task, EVENT_NOTE,
                  "the boot flag of %s is still set after clearing it: %s; clear it by hand",
                  task->boot_device, got);
    } else {
        task->override_set = false;
    }
    task_next_step(core, task);
}

/* ---- EVIDENCE, RESTARTED ---- */

void step_evidence_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    task->has_before = reply->ok && reply->has_evidence;
    task->before = reply->evidence;
    task_next_step(core, task);
}

static bool evidence_differs(const struct restart_evidence *a, const struct restart_evidence *b)
{
    return (a->has_cause && b->has_cause && a->cause != b->cause) ||
           (a->has_last_event && b->has_last_event && a->last_event != b->last_event) ||
           (a->has_power_on_minutes && b->has_power_on_minutes &&
            b->power_on_minutes < a->power_on_minutes);
}

void step_end_unproven(struct core *core, struct task *task)
{
    char means[TARGET_NAME_SIZE];
    if (task->final_text[0])
        memcpy(task->text, task->final_text, sizeof task->text);
    else
        (void)snprintf(
            task->text, sizeof task->text,
            "%s; it is on, but nothing that %s tells, and no DHCP of its MAC, shows that "
            "it restarted",
            task->command_in_doubt ? "may have been done" : "accepted", task_means(task, means));
    task_end(core, task, OUTCOME_UNVERIFIED, VERDICT_NONE);
}

/* Whatever it did, it must be seen on: that is the next step. */
static void restarted_give_up(struct core *core, struct task *task,
                              const struct driver_reply *reply)
{
    char means[TARGET_NAME_SIZE];
    bool same_cause = reply->ok && reply->has_evidence && reply->evidence.has_cause &&
                      task->has_before && task->before.has_cause &&
                      task->before.cause == reply->evidence.cause &&
                      task->before.cause != CAUSE_CHASSIS_CONTROL;
    if (same_cause && task->job->request.verb != VERB_NETBOOT) {
        task_fail(core, task, VERDICT_POWER_FAILED,
                  "%s %s, but its restart cause still reads %u: it did not restart",
                  task_means(task, means), task->command_in_doubt ? "may have got it" : "said ok",
                  task->before.cause);
        return;
    }
    task->unproven = task->job->request.verb != VERB_NETBOOT; /* there its boot is the proof */
    task_next_step(core, task);
}

void step_restarted_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    bool proven = reply->ok && reply->has_evidence && task->has_before &&
                  evidence_differs(&task->before, &reply->evidence);
    if (proven || task->boot.stage >= STAGE_POWERED) {
        task->off_pending = false;
        watch_ready(core, task);
        (void)snprintf(task->text, sizeof task->text, "restarted: %s",
                       proven ? "its restart evidence changed"
                              : "its firmware asks for an address");
        core_tell(core, task, EVENT_NOTE, "%s", task->text);
        task_next_step(core, task);
        return;
    }
    /* A cause that was "chassis control" before reads the same after: only its DHCP can tell. */
    bool cause_tells =
        task->has_before && task->before.has_cause && task->before.cause != CAUSE_CHASSIS_CONTROL;
    bool can_tell = cause_tells || task->node.nmacs;
    if (cause_tells && reply->ok && reply->has_evidence) /* not yet, says the device */
        task->edge_ms = core->now_ms;
    if (!can_tell || core->now_ms >= task->step_deadline_ms)
        restarted_give_up(core, task, reply);
    else
        step_pause_longer(core, task);
}
