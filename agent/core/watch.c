/* watch.c - a task whose node boots: what a note of it does, and what it means if none comes. */
#include <stdio.h>
#include <string.h>

#include "agent/core/memory.h"
#include "agent/core/state.h"

/* ---- the port that tells that a node is up ---- */

static void act_port(struct core *core, const struct task *task, enum action_kind kind)
{
    struct action *action = core_act(core, kind);
    action->ip = task->watched_ip;
    action->port = task->node.up_port;
    memcpy(action->event.node.node, task->node.name, NAME_SIZE);
}

static void leave_port(struct core *core, struct task *task)
{
    if (task->watches_port)
        act_port(core, task, ACTION_LEAVE_PORT);
    task->watches_port = false;
}

/* From the power edge on, so that it is seen closed before it is seen open. */
static void watch_port(struct core *core, struct task *task)
{
    if (task->node.up != UP_BY_PORT || !ipv4_known(task->ip) || task->boot.stage == STAGE_NONE)
        return;
    if (task->watches_port && ipv4_equal(task->watched_ip, task->ip))
        return;
    leave_port(core, task);
    task->watched_ip = task->ip;
    task->watches_port = true;
    act_port(core, task, ACTION_WATCH_PORT);
}

/* ---- begin, end ---- */

static bool follows_boot(const struct task *task)
{
    if (task->bringing_on)
        return false;
    for (const struct step *step = task->step; step->kind != STEP_END; step++)
        if (step->kind == STEP_WATCH || step->kind == STEP_RESTARTED)
            return true;
    return false;
}

/* A node that loops in PXE is what people reset most, and asks every half minute or so. */
static bool asked_lately(struct core *core, const struct task *task)
{
    enum { LATELY_MS = 180000 };
    const struct node_state *state = core_node_state(core, task->node.name);
    return state && state->asked_ms && core->now_ms - state->asked_ms < LATELY_MS;
}

/* Switched on, and its firmware has not spoken since: when it does, that is no proof of a reset. */
static bool is_in_post(struct core *core, const struct task *task)
{
    const struct node_state *state = core_node_state(core, task->node.name);
    return state && state->on_ms && state->asked_ms < state->on_ms &&
           core->now_ms - state->on_ms < task_deadlines(core)->post;
}

void watch_begin(struct core *core, struct task *task)
{
    if (task->boots || !follows_boot(task))
        return;
    task->asked_before =
        task->step->op != OP_ON && (asked_lately(core, task) || is_in_post(core, task));
    task->boots = true;
    task->told_percent = -1;
    task->ip = task->node.address;
    whose_watch(core, task);
}

void watch_end(struct core *core, struct task *task)
{
    leave_port(core, task);
    if (!task->boots)
        return;
    task->boots = false;
    whose_watch_no_more(core, task);
}

/* ---- what happens ---- */

/* How far this boot can be followed; STAGE_NONE: not at all. */
static enum stage goal(const struct task *task)
{
    if (task->node.up != UP_NOT_WATCHED)
        return STAGE_UP;
    return task->boot.wanted_netboot ? STAGE_KERNEL_UP : STAGE_NONE;
}

static void tell_stage(struct core *core, struct task *task)
{
    (void)snprintf(task->text, sizeof task->text, "%s", task->boot.evidence);
    task->since_ms = core->now_ms;
    core_tell(core, task, EVENT_STAGE, "%s", task->boot.evidence);
}

static void tell_percent(struct core *core, struct task *task)
{
    enum { EVERY_MS = 1000 };
    int percent = boot_percent(&task->boot);
    if (percent < 0 || percent == task->told_percent)
        return;
    if (percent != 100 && core->now_ms - task->told_percent_ms < EVERY_MS)
        return;
    task->told_percent = percent;
    task->told_percent_ms = core->now_ms;
    core_tell(core, task, EVENT_PROGRESS, "%s", task->boot.evidence);
}

static void try_again(struct core *core, struct task *task, enum verdict verdict)
{
    task->verdict = verdict; /* of the attempt that ends here */
    task->attempt++;
    core_tell(core, task, EVENT_ATTEMPT, "%s", task->text);
    task->verdict = VERDICT_NONE;
    watch_end(core, task);
    admission_leave(core, task);
    task_start(core, task);
}

