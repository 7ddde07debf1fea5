/* step_check.c - CHECK: each device of a node is asked whatever is harmless to ask, one question
 * after the other, and what would go wrong is told, all of it: who reads it at noon is not to find
 * the second broken thing at night. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/feeds.h"
#include "agent/core/step.h"

enum { NO_FEED = FEEDS_MAX };

static const enum op questions[] = {OP_STATUS, OP_INFO, OP_BOOT_GET};
enum { QUESTIONS = sizeof questions / sizeof questions[0] };

/* A device, and what it is to the node. */
struct asked {
    struct target target;
    size_t feed; /* which, or NO_FEED */
    bool powers; /* its state is the node's, or the feed's */
    bool boots;
    bool known; /* asked before, for another outlet of it */
    bool given_up;
};

struct check {
    size_t at, question; /* which device is asked what */
    unsigned findings;
    enum power control;
    enum verdict verdict; /* of the first finding */
    char first[JOB_TEXT_SIZE], last[JOB_TEXT_SIZE];
    char facts[JOB_TEXT_SIZE];
    size_t count;
    struct asked asked[];
};

/* ---- whom to ask ---- */

static bool is_known(const struct check *check, const char *device)
{
    for (size_t i = 0; i < check->count; i++)
        if (!strcmp(check->asked[i].target.device, device))
            return true;
    return false;
}

static void add(struct check *check, const struct target *target, struct asked asked)
{
    asked.target = *target;
    asked.known = is_known(check, target->device);
    check->asked[check->count++] = asked;
}

struct check *check_new(const struct task *task)
{
    size_t most = 2 + (task->feeds ? task->feeds->count : 0);
    struct check *check = calloc(1, sizeof *check + most * sizeof check->asked[0]);
    if (!check)
        return NULL;
    struct target boot = {.settings = task->boot_settings};
    memcpy(boot.device, task->boot_device, sizeof boot.device);
    memcpy(boot.driver, task->boot_driver, sizeof boot.driver);
    bool same = target_exists(&boot) && !strcmp(boot.device, task->control.device);
    if (target_exists(&task->control))
        add(check, &task->control, (struct asked){.feed = NO_FEED, .powers = true, .boots = same});
    if (target_exists(&boot) && !same)
        add(check, &boot, (struct asked){.feed = NO_FEED, .boots = true});
    for (size_t i = 0; task->feeds && i < task->feeds->count; i++)
        add(check, &task->feeds->each[i].target, (struct asked){.feed = i, .powers = true});
    return check;
}

struct check *check_free(struct check *check)
{
    free(check);
    return NULL;
}

const struct target *check_target(const struct check *check)
{
    return &check->asked[check->at].target;
}

static bool is_asked(const struct asked *asked, enum op op)
{
    if (asked->given_up)
        return false;
    return op == OP_STATUS ? asked->powers : op == OP_BOOT_GET ? asked->boots : !asked->known;
}

/* ---- what is found ---- */

__attribute__((format(printf, 4, 5))) static void
found(struct core *core, struct task *task, enum verdict verdict, const char *format, ...)
{
    struct check *check = task->check;
    char text[JOB_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!strcmp(text, check->last)) /* the same to the next question */
        return;
    memcpy(check->last, text, sizeof text);
    if (!check->findings++) {
        check->verdict = verdict;
        memcpy(check->first, text, sizeof text);
    }
    task->verdict = verdict; /* told with it */
    core_tell(core, task, EVENT_NOTE, "%s", text);
    task->verdict = VERDICT_NONE;
}

__attribute__((format(printf, 2, 3))) static void fact(struct check *check, const char *format, ...)
{
    size_t used = strlen(check->facts);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(check->facts + used, sizeof check->facts - used, format, args);
    va_end(args);
}

/* "bmc-n01: on", "; pdu-a outlet 3: on" */
static void first_fact(struct check *check, const struct asked *asked, const char *text)
{
    char name[TARGET_NAME_SIZE];
    target_name(&asked->target, name);
    fact(check, "%s%s: %s", check->facts[0] ? "; " : "", name, text);
}

