/* The pure parts of drivers/ipmi: pace, queue, operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ipmi/ops.h"
#include "drivers/ipmi/queue.h"
#include "drivers/ipmi/rtt.h"

static void test_pace(void **state)
{
    (void)state;
    struct rtt rtt = {0};
    assert_int_equal(rtt_patience(&rtt, NULL, 1, 400), 400);
    assert_int_equal(rtt_patience(&rtt, NULL, 3, 400), 400);
    assert_int_equal(rtt_patience(&rtt, NULL, 4, 400), 800);
    assert_int_equal(rtt_patience(&rtt, NULL, 5, 400), 1600);
    rtt_learn(&rtt, NULL, 5, 5, 1);
    assert_int_equal(rtt_patience(&rtt, NULL, 1, 400), RTT_FLOOR_MS);
    rtt = (struct rtt){0};
    rtt_learn(&rtt, NULL, 5000, 5000, 1);
    assert_int_equal(rtt_patience(&rtt, NULL, 1, 400), RTT_CEILING_MS);
    rtt = (struct rtt){0};
    rtt_learn(&rtt, NULL, 150, 150, 1);
    assert_int_equal(rtt_patience(&rtt, NULL, 1, 400), 400);
    rtt = (struct rtt){0};
    rtt_learn(&rtt, NULL, 350, 350, 1);
    assert_int_equal(rtt_patience(&rtt, NULL, 1, 400), 700);
}

/* A BMC nothing is known of, among others that are known. */
static void test_pace_of_a_stranger(void **state)
{
    (void)state;
    struct rtt stranger = {0}, neighbours = {0};
    assert_int_equal(rtt_patience(&stranger, &neighbours, 1, 400), 400);
    rtt_learn(&neighbours, NULL, 5, 5, 1);
    assert_int_equal(rtt_patience(&stranger, &neighbours, 1, 400), RTT_STRANGER_MS);
    assert_int_equal(rtt_patience(&stranger, &neighbours, 2, 400), 400);
    assert_int_equal(rtt_patience(&stranger, &neighbours, 3, 400), 400);
    assert_int_equal(rtt_patience(&stranger, &neighbours, 4, 400), 800);
    assert_int_equal(rtt_patience(&stranger, &neighbours, 1, 100), 100); /* as configured */
    struct rtt slow = {0};
    rtt_learn(&slow, NULL, 600, 600, 1);
    assert_int_equal(rtt_patience(&stranger, &slow, 1, 400), 400);
}

static void test_pace_of_a_slow_bmc(void **state)
{
    (void)state;
    struct rtt rtt = {0};
    rtt_learn(&rtt, NULL, 450, 50, 2); /* it answered the first copy: no further ones, then */
    assert_true(rtt_patience(&rtt, NULL, 1, 400) > 450);
    rtt = (struct rtt){0};
    rtt_learn(&rtt, NULL, 405, 5,
              2); /* it answered the second copy: forgotten at the next answer */
    rtt_learn(&rtt, NULL, 5, 5, 1);
    assert_int_equal(rtt_patience(&rtt, NULL, 1, 400), RTT_FLOOR_MS);
}

static void test_pace_among_neighbours(void **state)
{
    (void)state;
    struct rtt quick = {0}, rtt = {0};
    rtt_learn(&quick, NULL, 5, 5, 1);
    rtt_learn(&rtt, &quick, 405, 5, 2); /* the first copy was lost, as the neighbours' pace tells */
    assert_int_equal(rtt_patience(&rtt, NULL, 1, 400), RTT_FLOOR_MS);
    rtt_learn(&rtt, &quick, 405, 5, 4); /* twice in a row: slow after all? then this is enough */
    assert_in_range(rtt_patience(&rtt, NULL, 1, 400), 406, 600);
    rtt_learn(&rtt, &quick, 405, 405, 1);
    assert_true(rtt_patience(&rtt, NULL, 1, 400) > 800);
    rtt = (struct rtt){0};
    rtt_learn(&rtt, &quick, 450, 50, 2); /* fits none of the neighbours: the first copy's */
    assert_in_range(rtt_patience(&rtt, NULL, 1, 400), 451, 600);
    rtt = quick = (struct rtt){0};
    rtt_learn(&quick, NULL, 420, 420, 1);
    rtt_learn(&rtt, &quick, 450, 50, 2); /* all are slow */
    assert_in_range(rtt_patience(&rtt, NULL, 1, 400), 451, 600);
}

