/* The core against a rack in virtual time: every verb, and every lie of a device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rack_jobs.h"

static void power_verbs_are_seen_to_work(void **state)
{
    struct rack *rack = *state;
    struct job_view view = rack_do(rack, rack_request(VERB_ON, "n01"));
    assert_outcome(view, 0, OUTCOME_OK, VERDICT_NONE);
    assert_true(rack->node[0].on);
    job_view_clear(&view);

    view = rack_do(rack, rack_request(VERB_CYCLE, "n01"));
    assert_outcome(view, 0, OUTCOME_OK, VERDICT_NONE);
    assert_int_equal(rack->node[0].power_offs, 1);
    assert_int_equal(rack->node[0].power_ons, 2);
    assert_true(view.elapsed_ms >= 2000 + 2 * 1000); /* dwell, and two readings apart, twice */
    job_view_clear(&view);

    view = rack_do(rack, rack_request(VERB_OFF, "n01"));
    assert_outcome(view, 0, OUTCOME_OK, VERDICT_NONE);
    assert_false(rack->node[0].on);
    job_view_clear(&view);

    unsigned commands = rack->node[0].commands;
    view = rack_do(rack, rack_request(VERB_OFF, "n01")); /* off already: nothing is sent */
    assert_outcome(view, 0, OUTCOME_OK, VERDICT_NONE);
    assert_int_equal(rack->node[0].commands, commands);
    job_view_clear(&view);

    view = rack_do(rack, rack_request(VERB_RESET, "n01"));
    assert_outcome(view, 0, OUTCOME_FAILED, VERDICT_IS_OFF);
    assert_int_equal(rack->node[0].commands, commands);
    job_view_clear(&view);
}

static void a_reset_needs_proof(void **state)
{
    struct rack *rack = *state;
    rack->node[0].on = rack->node[1].on = rack->node[2].on = true;
    rack->node[1].ignores_power = true;
    rack->node[2].no_evidence = true;
    rack->inventory->nodes[2].nmacs = 0;
    struct job_view view = rack_do(rack, rack_request(VERB_RESET, "n[01-03]"));
    assert_outcome(view, 0, OUTCOME_OK, VERDICT_NONE);
    assert_outcome(view, 1, OUTCOME_FAILED, VERDICT_POWER_FAILED);
    assert_outcome(view, 2, OUTCOME_UNVERIFIED, VERDICT_NONE);
    assert_int_equal(job_view_exit_code(&view), 1);
    assert_int_equal(rack->node[0].cycles, 1);
    job_view_clear(&view);
}

static void ok_is_not_evidence(void **state)
{
    struct rack *rack = *state;
    rack->node[0].ignores_power = true;
    rack->node[1].drops_flag = true;
    rack->node[2].dead = true;
    rack->node[3].wrong_password = true;
    struct job_view view = rack_do(rack, rack_request(VERB_ON, "n01"));
    assert_outcome(view, 0, OUTCOME_FAILED, VERDICT_POWER_FAILED);
    job_view_clear(&view);
    struct job_request boot = rack_request(VERB_NEXT_BOOT, "n[02-05]");
    boot.options.boot_device = BOOT_NETWORK;
    view = rack_do(rack, boot);
    assert_outcome(view, 0, OUTCOME_FAILED, VERDICT_NEXT_BOOT_NOT_STORED);
    assert_outcome(view, 1, OUTCOME_FAILED, VERDICT_UNREACHABLE);
    assert_outcome(view, 2, OUTCOME_FAILED, VERDICT_WRONG_PASSWORD);
    assert_outcome(view, 3, OUTCOME_OK, VERDICT_NONE);
    assert_true(rack->node[4].flag.valid && !rack->node[4].flag.persistent);
    job_view_clear(&view);
}

static void a_command_in_doubt_is_read_not_repeated(void **state)
{
    struct rack *rack = *state;
    rack->node[0].on = true;
    rack->node[0].loses_off_reply = true;
    struct job_view view = rack_do(rack, rack_request(VERB_OFF, "n01"));
    assert_outcome(view, 0, OUTCOME_OK, VERDICT_NONE);
    assert_int_equal(rack->node[0].commands, 1);
    job_view_clear(&view);
}

static void a_rack_netboots(void **state)
{
    struct rack *rack = *state;
    rack->node[3].on = true;
    rack->node[4].hangs_in_kernel = 1;
    rack->node[5].always_disk = true;
    struct job_view view = rack_do(rack, rack_request(VERB_NETBOOT, "@all"));
    for (size_t i = 0; i < rack->count; i++) {
        if (i == 5)
            assert_outcome(view, i, OUTCOME_FAILED, VERDICT_BOOTED_LOCAL);
        else
            assert_outcome(view, i, OUTCOME_OK, VERDICT_NONE);
        assert_false(rack->node[i].flag.valid);
    }
    assert_int_equal(view.nodes[4].attempt, 2);
    assert_int_equal(view.nodes[3].attempt, 1);
    assert_int_equal(rack->node[4].network_boots, 2);
    assert_int_equal(rack->node[0].network_boots, 1);
    assert_true(rack_most_power_ons(rack) <= rack->inventory->limits.power_on_per_second);
    job_view_clear(&view);
}

