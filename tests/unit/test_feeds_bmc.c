/* Nodes with a BMC behind their feeds: AC power by --feeds, by itself where the BMC fails, and what
 * the two say of each other. */
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
static const struct job_options netboot_by_feeds = {.feeds = true, .netboot = true};

static struct rack_node *machine(void)
{
    return &rack->node[0];
}

/* ---- what is meant ---- */

static void its_bmc_is_the_means(void **state)
{
    (void)state;
    fed_with_bmc();
    assert_end(run(VERB_CYCLE), OUTCOME_OK, VERDICT_NONE, "on, seen twice");
    assert_int_equal(switched(), 0);
    assert_int_equal(machine()->sent[OP_OFF], 1);
}

static void feeds_come_first_where_the_config_says_so(void **state)
{
    (void)state;
    fed_with_bmc();
    rack->inventory->nodes[0].feeds_first = true;
    machine()->on_with_mains = true;
    assert_end(run(VERB_CYCLE), OUTCOME_OK, VERDICT_NONE, "on");
    assert_int_equal(switched(), 4);
    assert_int_equal(machine()->sent[OP_OFF], 0);
}

/* ---- --feeds ---- */

static void a_machine_that_was_on_is_on_again(void **state)
{
    (void)state;
    for (int policy = 0; policy < 2; policy++) {
        fed_with_bmc();
        machine()->on_with_mains = policy;
        assert_end(do_with(VERB_CYCLE, &by_feeds), OUTCOME_OK, VERDICT_NONE, "on");
        assert_true(machine()->on && feed(0)->on && feed(1)->on);
        assert_int_equal(machine()->power_offs, 1);
        assert_int_equal(machine()->sent[OP_ON], policy ? 0 : 1);
        assert_int_equal(machine()->sent[OP_OFF], 0);
        assert_true(was_told("b01 answers again"));
        (void)end(state);
    }
}

static void a_machine_that_was_off_is_left_so(void **state)
{
    (void)state;
    fed_with_bmc();
    machine()->on = false;
    assert_end(do_with(VERB_CYCLE, &by_feeds), OUTCOME_OK, VERDICT_NONE, "it was left so");
    assert_false(machine()->on);
    assert_true(feed(0)->on && feed(1)->on);
    assert_int_equal(machine()->sent[OP_ON], 0);
}

/* Its restore policy is its own; what became of it is told. */
static void a_machine_that_was_off_comes_on_with_its_power(void **state)
{
    (void)state;
    fed_with_bmc();
    machine()->on = false;
    machine()->on_with_mains = true;
    assert_end(do_with(VERB_CYCLE, &by_feeds), OUTCOME_OK, VERDICT_NONE,
               "its BMC read off before, and it came on with its power");
    assert_int_equal(view.nodes[0].power, POWER_ON);
}

/* Its BMC says once that it is off. */
static void one_wrong_reading_leaves_nothing_off(void **state)
{
    static const enum verb verbs[] = {VERB_CYCLE, VERB_REBOOT, VERB_NETBOOT};
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        fed_with_bmc();
        machine()->lies_in = 1;
        assert_int_equal(do_with(verbs[i], &by_feeds)->outcome, OUTCOME_OK);
        assert_true(machine()->on);
        (void)end(state);
    }
}

/* And then no more: its one reading is not believed. */
static void one_wrong_reading_and_silence(void **state)
{
    char id[JOB_ID_SIZE];
    struct err err;
    (void)state;
    fed_with_bmc();
    machine()->lies_in = 1;
    assert_int_equal(submit(VERB_CYCLE, "n01", &by_feeds, id, &err), 0);
    while (!machine()->sent[OP_STATUS])
        assert_true(rack_step(rack, UINT64_MAX - 1));
    machine()->bmc_back_ms = UINT64_MAX;
    rack_run(rack, id, &view);
    assert_end(&view.nodes[0], OUTCOME_OK, VERDICT_NONE, "on, seen twice");
    assert_true(machine()->on);
}

/* That is what cutting its power is for. */
static void a_bmc_that_hangs(void **state)
{
    (void)state;
    fed_with_bmc();
    machine()->bmc_back_ms = UINT64_MAX; /* until it is fed anew */
    assert_end(do_with(VERB_CYCLE, &by_feeds), OUTCOME_OK, VERDICT_NONE, "on, seen twice");
    assert_true(machine()->on);
    assert_int_equal(machine()->sent[OP_ON], 1);
}

