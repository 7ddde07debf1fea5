/* What a node's rows say, in the order they were written; and what is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/core/plan.h"
#include "agent/core/trail.h"
#include "proto/cleanup.h"

static struct trail trail;
static uint64_t last_id;

static int begin(void **state)
{
    (void)state;
    trail_begin(&trail, "n01");
    last_id = 0;
    return 0;
}

static void told(enum event_kind kind, enum power power, enum stage stage)
{
    struct job_event event = {.kind = kind, .node.power = power, .node.stage = stage};
    trail_event(&trail, &event);
}

static void reads(enum power power)
{
    told(EVENT_POWER, power, STAGE_NONE);
}

static void sends(enum op op)
{
    struct driver_request request = {.id = ++last_id, .op = op, .device = "b01"};
    trail_intent(&trail, &request);
}

static void answers(bool ok, enum sent sent)
{
    trail_result(&trail, last_id, ok, sent);
}

static void a_cycle_seen_through(void **state)
{
    (void)state;
    assert_int_equal(left_by(&trail.done), LEFT_UNTOUCHED);
    reads(POWER_ON);
    assert_true(trail.was_on);
    sends(OP_OFF);
    assert_int_equal(trail.last_sent, TRAIL_MAYBE);
    assert_int_equal(left_by(&trail.done), LEFT_OFF_OUT);
    assert_string_equal(trail_last(&trail)->device, "b01");
    answers(true, SENT_YES);
    assert_int_equal(trail.last_sent, TRAIL_DONE);
    assert_false(trail.done.off_seen);
    reads(POWER_OFF);
    assert_true(trail.done.off_seen);
    sends(OP_ON);
    assert_int_equal(left_by(&trail.done), LEFT_ON_OUT);
    assert_true(trail.done.off_seen);
}

/* A BMC says ok and acts later: "on" after an off is no comfort. */
static void on_after_an_off_is_not_off_and_on(void **state)
{
    (void)state;
    reads(POWER_ON);
    sends(OP_OFF);
    answers(true, SENT_YES);
    reads(POWER_ON);
    assert_true(trail.done.off_sent);
    assert_false(trail.done.off_seen);
    sends(OP_ON);
    reads(POWER_ON);
    assert_true(trail.done.off_sent);
}

static void what_was_not_sent_did_nothing(void **state)
{
    (void)state;
    reads(POWER_ON);
    sends(OP_SOFT);
    assert_true(trail.done.off_soft);
    answers(false, SENT_NO);
    assert_int_equal(trail.last_sent, TRAIL_NOT);
    assert_int_equal(left_by(&trail.done), LEFT_UNTOUCHED);
    sends(OP_OFF);
    answers(false, SENT_MAYBE);
    assert_int_equal(trail.last_sent, TRAIL_MAYBE);
    reads(POWER_OFF);
    sends(OP_ON);
    answers(false, SENT_NO); /* and what was before is as it was */
    assert_int_equal(left_by(&trail.done), LEFT_OFF_OUT);
    assert_true(trail.done.off_seen && !trail.done.off_soft);
}

static void results_of_other_requests_are_ignored(void **state)
{
    (void)state;
    sends(OP_OFF);
    trail_result(&trail, last_id + 1, false, SENT_NO);
    assert_int_equal(trail.last_sent, TRAIL_MAYBE);
    answers(true, SENT_YES);
    answers(false, SENT_NO);
    assert_int_equal(trail.last_sent, TRAIL_DONE);
}

static void a_restart_takes_the_power_away_and_gives_it(void **state)
{
    static const enum op ops[] = {OP_RESET, OP_CYCLE};
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        (void)begin(state);
        reads(POWER_ON);
        sends(ops[i]);
        assert_int_equal(left_by(&trail.done), LEFT_RESTARTED);
        assert_true(trail.done.off_sent && trail.done.on_sent);
        reads(POWER_ON);
        assert_true(trail.done.off_sent); /* there are boards that it leaves dark */
    }
}

