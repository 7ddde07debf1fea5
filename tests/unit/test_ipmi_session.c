/* The IPMI session against a BMC of the farm, in virtual time: each message lost, repeated, late,
 * out of order, cut and bent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "tests/unit/ipmi_rig.h"

enum {
    BUDGET_MS = 20000,
    MESSAGES = 6, /* of a power cycle: Open, RAKP 1, RAKP 3, privilege, cycle, Close */
    CYCLE = 5,
};

static const uint32_t suites[] = {17, 3};

static void each_suite(void (*test)(uint32_t suite))
{
    for (rig_codec = 0; rig_codec < CODECS; rig_codec++)
        for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
            test(suites[i]);
    rig_codec = CODEC_NATIVE;
}

static void whole(uint32_t suite)
{
    struct rig rig;
    rig_open(&rig, suite);
    rig_run(&rig, OP_STATUS, BUDGET_MS);
    rig_check_promises(&rig);
    assert_true(rig.operation.reply.ok);
    assert_int_equal(rig.memory.suite, suite);
    rig_begin(&rig);
    rig_run(&rig, OP_CYCLE, BUDGET_MS);
    rig_check_promises(&rig);
    assert_true(rig.operation.reply.ok);
    assert_int_equal(rig.sent, MESSAGES);
    assert_int_equal(rig.answered, MESSAGES);
    rig_check_peace(&rig);
    rig_close(&rig);
}

static void test_whole(void **state)
{
    (void)state;
    each_suite(whole);
}

static void test_suite_3_after_17_was_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 0);
    ipmi_bmc_fault(rig.bmc, "suite-17", "off");
    rig_run(&rig, OP_STATUS, BUDGET_MS);
    rig_check_promises(&rig);
    assert_true(rig.operation.reply.ok);
    assert_int_equal(rig.memory.suite, 3);
    rig_check_peace(&rig);
    rig_close(&rig);
}

/* One rule, one operation: it must succeed, but where `may_fail` says so. */
static bool survive(uint32_t suite, enum op op, struct rule rule)
{
    struct rig rig;
    rig_open(&rig, suite);
    rig_rule(&rig, rule.fate, rule.to_bmc, rule.number, rule.value);
    rig_run(&rig, op, BUDGET_MS);
    rig_check_promises(&rig);
    rig_check_peace(&rig);
    bool ok = rig.operation.reply.ok;
    rig_close(&rig);
    return ok;
}

static void each_message(uint32_t suite, enum fate fate, unsigned value)
{
    for (unsigned number = 1; number <= MESSAGES; number++)
        for (int to_bmc = 0; to_bmc <= 1; to_bmc++) {
            struct rule rule = {fate, to_bmc, number, value};
            /* The copy of a cycle whose answer is lost is swallowed by the replay window. */
            bool unknowable = fate == LOSE && !to_bmc && number == CYCLE;
            assert_int_equal(survive(suite, OP_CYCLE, rule), !unknowable);
            assert_true(survive(suite, OP_STATUS, rule));
        }
}

static void lost(uint32_t suite)
{
    each_message(suite, LOSE, 0);
}

static void repeated(uint32_t suite)
{
    each_message(suite, TWICE, 0);
    struct rule all = {TWICE, false, 0, 0};
    assert_true(survive(suite, OP_CYCLE, all));
    assert_true(survive(suite, OP_STATUS, all));
    all.to_bmc = true;
    assert_true(survive(suite, OP_CYCLE, all));
    assert_true(survive(suite, OP_STATUS, all));
}

static void late(uint32_t suite)
{
    static const unsigned delays[] = {1, 50, 100, 395, 401, 450, 900, 1100, 2000};
    for (size_t i = 0; i < ARRAY_SIZE(delays); i++) {
        each_message(suite, DELAY, delays[i]);
        assert_true(survive(suite, OP_CYCLE, (struct rule){DELAY, false, 0, delays[i]}));
        assert_true(survive(suite, OP_STATUS, (struct rule){DELAY, true, 0, delays[i]}));
    }
}