static void a_node_left_off_is_an_alarm(void **state)
{
    struct rack *rack = *state;
    rack->node[0].on = true;
    rack->node[0].dies_after_off = true;
    struct job_view view = rack_do(rack, rack_request(VERB_NETBOOT, "n01"));
    assert_outcome(view, 0, OUTCOME_LEFT_OFF, VERDICT_LEFT_OFF);
    assert_int_equal(job_view_exit_code(&view), 8);
    job_view_clear(&view);
}

static void a_failed_netboot_leaves_no_flag_and_no_dark_node(void **state)
{
    struct rack *rack = *state;
    rack->node[0].on = true;
    rack->node[0].drops_flag = true;
    struct job_view view = rack_do(rack, rack_request(VERB_NETBOOT, "n01"));
    assert_outcome(view, 0, OUTCOME_FAILED, VERDICT_NEXT_BOOT_NOT_STORED);
    assert_true(rack->node[0].on);
    job_view_clear(&view);
}

static void spoofed_and_stale_notes_do_nothing(void **state)
{
    struct rack *rack = *state;
    rack->node[0].on = true;
    struct note note = {
        .kind = NOTE_PHONED_HOME, .source = NOTE_PHONE_HOME, .ip = {0x0a000063}, .reason = "n01"};
    core_note(rack->core, &note, rack->now_ms);
    struct action action;
    assert_false(core_take(rack->core, &action)); /* no job, no action */
}

/* A soft off takes minutes: cancelled meanwhile, the node must not go dark after the job ended. */
static void a_soft_off_on_its_way_is_waited_for(void **state)
{
    struct rack *rack = *state;
    char id[JOB_ID_SIZE];
    struct err err = {0};
    struct job_view view = {0};
    rack->node[0].on = true;
    rack->node[0].soft_takes_ms = 30000;
    struct job_request asked = rack_request(VERB_REBOOT, "n01");
    rack_start(rack, &asked, id);
    while (!rack->node[0].commands)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    assert_int_equal(core_cancel(rack->core, id, rack->now_ms, &err), 0);
    rack_run(rack, id, &view);
    assert_outcome(view, 0, OUTCOME_CANCELLED, VERDICT_CANCELLED);
    job_view_clear(&view);
    while (rack_step(rack, rack->now_ms + 100000))
        ;
    assert_true(rack->node[0].on);
}

static void a_soft_off_that_is_refused_is_not_waited_for(void **state)
{
    struct rack *rack = *state;
    rack->node[0].on = rack->node[0].refuses_soft = true;
    rack->inventory->nodes[0].up = UP_NOT_WATCHED;
    struct job_view view = rack_do(rack, rack_request(VERB_REBOOT, "n01"));
    assert_outcome(view, 0, OUTCOME_OK, VERDICT_NONE);
    assert_true(view.elapsed_ms < 20000); /* its grace is 300 s */
    job_view_clear(&view);
}

static void a_reset_that_leaves_it_dark_is_an_alarm(void **state)
{
    struct rack *rack = *state;
    rack->node[0].on = rack->node[0].dies_at_reset = true;
    rack->node[1].on = rack->node[1].dies_at_reset = rack->node[1].no_evidence = true;
    struct job_view view = rack_do(rack, rack_request(VERB_RESET, "n[01-02]"));
    for (size_t i = 0; i < 2; i++)
        assert_true(rack->node[i].on || view.nodes[i].outcome == OUTCOME_LEFT_OFF);
    job_view_clear(&view);
}

/* It asks every half minute whatever we do: that proves no reset. */
static void a_node_that_loops_in_pxe_proves_no_reset(void **state)
{
    struct rack *rack = *state;
    char id[JOB_ID_SIZE];
    struct job_view view = {0};
    struct note asks = {.kind = NOTE_DHCP_DISCOVER,
                        .source = NOTE_CAPTURE,
                        .class = CLASS_ROM,
                        .mac = rack->inventory->nodes[0].macs[0]};
    rack->node[0].on = rack->node[0].ignores_power = rack->node[0].no_evidence = true;
    core_note(rack->core, &asks, rack->now_ms);
    struct job_request asked = rack_request(VERB_RESET, "n01");
    rack_start(rack, &asked, id);
    while (!rack->node[0].resets)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    for (int i = 0; i < 3; i++) {
        assert_true(rack_step(rack, UINT64_MAX - 1));
        core_note(rack->core, &asks, rack->now_ms);
    }
    rack_run(rack, id, &view);
    assert_outcome(view, 0, OUTCOME_UNVERIFIED, VERDICT_NONE);
    job_view_clear(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RACK_TEST(power_verbs_are_seen_to_work),
        RACK_TEST(a_reset_needs_proof),
        RACK_TEST(ok_is_not_evidence),
        RACK_TEST(a_command_in_doubt_is_read_not_repeated),
        RACK_TEST(a_rack_netboots),
        RACK_TEST(a_node_left_off_is_an_alarm),
        RACK_TEST(a_failed_netboot_leaves_no_flag_and_no_dark_node),
        RACK_TEST(spoofed_and_stale_notes_do_nothing),
        RACK_TEST(a_soft_off_on_its_way_is_waited_for),
        RACK_TEST(a_soft_off_that_is_refused_is_not_waited_for),
        RACK_TEST(a_reset_that_leaves_it_dark_is_an_alarm),
        RACK_TEST(a_node_that_loops_in_pxe_proves_no_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
