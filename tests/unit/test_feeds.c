/* Nodes by their outlets: one that obeys, one that does not, and a BMC behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "tests/unit/feeds_rig.h"

static const struct job_options by_feeds = {.feeds = true};

/* ---- all obey ---- */

static void all_off_before_any_is_on(void **state)
{
    (void)state;
    fed(true);
    assert_end(run(VERB_CYCLE), OUTCOME_OK, VERDICT_NONE, "on, seen twice");
    assert_int_equal(rack->node[0].power_offs, 1);
    assert_int_equal(rack->node[0].power_ons, 1);
    assert_true(feed(0)->on && feed(1)->on);
    assert_int_equal(switched(), 4);
}

static void an_off_asks_all_at_once_and_an_on_one_by_one(void **state)
{
    (void)state;
    fed(true);
    char id[JOB_ID_SIZE];
    struct err err;
    assert_int_equal(submit(VERB_CYCLE, "n01", NULL, id, &err), 0);
    while (!rack->pdu[1].sent[OP_OFF])
        assert_true(rack_step(rack, UINT64_MAX - 1));
    assert_int_equal(rack->pdu[0].sent[OP_OFF], 1); /* in one turn */
    while (!rack->pdu[0].sent[OP_ON]) {
        assert_int_equal(rack->pdu[1].sent[OP_ON], 0);
        assert_true(rack_step(rack, UINT64_MAX - 1));
    }
    uint64_t first_ms = rack->now_ms;
    while (!rack->pdu[1].sent[OP_ON])
        assert_true(rack_step(rack, UINT64_MAX - 1));
    assert_true(rack->now_ms - first_ms >= 1000 / rack->inventory->limits.power_on_per_second);
    rack_run(rack, id, &view);
    assert_int_equal(view.nodes[0].outcome, OUTCOME_OK);
}

static void the_longest_dwell_of_its_pdus(void **state)
{
    (void)state;
    fed(true);
    rack->inventory->devices[1].dwell_ms = 15000; /* pdu-a */
    rack->inventory->devices[2].dwell_ms = 3000;
    char id[JOB_ID_SIZE];
    struct err err;
    assert_int_equal(submit(VERB_CYCLE, "n01", NULL, id, &err), 0);
    while (!rack->node[0].power_offs)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    uint64_t off_ms = rack->now_ms;
    while (!rack->node[0].power_ons)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    assert_true(rack->now_ms - off_ms >= 15000);
    rack_run(rack, id, &view);
}

static void on_is_for_those_that_are_off(void **state)
{
    (void)state;
    fed(true);
    assert_end(run(VERB_ON), OUTCOME_OK, VERDICT_NONE, "was on already");
    assert_int_equal(rack->pdu[0].sent[OP_ON] + rack->pdu[1].sent[OP_ON], 0);
    feed(1)->on = false;
    assert_end(run(VERB_STATUS), OUTCOME_OK, VERDICT_NONE, "on, but pdu-b outlet 1 is off");
    assert_end(run(VERB_ON), OUTCOME_OK, VERDICT_NONE, "on");
    assert_int_equal(rack->pdu[0].sent[OP_ON], 0);
    assert_int_equal(rack->pdu[1].sent[OP_ON], 1);
    assert_true(feed(1)->on);
}

static void a_netboot_by_feeds_alone(void **state)
{
    (void)state;
    fed(true);
    assert_end(run(VERB_NETBOOT), OUTCOME_OK, VERDICT_NONE, "UP after");
    assert_int_equal(rack->node[0].network_boots, 1);
    assert_int_equal(rack->node[0].power_offs, 1);
}

static void a_soft_off_is_not_for_outlets(void **state)
{
    (void)state;
    fed(true);
    assert_end(run(VERB_SOFT), OUTCOME_FAILED, VERDICT_UNSUPPORTED, "outlets only");
    assert_end(run(VERB_REBOOT), OUTCOME_OK, VERDICT_NONE, "UP after");
    assert_int_equal(rack->node[0].power_offs, 1);
}

/* ---- one does not ---- */