static void arrived(struct core *core, struct task *task)
{
    (void)snprintf(task->text, sizeof task->text, "%s after %.1f s%s", stage_name(task->boot.stage),
                   (double)(core->now_ms - task->command_ms) / 1000,
                   task->boot.resumed ? " with the new agent" : "");
    watch_end(core, task);
    admission_leave(core, task); /* its place among the booting is free */
    task_next_step(core, task);
}

/* Part of this boot fell into the time when no agent lived, or no packet tap: what nobody saw is
 * neither held against it nor for it. But a port that is asked, and does not answer, is seen. */
static void conclude_unseen(struct core *core, struct task *task)
{
    struct boot *boot = &task->boot;
    const char *who = boot->resumed ? "the agent" : "the packet capture";
    if (!boot->heard && task->watches_port) {
        task_fail(core, task, boot->resumed ? VERDICT_INTERRUPTED : boot->verdict,
                  "%s died while it booted, and since then port %u did not answer and "
                  "nothing of its boot was seen",
                  who, task->node.up_port);
        return;
    }
    task->unproven = true;
    if (boot->heard)
        (void)snprintf(task->final_text, sizeof task->final_text,
                       "%s; whether a loader was fetched before, nobody saw: %s had died",
                       boot->evidence, who);
    else
        (void)snprintf(task->final_text, sizeof task->final_text,
                       "on; last seen at %s before %s died, and nothing of its boot since",
                       stage_name(boot->stage), who);
    arrived(core, task);
}

static void conclude(struct core *core, struct task *task)
{
    const struct job_options *options = &task->job->request.options;
    uint32_t retries = options->has_retry ? options->retry : core->inventory->limits.retries;
    const struct boot *boot = &task->boot;
    enum verdict verdict = boot->verdict;
    if (verdict == VERDICT_BOOTED_LOCAL)
        (void)snprintf(task->text, sizeof task->text, "%s, and no loader was fetched before",
                       boot->evidence);
    else if (boot->missing)
        (void)snprintf(task->text, sizeof task->text, "the boot server does not have %.200s",
                       boot->missing_file);
    else if (boot->transfer.active && boot_percent(boot) >= 0)
        (void)snprintf(task->text, sizeof task->text, "%.150s stood still at %d %%",
                       boot->transfer.file, boot_percent(boot));
    else if (task->node.up == UP_BY_PORT && !ipv4_known(task->ip))
        (void)snprintf(task->text, sizeof task->text,
                       "last seen at %s; its address is not known, so port %u could not be asked: "
                       "no DHCP of its MAC was seen, and the config names none (address:)",
                       stage_name(boot->stage), task->node.up_port);
    else
        (void)snprintf(task->text, sizeof task->text, "last seen at %s: %s%s%s",
                       stage_name(boot->stage), boot->evidence[0] ? boot->evidence : "nothing",
                       boot->reason[0] ? "; the server says: " : "", boot->reason);
    bool again = task->job->request.verb == VERB_NETBOOT && verdict_worth_retrying(verdict) &&
                 task->attempt <= retries && !task->job->cancelling && !task->resumed;
    bool missed = boot->resumed || boot->unwatched;
    if (missed && (verdict == VERDICT_BOOTED_LOCAL || !boot->heard))
        conclude_unseen(core, task);
    else if (again)
        try_again(core, task, verdict);
    else
        task_fail(core, task, verdict, "%s", task->text);
}

/* After anything happened to the boot: onwards, failed, or wait for the next deadline. Before
 * STEP_WATCH the plan still reads the power state; what the boot says waits until then. */
static void settle(struct core *core, struct task *task)
{
    if (task->step->kind != STEP_WATCH)
        return;
    if (task->boot.verdict != VERDICT_NONE)
        conclude(core, task);
    else if (task->boot.stage >= goal(task))
        arrived(core, task);
    else
        watch_arm(core, task);
}

