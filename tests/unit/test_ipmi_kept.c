/* Sessions kept from one operation to the next: what that spares, what it costs where the BMC has
 * forgotten, and when they end.  And what goes without its privilege, and where that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "tests/unit/ipmi_rig.h"

enum { BUDGET_MS = 20000, KEEP_MS = 10000, CHASSIS_STATUS = 0x01, NO_PRIVILEGE = 0xd4 };

static void begin(struct rig *rig, enum op op)
{
    rig_open(rig, 17);
    rig->keep_ms = KEEP_MS;
    rig_run_kept(rig, op, BUDGET_MS);
    assert_true(rig->operation.reply.ok);
    assert_int_equal(rig->session.state, SESSION_OPEN);
    rig_begin(rig);
}

/* The last one: its session is not kept. */
static void run_last(struct rig *rig, enum op op)
{
    rig->keep_ms = 0;
    rig_run(rig, op, BUDGET_MS);
    rig_check_promises(rig);
}

static void test_one_exchange(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, OP_STATUS);
    rig_run_kept(&rig, OP_STATUS, BUDGET_MS);
    assert_true(rig.operation.reply.ok);
    assert_int_equal(rig.sent, 1);
    assert_int_equal(rig.done_ms - rig.begun_ms, 2 * rig.way_ms);
    rig_run_kept(&rig, OP_OFF, BUDGET_MS); /* the first command: its privilege, then itself */
    assert_int_equal(rig.sent, 3);
    rig_run_kept(&rig, OP_ON, BUDGET_MS);
    assert_int_equal(rig.sent, 4);
    run_last(&rig, OP_CYCLE);
    assert_true(rig.operation.reply.ok);
    assert_int_equal(rig.sent, 6); /* itself and Close */
    assert_int_equal(ipmi_bmc_handshakes(rig.bmc), 1);
    rig_check_peace(&rig);
    rig_close(&rig);
}

/* BMCs give a session up after 60 s, and may restart: after a while it is asked first. */
static void test_asked_first_after_a_while(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, OP_ON);
    rig.now_ms += TRUST_MS + 1;
    run_last(&rig, OP_CYCLE);
    assert_true(rig.operation.reply.ok);
    assert_int_equal(rig.sent, 3); /* privilege, cycle, Close */
    assert_int_equal(ipmi_bmc_handshakes(rig.bmc), 1);
    rig_close(&rig);
}

static void test_ends_in_time(void **state)
{
    (void)state;
    static const struct {
        uint32_t keep_ms, kept_ms;
    } cases[] = {{1, 1}, {KEEP_MS, KEEP_MS}, {UINT32_MAX, KEEP_MAX_MS}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rig rig;
        rig_open(&rig, 3);
        rig.keep_ms = cases[i].keep_ms;
        rig_run_kept(&rig, OP_STATUS, BUDGET_MS);
        assert_int_equal(session_due(&rig.session), rig.done_ms + cases[i].kept_ms);
        rig_finish(&rig);
        assert_int_equal(rig.session.state, SESSION_CLOSED);
        assert_in_range(rig.now_ms, rig.done_ms + cases[i].kept_ms,
                        rig.done_ms + cases[i].kept_ms + 2 * rig.way_ms);
        rig_check_peace(&rig);
        rig_close(&rig);
    }
}