static void one_stays_on(void **state)
{
    static const enum verb verbs[] = {VERB_CYCLE, VERB_OFF, VERB_NETBOOT, VERB_REBOOT};
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        fed(true);
        feed(1)->stays_on = true;
        assert_end(run(verbs[i]), OUTCOME_FAILED, VERDICT_POWER_FAILED,
                   "still fed by pdu-b outlet 1, which reads on; pdu-a outlet 1 ");
        const char *rest = verbs[i] == VERB_OFF
                               ? "pdu-a outlet 1 is off"
                               : "was switched off and stays so: powerctl on n01 restores it";
        assert_non_null(strstr(view.nodes[0].text, rest));
        assert_false(feed(0)->on); /* nothing is switched on again */
        assert_int_equal(rack->pdu[0].sent[OP_ON] + rack->pdu[1].sent[OP_ON], 0);
        assert_true(rack->node[0].on);
        (void)end(state);
    }
}

static void nothing_is_done_while_one_is_silent(void **state)
{
    static const enum verb verbs[] = {VERB_CYCLE, VERB_OFF, VERB_NETBOOT, VERB_REBOOT};
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        fed(true);
        rack->pdu[1].dead = true;
        assert_end(run(verbs[i]), OUTCOME_FAILED, VERDICT_UNREACHABLE,
                   "pdu-b outlet 1: no answer from pdu-b; pdu-a outlet 1 is on");
        assert_int_equal(rack->node[0].commands, 0);
        (void)end(state);
    }
}

static void unknown_is_not_off(void **state)
{
    (void)state;
    fed(true);
    rack->pdu[1].dead = true;
    assert_end(run(VERB_STATUS), OUTCOME_OK, VERDICT_NONE,
               "on, but pdu-b outlet 1: no answer from pdu-b");
    assert_int_equal(view.nodes[0].power, POWER_ON);
    feed(0)->on = false;
    assert_end(run(VERB_STATUS), OUTCOME_FAILED, VERDICT_UNREACHABLE,
               "pdu-b outlet 1: no answer from pdu-b; pdu-a outlet 1 is off");
}

/* A dead PDU must not keep dark what the other can feed. */
static void on_goes_by_what_answers(void **state)
{
    (void)state;
    fed(false);
    rack->pdu[1].dead = true;
    assert_end(run(VERB_ON), OUTCOME_FAILED, VERDICT_POWER_FAILED,
               "on, but pdu-b outlet 1: no answer from pdu-b");
    assert_true(feed(0)->on && rack->node[0].on);
}

/* One of them is on, and that is not forgotten for the other. */
static void on_that_fails_says_what_is_on(void **state)
{
    (void)state;
    fed(true);
    rack->pdu[1].dead = true;
    assert_end(run(VERB_ON), OUTCOME_FAILED, VERDICT_POWER_FAILED,
               "on, but pdu-b outlet 1: no answer from pdu-b");
    assert_int_equal(view.nodes[0].power, POWER_ON);
    assert_int_equal(rack->pdu[0].sent[OP_ON], 0);
}

/* It did the off, and nobody will ever see it: the other is switched on again. */
static void one_falls_silent_after_its_off(void **state)
{
    (void)state;
    fed(true);
    rack->pdu[1].dies_after_off = true;
    assert_end(run(VERB_CYCLE), OUTCOME_FAILED, VERDICT_BMC_LOST, "pdu-b outlet 1: no answer");
    assert_non_null(strstr(view.nodes[0].text, "it was switched on again, but pdu-b outlet 1"));
    assert_true(feed(0)->on && !feed(1)->on && rack->node[0].on);
}

static void both_fall_silent_after_their_off(void **state)
{
    (void)state;
    fed(true);
    rack->pdu[0].dies_after_off = rack->pdu[1].dies_after_off = true;
    assert_end(run(VERB_CYCLE), OUTCOME_LEFT_OFF, VERDICT_LEFT_OFF, "it was on");
    assert_false(rack->node[0].on);
}

static void the_answer_to_an_off_is_lost(void **state)
{
    (void)state;
    fed(true);
    feed(0)->loses_off_reply = true;
    assert_end(run(VERB_CYCLE), OUTCOME_OK, VERDICT_NONE, "on, seen twice");
    assert_int_equal(rack->node[0].power_offs, 1);
}

/* A relay that is stuck while it says otherwise is seen by what it feeds. */
static void off_that_draws_power_is_not_off(void **state)
{
    (void)state;
    fed(true);
    feed(0)->on = false;
    feed(1)->metered = feed(1)->welded = feed(1)->stays_on = true;
    feed(1)->milliwatts = 120000;
    for (int i = 0; i < 2; i++)
        assert_end(run(i ? VERB_OFF : VERB_STATUS), OUTCOME_FAILED, VERDICT_BAD_REPLY,
                   "pdu-b outlet 1: reads off, but draws 120 W");
    assert_end(run(VERB_CHECK), OUTCOME_FAILED, VERDICT_CONTRADICTION,
               "pdu-b outlet 1 reads off, but draws 120 W");
    assert_int_equal(view.nodes[0].power, POWER_UNKNOWN);

    feed(1)->milliwatts = 900; /* what a meter measures of nothing */
    assert_end(run(VERB_STATUS), OUTCOME_OK, VERDICT_NONE, "off");
}

