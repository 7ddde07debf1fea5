/* The modbus driver's outlets, on a slave in memory: recognised before they are written to, read
 * back after, read once for many questions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/modbus/meter.h"
#include "tests/unit/modbus_rig.h"

#include <cmocka.h> /* after cursor.h: it has a macro skip() */

/* --- outlets --- */

static void test_switch_and_status(void **state)
{
    (void)state;
    for (enum frame_format format = FRAME_RTU; format <= FRAME_TCP; format++) {
        begin(format);
        assert_true(run(OP_STATUS, 3));
        assert_int_equal(reply.power, POWER_OFF);
        assert_true(run(OP_ON, 3));
        assert_int_equal(wire.coils[2], 1);
        assert_int_equal(wire.writes, 1);
        assert_true(run(OP_STATUS, 3));
        assert_int_equal(reply.power, POWER_ON);
        assert_true(run(OP_OFF, 3));
        assert_int_equal(wire.coils[2], 0);
        assert_true(run(OP_INFO, 0));
        assert_int_equal(reply.info.outlets, 8);
        assert_string_equal(reply.info.model, "Test-8");
        assert_string_equal(reply.info.session, format == FRAME_TCP
                                                    ? "modbus tcp 10.1.0.5:502 unit 1"
                                                    : "modbus rtu /dev/ttyUSB0 unit 1");
    }
}

static void test_one_reading_answers_all(void **state)
{
    (void)state;
    begin(FRAME_RTU);
    asked_ms = wire.now_ms;
    for (uint32_t outlet = 1; outlet <= 8; outlet++)
        assert_true(run(OP_STATUS, outlet));
    assert_int_equal(wire.reads, 3); /* probe, count, bank */
    asked_ms = wire.now_ms + 1;
    wire.now_ms += 2;
    wire.coils[7] = 1;
    assert_true(run(OP_STATUS, 8));
    assert_int_equal(reply.power, POWER_ON);
    assert_int_equal(wire.reads, 4);
    assert_true(run(OP_ON, 1));
    asked_ms = 1; /* a question as old as can be: what was read before the write is no answer */
    unsigned reads = wire.reads;
    assert_true(run(OP_STATUS, 1));
    assert_int_equal(reply.power, POWER_ON);
    assert_int_equal(wire.reads, reads); /* the reading back is */
}

/* A write through another device's name to the same unit. */
static void test_a_write_makes_old_what_others_read(void **state)
{
    (void)state;
    begin(FRAME_RTU);
    asked_ms = wire.now_ms;
    assert_true(run_as("left", OP_STATUS, 1));
    assert_true(run_as("right", OP_ON, 1));
    assert_true(run_as("left", OP_STATUS, 1));
    assert_int_equal(reply.power, POWER_ON);
}

static void test_one_silence_answers_all(void **state)
{
    (void)state;
    begin(FRAME_RTU);
    wire_spoil(&wire, WIRE_SWALLOWED, 1000);
    asked_ms = wire.now_ms;
    assert_fails(run(OP_STATUS, 1), ERR_UNREACHABLE, SENT_NO);
    unsigned reads = wire.reads;
    for (uint32_t outlet = 2; outlet <= 8; outlet++)
        assert_fails(run(OP_STATUS, outlet), ERR_UNREACHABLE, SENT_NO);
    assert_fails(run(OP_OFF, 1), ERR_UNREACHABLE, SENT_NO);
    assert_int_equal(wire.reads, reads);
    assert_int_equal(wire.writes, 0);
}

static bool run_within(uint32_t budget_ms, enum op op, uint32_t outlet)
{
    struct driver_request request = {
        .id = 1, .device = "pdu-a", .op = op, .outlet = outlet, .budget_ms = budget_ms};
    request.asked_ms = asked_ms;
    memset(&reply, 0, sizeof reply);
    session_run(session, &map, &request, &reply);
    return reply.ok;
}