/* A question, and a command whose privilege is asked for first, cannot have changed anything. */
static void test_forgotten(void **state)
{
    (void)state;
    static const struct {
        enum op first, second;
        uint64_t idle_ms;
    } cases[] = {
        {OP_STATUS, OP_STATUS, 0},          {OP_STATUS, OP_CYCLE, 0},
        {OP_STATUS, OP_BOOT_SET, 0},        {OP_ON, OP_BOOT_SET, 0},
        {OP_ON, OP_STATUS, TRUST_MS + 1},   {OP_ON, OP_CYCLE, TRUST_MS + 1},
        {OP_ON, OP_BOOT_SET, TRUST_MS + 1}, {OP_BOOT_SET, OP_BOOT_GET, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rig rig;
        begin(&rig, cases[i].first);
        ipmi_bmc_forget(rig.bmc);
        rig.now_ms += cases[i].idle_ms;
        unsigned controls = ipmi_bmc_controls(rig.bmc);
        rig.keep_ms = 0;
        rig_run(&rig, cases[i].second, BUDGET_MS);
        assert_true(rig.operation.reply.ok);
        assert_int_equal(ipmi_bmc_controls(rig.bmc) - controls, cases[i].second == OP_CYCLE);
        assert_in_range(rig.done_ms - rig.begun_ms, 1, 1000);
        assert_int_equal(ipmi_bmc_handshakes(rig.bmc), 2);
        assert_int_equal(rig.session.state, SESSION_CLOSED);
        rig_check_peace(&rig);
        rig_close(&rig);
    }
}

/* Heard a moment ago, then silent to a command: obeyed and gone, or gone before? */
static void test_forgotten_with_a_command(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, OP_ON);
    ipmi_bmc_forget(rig.bmc);
    unsigned controls = ipmi_bmc_controls(rig.bmc);
    rig.keep_ms = KEEP_MS;
    rig_run(&rig, OP_CYCLE, BUDGET_MS);
    assert_false(rig.operation.reply.ok);
    assert_int_equal(rig.operation.reply.err.sent, SENT_MAYBE);
    assert_int_equal(ipmi_bmc_controls(rig.bmc), controls);
    assert_int_equal(ipmi_bmc_handshakes(rig.bmc), 1);
    assert_int_equal(rig.session.state, SESSION_CLOSED); /* a silent one is not kept */
    rig_close(&rig);
}

static void test_dead_meanwhile(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, OP_ON);
    rig_rule(&rig, LOSE_FROM, true, 1, 0);
    rig.now_ms += TRUST_MS + 1;
    rig.keep_ms = KEEP_MS;
    rig_run(&rig, OP_OFF, BUDGET_MS);
    assert_int_equal(rig.operation.reply.err.kind, ERR_UNREACHABLE);
    assert_int_equal(rig.operation.reply.err.sent, SENT_NO);
    assert_true(rig.done_ms <= rig.begun_ms + BUDGET_MS);
    assert_int_equal(rig.session.state, SESSION_CLOSED);
    rig_close(&rig);
}

/* Each datagram of a kept session lost, twice, late. A cycle happens once or is in doubt. */
static void test_bad_network(void **state)
{
    (void)state;
    static const enum fate fates[] = {LOSE, LOSE_FROM, TWICE, DELAY};
    static const uint64_t idle_ms[] = {0, TRUST_MS + 1};
    for (unsigned i = 0; i < ARRAY_SIZE(fates) * ARRAY_SIZE(idle_ms) * 6; i++) {
        enum fate fate = fates[i % ARRAY_SIZE(fates)];
        struct rig rig;
        begin(&rig, i & 4 ? OP_BOOT_SET : OP_STATUS);
        rig_rule(&rig, fate, i & 8, 1 + i / 16, 450);
        rig.now_ms += idle_ms[i / 4 % ARRAY_SIZE(idle_ms)];
        run_last(&rig, OP_CYCLE);
        if (fate == TWICE || fate == DELAY)
            assert_true(rig.operation.reply.ok);
        rig_close(&rig);
    }
}

/* A BMC quick with questions, slow with a cycle, and without a replay window: nothing was lost, and
 * it is not told a second time. */