static void one_stays_off(void **state)
{
    (void)state;
    for (size_t pdu = 0; pdu < RACK_PDUS; pdu++) {
        const char *text = pdu ? "on, but pdu-b outlet 1 is off" : "on, but pdu-a outlet 1 is off";
        fed(true);
        feed(pdu)->stays_off = true;
        assert_end(run(VERB_CYCLE), OUTCOME_FAILED, VERDICT_POWER_FAILED, text);
        assert_true(rack->node[0].on);
        feed(1 - pdu)->on = false;
        assert_end(run(VERB_ON), OUTCOME_FAILED, VERDICT_POWER_FAILED, text);
        (void)end(state);
    }
    fed(true);
    feed(1)->stays_off = true;
    assert_end(run(VERB_NETBOOT), OUTCOME_OK, VERDICT_NONE, "; pdu-b outlet 1 is off");
    assert_non_null(strstr(view.nodes[0].text, "UP after"));
}

static void all_stay_off(void **state)
{
    (void)state;
    fed(true);
    feed(0)->stays_off = feed(1)->stays_off = true;
    assert_end(run(VERB_CYCLE), OUTCOME_LEFT_OFF, VERDICT_LEFT_OFF, "its outlets said ok");
}

static void cancelled_between_two_feeds(void **state)
{
    (void)state;
    fed(true);
    char id[JOB_ID_SIZE];
    struct err err;
    rack->inventory->limits.power_on_per_second = 1;
    core_reload(rack->core, rack->inventory, rack->now_ms);
    assert_int_equal(submit(VERB_CYCLE, "n01", NULL, id, &err), 0);
    while (!feed(0)->ons)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    assert_int_equal(core_cancel(rack->core, id, rack->now_ms, &err), 0);
    rack_run(rack, id, &view);
    assert_end(&view.nodes[0], OUTCOME_CANCELLED, VERDICT_CANCELLED, "switched on again");
    assert_true(feed(0)->on && feed(1)->on);
}

/* ---- who may do what ---- */

static void a_native_cycle_is_for_one_feed(void **state)
{
    const struct job_options native = {.native = true}, both = {.native = true, .feeds = true};
    (void)state;
    fed(true);
    assert_refused(VERB_CYCLE, "n01", &native, ERR_USAGE, "n01 has 2 feeds");
    (void)end(state);
    fed_with_bmc();
    rack->inventory->nodes[0].nfeeds = 1;
    assert_refused(VERB_CYCLE, "n01", &both, ERR_USAGE, "a BMC behind its feed");
    (void)end(state);
    rack = rack_new(1);
    assert_refused(VERB_CYCLE, "n01", &by_feeds, ERR_USAGE, "n01 has no outlets");
}

static void outlets_are_nodes(void **state)
{
    (void)state;
    fed(true);
    assert_refused(VERB_OFF, "pdu-a/1", NULL, ERR_DENIED, "pdu-a/1 feeds n01: powerctl off n01");
    assert_refused(VERB_NETBOOT, "pdu-a/1", NULL, ERR_USAGE, "is an outlet");
    assert_refused(VERB_NEXT_BOOT, "pdu-a/1", NULL, ERR_USAGE, "is an outlet");
    char id[JOB_ID_SIZE];
    struct err err = {0};
    assert_int_equal(submit(VERB_STATUS, "pdu-a/1,pdu-b/1", NULL, id, &err), 0);
    rack_run(rack, id, &view);
    assert_int_equal(view.nodes[0].power, POWER_ON);
    assert_int_equal(view.nodes[1].outcome, OUTCOME_OK);
    struct core_counts counts;
    core_count(rack->core, &counts);
    assert_int_equal(counts.nodes, 1);
    assert_true(counts.nodes_on <= 1);
}

