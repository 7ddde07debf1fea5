/* An agent that dies: at every moment of every verb, and the one that takes over, judged by the
 * rack's truth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/core/plan.h"
#include "proto/cleanup.h"
#include "tests/unit/rack_crash.h"
#include "tests/unit/rack_jobs.h"

enum { MOMENTS_MAX = 2000, HOURS_5 = 5 * 3600000 };

/* One job of one node, and what is done to the agent meanwhile. */
struct trial {
    const char *name;
    enum verb verb;
    struct job_options options;
    bool starts_off, native_cycle, boot_by_reset;
    void (*spoil)(struct rack_node *node);
    /* of this run */
    unsigned deaths[2];
    enum rack_fate fates[2];
    uint64_t down_ms;
    struct rack *rack;
    struct rack_node before;
    struct node_view end;
    unsigned moments; /* of the first life */
    unsigned lives;
};

#define judge(trial_, true_)                                                                       \
    do {                                                                                           \
        if (!(true_))                                                                              \
            fail_msg("%s, dying at %u (%s) and %u (%s), down %llu ms: not so: " #true_             \
                     " (%s %s: %s)",                                                               \
                     (trial_)->name, (trial_)->deaths[0],                                          \
                     (trial_)->fates[0] == RACK_LANDS_LATE ? "late" : "never sent",                \
                     (trial_)->deaths[1],                                                          \
                     (trial_)->fates[1] == RACK_LANDS_LATE ? "late" : "never sent",                \
                     (unsigned long long)(trial_)->down_ms, outcome_name((trial_)->end.outcome),   \
                     verdict_name((trial_)->end.verdict), (trial_)->end.text);                     \
    } while (0)

static struct job_request request_of(const struct trial *trial)
{
    struct job_request request = rack_request(trial->verb, "n01");
    request.options = trial->options;
    return request;
}

static void prepare(struct trial *trial)
{
    struct rack *rack = trial->rack = rack_new(1);
    struct rack_node *node = &rack->node[0];
    rack->inventory->deadlines.soft_off = 40000;
    rack->inventory->nodes[0].native_cycle = trial->native_cycle;
    rack->inventory->nodes[0].boot_by_reset = trial->boot_by_reset;
    node->on = !trial->starts_off;
    node->disk_phones_home = true;
    if (trial->spoil)
        trial->spoil(node);
    trial->before = *node;
    trial->lives = 1;
}

/* True if the job ended without another death. */
static bool live_on(struct trial *trial, const char *id)
{
    struct rack *rack = trial->rack;
    uint64_t until = rack->now_ms + HOURS_5;
    for (;;) {
        if (rack_is_dead(rack))
            return false;
        struct job_view view = {0};
        struct err err;
        assert_int_equal(core_job(rack->core, id, rack->now_ms, &view, &err), 0);
        bool done = view.done;
        trial->end = view.nodes[0];
        job_view_clear(&view);
        if (done)
            return true;
        judge(trial, rack_step(rack, until));
    }
}

static void run(struct trial *trial)
{
    struct job_request request = request_of(trial);
    char id[JOB_ID_SIZE];
    prepare(trial);
    rack_die_at(trial->rack, trial->deaths[0], trial->fates[0]);
    rack_start(trial->rack, &request, id);
    while (!live_on(trial, id)) {
        if (trial->lives == 1)
            trial->moments = rack_moments(trial->rack);
        rack_die_at(trial->rack, trial->lives == 1 ? trial->deaths[1] : 0, trial->fates[1]);
        trial->lives++;
        rack_rise(trial->rack, id, &request, trial->down_ms);
    }
    if (trial->lives == 1)
        trial->moments = rack_moments(trial->rack);
    uint64_t until = trial->rack->now_ms + 300000; /* what was sent may take effect later */
    while (!rack_is_dead(trial->rack) && rack_step(trial->rack, until))
        ;
}

/* ---- the oracle ---- */

static bool meant_off(const struct trial *trial)
{
    return trial->verb == VERB_OFF || trial->verb == VERB_SOFT;
}