static struct operation *operation(enum op op, uint64_t id, uint64_t deadline_ms)
{
    struct operation *o = calloc(1, sizeof *o);
    assert_non_null(o);
    struct driver_request request = {.id = id, .op = op};
    operation_begin(o, &request, "10.1.0.11");
    o->deadline_ms = deadline_ms;
    return o;
}

static void test_queue(void **state)
{
    (void)state;
    struct queue queue = {0};
    const enum op ops[] = {OP_STATUS, OP_OFF, OP_BOOT_GET, OP_ON};
    const uint64_t order[] = {2, 4, 1, 3}; /* commands first, each kind as it came */
    for (unsigned i = 0; i < 4; i++)
        assert_true(queue_put(&queue, operation(ops[i], i + 1, 100 - i)));
    assert_int_equal(queue_deadline(&queue), 97);
    for (unsigned i = 0; i < 4; i++) {
        struct operation *o = queue_take(&queue);
        assert_int_equal(o->request.id, order[i]);
        free(o);
    }
    assert_null(queue_take(&queue));
    for (unsigned i = 0; i < QUEUE_MAX; i++)
        assert_true(queue_put(&queue, operation(OP_STATUS, i + 1, 10)));
    struct operation *more = operation(OP_OFF, 99, 10);
    assert_false(queue_put(&queue, more));
    free(more);
    assert_null(queue_take_late(&queue, 9));
    for (struct operation *o; (o = queue_take_late(&queue, 10));)
        free(o);
    assert_int_equal(queue.count, 0);
}

static void answer(struct operation *o, uint8_t code, uint8_t size, const uint8_t *data)
{
    struct ipmi_command command;
    struct ipmi_answer answer = {.code = code, .size = size};
    operation_command(o, true, &command);
    operation_sent(o, &command);
    if (size)
        memcpy(answer.data, data, size);
    answer.command = command.command;
    operation_answer(o, &command, &answer);
}

static void test_next_boot(void **state)
{
    (void)state;
    static const uint8_t stored[] = {1, 5, 0xa0, 0x04, 0, 0, 0};
    struct operation o;
    struct ipmi_command command;
    struct driver_request request = {
        .id = 1, .op = OP_BOOT_SET, .boot_device = BOOT_NETWORK, .firmware = FIRMWARE_UEFI};
    operation_begin(&o, &request, "10.1.0.11");
    answer(&o, 0x80, 0, NULL); /* boot timer: tolerated */
    answer(&o, 0x81, 0, NULL); /* set in progress: tolerated */
    answer(&o, 0xcc, 0, NULL); /* acknowledge: tolerated */
    assert_false(o.sent);
    operation_command(&o, true, &command);
    assert_memory_equal(command.data, ((uint8_t[]){0x05, 0xa0, 0x04, 0, 0, 0}), 6);
    answer(&o, 0, 0, NULL);
    answer(&o, 0xcc, 0, NULL); /* commit: tolerated */
    answer(&o, 0, 0, NULL);
    assert_false(o.done);
    answer(&o, 0, sizeof stored, stored);
    assert_true(o.done && o.reply.ok && o.reply.has_next_boot);
    assert_true(o.reply.next_boot.valid && o.reply.next_boot.uefi);
    assert_int_equal(o.reply.next_boot.device, BOOT_NETWORK);
}