static void free_outlets_are_switched(void **state)
{
    char id[JOB_ID_SIZE];
    struct err err = {0};
    (void)state;
    fed(true);
    rack->inventory->nodes[1].feeds_node[0] = '\0'; /* pdu-a/1 */
    rack->inventory->nodes[0].feeds[0] = rack->inventory->nodes[0].feeds[1];
    rack->inventory->nodes[0].nfeeds = 1;
    assert_int_equal(submit(VERB_CYCLE, "pdu-a/1", NULL, id, &err), 0);
    rack_run(rack, id, &view);
    assert_end(&view.nodes[0], OUTCOME_OK, VERDICT_NONE, "on, seen twice");
    assert_int_equal(feed(0)->offs, 1);
    assert_int_equal(feed(1)->offs, 0);
    feed(0)->stays_on = true;
    job_view_clear(&view);
    assert_int_equal(submit(VERB_OFF, "pdu-a/1", NULL, id, &err), 0);
    rack_run(rack, id, &view);
    assert_end(&view.nodes[0], OUTCOME_FAILED, VERDICT_POWER_FAILED,
               "pdu-a outlet 1 said ok to power-off, but still reads on");
}

static void shared_outlets_go_together(void **state)
{
    char id[JOB_ID_SIZE];
    struct err err = {0};
    (void)state;
    rack = rack_new_fed(2, false);
    struct node *nodes = rack->inventory->nodes;
    rack_feed(rack, 0, true);
    nodes[1].feeds[0] = nodes[0].feeds[0];
    nodes[1].feeds[1] = nodes[0].feeds[1];
    nodes[0].shares_outlets = nodes[1].shares_outlets = true;
    assert_refused(VERB_OFF, "n01", NULL, ERR_DENIED, "n01 shares an outlet with n02");
    assert_refused(VERB_ON, "n02", NULL, ERR_DENIED, "n02 shares an outlet with n01");
    assert_refused(VERB_CYCLE, "n01,n02", NULL, ERR_DENIED, "off, then on, of all of them");
    assert_refused(VERB_NETBOOT, "n01,n02", NULL, ERR_DENIED, "off, then on, of all of them");
    const struct job_options waves = {.batch = 1};
    assert_refused(VERB_OFF, "n01,n02", &waves, ERR_USAGE, "not in waves");
    assert_end(run(VERB_STATUS), OUTCOME_OK, VERDICT_NONE, "on");
    assert_int_equal(rack->node[0].commands, 0);
    for (enum verb verb = VERB_ON; verb <= VERB_OFF; verb++) {
        job_view_clear(&view);
        assert_int_equal(submit(verb, "n01,n02", NULL, id, &err), 0);
        rack_run(rack, id, &view);
        assert_int_equal(view.nodes[0].outcome, OUTCOME_OK);
        assert_int_equal(view.nodes[1].outcome, OUTCOME_OK);
        assert_int_equal(feed(0)->on, verb == VERB_ON);
    }
}

static void protected_by_its_feeds_too(void **state)
{
    (void)state;
    fed_with_bmc();
    rack->inventory->nodes[0].protect = true;
    assert_refused(VERB_CYCLE, "n01", &by_feeds, ERR_DENIED, "n01 is protected");
}

/* ---- a reload meanwhile ---- */

static void a_reload_waits_for_every_feed(void **state)
{
    char id[JOB_ID_SIZE];
    struct err err = {0};
    (void)state;
    rack = rack_new_fed(2, false);
    rack_feed(rack, 0, true);
    assert_int_equal(submit(VERB_CYCLE, "n01", NULL, id, &err), 0);
    struct rack *other = rack_new_fed(2, false);
    assert_int_equal(core_may_reload(rack->core, other->inventory, &err), 0);
    struct node *nodes = other->inventory->nodes;
    nodes[1].feeds[1] = nodes[0].feeds[1]; /* n02 would have its second feed */
    assert_int_equal(core_may_reload(rack->core, other->inventory, &err), -1);
    assert_string_equal(err.text, "device pdu-b of n01 would be that of n02, and job Jtest-1 is at "
                                  "it: reload again when that has ended, or cancel it");
    nodes[1].feeds[1].outlet = 2;
    (void)snprintf(other->inventory->devices[3].driver, NAME_SIZE, "modbus"); /* pdu-b */
    assert_int_equal(core_may_reload(rack->core, other->inventory, &err), -1);
    assert_non_null(strstr(err.text, "device pdu-b of n01 is gone or has other settings"));
    rack_free(other);
    rack_run(rack, id, &view);
}

