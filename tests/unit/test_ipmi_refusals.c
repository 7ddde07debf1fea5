/* The IPMI session against a BMC that says no: no slots, busy, no privilege, wrong password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "tests/unit/ipmi_rig.h"

enum {
    BUDGET_MS = 20000,
    CYCLE = 5, /* Open, RAKP 1, RAKP 3, privilege, cycle */
    CHASSIS_STATUS = 0x01,
    CHASSIS_CONTROL = 0x02,
    SET_PRIVILEGE = 0x3b,
};

static void test_slots_taken(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 17);
    ipmi_bmc_fault(rig.bmc, "slots", "1");
    rig_take_slot(&rig);
    rig_run(&rig, OP_CYCLE, 2000);
    rig_check_promises(&rig);
    assert_int_equal(rig.operation.reply.err.kind, ERR_BUSY);
    assert_int_equal(rig.operation.reply.err.sent, SENT_NO);
    rig_begin(&rig);
    rig_run(&rig, OP_CYCLE, BUDGET_MS); /* the other one's half a handshake is given up */
    rig_check_promises(&rig);
    assert_true(rig.operation.reply.ok);
    rig_check_peace(&rig);
    rig_close(&rig);
}

static void run_refused(struct rig *rig, enum op op, uint8_t command, uint8_t code, unsigned times)
{
    rig_begin(rig);
    ipmi_bmc_refuse(rig->bmc, command, code, times);
    rig_run(rig, op, BUDGET_MS);
    ipmi_bmc_refuse(rig->bmc, 0, 0, 0);
    assert_true(rig->operation.done && rig->done_ms <= rig->operation.deadline_ms);
    rig_check_peace(rig);
}

static void check_failure(const struct rig *rig, enum err_kind kind, enum sent sent)
{
    assert_false(rig->operation.reply.ok);
    assert_int_equal(rig->operation.reply.err.kind, kind);
    assert_int_equal(rig->operation.reply.err.sent, sent);
}

static void test_busy(void **state)
{
    (void)state;
    static const uint8_t codes[] = {0xc0, 0xc3, 0xdf};
    struct rig rig;
    rig_open(&rig, 17);
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        run_refused(&rig, OP_STATUS, CHASSIS_STATUS, codes[i], 3);
        assert_true(rig.operation.reply.ok);
        run_refused(&rig, OP_BOOT_GET, SET_PRIVILEGE, codes[i], 2);
        assert_true(rig.operation.reply.ok);
        run_refused(&rig, OP_OFF, SET_PRIVILEGE, codes[i], 2);
        assert_true(rig.operation.reply.ok);
        run_refused(&rig, OP_ON, CHASSIS_CONTROL, codes[i], 2);
        assert_true(rig.operation.reply.ok);
        run_refused(&rig, OP_STATUS, CHASSIS_STATUS, codes[i], 1000);
        check_failure(&rig, ERR_BUSY, codes[i] == 0xc3 ? SENT_MAYBE : SENT_YES);
    }
    rig_close(&rig);
}

/* C0h says that nothing was done, C3h does not. */
static void test_busy_cycle(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 17);
    run_refused(&rig, OP_CYCLE, CHASSIS_CONTROL, 0xc3, 1);
    check_failure(&rig, ERR_BUSY, SENT_MAYBE);
    assert_int_equal(rig.change_copies, 1);
    run_refused(&rig, OP_CYCLE, CHASSIS_CONTROL, 0xc0, 1000);
    check_failure(&rig, ERR_BUSY, SENT_YES);
    run_refused(&rig, OP_CYCLE, CHASSIS_CONTROL, 0xc0, 2);
    assert_true(rig.operation.reply.ok);
    assert_int_equal(ipmi_bmc_controls(rig.bmc), 1);
    rig_close(&rig);
}

/* A BMC without a replay window cycles at the first copy, whose answer is lost, and says C0h to
 * the second, being busy with the cycle: not to be taken for "nothing was done". */
static void test_busy_with_the_first_copy(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 17);
    ipmi_bmc_fault(rig.bmc, "no-window", "on");
    rig_rule(&rig, LOSE, false, CYCLE, 0);
    rig_start(&rig, OP_CYCLE, BUDGET_MS);
    while (!ipmi_bmc_controls(rig.bmc))
        assert_true(rig_step(&rig));
    ipmi_bmc_refuse(rig.bmc, CHASSIS_CONTROL, 0xc0, 1);
    rig_finish(&rig);
    assert_int_equal(ipmi_bmc_controls(rig.bmc), 1);
    check_failure(&rig, ERR_BUSY, SENT_MAYBE);
    rig_close(&rig);
}

/* The question overtook its privilege, its refusal came when the privilege was there already. */
static void test_late_word_of_missing_privilege(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 17);
    rig_rule(&rig, LOSE, true, 4, 0);     /* Set Session Privilege Level */
    rig_rule(&rig, DELAY, false, 4, 150); /* D4h to the question */
    rig_rule(&rig, LOSE, true, 7, 0);     /* the question's second copy */
    rig_run(&rig, OP_BOOT_GET, BUDGET_MS);
    assert_true(rig.operation.reply.ok);
    rig_check_peace(&rig);
    rig_close(&rig);
}