void watch_ready(struct core *core, struct task *task)
{
    if (!task->boots || task->boot.stage != STAGE_NONE)
        return;
    char means[TARGET_NAME_SIZE];
    bool several = task->by_feeds && task->feeds && task->feeds->count > 1;
    (void)snprintf(task->boot.evidence, sizeof task->boot.evidence, "%s %s on",
                   task_means(task, means), several ? "read" : "reads");
    if (boot_step(&task->boot, SIGN_POWER, task_deadlines(core), core->now_ms))
        tell_stage(core, task);
    watch_port(core, task);
}

void watch_resume(struct core *core, struct task *task, enum stage stage, bool off_seen)
{
    watch_begin(core, task);
    boot_resume(&task->boot, stage, off_seen, task_deadlines(core), core->now_ms);
    watch_port(core, task);
}

void core_missed_notes(struct core *core)
{
    for (struct job *job = core->jobs; job; job = job->next)
        for (size_t i = 0; !job->done && i < job->ntasks; i++)
            if (job->tasks[i].boots)
                boot_missed(&job->tasks[i].boot);
}

void watch_timer(struct core *core, struct task *task)
{
    struct boot *boot = &task->boot;
    if (boot->stage == STAGE_NONE && boot->deadline_ms == UINT64_MAX) /* restart not proven yet */
        boot->deadline_ms = core->now_ms + task_deadlines(core)->post;
    if (core->now_ms >= boot->deadline_ms)
        (void)boot_step(boot, SIGN_NOTHING, task_deadlines(core), core->now_ms);
    settle(core, task);
}

/* The firmware's first word proves the power edge where the BMC is slower to tell. */
static bool firmware_asks(const struct note *note)
{
    return (note->kind == NOTE_DHCP_DISCOVER || note->kind == NOTE_BOOTP_REQUEST ||
            note->kind == NOTE_RARP_REQUEST) &&
           note->class != CLASS_OS;
}

/* Not if it may come from the boot before: a reset that is not answered yet has not happened. */
static bool proves_power(const struct task *task, const struct note *note)
{
    bool resetting = task->step->kind == STEP_COMMAND && task->step->op != OP_ON;
    return firmware_asks(note) && !task->asked_before && !resetting;
}

/* Seen before its power-on or reset went out, or while that was known not to have happened yet, and
 * told only now: of the boot before. */
static bool is_older_than_edge(const struct task *task, const struct note *note)
{
    return note->at_ms && note->at_ms < task->edge_ms;
}

void task_on_note(struct core *core, struct task *task, const struct note *note)
{
    struct boot *boot = &task->boot;
    if (whose_tells_address(note))
        task->ip = note->ip;
    if (is_older_than_edge(task, note))
        return;
    if (boot->stage == STAGE_NONE && proves_power(task, note)) {
        (void)snprintf(boot->evidence, sizeof boot->evidence, "its firmware speaks");
        if (boot_step(boot, SIGN_POWER, task_deadlines(core), core->now_ms))
            tell_stage(core, task);
    }
    enum stage before = boot->stage;
    bool moved = boot_see(boot, note, task_deadlines(core), core->now_ms);
    if (boot->stage != before)
        tell_stage(core, task);
    if (note->kind == NOTE_FILE_ASKED) /* another file: its percent is news whatever it is */
        task->told_percent = -1;
    if (moved)
        tell_percent(core, task);
    watch_port(core, task);
    settle(core, task);
}

static void learn_asking(struct core *core, const struct note *note)
{
    const struct node *node = inventory_node_by_mac(core->inventory, note->mac);
    struct node_state *state =
        node && firmware_asks(note) ? core_node_state(core, node->name) : NULL;
    if (node && firmware_asks(note) && !state)
        core_no_memory();
    if (state)
        state->asked_ms = core->now_ms;
}

void watch_note(struct core *core, const struct note *note)
{
    learn_asking(core, note);
    core->counts.notes[note->source]++;
    whose_learn(core, note);
    struct task *task = whose_note(core, note);
    if (task)
        task_on_note(core, task, note);
    else
        core->counts.notes_unmatched++;
}