static void test_refused_flags_still_end_set_in_progress(void **state)
{
    (void)state;
    struct operation o;
    struct ipmi_command command;
    struct driver_request request = {.id = 1, .op = OP_BOOT_SET, .boot_device = BOOT_DISK};
    operation_begin(&o, &request, "10.1.0.11");
    for (unsigned i = 0; i < 3; i++)
        answer(&o, 0, 0, NULL);
    answer(&o, 0xcc, 0, NULL);
    assert_false(o.done);
    operation_command(&o, true, &command);
    assert_memory_equal(command.data, ((uint8_t[]){0x00, 0x00}), 2);
    answer(&o, 0, 0, NULL);
    assert_true(o.done && !o.reply.ok);
    assert_int_equal(o.reply.err.kind, ERR_UNSUPPORTED);
    assert_int_equal(o.reply.err.sent, SENT_YES);
}

static void check_refusal(enum op op, uint8_t code, enum err_kind kind, const char *text)
{
    struct operation o;
    struct driver_request request = {.id = 1, .op = op};
    operation_begin(&o, &request, "10.1.0.11");
    answer(&o, code, 0, NULL);
    assert_true(o.done);
    assert_int_equal(o.reply.err.kind, kind);
    if (kind == ERR_NONE)
        return;
    assert_non_null(strstr(o.reply.err.text, text));
    assert_int_equal(o.reply.err.sent, code == 0xc3 ? SENT_MAYBE : SENT_YES);
}

static void test_refusals(void **state)
{
    (void)state;
    check_refusal(OP_RESET, 0xd5, ERR_DEVICE, "is off");
    check_refusal(OP_CYCLE, 0xd4, ERR_AUTH, "D4h");
    check_refusal(OP_DIAG, 0xc1, ERR_UNSUPPORTED, "diagnostic interrupt");
    check_refusal(OP_CYCLE, 0xc3, ERR_BUSY, "C3h");
    check_refusal(OP_OFF, 0xd5, ERR_NONE, NULL);
    check_refusal(OP_ON, 0xff, ERR_DEVICE, "FFh");
}

static void test_short_status_is_not_off(void **state)
{
    (void)state;
    struct operation o;
    struct driver_request request = {.id = 1, .op = OP_STATUS};
    operation_begin(&o, &request, "10.1.0.11");
    answer(&o, 0, 2, (const uint8_t[]){0, 0});
    assert_true(o.done && !o.reply.ok);
    assert_int_equal(o.reply.power, POWER_UNKNOWN);
    assert_int_equal(o.reply.err.kind, ERR_PROTOCOL);
}

static void test_evidence_leaves_out_what_is_unknown(void **state)
{
    (void)state;
    struct operation o;
    struct driver_request request = {.id = 1, .op = OP_EVIDENCE};
    operation_begin(&o, &request, "10.1.0.11");
    answer(&o, 0xc1, 0, NULL);
    answer(&o, 0, 3, (const uint8_t[]){0x21, 0x10, 0});
    answer(&o, 0, 5, (const uint8_t[]){60, 2, 0, 0, 0});
    assert_true(o.done && o.reply.ok && o.reply.has_evidence);
    assert_false(o.reply.evidence.has_cause);
    assert_int_equal(o.reply.evidence.last_event, 0x10);
    assert_int_equal(o.reply.evidence.power_on_minutes, 120);
    operation_begin(&o, &request, "10.1.0.11");
    for (unsigned i = 0; i < 3; i++)
        answer(&o, 0xc1, 0, NULL);
    assert_int_equal(o.reply.err.kind, ERR_UNSUPPORTED);
}

static void test_what_is_retried(void **state)
{
    (void)state;
    assert_true(completion_code_worth_retrying(0xc0, CARE_FRAGILE));
    assert_false(completion_code_worth_retrying(0xc3, CARE_FRAGILE));
    assert_true(completion_code_worth_retrying(0xc3, CARE_QUESTION));
    assert_false(completion_code_worth_retrying(0xd5, CARE_QUESTION));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pace),
        cmocka_unit_test(test_pace_of_a_stranger),
        cmocka_unit_test(test_pace_of_a_slow_bmc),
        cmocka_unit_test(test_pace_among_neighbours),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_next_boot),
        cmocka_unit_test(test_refused_flags_still_end_set_in_progress),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_short_status_is_not_off),
        cmocka_unit_test(test_evidence_leaves_out_what_is_unknown),
        cmocka_unit_test(test_what_is_retried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