static void a_bmc_that_does_not_come_back(void **state)
{
    (void)state;
    fed_with_bmc();
    machine()->bmc_takes_ms = UINT64_MAX;
    assert_end(do_with(VERB_CYCLE, &by_feeds), OUTCOME_LEFT_OFF, VERDICT_LEFT_OFF, "it was on");
    assert_true(was_told("its outlets are on again, but b01 did not come back within 60 s"));
    assert_true(feed(0)->on && feed(1)->on);
}

/* Unless its machine was off all the time. */
static void a_bmc_that_does_not_come_back_to_a_machine_that_was_off(void **state)
{
    (void)state;
    fed_with_bmc();
    machine()->bmc_takes_ms = UINT64_MAX;
    machine()->on = false;
    assert_end(do_with(VERB_CYCLE, &by_feeds), OUTCOME_FAILED, VERDICT_BMC_LOST,
               "its outlets are on again, but b01 did not come back");
}

static void one_feed_stays_on(void **state)
{
    (void)state;
    fed_with_bmc();
    feed(0)->stays_on = true;
    assert_end(do_with(VERB_CYCLE, &by_feeds), OUTCOME_FAILED, VERDICT_POWER_FAILED,
               "still fed by pdu-a outlet 1, which reads on; pdu-b outlet 1 was switched off and "
               "stays so: powerctl on --feeds n01 restores it");
    assert_true(machine()->on);
}

/* The machine comes first; then it is told. */
static void one_feed_stays_off(void **state)
{
    (void)state;
    fed_with_bmc();
    feed(0)->stays_off = true;
    assert_end(do_with(VERB_CYCLE, &by_feeds), OUTCOME_FAILED, VERDICT_POWER_FAILED,
               "on, but pdu-a outlet 1 is off");
    assert_true(machine()->on && feed(1)->on);
}

static void both_pdus_die(void **state)
{
    (void)state;
    fed_with_bmc();
    rack->pdu[0].dies_after_off = rack->pdu[1].dies_after_off = true;
    assert_end(do_with(VERB_CYCLE, &by_feeds), OUTCOME_LEFT_OFF, VERDICT_LEFT_OFF,
               "it was on, we switched its outlets off");
    (void)end(state);
    fed_with_bmc(); /* its machine was off, but its outlets were not */
    machine()->on = false;
    rack->pdu[0].dies_after_off = rack->pdu[1].dies_after_off = true;
    assert_end(do_with(VERB_CYCLE, &by_feeds), OUTCOME_LEFT_OFF, VERDICT_LEFT_OFF,
               "it was on, we switched its outlets off");
}

static void off_and_on_by_feeds(void **state)
{
    (void)state;
    fed_with_bmc();
    assert_end(do_with(VERB_OFF, &by_feeds), OUTCOME_OK, VERDICT_NONE, "off, seen twice");
    assert_true(!machine()->on && !feed(0)->on && !feed(1)->on);
    assert_end(do_with(VERB_ON, &by_feeds), OUTCOME_OK, VERDICT_NONE, "on, seen twice");
    assert_true(feed(0)->on && feed(1)->on && !machine()->on);
}

/* It may have started from its disk while its BMC was away. */
static void a_netboot_by_feeds(void **state)
{
    (void)state;
    for (int policy = 0; policy < 2; policy++) {
        fed_with_bmc();
        machine()->on_with_mains = policy;
        assert_end(do_with(VERB_NETBOOT, &by_feeds), OUTCOME_OK, VERDICT_NONE, "UP after");
        assert_int_equal(machine()->network_boots, 1);
        assert_int_equal(machine()->disk_boots, policy);
        assert_int_equal(switched(), 4);
        assert_int_equal(machine()->flag.valid, false);
        (void)end(state);
        fed_with_bmc();
        machine()->on_with_mains = policy;
        assert_end(do_with(VERB_REBOOT, &netboot_by_feeds), OUTCOME_OK, VERDICT_NONE, "UP after");
        assert_int_equal(machine()->sent[OP_SOFT], 1);
        assert_int_equal(machine()->network_boots, 1);
        (void)end(state);
    }
}

static void a_reboot_by_feeds(void **state)
{
    (void)state;
    for (int policy = 0; policy < 2; policy++) {
        fed_with_bmc();
        machine()->on_with_mains = policy;
        assert_end(do_with(VERB_REBOOT, &by_feeds), OUTCOME_OK, VERDICT_NONE, "UP after");
        assert_int_equal(machine()->sent[OP_SOFT], 1);
        assert_int_equal(machine()->disk_boots, 1);
        assert_int_equal(switched(), 4);
        (void)end(state);
    }
}