static void take_state(struct core *core, struct task *task, struct asked *asked,
                       const struct driver_reply *reply)
{
    char name[TARGET_NAME_SIZE];
    struct driver_reply judged = *reply;
    target_name(&asked->target, name);
    if (asked->feed != NO_FEED)
        feeds_doubt_off(&judged);
    if (!judged.ok) {
        found(core, task, VERDICT_CONTRADICTION, "%s %s", name, judged.err.text);
        return;
    }
    first_fact(task->check, asked, power_name(reply->power));
    if (reply->has_watts)
        fact(task->check, ", %u.%u W", reply->milliwatts / 1000, reply->milliwatts % 1000 / 100);
    if (reply->power == POWER_UNKNOWN)
        found(core, task, VERDICT_BAD_REPLY, "%s answered, but says neither on nor off", name);
    if (asked->feed == NO_FEED) {
        task->check->control = reply->power;
        return;
    }
    struct supply *supply = &task->feeds->each[asked->feed];
    supply->power = reply->power;
    supply->has_watts = reply->has_watts;
    supply->milliwatts = reply->milliwatts;
}

static void take_info(struct core *core, struct task *task, const struct asked *asked,
                      const struct driver_reply *reply)
{
    const struct device_info *info = &reply->info;
    const struct target *target = &asked->target;
    if (!asked->powers)
        first_fact(task->check, asked, info->session[0] ? info->session : "answers");
    else if (info->session[0])
        fact(task->check, ", %s", info->session);
    if (info->model[0])
        fact(task->check, ", %s", info->model);
    if (info->outlets && target->outlet > info->outlets)
        found(core, task, VERDICT_CONTRADICTION, "%s says that it has %u outlets: there is no %u",
              target->device, info->outlets, target->outlet);
}

static void take_next_boot(struct core *core, struct task *task, const struct asked *asked,
                           const struct driver_reply *reply)
{
    const struct next_boot *next = &reply->next_boot;
    const char *device = asked->target.device, *word = boot_device_name(next->device);
    if (!reply->has_next_boot)
        return;
    if (!next->valid || next->device == BOOT_NONE) {
        fact(task->check, ", next boot none");
        return;
    }
    fact(task->check, ", next boot %s", word);
    if (next->persistent)
        found(core, task, VERDICT_CONTRADICTION,
              "%s is set to boot from %s for good: clear it (powerctl next-boot none %s)", device,
              word, task->node.name);
    else
        core_tell(core, task, EVENT_NOTE, "%s is set to boot from %s the next time", device, word);
}

/* ---- what it cannot say ---- */

/* Many texts begin with the device; its outlet says that already. */
static const char *without_device(const char *text, const char *device)
{
    size_t size = strlen(device);
    bool begins = !strncmp(text, device, size) && !strncmp(text + size, ": ", 2);
    return begins ? text + size + 2 : text;
}

static void take_failure(struct core *core, struct task *task, struct asked *asked,
                         const struct driver_reply *reply)
{
    enum err_kind kind = reply->err.kind;
    char name[TARGET_NAME_SIZE];
    target_name(&asked->target, name);
    if (task->request_op == OP_INFO && kind == ERR_UNSUPPORTED) /* it need not say who it is */
        return;
    /* Who did not answer, or let us in, is not waited for again. */
    asked->given_up = kind == ERR_UNREACHABLE || kind == ERR_TIMEOUT || kind == ERR_AUTH;
    found(core, task, step_verdict(&reply->err, false), "%s: %.180s", name,
          without_device(reply->err.text, asked->target.device));
}

static bool is_worth_another_try(const struct core *core, struct task *task,
                                 const struct driver_reply *reply)
{
    bool again = reply->err.kind == ERR_BUSY ||
                 (reply->err.kind == ERR_SYSTEM && task->tries++ < DRIVER_DEATHS);
    return !reply->ok && again && core->now_ms < task->step_deadline_ms;
}