/* It says how long one waited, and nothing of the device: who has more time asks. */
static void test_who_had_no_time_answers_for_himself(void **state)
{
    static const enum frame_format formats[] = {FRAME_RTU, FRAME_TCP};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (enum op op = OP_STATUS; op <= OP_OFF; op++) {
            begin(formats[i]);
            if (formats[i] == FRAME_TCP) {
                wire_inject(&wire, wire.now_ms + 1, NULL, 0);
                wire.connect_ms = 100;
            } else {
                wire.answer_ms = 100;
            }
            asked_ms = wire.now_ms;
            assert_false(run_within(80, OP_STATUS, 1));
            assert_int_equal(reply.err.sent, SENT_NO);
            if (!run_within(20000, op, 2))
                fail_msg("%s", reply.err.text);
        }
}

/* D.2 row 1, at its worst: the echo that comes is the right one in every byte, of an earlier write,
 * and the write was lost. */
static void test_an_echo_proves_nothing(void **state)
{
    uint8_t echo[FRAME_SIZE];
    const uint8_t pdu[] = {WRITE_COIL, 0, 2, 0xff, 0};
    (void)state;
    begin(FRAME_RTU);
    asked_ms = wire.now_ms; /* so that no reading comes between */
    assert_true(run(OP_STATUS, 3));
    struct frame_head head = {FRAME_RTU, 1, 0};
    size_t size = frame_encode(&head, pdu, sizeof pdu, echo);
    wire_spoil_writes(&wire, WIRE_SWALLOWED, 1);
    wire_inject(&wire, wire.now_ms + 12, echo, size);
    assert_fails(run(OP_ON, 3), ERR_DEVICE, SENT_YES);
    assert_says("took the write");
    assert_int_equal(wire.writes, 1);
    assert_int_equal(wire.coils[2], 0);
}

static void test_a_write_without_an_echo(void **state)
{
    (void)state;
    begin(FRAME_RTU);
    wire_spoil_writes(&wire, WIRE_MUTE, 1);
    assert_fails(run(OP_ON, 3), ERR_TIMEOUT, SENT_MAYBE);
    assert_int_equal(wire.writes, 1);
    wire_spoil_writes(&wire, WIRE_WRONG_CRC, 1);
    assert_fails(run(OP_OFF, 3), ERR_PROTOCOL, SENT_MAYBE);
    assert_int_equal(wire.writes, 2);
}

static void test_a_stuck_relay(void **state)
{
    (void)state;
    begin(FRAME_TCP);
    wire.stuck[2] = true;
    assert_fails(run(OP_ON, 3), ERR_DEVICE, SENT_YES);
    assert_says("outlet 3 took the write (on), and still reads off");
    assert_int_equal(wire.writes, 1);
}

static void switch_another(struct wire *slave, uint32_t function, uint32_t address, uint16_t value)
{
    (void)function, (void)address;
    slave->coils[5] = value != 0;
}

static void test_another_relay_goes(void **state)
{
    (void)state;
    begin(FRAME_TCP);
    wire.stuck[2] = true;
    wire.on_write = switch_another;
    assert_fails(run(OP_ON, 3), ERR_DEVICE, SENT_YES);
    assert_says("outlet 3 took the write (on), and still reads off; outlet 6 changed instead");
}

static void go_blank(struct wire *slave, uint32_t function, uint32_t address, uint16_t value)
{
    (void)function, (void)address, (void)value;
    slave->holding[12] = 7;
}

/* What reads neither on nor off is not said to read off. */
static void test_a_relay_that_reads_neither(void **state)
{
    (void)state;
    begin(FRAME_TCP);
    set("read_function", "3");
    set("read_address", "10");
    wire.on_write = go_blank;
    assert_fails(run(OP_ON, 3), ERR_DEVICE, SENT_YES);
    assert_says("outlet 3 took the write (on)");
    assert_says("reads 7");
    assert_null(strstr(reply.err.text, "still"));
}

static void late_relay(struct wire *slave)
{
    if (slave->writes && slave->now_ms > 100800)
        slave->coils[2] = 1;
}

static void test_a_relay_that_takes_its_time(void **state)
{
    (void)state;
    begin(FRAME_TCP);
    wire.stuck[2] = true;
    wire.on_time = late_relay;
    assert_true(run(OP_ON, 3));
}