static bool flag_was_told(const struct trial *trial)
{
    for (size_t i = 0; i < trial->rack->nevents; i++)
        if (trial->rack->events[i].kind == EVENT_NOTE &&
            strstr(trial->rack->events[i].node.text, "boot flag"))
            return true;
    return strstr(trial->end.text, "boot flag") != NULL;
}

static void judge_ok(const struct trial *trial)
{
    const struct rack_node *is = &trial->rack->node[0], *was = &trial->before;
    enum boot_device device = trial->options.boot_device;
    switch (trial->verb) {
    case VERB_ON:
        judge(trial, is->on);
        break;
    case VERB_OFF:
    case VERB_SOFT:
        judge(trial, !is->on);
        break;
    case VERB_CYCLE:
    case VERB_REBOOT:
        judge(trial, is->on && is->power_ons > was->power_ons);
        judge(trial, !was->on || is->power_offs > was->power_offs);
        break;
    case VERB_NETBOOT:
        judge(trial, is->on && is->network_boots > was->network_boots);
        break;
    case VERB_RESET: /* or dark after it, and switched on */
        judge(trial, is->on && is->power_offs && is->power_ons > was->power_ons);
        break;
    case VERB_NEXT_BOOT:
        judge(trial, is->flag.valid == (device != BOOT_NONE));
        judge(trial, !is->flag.valid || is->flag.device == device);
        break;
    case VERB_STATUS:
    case VERB_CHECK:
        break;
    case VERB_DIAG:
    case VERB_IDENTIFY:
    case VERBS:
        judge(trial, trial->end.outcome != OUTCOME_OK); /* nothing can show its effect */
        break;
    }
}

static void judge_any(const struct trial *trial)
{
    const struct rack_node *is = &trial->rack->node[0], *was = &trial->before;
    judge(trial, trial->end.outcome != OUTCOME_PENDING);
    if (trial->end.outcome == OUTCOME_OK)
        judge_ok(trial);
    if (was->on && !is->on && !meant_off(trial))
        judge(trial, trial->end.outcome == OUTCOME_LEFT_OFF);
    if (is->flag.valid && trial->verb != VERB_NEXT_BOOT)
        judge(trial, flag_was_told(trial));
    /* Never cycled twice: each attempt has one, and the new agent makes none. */
    judge(trial, is->power_offs <= trial->end.attempt);
    judge(trial, is->sent[OP_RESET] + is->sent[OP_CYCLE] <= trial->end.attempt);
    judge(trial, is->sent[OP_DIAG] <= 1);
}

/* Devices that obey: everything that had begun is finished. */
static void judge_obedient(const struct trial *trial)
{
    const struct rack_node *is = &trial->rack->node[0], *was = &trial->before;
    judge_any(trial);
    judge(trial, is->sent[OP_OFF] <= 1 && is->sent[OP_SOFT] <= 1);
    if (!meant_off(trial))
        judge(trial, is->on || !was->on);
    judge(trial, !is->flag.valid || trial->verb == VERB_NEXT_BOOT);
    if (is->power_offs && !is->sent[OP_RESET] && !is->sent[OP_CYCLE])
        judge(trial, trial->end.outcome == OUTCOME_OK || trial->end.outcome == OUTCOME_UNVERIFIED);
    if (is->power_ons > was->power_ons)
        judge(trial, trial->end.outcome == OUTCOME_OK || trial->end.outcome == OUTCOME_UNVERIFIED);
    if (!is->commands)
        judge(trial, trial->end.outcome != OUTCOME_LEFT_OFF);
    if (trial->verb == VERB_OFF && is->commands)
        judge(trial, trial->end.outcome == OUTCOME_OK && !is->on);
}

/* ---- trials ---- */

static void goes_off_slowly(struct rack_node *node)
{
    node->off_takes_ms = 3000;
    node->soft_takes_ms = 9000;
}

static void lies(struct rack_node *node)
{
    node->ignores_power = true;
}