static void a_next_boot_leaves_the_power_alone(void **state)
{
    (void)state;
    sends(OP_BOOT_SET);
    answers(true, SENT_YES);
    assert_int_equal(left_by(&trail.done), LEFT_ALONE);
    assert_true(trail.done.flag_set);
    assert_string_equal(trail.boot_device, "b01");
    assert_null(trail_last(&trail));
    sends(OP_ON); /* whether it was used up is read later */
    assert_true(trail.done.flag_set);
}

static void stages_are_of_the_last_boot(void **state)
{
    (void)state;
    reads(POWER_ON);
    sends(OP_OFF);
    reads(POWER_OFF);
    sends(OP_ON);
    told(EVENT_STAGE, POWER_ON, STAGE_KERNEL);
    assert_int_equal(trail.done.stage, STAGE_KERNEL);
    told(EVENT_ATTEMPT, POWER_ON, STAGE_KERNEL);
    assert_int_equal(trail.done.stage, STAGE_NONE);
    assert_int_equal(left_by(&trail.done), LEFT_ALONE);
    assert_true(trail.was_on); /* by now: not to be left off */
    sends(OP_OFF);
    assert_int_equal(left_by(&trail.done), LEFT_OFF_OUT);
}

static void an_end_that_was_known_is_kept(void **state)
{
    (void)state;
    struct job_event note = {.kind = EVENT_NOTE, .node.text = "next boot: network, read back"};
    trail_event(&trail, &note);
    assert_int_equal(trail.failed, VERDICT_NONE);
    note.node.verdict = VERDICT_BMC_LOST;
    memset(note.node.text, ';', sizeof note.node.text - 1); /* to the last byte */
    trail_event(&trail, &note);
    assert_string_equal(trail.why, note.node.text);
    (void)snprintf(note.node.text, sizeof note.node.text, "no answer from b01; none at all");
    trail_event(&trail, &note);
    note.node.verdict = VERDICT_NONE;
    (void)snprintf(note.node.text, sizeof note.node.text, "switching it on again");
    trail_event(&trail, &note);
    assert_int_equal(trail.failed, VERDICT_BMC_LOST);
    assert_string_equal(trail.why, "no answer from b01; none at all");
    struct job_event outcome = {
        .kind = EVENT_OUTCOME, .node.outcome = OUTCOME_FAILED, .node.verdict = VERDICT_BMC_LOST};
    trail_event(&trail, &outcome);
    assert_true(trail.ended);
    assert_int_equal(trail.end.outcome, OUTCOME_FAILED);
}

/* The table itself: nothing in it takes power away, or sets again what may have been used up. */
static void no_plan_to_finish_switches_off(void **state)
{
    (void)state;
    for (enum verb verb = VERB_STATUS; verb < VERBS; verb++)
        for (enum left left = LEFT_UNTOUCHED; left < LEFTS; left++)
            for (int netboot = 0; netboot < 2; netboot++) {
                struct job_options options = {.netboot = netboot};
                const struct step *step = plan_to_finish(verb, &options, left);
                assert_true(left != LEFT_UNTOUCHED || !step);
                bool first = true;
                for (; step && step->kind != STEP_END; step++, first = false) {
                    assert_true(first ? step->kind == STEP_SETTLE || step->kind == STEP_UNPROVEN
                                      : step->kind != STEP_SETTLE);
                    assert_true(step->kind != STEP_COMMAND || step->op == OP_ON);
                    assert_true(step->kind != STEP_SET_BOOT || verb_boots_network(verb, &options));
                }
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_cycle_seen_through, begin),
        cmocka_unit_test_setup(on_after_an_off_is_not_off_and_on, begin),
        cmocka_unit_test_setup(what_was_not_sent_did_nothing, begin),
        cmocka_unit_test_setup(results_of_other_requests_are_ignored, begin),
        cmocka_unit_test_setup(a_restart_takes_the_power_away_and_gives_it, begin),
        cmocka_unit_test_setup(a_next_boot_leaves_the_power_alone, begin),
        cmocka_unit_test_setup(stages_are_of_the_last_boot, begin),
        cmocka_unit_test_setup(an_end_that_was_known_is_kept, begin),
        cmocka_unit_test(no_plan_to_finish_switches_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