static void test_privilege_is_not_given(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 17);
    run_refused(&rig, OP_CYCLE, SET_PRIVILEGE, 0x81, 1000);
    check_failure(&rig, ERR_AUTH, SENT_NO);
    run_refused(&rig, OP_BOOT_GET, SET_PRIVILEGE, 0x81, 1000);
    check_failure(&rig, ERR_AUTH, SENT_YES);
    run_refused(&rig, OP_INFO, SET_PRIVILEGE, 0x81, 1000); /* though any user may ask for it */
    check_failure(&rig, ERR_AUTH, SENT_NO);
    rig_close(&rig);
}

/* What a session gets is told only when the BMC has said so, however slow its word is. */
static void test_info_tells_the_session(void **state)
{
    (void)state;
    static const struct {
        uint8_t suite;
        const char *session;
    } rows[] = {{3, "suite 3, operator"}, {17, "suite 17, operator"}};
    struct rig rig;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        rig_open(&rig, rows[i].suite);
        rig_rule(&rig, LOSE, true, 4, 0); /* Set Session Privilege Level */
        rig_run(&rig, OP_INFO, BUDGET_MS);
        assert_true(rig.operation.reply.ok);
        assert_string_equal(rig.operation.reply.info.session, rows[i].session);
        assert_true(rig.operation.reply.info.guid[0]);
        rig_check_peace(&rig);
        run_refused(&rig, OP_INFO, SET_PRIVILEGE, 0xc0, 3);
        assert_string_equal(rig.operation.reply.info.session, rows[i].session);
        rig_close(&rig);
    }
}

static void test_next_boot(void **state)
{
    (void)state;
    enum { SET = 0x08, GET = 0x09, FIRST = 5, FLAGS = 8, READ_BACK = 11 };
    struct rig rig;
    rig_open(&rig, 17);
    run_refused(&rig, OP_BOOT_SET, SET, 0xd4, 1);
    check_failure(&rig, ERR_AUTH, SENT_NO); /* it was the boot timer */
    run_refused(&rig, OP_BOOT_SET, GET, 0xcc, 1);
    check_failure(&rig, ERR_UNSUPPORTED, SENT_YES);
    rig_begin(&rig);
    rig_rule(&rig, LOSE, false, FLAGS, 0);
    rig_run(&rig, OP_BOOT_SET, BUDGET_MS);
    assert_true(rig.operation.reply.ok); /* what was read back says that they are stored */
    rig_begin(&rig);
    rig_rule(&rig, LOSE, false, FLAGS, 0);
    ipmi_bmc_refuse(rig.bmc, GET, 0xcc, 1);
    rig_run(&rig, OP_BOOT_SET, BUDGET_MS);
    check_failure(&rig, ERR_UNSUPPORTED, SENT_MAYBE);
    for (unsigned number = 1; number <= READ_BACK; number++)
        for (int to_bmc = 0; to_bmc <= 1; to_bmc++) {
            rig_begin(&rig);
            rig_rule(&rig, LOSE_FROM, to_bmc, number, 0);
            rig_run(&rig, OP_BOOT_SET, BUDGET_MS);
            assert_false(rig.operation.reply.ok);
            assert_true(rig.done_ms <= rig.operation.deadline_ms);
            assert_int_equal(rig.operation.reply.err.sent, number > FLAGS   ? SENT_YES
                                                           : number < FIRST ? SENT_NO
                                                                            : SENT_MAYBE);
            assert_int_equal(rig.session.state, SESSION_CLOSED);
            rig.now_ms += 61000; /* the BMC forgets what could not be closed */
        }
    rig_close(&rig);
}

static void test_wrong_password(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 17);
    rig.login.password = (struct secret){"wrong"};
    for (unsigned round = 1; round <= 2; round++) {
        rig_begin(&rig);
        rig_rule(&rig, TWICE, false, 0, 0);
        rig_rule(&rig, LOSE, true, 2, 0);
        rig_run(&rig, OP_CYCLE, BUDGET_MS);
        rig_check_promises(&rig);
        assert_int_equal(rig.operation.reply.err.kind, ERR_AUTH);
        assert_int_equal(ipmi_bmc_handshakes(rig.bmc), 2 * round);
        while (rig.now_ms < rig.memory.locked_until_ms) {
            rig_begin(&rig);
            rig_run(&rig, OP_STATUS, BUDGET_MS);
            rig_check_promises(&rig);
            assert_int_equal(rig.operation.reply.err.kind, ERR_AUTH);
            assert_int_equal(rig.sent, 0);
            rig.now_ms += 59999;
        }
        rig.now_ms = rig.memory.locked_until_ms;
        assert_true(rig.now_ms >= rig.done_ms);
    }
    rig.login.password = (struct secret){"secret"};
    rig_begin(&rig);
    rig_run(&rig, OP_STATUS, BUDGET_MS);
    assert_true(rig.operation.reply.ok);
    rig_check_peace(&rig);
    rig_close(&rig);
}

/* One wrong proof does not count against the next operation's luck. */
static void test_failures_are_forgiven(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 17);
    for (unsigned i = 0; i < 10; i++) {
        rig_begin(&rig);
        rig_rule(&rig, FLIP, false, 2, 60 * 8);
        rig_run(&rig, OP_STATUS, BUDGET_MS);
        assert_true(rig.operation.reply.ok);
        rig_check_peace(&rig);
    }
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_taken),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_busy_cycle),
        cmocka_unit_test(test_busy_with_the_first_copy),
        cmocka_unit_test(test_late_word_of_missing_privilege),
        cmocka_unit_test(test_privilege_is_not_given),
        cmocka_unit_test(test_info_tells_the_session),
        cmocka_unit_test(test_next_boot),
        cmocka_unit_test(test_wrong_password),
        cmocka_unit_test(test_failures_are_forgiven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