static void test_slow_with_a_cycle(void **state)
{
    (void)state;
    static const unsigned late_ms[] = {50, 150, 250, 380};
    for (size_t i = 0; i < ARRAY_SIZE(late_ms); i++) {
        struct rig rig;
        begin(&rig, OP_ON);
        rig_run_kept(&rig, OP_STATUS, BUDGET_MS);
        rig_begin(&rig);
        ipmi_bmc_fault(rig.bmc, "no-window", "on");
        rig_rule(&rig, DELAY, false, 1, late_ms[i]);
        run_last(&rig, OP_CYCLE);
        assert_true(rig.operation.reply.ok);
        assert_int_equal(rig.change_copies, 1);
        rig_close(&rig);
    }
}

static void test_dropped_while_kept(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, OP_STATUS);
    rig_drop(&rig);
    rig_finish(&rig);
    assert_int_equal(rig.sent, 1); /* Close */
    assert_int_equal(ipmi_bmc_sessions(rig.bmc, rig.now_ms), 0);
    rig_close(&rig);
}

/* --- privilege --- */

static void test_status_goes_without(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 3);
    run_last(&rig, OP_STATUS);
    assert_true(rig.operation.reply.ok);
    assert_int_equal(rig.sent, 5); /* Open, RAKP 1, RAKP 3, status, Close */
    rig_begin(&rig);
    run_last(&rig, OP_BOOT_GET);
    assert_true(rig.operation.reply.ok);
    assert_int_equal(rig.sent, 6);
    rig_close(&rig);
}

/* A BMC that wants the privilege set for all is asked so, and remembered. */
static void test_status_needs_privilege(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 3);
    ipmi_bmc_refuse(rig.bmc, CHASSIS_STATUS, NO_PRIVILEGE, 1);
    run_last(&rig, OP_STATUS);
    assert_true(rig.operation.reply.ok);
    assert_int_equal(rig.sent, 7); /* status, privilege and status */
    assert_true(rig.memory.elevates);
    rig_begin(&rig);
    run_last(&rig, OP_STATUS);
    assert_true(rig.operation.reply.ok);
    assert_int_equal(rig.sent, 6);
    rig_close(&rig);
}

/* And one that says nothing instead: the second copy goes out behind the privilege. */
static void test_deaf_without_privilege(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 3);
    rig_rule(&rig, LOSE, true, 4, 0);
    run_last(&rig, OP_STATUS);
    assert_true(rig.operation.reply.ok);
    assert_int_equal(rig.sent, 7); /* status, lost; privilege, status */
    assert_int_equal(rig.session.privilege, PRIVILEGE_SET);
    rig_close(&rig);
}

/* The privilege was asked for beside a question, and whether it was given got lost: a later
 * question that is refused for want of it asks again, instead of waiting for that answer. */
static void test_privilege_in_doubt(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 3);
    rig.keep_ms = KEEP_MS;
    rig_rule(&rig, LOSE, false, 4, 0);
    rig_run_kept(&rig, OP_BOOT_GET, BUDGET_MS);
    assert_true(rig.operation.reply.ok);
    assert_int_equal(rig.session.state, SESSION_OPEN);
    rig_begin(&rig);
    ipmi_bmc_refuse(rig.bmc, CHASSIS_STATUS, NO_PRIVILEGE, 1);
    run_last(&rig, OP_STATUS);
    assert_true(rig.operation.reply.ok);
    assert_in_range(rig.done_ms - rig.begun_ms, 1, 1000);
    assert_int_equal(rig.session.privilege, PRIVILEGE_SET);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_exchange),
        cmocka_unit_test(test_asked_first_after_a_while),
        cmocka_unit_test(test_ends_in_time),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_forgotten_with_a_command),
        cmocka_unit_test(test_dead_meanwhile),
        cmocka_unit_test(test_bad_network),
        cmocka_unit_test(test_slow_with_a_cycle),
        cmocka_unit_test(test_dropped_while_kept),
        cmocka_unit_test(test_status_goes_without),
        cmocka_unit_test(test_status_needs_privilege),
        cmocka_unit_test(test_deaf_without_privilege),
        cmocka_unit_test(test_privilege_in_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