static void keeps_its_flag(struct rack_node *node)
{
    node->keeps_flag = true;
}

static void dies_after_off(struct rack_node *node)
{
    node->dies_after_off = true;
}

static void dark_after_reset(struct rack_node *node)
{
    node->dies_at_reset = true;
}

static void drops_its_flag(struct rack_node *node)
{
    node->drops_flag = true;
}

static void boots_its_disk(struct rack_node *node)
{
    node->always_disk = true;
}

static void loses_off_reply(struct rack_node *node)
{
    node->loses_off_reply = true;
}

static void cannot_soft(struct rack_node *node)
{
    node->refuses_soft = true;
}

#define NETWORK                                                                                    \
    {                                                                                              \
        .boot_device = BOOT_NETWORK                                                                \
    }
static const struct trial trials[] = {
    {.name = "status", .verb = VERB_STATUS},
    {.name = "on", .verb = VERB_ON, .starts_off = true},
    {.name = "off", .verb = VERB_OFF},
    {.name = "soft", .verb = VERB_SOFT},
    {.name = "cycle", .verb = VERB_CYCLE},
    {.name = "cycle of a node that is off", .verb = VERB_CYCLE, .starts_off = true},
    {.name = "native cycle", .verb = VERB_CYCLE, .options.native = true, .native_cycle = true},
    {.name = "reset", .verb = VERB_RESET},
    {.name = "diag", .verb = VERB_DIAG},
    {.name = "identify", .verb = VERB_IDENTIFY},
    {.name = "next boot", .verb = VERB_NEXT_BOOT, .options = NETWORK},
    {.name = "next boot none", .verb = VERB_NEXT_BOOT},
    {.name = "reboot", .verb = VERB_REBOOT},
    {.name = "reboot of a node that is off", .verb = VERB_REBOOT, .starts_off = true},
    {.name = "reboot --netboot", .verb = VERB_REBOOT, .options.netboot = true},
    {.name = "netboot", .verb = VERB_NETBOOT},
    {.name = "netboot of a node that is off", .verb = VERB_NETBOOT, .starts_off = true},
    {.name = "netboot by reset", .verb = VERB_NETBOOT, .boot_by_reset = true},
};

static void judge_and_end(struct trial *trial, void (*verdict)(const struct trial *trial))
{
    run(trial);
    verdict(trial);
    rack_free(trial->rack);
}

/* Dies at every moment of its life, until there is none left. */
static void die_everywhere(const struct trial *like, void (*verdict)(const struct trial *trial))
{
    for (unsigned moment = 1; moment < MOMENTS_MAX; moment++) {
        struct trial trial = *like;
        trial.deaths[0] = moment;
        judge_and_end(&trial, verdict);
        if (trial.lives == 1)
            return;
    }
    fail_msg("%s: more than %d moments", like->name, MOMENTS_MAX);
}

static void every_moment_of_every_verb(void **state)
{
    static const uint64_t downs[] = {0, 5000};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(trials); i++)
        for (size_t down = 0; down < ARRAY_SIZE(downs); down++)
            for (enum rack_fate fate = RACK_NEVER_SENT; fate <= RACK_LANDS_LATE; fate++) {
                struct trial trial = trials[i];
                trial.down_ms = downs[down];
                trial.fates[0] = fate;
                die_everywhere(&trial, judge_obedient);
                trial.spoil = goes_off_slowly;
                die_everywhere(&trial, judge_obedient);
            }
}

/* The one that took over dies too, at every moment of its own. */
static void die_twice_everywhere(const struct trial *like)
{
    for (unsigned first = 1; first < MOMENTS_MAX; first++)
        for (unsigned second = 1; second < MOMENTS_MAX; second++) {
            struct trial trial = *like;
            trial.deaths[0] = first;
            trial.deaths[1] = second;
            trial.fates[0] = first % 2 ? RACK_LANDS_LATE : RACK_NEVER_SENT;
            trial.fates[1] = second % 2 ? RACK_LANDS_LATE : RACK_NEVER_SENT;
            judge_and_end(&trial, judge_obedient);
            if (trial.lives == 1)
                return;
            if (trial.lives == 2)
                break;
        }
}

