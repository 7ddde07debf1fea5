/* An agent that dies at every moment of a job by feeds, and the one that takes over, judged by the
 * rack's truth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "tests/unit/rack_crash.h"
#include "tests/unit/rack_jobs.h"

enum { MOMENTS_MAX = 2000, HOURS_5 = 5 * 3600000 };

struct trial {
    const char *name;
    enum verb verb;
    struct job_options options;
    bool starts_off, bmc, on_with_mains;
    bool feeds_first;
    uint32_t feeds_after;
    void (*spoil)(struct rack *rack);
    /* of this run */
    unsigned deaths[2];
    enum rack_fate fate;
    uint64_t down_ms;
    struct rack *rack;
    struct node_view end;
    unsigned lives;
};

#define judge(trial_, true_)                                                                       \
    do {                                                                                           \
        if (!(true_))                                                                              \
            fail_msg("%s, dying at %u and %u (%s), down %llu ms: not so: " #true_ " (%s %s: %s)",  \
                     (trial_)->name, (trial_)->deaths[0], (trial_)->deaths[1],                     \
                     (trial_)->fate == RACK_LANDS_LATE ? "late" : "never sent",                    \
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
    struct rack *rack = trial->rack = rack_new_fed(1, trial->bmc);
    rack->inventory->deadlines.bmc_back = 60000;
    rack_feed(rack, 0, trial->bmc || !trial->starts_off);
    rack->node[0].on = !trial->starts_off;
    rack->node[0].disk_phones_home = true;
    rack->node[0].bmc_takes_ms = 15000;
    rack->node[0].on_with_mains = trial->on_with_mains;
    rack->inventory->nodes[0].feeds_first = trial->feeds_first;
    rack->inventory->nodes[0].feeds_after = trial->feeds_after;
    rack->node[0].ignores_power = rack->node[0].mends_with_mains = trial->feeds_after;
    if (trial->spoil)
        trial->spoil(rack);
    trial->lives = 1;
}

/* True if the job ended without another death. */
static bool live_on(struct trial *trial, const char *id)
{
    struct rack *rack = trial->rack;
    uint64_t until = rack->now_ms + HOURS_5;
    while (!rack_is_dead(rack)) {
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
    return false;
}

static void run(struct trial *trial)
{
    struct job_request request = request_of(trial);
    char id[JOB_ID_SIZE];
    prepare(trial);
    rack_die_at(trial->rack, trial->deaths[0], trial->fate);
    rack_start(trial->rack, &request, id);
    while (!live_on(trial, id)) {
        rack_die_at(trial->rack, trial->lives == 1 ? trial->deaths[1] : 0, trial->fate);
        trial->lives++;
        rack_rise(trial->rack, id, &request, trial->down_ms);
    }
    uint64_t until = trial->rack->now_ms + 300000; /* what was sent may take effect later */
    while (!rack_is_dead(trial->rack) && rack_step(trial->rack, until))
        ;
}

/* ---- the oracle ---- */

static bool is_fed(const struct rack *rack)
{
    return rack->pdu[0].outlet[0].on || rack->pdu[1].outlet[0].on;
}

static bool is_fed_by_all(const struct rack *rack)
{
    return rack->pdu[0].outlet[0].on && rack->pdu[1].outlet[0].on;
}

static void judge_ok(const struct trial *trial)
{
    const struct rack *rack = trial->rack;
    const struct rack_node *is = &rack->node[0];
    bool cycled = trial->starts_off || is->power_offs;
    if (trial->verb == VERB_OFF) {
        judge(trial, !is_fed(rack) && !is->on);
        return;
    }
    bool told = trial->verb != VERB_CYCLE && strstr(trial->end.text, "outlet 1 is off");
    judge(trial, is_fed_by_all(rack) || told);
    judge(trial, is->on || (trial->bmc && trial->starts_off && trial->verb == VERB_CYCLE));
    if (trial->verb == VERB_CYCLE || trial->verb == VERB_REBOOT || trial->verb == VERB_NETBOOT)
        judge(trial, cycled && rack->pdu[0].outlet[0].ons + rack->pdu[1].outlet[0].ons);
    if (trial->verb == VERB_NETBOOT)
        judge(trial, is->network_boots == 1);
}

/* In the journal: who listened may have missed it with the agent's death. */
static bool is_journaled(const struct rack *rack, const char *text)
{
    size_t count;
    const struct rack_row *rows = rack_rows(rack, &count);
    for (size_t i = 0; i < count; i++)
        if (strstr(rows[i].event.node.text, text))
            return true;
    return false;
}

static void judge_any(const struct trial *trial)
{
    const struct rack *rack = trial->rack;
    const struct rack_node *is = &rack->node[0];
    bool was_fed = trial->bmc || !trial->starts_off;
    judge(trial, trial->end.outcome != OUTCOME_PENDING);
    if (trial->end.outcome == OUTCOME_OK)
        judge_ok(trial);
    if (trial->verb != VERB_OFF && was_fed && !is_fed(rack))
        judge(trial, trial->end.outcome == OUTCOME_LEFT_OFF);
    if (trial->verb != VERB_OFF && !trial->starts_off && !is->on)
        judge(trial, trial->end.outcome == OUTCOME_LEFT_OFF);
    judge(trial, !is->flag.valid || is_journaled(rack, "the boot flag of b01 may still be set"));
}

static void judge_obedient(const struct trial *trial)
{
    const struct rack *rack = trial->rack;
    const struct rack_node *is = &rack->node[0];
    judge_any(trial);
    for (size_t i = 0; i < RACK_PDUS; i++) /* never cycled twice */
        judge(trial, rack->pdu[i].sent[OP_OFF] <= 1 && rack->pdu[i].outlet[0].offs <= 1);
    judge(trial, is->sent[OP_OFF] <= 1 && is->sent[OP_SOFT] <= 1);
    judge(trial, is->power_offs <= (trial->on_with_mains ? 2u : 1u));
    judge(trial, trial->end.outcome != OUTCOME_LEFT_OFF);
    /* One off that never went out: told, which is which. */
    if (!is_fed_by_all(rack) && is_fed(rack))
        judge(trial, strstr(trial->end.text, "still fed by pdu-"));
    if (trial->verb != VERB_OFF && !trial->starts_off)
        judge(trial, is->on);
    if (trial->verb != VERB_ON && !is->commands)
        judge(trial, trial->end.outcome != OUTCOME_OK);
}

/* ---- trials ---- */

static void one_stays_on(struct rack *rack)
{
    rack->pdu[1].outlet[0].stays_on = true;
}

static void one_stays_off(struct rack *rack)
{
    rack->pdu[0].outlet[0].stays_off = true;
}

static void one_dies(struct rack *rack)
{
    rack->pdu[1].dies_after_off = true;
}

static void both_die(struct rack *rack)
{
    rack->pdu[0].dies_after_off = rack->pdu[1].dies_after_off = true;
}

static void loses_answers(struct rack *rack)
{
    rack->pdu[0].outlet[0].loses_off_reply = rack->pdu[1].outlet[0].loses_off_reply = true;
}

#define BY_FEEDS .options.feeds = true, .bmc = true
#define IN_VAIN  .feeds_after = 2, .bmc = true, .starts_off = true /* its BMC obeys when fed anew */
static const struct trial trials[] = {
    {.name = "on", .verb = VERB_ON, .starts_off = true},
    {.name = "off", .verb = VERB_OFF},
    {.name = "cycle", .verb = VERB_CYCLE},
    {.name = "cycle of a node that is off", .verb = VERB_CYCLE, .starts_off = true},
    {.name = "reboot", .verb = VERB_REBOOT},
    {.name = "netboot", .verb = VERB_NETBOOT},
    {.name = "off --feeds", .verb = VERB_OFF, BY_FEEDS},
    {.name = "cycle --feeds", .verb = VERB_CYCLE, BY_FEEDS},
    {.name = "cycle --feeds, on with mains", .verb = VERB_CYCLE, BY_FEEDS, .on_with_mains = true},
    {.name = "cycle --feeds of one off", .verb = VERB_CYCLE, BY_FEEDS, .starts_off = true},
    {.name = "reboot --feeds", .verb = VERB_REBOOT, BY_FEEDS},
    {.name = "netboot --feeds", .verb = VERB_NETBOOT, BY_FEEDS},
    {.name = "netboot --feeds, on with mains",
     .verb = VERB_NETBOOT,
     BY_FEEDS,
     .on_with_mains = true},
    {.name = "cycle, feeds first", .verb = VERB_CYCLE, .bmc = true, .feeds_first = true},
    {.name = "netboot, feeds first", .verb = VERB_NETBOOT, .bmc = true, .feeds_first = true},
    {.name = "on, in vain by its BMC", .verb = VERB_ON, IN_VAIN},
    {.name = "cycle, in vain by its BMC", .verb = VERB_CYCLE, IN_VAIN},
    {.name = "reboot, in vain by its BMC", .verb = VERB_REBOOT, IN_VAIN},
    {.name = "netboot, in vain by its BMC", .verb = VERB_NETBOOT, IN_VAIN},
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

static void at_every_moment(void **state)
{
    static const uint64_t downs[] = {0, 5000};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(trials); i++)
        for (size_t down = 0; down < ARRAY_SIZE(downs); down++)
            for (enum rack_fate fate = RACK_NEVER_SENT; fate <= RACK_LANDS_LATE; fate++) {
                struct trial trial = trials[i];
                trial.down_ms = downs[down];
                trial.fate = fate;
                die_everywhere(&trial, judge_obedient);
            }
}

static void with_devices_that_fail(void **state)
{
    static void (*const spoils[])(struct rack * rack) = {one_stays_on, one_stays_off, one_dies,
                                                         both_die, loses_answers};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(trials); i++)
        for (size_t j = 0; j < ARRAY_SIZE(spoils); j++)
            for (enum rack_fate fate = RACK_NEVER_SENT; fate <= RACK_LANDS_LATE; fate++) {
                struct trial trial = trials[i];
                trial.spoil = spoils[j];
                trial.fate = fate;
                die_everywhere(&trial, judge_any);
            }
}

static void twice(void **state)
{
    static const struct trial likes[] = {{.name = "cycle", .verb = VERB_CYCLE},
                                         {.name = "cycle --feeds", .verb = VERB_CYCLE, BY_FEEDS}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(likes); i++)
        for (unsigned first = 1; first < MOMENTS_MAX; first++) {
            unsigned lives = 0;
            for (unsigned second = 1; second < MOMENTS_MAX && lives != 1 && lives != 2; second++) {
                struct trial trial = likes[i];
                trial.deaths[0] = first;
                trial.deaths[1] = second;
                trial.fate = (first + second) % 2 ? RACK_LANDS_LATE : RACK_NEVER_SENT;
                judge_and_end(&trial, judge_obedient);
                lives = trial.lives;
            }
            if (lives == 1)
                break;
        }
}

/* The journal names an outlet that is another one now, or of another PDU. */
static void another_outlet_is_not_touched(void **state)
{
    static const struct {
        size_t pdu;
        bool renamed;
        const char *why;
    } cases[] = {
        {0, true, "the configuration names another device for it now, and it was not touched"},
        {1, true, "the configuration names another device for it now, and it was not touched"},
        {0, false, "that device has other settings now and may be another machine"},
        {1, false, "that device has other settings now and may be another machine"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct trial trial = {.name = "another outlet", .verb = VERB_CYCLE};
        struct job_request request = request_of(&trial);
        char id[JOB_ID_SIZE];
        prepare(&trial);
        struct rack *rack = trial.rack;
        rack_die_at(rack, 0, RACK_NEVER_SENT); /* journal from here on */
        rack_start(rack, &request, id);
        while (rack->node[0].on)
            assert_true(rack_step(rack, UINT64_MAX - 1));
        rack_die_at(rack, 1, RACK_NEVER_SENT);
        while (!rack_is_dead(rack))
            assert_true(rack_step(rack, UINT64_MAX - 1));
        struct inventory *inventory = rack->inventory;
        if (cases[i].renamed)
            inventory->nodes[0].feeds[cases[i].pdu].outlet = 7;
        else
            (void)snprintf(inventory->devices[1 + cases[i].pdu].driver, NAME_SIZE, "modbus");
        unsigned commands = rack->node[0].commands;
        rack_die_at(rack, 0, RACK_NEVER_SENT);
        rack_rise(rack, id, &request, 0);
        assert_true(live_on(&trial, id));
        judge(&trial, trial.end.outcome == OUTCOME_LEFT_OFF);
        judge(&trial, strstr(trial.end.text, cases[i].why));
        judge(&trial, rack->node[0].commands == commands);
        rack_free(rack);
    }
}

/* A free outlet was being cycled, and the config has hung a node on it since. */
static void an_outlet_that_feeds_a_node_now_is_not_touched(void **state)
{
    static char outlet[] = "pdu-a/1";
    const struct job_request request = rack_request(VERB_CYCLE, outlet);
    char id[JOB_ID_SIZE];
    struct trial trial = {.name = "an outlet", .verb = VERB_CYCLE};
    (void)state;
    prepare(&trial);
    struct rack *rack = trial.rack;
    struct node *nodes = rack->inventory->nodes, *free_outlet = &nodes[1];
    const struct node hung = nodes[0];
    assert_string_equal(free_outlet->name, outlet);
    free_outlet->feeds_node[0] = '\0';
    nodes[0].feeds[0] = nodes[0].feeds[1];
    nodes[0].nfeeds = 1;
    rack_die_at(rack, 0, RACK_NEVER_SENT); /* journal from here on */
    rack_start(rack, &request, id);
    while (rack->pdu[0].outlet[0].on)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    rack_die_at(rack, 1, RACK_NEVER_SENT);
    while (!rack_is_dead(rack))
        assert_true(rack_step(rack, UINT64_MAX - 1));
    nodes[0] = hung;
    (void)snprintf(free_outlet->feeds_node, NAME_SIZE, "n01");
    unsigned commands = rack->node[0].commands;
    rack_die_at(rack, 0, RACK_NEVER_SENT);
    rack_rise(rack, id, &request, 0);
    assert_true(live_on(&trial, id));
    judge(&trial, trial.end.outcome == OUTCOME_LEFT_OFF);
    judge(&trial, strstr(trial.end.text, "a node hangs on it now, and it was not touched"));
    judge(&trial, rack->node[0].commands == commands);
    rack_free(rack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_every_moment),
        cmocka_unit_test(with_devices_that_fail),
        cmocka_unit_test(twice),
        cmocka_unit_test(another_outlet_is_not_touched),
        cmocka_unit_test(an_outlet_that_feeds_a_node_now_is_not_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