static void cancelled_while_its_bmc_is_away(void **state)
{
    char id[JOB_ID_SIZE];
    struct err err;
    (void)state;
    fed_with_bmc();
    assert_int_equal(submit(VERB_CYCLE, "n01", &by_feeds, id, &err), 0);
    while (!feed(1)->ons)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    uint64_t until = rack->now_ms + 10000;
    while (rack_step(rack, until))
        ;
    assert_int_equal(core_cancel(rack->core, id, rack->now_ms, &err), 0);
    rack_run(rack, id, &view);
    assert_end(&view.nodes[0], OUTCOME_CANCELLED, VERDICT_CANCELLED, "switched on again");
    assert_true(machine()->on);
}

/* ---- by itself ---- */

/* Fed anew, its BMC obeys again. */
static void mends_with_mains(void)
{
    while (!feed(1)->ons)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    machine()->ignores_power = false;
}

static void feeds_after_so_many_in_vain(void **state)
{
    static const enum verb verbs[] = {VERB_ON, VERB_CYCLE, VERB_REBOOT, VERB_NETBOOT};
    char id[JOB_ID_SIZE];
    struct err err;
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        fed_with_bmc();
        machine()->on = false;
        machine()->ignores_power = true;
        rack->inventory->nodes[0].feeds_after = 2;
        assert_int_equal(submit(verbs[i], "n01", NULL, id, &err), 0);
        mends_with_mains();
        assert_int_equal(machine()->sent[OP_ON], 2);
        rack_run(rack, id, &view);
        assert_int_equal(view.nodes[0].outcome, OUTCOME_OK);
        assert_true(machine()->on);
        assert_int_equal(switched(), 4);
        assert_int_equal(machine()->network_boots, verbs[i] == VERB_NETBOOT);
        assert_true(was_told("power-on by its BMC failed 1 of 2 times"));
        assert_true(was_told("power-on by its BMC failed 2 times: cycling its outlets"));
        (void)end(state);
    }
}

static void never_without_leave(void **state)
{
    (void)state;
    for (int with = 0; with < 2; with++) {
        fed_with_bmc();
        machine()->on = false;
        machine()->ignores_power = true;
        rack->inventory->nodes[0].feeds_after = with ? 1 : 0;
        rack->inventory->nodes[0].shares_outlets = with;
        assert_end(run(VERB_ON), OUTCOME_FAILED, VERDICT_POWER_FAILED, "b01 said ok to power-on");
        assert_int_equal(switched(), 0);
        (void)end(state);
    }
}

/* A machine that was seen on is not cut off because its BMC fell silent. */
static void not_what_is_on(void **state)
{
    char id[JOB_ID_SIZE];
    struct err err;
    (void)state;
    fed_with_bmc();
    machine()->on = false;
    rack->inventory->nodes[0].feeds_after = 1;
    assert_int_equal(submit(VERB_NETBOOT, "n01", NULL, id, &err), 0);
    while (!machine()->on)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    uint64_t until = rack->now_ms + 200;
    while (rack_step(rack, until))
        ;
    machine()->bmc_back_ms = UINT64_MAX;
    rack_run(rack, id, &view);
    assert_int_equal(switched(), 0);
    assert_true(machine()->on);
}

/* Once: what AC power does not mend is told. */
static void feeds_in_vain(void **state)
{
    (void)state;
    fed_with_bmc();
    machine()->on = false;
    machine()->ignores_power = true;
    rack->inventory->nodes[0].feeds_after = 1;
    assert_end(run(VERB_ON), OUTCOME_FAILED, VERDICT_POWER_FAILED, "b01 said ok to power-on");
    assert_int_equal(switched(), 4);
}

/* Its BMC died after its off: the feeds bring it back. */
static void a_dark_node_is_brought_back_by_its_feeds(void **state)
{
    (void)state;
    fed_with_bmc();
    rack->inventory->nodes[0].feeds_after = 1;
    char id[JOB_ID_SIZE];
    struct err err;
    assert_int_equal(submit(VERB_CYCLE, "n01", NULL, id, &err), 0);
    while (machine()->on)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    machine()->bmc_back_ms = UINT64_MAX;
    rack_run(rack, id, &view);
    assert_end(&view.nodes[0], OUTCOME_FAILED, VERDICT_BMC_LOST, "it was switched on again");
    assert_true(machine()->on);
}

/* ---- what they say of each other ---- */