static void dying_twice_is_no_worse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(trials); i++) {
        struct trial trial = trials[i];
        trial.down_ms = 700;
        trial.spoil = goes_off_slowly;
        die_twice_everywhere(&trial);
    }
}

/* Devices that lie, refuse or die: nothing is dark, or set, or repeated, and not told. */
static void no_lie_goes_unreported(void **state)
{
    static void (*const spoilers[])(struct rack_node * node) = {
        lies,           keeps_its_flag, dies_after_off,  dark_after_reset,
        drops_its_flag, boots_its_disk, loses_off_reply, cannot_soft,
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(trials); i++)
        for (size_t spoiler = 0; spoiler < ARRAY_SIZE(spoilers); spoiler++) {
            struct trial trial = trials[i];
            trial.spoil = spoilers[spoiler];
            trial.down_ms = 700;
            trial.fates[0] = RACK_LANDS_LATE;
            die_everywhere(&trial, judge_any);
        }
}

/* It was off, its next boot was set, and while no agent lived somebody switched it on: nobody says
 * that it was switched off. */
static void switched_on_by_others(void **state)
{
    struct trial trial = {.verb = VERB_NETBOOT, .starts_off = true};
    struct job_request request = request_of(&trial);
    char id[JOB_ID_SIZE];
    (void)state;
    prepare(&trial);
    rack_die_at(trial.rack, 1, RACK_NEVER_SENT);
    unsigned moment = 1;
    while (!trial.rack->node[0].sent[OP_BOOT_SET]) { /* the first that it dies at after that */
        rack_free(trial.rack);
        prepare(&trial);
        rack_die_at(trial.rack, moment++, RACK_NEVER_SENT);
        rack_start(trial.rack, &request, id);
        assert_false(live_on(&trial, id));
    }
    trial.rack->node[0].on = true;
    rack_rise(trial.rack, id, &request, 700);
    assert_true(live_on(&trial, id));
    assert_int_equal(trial.end.outcome, OUTCOME_FAILED);
    assert_int_equal(trial.end.verdict, VERDICT_INTERRUPTED);
    assert_non_null(strstr(trial.end.text, "by others"));
    assert_null(strstr(trial.end.text, "power-off"));
    assert_false(trial.rack->node[0].flag.valid);
    rack_free(trial.rack);
}

/* While no agent lived, its BMC's name was given to another machine. */
static void another_machine_is_not_touched(void **state)
{
    struct trial trial = {.verb = VERB_CYCLE};
    struct job_request request = request_of(&trial);
    char id[JOB_ID_SIZE];
    (void)state;
    prepare(&trial);
    unsigned moment = 1;
    while (trial.rack->node[0].on) { /* dark when the agent dies */
        rack_free(trial.rack);
        prepare(&trial);
        rack_die_at(trial.rack, moment++, RACK_NEVER_SENT);
        rack_start(trial.rack, &request, id);
        assert_false(live_on(&trial, id));
    }
    struct driver_setting host = {"host", "10.1.0.12"};
    struct device_config *config = &trial.rack->inventory->devices[0].config;
    config->settings = &host;
    config->nsettings = 1;
    unsigned commands = trial.rack->node[0].commands;
    rack_rise(trial.rack, id, &request, 700);
    assert_true(live_on(&trial, id));
    assert_int_equal(trial.end.verdict, VERDICT_LEFT_OFF);
    assert_non_null(strstr(trial.end.text, "other settings"));
    assert_int_equal(trial.rack->node[0].commands, commands);
    config->settings = NULL;
    config->nsettings = 0;
    rack_free(trial.rack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_moment_of_every_verb),     cmocka_unit_test(dying_twice_is_no_worse),
        cmocka_unit_test(no_lie_goes_unreported),         cmocka_unit_test(switched_on_by_others),
        cmocka_unit_test(another_machine_is_not_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