/* ---- all of it together ---- */

/* A server of two power supplies runs on one, until that one fails. */
static void compare_feeds(struct core *core, struct task *task)
{
    char off[JOB_TEXT_SIZE];
    enum power power = feeds_power(task->feeds);
    if (power == POWER_OFF && target_exists(&task->control)) /* why its BMC is silent, perhaps */
        core_tell(core, task, EVENT_NOTE, "its outlets are off: there is no mains power");
    if (power != POWER_ON)
        return;
    feeds_list(task->feeds, POWER_OFF, off, sizeof off);
    if (off[0])
        found(core, task, VERDICT_CONTRADICTION, "it is fed by others, but %.180s is off", off);
}

static void compare(struct core *core, struct task *task)
{
    char text[JOB_TEXT_SIZE];
    if (!task->feeds)
        return;
    feeds_contradict(task->feeds, task->check->control, task->node.standby_mw, text, sizeof text);
    if (text[0])
        found(core, task, VERDICT_CONTRADICTION, "%s", text);
    compare_feeds(core, task);
}

/* As people ask for it: of its BMC, where it has one. */
static void tell_state(struct core *core, struct task *task)
{
    struct node_state *state = core_node_state(core, task->node.name);
    bool fed = !target_exists(&task->control) && task->feeds;
    enum power power = fed ? feeds_power(task->feeds) : task->check->control;
    task->has_watts = task->feeds && task->feeds->count;
    task->milliwatts = 0;
    for (size_t i = 0; task->feeds && i < task->feeds->count; i++) {
        task->has_watts = task->has_watts && task->feeds->each[i].has_watts;
        task->milliwatts += task->feeds->each[i].milliwatts;
    }
    if (power == POWER_UNKNOWN)
        return;
    if (state) {
        state->has_watts = task->has_watts;
        state->milliwatts = task->milliwatts;
    }
    task_learn(core, task, power);
}

static void conclude(struct core *core, struct task *task)
{
    struct check *check = task->check;
    compare(core, task);
    tell_state(core, task);
    char text[JOB_TEXT_SIZE];
    if (check->findings > 1)
        (void)snprintf(text, sizeof text, "%.220s; %u more finding%s", check->first,
                       check->findings - 1, check->findings > 2 ? "s" : "");
    else
        memcpy(text, check->findings ? check->first : check->facts, sizeof text);
    memcpy(task->text, text, sizeof text);
    if (!check->findings)
        task_end(core, task, OUTCOME_OK, VERDICT_NONE);
    else
        task_fail(core, task, check->verdict, "%s", text);
}

static void ask_on(struct core *core, struct task *task)
{
    struct check *check = task->check;
    for (; check->at < check->count; check->at++, check->question = 0)
        for (; check->question < QUESTIONS; check->question++)
            if (is_asked(&check->asked[check->at], questions[check->question])) {
                task->tries = 0;
                task->step_deadline_ms = core->now_ms + task_deadlines(core)->command;
                step_check_ask(core, task);
                return;
            }
    conclude(core, task);
}

void step_check_ask(struct core *core, struct task *task)
{
    const struct check *check = task->check;
    task_ask_at(core, task, questions[check->question], check_target(check));
}

void step_check_begin(struct core *core, struct task *task)
{
    ask_on(core, task);
}

void step_check_reply(struct core *core, struct task *task, const struct driver_reply *reply)
{
    struct check *check = task->check;
    struct asked *asked = &check->asked[check->at];
    if (is_worth_another_try(core, task, reply)) {
        task_rest(core, task, PAUSE_SILENT_MS);
        return;
    }
    if (!reply->ok)
        take_failure(core, task, asked, reply);
    else if (questions[check->question] == OP_STATUS)
        take_state(core, task, asked, reply);
    else if (questions[check->question] == OP_INFO)
        take_info(core, task, asked, reply);
    else
        take_next_boot(core, task, asked, reply);
    check->question++;
    ask_on(core, task);
}