static void both_are_asked(void **state)
{
    (void)state;
    fed_with_bmc();
    assert_end(run(VERB_STATUS), OUTCOME_OK, VERDICT_NONE, "on");
    assert_int_equal(machine()->sent[OP_STATUS], 1);
    assert_int_equal(rack->pdu[0].sent[OP_STATUS], 1);
    assert_int_equal(rack->pdu[1].sent[OP_STATUS], 1);
    assert_false(view.nodes[0].has_watts);

    for (size_t i = 0; i < RACK_PDUS; i++) {
        feed(i)->metered = true;
        feed(i)->milliwatts = 105000;
    }
    assert_string_equal(run(VERB_STATUS)->text, "on");
    assert_true(view.nodes[0].has_watts);
    assert_int_equal(view.nodes[0].milliwatts, 210000);

    machine()->on = false;
    rack->inventory->nodes[0].standby_mw = 50000;
    assert_string_equal(run(VERB_STATUS)->text, "reads off, but its outlets draw 210 W");
    assert_int_equal(view.nodes[0].outcome, OUTCOME_OK);
    assert_int_equal(view.nodes[0].power, POWER_OFF);

    machine()->on = true;
    feed(1)->milliwatts = 0;
    assert_string_equal(run(VERB_STATUS)->text, "reads on, but pdu-b outlet 1 draws 0 W");
    assert_end(run(VERB_CHECK), OUTCOME_FAILED, VERDICT_CONTRADICTION, "draws 0 W");

    feed(1)->on = false;
    assert_string_equal(run(VERB_STATUS)->text, "on; pdu-b outlet 1 is off");
    rack->pdu[1].dead = true;
    assert_string_equal(run(VERB_STATUS)->text, "on; pdu-b outlet 1: no answer from pdu-b");
}

static void one_of_them_is_silent(void **state)
{
    (void)state;
    fed_with_bmc();
    machine()->dead = true;
    assert_end(run(VERB_STATUS), OUTCOME_FAILED, VERDICT_UNREACHABLE,
               "no answer from b01; its outlets are on");
    feed(0)->on = feed(1)->on = false;
    assert_end(run(VERB_STATUS), OUTCOME_OK, VERDICT_NONE, "off: its outlets are off");
    assert_int_equal(view.nodes[0].power, POWER_OFF);
    rack->pdu[0].dead = true;
    assert_end(run(VERB_STATUS), OUTCOME_FAILED, VERDICT_UNREACHABLE, "no answer from b01");
    (void)end(state);
    fed_with_bmc();
    rack->inventory->nodes[0].feeds_first = true;
    rack->pdu[0].dead = rack->pdu[1].dead = true;
    assert_end(run(VERB_STATUS), OUTCOME_FAILED, VERDICT_UNREACHABLE, "its BMC reads on");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(its_bmc_is_the_means, end),
        cmocka_unit_test_teardown(feeds_come_first_where_the_config_says_so, end),
        cmocka_unit_test_teardown(a_machine_that_was_on_is_on_again, end),
        cmocka_unit_test_teardown(a_machine_that_was_off_is_left_so, end),
        cmocka_unit_test_teardown(a_machine_that_was_off_comes_on_with_its_power, end),
        cmocka_unit_test_teardown(one_wrong_reading_leaves_nothing_off, end),
        cmocka_unit_test_teardown(one_wrong_reading_and_silence, end),
        cmocka_unit_test_teardown(a_bmc_that_hangs, end),
        cmocka_unit_test_teardown(a_bmc_that_does_not_come_back, end),
        cmocka_unit_test_teardown(a_bmc_that_does_not_come_back_to_a_machine_that_was_off, end),
        cmocka_unit_test_teardown(one_feed_stays_on, end),
        cmocka_unit_test_teardown(one_feed_stays_off, end),
        cmocka_unit_test_teardown(both_pdus_die, end),
        cmocka_unit_test_teardown(off_and_on_by_feeds, end),
        cmocka_unit_test_teardown(a_netboot_by_feeds, end),
        cmocka_unit_test_teardown(a_reboot_by_feeds, end),
        cmocka_unit_test_teardown(cancelled_while_its_bmc_is_away, end),
        cmocka_unit_test_teardown(feeds_after_so_many_in_vain, end),
        cmocka_unit_test_teardown(never_without_leave, end),
        cmocka_unit_test_teardown(not_what_is_on, end),
        cmocka_unit_test_teardown(feeds_in_vain, end),
        cmocka_unit_test_teardown(a_dark_node_is_brought_back_by_its_feeds, end),
        cmocka_unit_test_teardown(both_are_asked, end),
        cmocka_unit_test_teardown(one_of_them_is_silent, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