static void test_a_wrong_profile_writes_nothing(void **state)
{
    (void)state;
    begin(FRAME_TCP);
    wire.holding[900] = 4712;
    assert_fails(run(OP_OFF, 1), ERR_DEVICE, SENT_NO);
    assert_says("holds 0x1268 (4712), not 0x1267 (4711)");
    begin(FRAME_TCP);
    wire.holding[901] = 4;
    assert_fails(run(OP_OFF, 1), ERR_DEVICE, SENT_NO);
    assert_says("it says it has 4 outlets, the configuration says 8");
    assert_fails(run(OP_INFO, 0), ERR_DEVICE, SENT_NO);
    begin(FRAME_TCP);
    set("read_address", "1020"); /* past what it has */
    assert_fails(run(OP_OFF, 1), ERR_DEVICE, SENT_NO);
    assert_says("illegal data address (2)");
    begin(FRAME_TCP);
    set("write_bank", "true"); /* with function 5 */
    assert_fails(run(OP_OFF, 1), ERR_CONFIG, SENT_NO);
    assert_fails(run(OP_STATUS, 1), ERR_CONFIG, SENT_NO);
    assert_int_equal(wire.writes, 0);
}

static void test_it_is_recognised_again_after_a_reconnect(void **state)
{
    (void)state;
    begin(FRAME_TCP);
    assert_true(run(OP_ON, 1));
    wire_inject(&wire, wire.now_ms, (const uint8_t *)"", 0); /* unplugged, and .. */
    wire.holding[900] = 1;                                   /* .. another one there */
    assert_fails(run(OP_OFF, 1), ERR_DEVICE, SENT_NO);
    assert_int_equal(wire.writes, 1);
    begin(FRAME_RTU); /* which has no connection: silence says so */
    assert_true(run(OP_ON, 1));
    wire_spoil(&wire, WIRE_SWALLOWED, 3);
    assert_fails(run(OP_STATUS, 1), ERR_TIMEOUT, SENT_NO);
    wire.holding[900] = 1;
    wire.now_ms++;
    assert_fails(run(OP_OFF, 1), ERR_DEVICE, SENT_NO);
    assert_int_equal(wire.writes, 1);
}

static void test_outlets_there_are_not(void **state)
{
    (void)state;
    begin(FRAME_TCP);
    assert_fails(run(OP_OFF, 9), ERR_CONFIG, SENT_NO);
    assert_fails(run(OP_OFF, 0), ERR_CONFIG, SENT_NO);
    assert_fails(run(OP_SOFT, 1), ERR_UNSUPPORTED, SENT_NO);
    assert_fails(run(OP_BOOT_SET, 1), ERR_UNSUPPORTED, SENT_NO);
    assert_fails(run(OP_CYCLE, 1), ERR_UNSUPPORTED, SENT_NO);
    assert_says("an outlet of Test-8 has no power-cycle");
    assert_int_equal(wire.writes, 0);
}

static void test_a_value_that_means_neither(void **state)
{
    (void)state;
    begin(FRAME_TCP);
    set("read_function", "3");
    set("write_function", "6");
    wire.holding[1] = 7;
    assert_true(run(OP_STATUS, 1));
    assert_fails(run(OP_STATUS, 2), ERR_DEVICE, SENT_NO);
    assert_says("outlet 2 reads 7");
    assert_fails(run(OP_ON, 2), ERR_DEVICE, SENT_NO);
    assert_int_equal(wire.writes, 0);
}

/* --- whole banks --- */

static void jump_along(struct wire *slave, uint32_t function, uint32_t address, uint16_t value)
{
    (void)function;
    (void)value;
    if (address == 0)
        slave->coils[6] = 1;
    slave->stuck[6] = true;
}

static void test_a_bank_is_written_whole(void **state)
{
    (void)state;
    begin(FRAME_RTU);
    set("write_function", "15");
    set("write_bank", "true");
    wire.coils[0] = wire.coils[5] = 1;
    assert_true(run(OP_ON, 3));
    assert_int_equal(wire.writes, 1);
    const uint16_t wanted[8] = {1, 0, 1, 0, 0, 1, 0, 0};
    assert_memory_equal(wire.coils, wanted, sizeof wanted);
    wire.on_write = jump_along;
    assert_fails(run(OP_OFF, 3), ERR_DEVICE, SENT_YES);
    assert_says("outlet 7 changed with it");
}

/* An answer of long ago, and each later one a question too late: what it says of the other outlets
 * must not be written to them. */
