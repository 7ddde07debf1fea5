/* What a plan says about the requests to come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/core/plan.h"
#include "proto/cleanup.h"

enum { SETTLE_MS = 1000, DWELL_MS = 5000, SLACK_MS = 3000 };

static const struct deadlines deadlines = {.settle = SETTLE_MS, .dwell = DWELL_MS};

/* Of the nth step (0..) of this kind. */
static uint32_t keep(enum verb verb, enum step_kind kind, unsigned nth)
{
    const struct job_options options = {.native = true};
    for (const struct step *step = plan_for(verb, &options, false, false); step->kind != STEP_END;
         step++)
        if (step->kind == kind && !nth--)
            return step_keep_ms(step, &deadlines);
    fail_msg("no such step");
    return 0;
}

static void test_sessions_are_kept_while_requests_come(void **state)
{
    (void)state;
    const uint32_t soon = SETTLE_MS + SLACK_MS;
    static const struct {
        enum verb verb;
        enum step_kind kind;
        unsigned nth;
        uint32_t more;
        bool kept;
    } cases[] = {
        {VERB_STATUS, STEP_READ, 0, 0, false},        /* the only one */
        {VERB_NEXT_BOOT, STEP_SET_BOOT, 0, 0, false}, /* likewise */
        {VERB_IDENTIFY, STEP_COMMAND, 0, 0, false},
        {VERB_CYCLE, STEP_READ, 0, 0, true},
        {VERB_CYCLE, STEP_COMMAND, 0, 0, true},
        {VERB_CYCLE, STEP_SEE, 0, DWELL_MS, true}, /* through the dwell */
        {VERB_CYCLE, STEP_COMMAND, 1, 0, true},
        {VERB_CYCLE, STEP_SEE, 1, 0, true},     /* it reads until it has seen twice */
        {VERB_NETBOOT, STEP_READ, 0, 0, false}, /* a place may take long */
        {VERB_NETBOOT, STEP_READ, 1, 0, true},
        {VERB_NETBOOT, STEP_SET_BOOT, 0, DWELL_MS, true},
        {VERB_NETBOOT, STEP_FLAG, 0, 0, false}, /* the last, and minutes later */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(keep(cases[i].verb, cases[i].kind, cases[i].nth),
                         cases[i].kept ? soon + cases[i].more : 0);
}

/* A long dwell is none of the BMC's session slots' business; what repeats is asked again soon. */
static void test_a_long_dwell(void **state)
{
    (void)state;
    const struct deadlines patient = {.settle = SETTLE_MS, .dwell = 60000};
    const struct job_options options = {0};
    const struct step *step = plan_for(VERB_NETBOOT, &options, false, false);
    while (step->kind != STEP_SET_BOOT)
        step++;
    assert_int_equal(step_keep_ms(step, &patient), 0);
    step = plan_for(VERB_CYCLE, &options, false, false);
    while (step->kind != STEP_SEE)
        step++;
    assert_int_equal(step_keep_ms(step, &patient), SETTLE_MS + SLACK_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions_are_kept_while_requests_come),
        cmocka_unit_test(test_a_long_dwell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