static void cut(uint32_t suite)
{
    for (unsigned number = 1; number <= MESSAGES; number++)
        for (unsigned size = 0; size < 100; size++) {
            struct rule rule = {CUT, false, number, size};
            assert_true(survive(suite, OP_STATUS, rule));
            rule.to_bmc = true;
            assert_true(survive(suite, OP_STATUS, rule));
        }
}

static void test_lost(void **state)
{
    (void)state;
    each_suite(lost);
}

static void test_repeated(void **state)
{
    (void)state;
    each_suite(repeated);
}

static void test_late(void **state)
{
    (void)state;
    each_suite(late);
}

static void test_cut(void **state)
{
    (void)state;
    each_suite(cut);
}

/* Two datagrams change places: the second overtakes the first. */
static void test_out_of_order(void **state)
{
    (void)state;
    for (unsigned number = 1; number < MESSAGES; number++)
        for (int to_bmc = 0; to_bmc <= 1; to_bmc++)
            for (unsigned ms = 100; ms <= 1500; ms += 70) {
                struct rig rig;
                rig_open(&rig, 17);
                rig_rule(&rig, TWICE, !to_bmc, 0, 0);
                rig_rule(&rig, DELAY, to_bmc, number, ms);
                rig_rule(&rig, DELAY, to_bmc, number + 1, ms / 2);
                rig_run(&rig, OP_CYCLE, BUDGET_MS);
                rig_check_promises(&rig);
                rig_check_peace(&rig);
                rig_close(&rig);
            }
}

/* The answers of a handshake are not signed: what one of them says alone is no verdict. */
static void flipped(uint32_t suite)
{
    for (unsigned number = 1; number <= MESSAGES; number++)
        for (unsigned bit = 0; bit < 112 * 8; bit++) {
            struct rule rule = {FLIP, false, number, bit};
            if (!survive(suite, OP_STATUS, rule))
                fail_msg("suite %u, answer %u, byte %u, bit %u", suite, number, bit / 8, bit % 8);
            rule.to_bmc = true;
            assert_true(survive(suite, OP_STATUS, rule));
        }
}

static void test_flipped(void **state)
{
    (void)state;
    each_suite(flipped);
}

/* The network ends, in one direction, at each datagram in turn. */
static void ends(uint32_t suite)
{
    for (unsigned number = 1; number <= MESSAGES; number++)
        for (int to_bmc = 0; to_bmc <= 1; to_bmc++) {
            struct rig rig;
            rig_open(&rig, suite);
            rig_rule(&rig, LOSE_FROM, to_bmc, number, 0);
            rig_run(&rig, OP_CYCLE, BUDGET_MS);
            rig_check_promises(&rig);
            assert_int_equal(rig.operation.reply.ok, number == MESSAGES);
            if (number == 1)
                assert_int_equal(rig.operation.reply.err.kind, ERR_UNREACHABLE);
            assert_int_equal(ipmi_bmc_controls(rig.bmc), number + !to_bmc > CYCLE);
            assert_int_equal(rig.memory.locked_until_ms, 0);
            rig_close(&rig);
        }
}

static void test_ends(void **state)
{
    (void)state;
    each_suite(ends);
}

/* Dropped after each thing that happens: no session stays behind. */
static void test_dropped(void **state)
{
    (void)state;
    for (unsigned steps = 0; steps < 2 * MESSAGES; steps++) {
        struct rig rig;
        rig_open(&rig, 17);
        rig_start(&rig, OP_CYCLE, BUDGET_MS);
        for (unsigned i = 0; i < steps; i++)
            (void)rig_step(&rig);
        bool opening = rig.session.state == SESSION_OPENING;
        rig_drop(&rig);
        assert_int_equal(rig.session.state, SESSION_CLOSED);
        rig_finish(&rig);
        if (!opening)
            assert_int_equal(ipmi_bmc_sessions(rig.bmc, rig.now_ms), 0);
        rig_check_peace(&rig);
        rig_close(&rig);
    }
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),        cmocka_unit_test(test_suite_3_after_17_was_refused),
        cmocka_unit_test(test_lost),         cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_late),         cmocka_unit_test(test_cut),
        cmocka_unit_test(test_out_of_order), cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_ends),         cmocka_unit_test(test_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