static void test_a_bank_is_not_written_from_what_was(void **state)
{
    const uint8_t nothing_on[] = {READ_COILS, 1, 0};
    uint8_t stale[FRAME_SIZE];
    (void)state;
    begin(FRAME_RTU);
    set("write_function", "15");
    set("write_bank", "true");
    wire.coils[5] = 1;
    wire.answer_ms = 50;
    asked_ms = wire.now_ms;
    assert_true(run(OP_STATUS, 6));
    struct frame_head head = {FRAME_RTU, 1, 0};
    size_t size = frame_encode(&head, nothing_on, sizeof nothing_on, stale);
    wire_inject(&wire, wire.now_ms + 10, stale, size);
    (void)run(OP_ON, 3);
    assert_int_equal(wire.coils[5], 1);
}

static void test_a_mask_keeps_its_other_bits(void **state)
{
    (void)state;
    begin(FRAME_RTU);
    set("read_function", "3");
    set("read_address", "302");
    set("read_bits", "true");
    set("write_function", "16");
    set("write_address", "302");
    set("write_bits", "true");
    set("write_bank", "true");
    wire.holding[302] = 0xa501; /* the upper half is no outlets */
    assert_true(run(OP_ON, 4));
    assert_int_equal(wire.holding[302], 0xa509);
    assert_true(run(OP_OFF, 1));
    assert_int_equal(wire.holding[302], 0xa508);
    assert_true(run(OP_STATUS, 4));
    assert_int_equal(reply.power, POWER_ON);
}

/* --- metering, cycles --- */

static void test_meters(void **state)
{
    static const struct {
        const char *type, *order;
        uint16_t raw[2];
        uint32_t count_mw, milliwatts; /* UINT32_MAX: no value */
    } rows[] = {
        {"u16", "high-first", {210, 0}, 1000, 210000},
        {"s16", "high-first", {0xffff, 0}, 1000, 0},
        {"u32", "high-first", {1, 0}, 1, 65536},
        {"u32", "low-first", {1, 0}, 1000, 1000},
        {"s32", "high-first", {0xffff, 0xfffe}, 1, 0},
        {"f32", "high-first", {0x4352, 0x0000}, 1000, 210000}, /* 210.0 */
        {"f32", "low-first", {0x0000, 0x4352}, 1000, 210000},
        {"f32", "high-first", {0x7fc0, 0x0000}, 1000, UINT32_MAX}, /* NaN */
        {"u32", "high-first", {0xffff, 0xffff}, 1000, UINT32_MAX},
        {"u16", "high-first", {0x8000, 0}, 1000, UINT32_MAX}, /* absent */
    };
    (void)state;
    begin(FRAME_TCP);
    set("meter_absent", "32768");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t milliwatts = UINT32_MAX;
        set("meter_type", rows[i].type);
        set("meter_order", rows[i].order);
        map.meter.milliwatts = rows[i].count_mw;
        assert_int_equal(meter_decode(&map, rows[i].raw, &milliwatts),
                         rows[i].milliwatts != UINT32_MAX);
        assert_int_equal(milliwatts, rows[i].milliwatts);
    }
}

static void test_watts_with_the_state(void **state)
{
    (void)state;
    begin(FRAME_TCP);
    set("meter_function", "4");
    set("meter_address", "201");
    for (int i = 0; i < 8; i++)
        wire.input_registers[201 + i] = (uint16_t)(100 + i);
    asked_ms = wire.now_ms;
    for (uint32_t outlet = 1; outlet <= 8; outlet++) {
        assert_true(run(OP_STATUS, outlet));
        assert_true(reply.has_watts);
        assert_int_equal(reply.milliwatts, (99 + outlet) * 1000);
    }
    assert_int_equal(wire.reads, 4);
    set("meter_address", "1020"); /* a meter that is not there makes no state unknown */
    assert_true(run(OP_STATUS, 8));
    assert_false(reply.has_watts);
}

static uint64_t pulse_ends_ms;

static void begin_pulse(struct wire *slave, uint32_t function, uint32_t address, uint16_t value)
{
    (void)function;
    if (address < 0x200)
        return;
    assert_int_equal(value, 30);
    slave->coils[address - 0x200] = 0;
    pulse_ends_ms = slave->now_ms + 3000;
}