/* n01 was told to be off, and is; n02 is still to be, by the same outlet. */
static void a_sharer_is_busy_until_the_job_is_over(void **state)
{
    char id[JOB_ID_SIZE];
    struct err err = {0};
    (void)state;
    rack = rack_new_fed(2, false);
    struct node *nodes = rack->inventory->nodes;
    rack_feed(rack, 0, true);
    nodes[0].nfeeds = 1; /* done early; the other waits for its second feed */
    memcpy(nodes[1].feeds, nodes[0].feeds, sizeof nodes[0].feeds);
    nodes[0].shares_outlets = nodes[1].shares_outlets = true;
    feed(1)->stays_on = true;
    assert_int_equal(submit(VERB_OFF, "n[01-02]", NULL, id, &err), 0);
    do {
        job_view_clear(&view);
        assert_int_equal(core_job(rack->core, id, rack->now_ms, &view, &err), 0);
    } while (view.nodes[0].outcome == OUTCOME_PENDING && rack_step(rack, UINT64_MAX - 1));
    assert_int_equal(view.nodes[1].outcome, OUTCOME_PENDING);
    assert_refused(VERB_NEXT_BOOT, "n01", NULL, ERR_BUSY, "n02 is busy with job");
    job_view_clear(&view);
    rack_run(rack, id, &view);
}

/* Their outlets are one; their BMCs are not. */
static void sharers_have_bmcs_of_their_own(void **state)
{
    char id[JOB_ID_SIZE];
    struct err err = {0};
    (void)state;
    rack = rack_new_fed(2, true);
    struct rack *other = rack_new_fed(2, true);
    struct inventory *inventories[] = {rack->inventory, other->inventory};
    for (size_t i = 0; i < ARRAY_SIZE(inventories); i++) {
        struct node *nodes = inventories[i]->nodes;
        memcpy(nodes[1].feeds, nodes[0].feeds, sizeof nodes[0].feeds);
        nodes[0].shares_outlets = nodes[1].shares_outlets = true;
    }
    assert_int_equal(submit(VERB_ON, "n01", NULL, id, &err), 0);
    assert_int_equal(core_may_reload(rack->core, other->inventory, &err), 0);
    other->inventory->nodes[0].control.device = 1;
    other->inventory->nodes[1].control.device = 0;
    assert_int_equal(core_may_reload(rack->core, other->inventory, &err), -1);
    assert_non_null(strstr(err.text, "device b01 of n01 would be that of n02"));
    rack_free(other);
    rack_run(rack, id, &view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(all_off_before_any_is_on, end),
        cmocka_unit_test_teardown(an_off_asks_all_at_once_and_an_on_one_by_one, end),
        cmocka_unit_test_teardown(the_longest_dwell_of_its_pdus, end),
        cmocka_unit_test_teardown(on_is_for_those_that_are_off, end),
        cmocka_unit_test_teardown(a_netboot_by_feeds_alone, end),
        cmocka_unit_test_teardown(a_soft_off_is_not_for_outlets, end),
        cmocka_unit_test_teardown(one_stays_on, end),
        cmocka_unit_test_teardown(nothing_is_done_while_one_is_silent, end),
        cmocka_unit_test_teardown(unknown_is_not_off, end),
        cmocka_unit_test_teardown(on_goes_by_what_answers, end),
        cmocka_unit_test_teardown(on_that_fails_says_what_is_on, end),
        cmocka_unit_test_teardown(one_falls_silent_after_its_off, end),
        cmocka_unit_test_teardown(both_fall_silent_after_their_off, end),
        cmocka_unit_test_teardown(the_answer_to_an_off_is_lost, end),
        cmocka_unit_test_teardown(one_stays_off, end),
        cmocka_unit_test_teardown(off_that_draws_power_is_not_off, end),
        cmocka_unit_test_teardown(all_stay_off, end),
        cmocka_unit_test_teardown(cancelled_between_two_feeds, end),
        cmocka_unit_test_teardown(a_native_cycle_is_for_one_feed, end),
        cmocka_unit_test_teardown(outlets_are_nodes, end),
        cmocka_unit_test_teardown(free_outlets_are_switched, end),
        cmocka_unit_test_teardown(shared_outlets_go_together, end),
        cmocka_unit_test_teardown(protected_by_its_feeds_too, end),
        cmocka_unit_test_teardown(a_reload_waits_for_every_feed, end),
        cmocka_unit_test_teardown(a_sharer_is_busy_until_the_job_is_over, end),
        cmocka_unit_test_teardown(sharers_have_bmcs_of_their_own, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