static void end_pulse(struct wire *slave)
{
    if (pulse_ends_ms && slave->now_ms >= pulse_ends_ms)
        slave->coils[1] = 1;
}

static void test_its_own_cycle(void **state)
{
    (void)state;
    begin(FRAME_RTU);
    set("pulse_function", "5");
    set("pulse_address", "512");
    set("pulse_unit_ms", "100");
    set("pulse_ms", "3000");
    pulse_ends_ms = 0;
    assert_fails(run(OP_CYCLE, 2), ERR_DEVICE, SENT_NO);
    assert_says("outlet 2 is off");
    assert_int_equal(wire.writes, 0);
    wire.coils[1] = 1;
    wire.on_write = begin_pulse;
    wire.on_time = end_pulse;
    wire.now_ms++;
    assert_true(run(OP_CYCLE, 2));
    assert_int_equal(wire.writes, 1);
    assert_true(wire.now_ms >= pulse_ends_ms);
    wire.on_write = NULL; /* it takes it, and does nothing */
    assert_fails(run(OP_CYCLE, 2), ERR_DEVICE, SENT_YES);
    assert_says("was never seen off");
    wire_spoil_writes(&wire, WIRE_MUTE, 1);
    assert_fails(run(OP_CYCLE, 2), ERR_TIMEOUT, SENT_MAYBE);
    assert_int_equal(wire.writes, 3);
}

static void pulse_and_hang_up(struct wire *slave, uint32_t function, uint32_t address,
                              uint16_t value)
{
    begin_pulse(slave, function, address, value);
    wire_inject(slave, slave->now_ms + 100, NULL, 0);
}

static void come_back_later(struct wire *slave)
{
    slave->refuses = pulse_ends_ms && slave->now_ms < pulse_ends_ms - 1000;
    end_pulse(slave);
}

static void test_a_cycle_is_watched_over_a_lost_connection(void **state)
{
    (void)state;
    begin(FRAME_TCP);
    set("pulse_function", "5");
    set("pulse_address", "512");
    set("pulse_unit_ms", "100");
    set("pulse_ms", "3000");
    pulse_ends_ms = 0;
    wire.coils[1] = 1;
    wire.on_write = pulse_and_hang_up;
    wire.on_time = come_back_later;
    assert_true(run(OP_CYCLE, 2));
    assert_int_equal(wire.writes, 1);
    assert_true(wire.opened > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_switch_and_status, end),
        cmocka_unit_test_teardown(test_one_reading_answers_all, end),
        cmocka_unit_test_teardown(test_a_write_makes_old_what_others_read, end),
        cmocka_unit_test_teardown(test_one_silence_answers_all, end),
        cmocka_unit_test_teardown(test_who_had_no_time_answers_for_himself, end),
        cmocka_unit_test_teardown(test_an_echo_proves_nothing, end),
        cmocka_unit_test_teardown(test_a_write_without_an_echo, end),
        cmocka_unit_test_teardown(test_a_stuck_relay, end),
        cmocka_unit_test_teardown(test_another_relay_goes, end),
        cmocka_unit_test_teardown(test_a_relay_that_reads_neither, end),
        cmocka_unit_test_teardown(test_a_relay_that_takes_its_time, end),
        cmocka_unit_test_teardown(test_a_wrong_profile_writes_nothing, end),
        cmocka_unit_test_teardown(test_it_is_recognised_again_after_a_reconnect, end),
        cmocka_unit_test_teardown(test_outlets_there_are_not, end),
        cmocka_unit_test_teardown(test_a_value_that_means_neither, end),
        cmocka_unit_test_teardown(test_a_bank_is_written_whole, end),
        cmocka_unit_test_teardown(test_a_bank_is_not_written_from_what_was, end),
        cmocka_unit_test_teardown(test_a_mask_keeps_its_other_bits, end),
        cmocka_unit_test_teardown(test_meters, end),
        cmocka_unit_test_teardown(test_watts_with_the_state, end),
        cmocka_unit_test_teardown(test_its_own_cycle, end),
        cmocka_unit_test_teardown(test_a_cycle_is_watched_over_a_lost_connection, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
