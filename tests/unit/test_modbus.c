/* The modbus driver's operations, on a slave in memory: recognised before it is written to, read
 * back after, read once for many questions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/modbus/meter.h"
#include "drivers/modbus/session.h"
#include "tests/unit/modbus_wire.h"

#include <cmocka.h> /* after cursor.h: it has a macro skip() */

enum { BUDGET_MS = 20000 };

static struct wire wire;
static struct modbus_map map;
static struct session *session;
static struct driver_reply reply;
static uint64_t asked_ms; /* 0: now */

static void set(const char *name, const char *value)
{
    struct err err = {0};
    if (option_set(map_options, &map, name, value, &err))
        fail_msg("%s", err.text);
}

/* Eight coils; holding register 900 says 4711, 901 how many. */
static void begin(enum frame_format format)
{
    struct err err;
    session = session_free(session);
    wire = wire_new(format);
    wire.holding[900] = 4711;
    wire.holding[901] = 8;
    memset(&map, 0, sizeof map);
    options_init(map_options, &map);
    map.timeout_ms = 200;
    set("product", "Test-8");
    set("transport", format == FRAME_TCP ? "tcp" : "rtu");
    set(format == FRAME_TCP ? "host" : "serial", format == FRAME_TCP ? "10.1.0.5" : "/dev/ttyUSB0");
    set("outlets", "8");
    set("read_function", "1");
    set("write_function", "5");
    set("probe_function", "3");
    set("probe_address", "900");
    set("probe_expect", "4711");
    set("count_function", "3");
    set("count_address", "901");
    asked_ms = 0;
    session = session_new(&map, &wire_ops, &wire, &err);
    assert_non_null(session);
    assert_int_equal(session_open(session, &err), 0);
}

static int end(void **state)
{
    (void)state;
    session = session_free(session);
    return 0;
}

static bool run_as(const char *device, enum op op, uint32_t outlet)
{
    struct driver_request request = {.id = 1, .op = op, .outlet = outlet, .budget_ms = BUDGET_MS};
    (void)snprintf(request.device, sizeof request.device, "%s", device);
    request.asked_ms = asked_ms ? asked_ms : wire.now_ms;
    memset(&reply, 0, sizeof reply);
    session_run(session, &map, &request, &reply);
    assert_true(wire.now_ms <= request.asked_ms + BUDGET_MS || asked_ms);
    assert_true(reply.ok || reply.err.kind != ERR_NONE);
    return reply.ok;
}

static bool run(enum op op, uint32_t outlet)
{
    return run_as("pdu-a", op, outlet);
}

#define assert_fails(what, kind_, sent_)                                                           \
    do {                                                                                           \
        assert_false(what);                                                                        \
        assert_int_equal(reply.err.kind, kind_);                                                   \
        assert_int_equal(reply.err.sent, sent_);                                                   \
    } while (0)
#define assert_says(text_)                                                                         \
    do {                                                                                           \
        if (!strstr(reply.err.text, text_))                                                        \
            fail_msg("no '%s' in '%s'", text_, reply.err.text);                                    \
    } while (0)

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
    assert_says("holds 4712, not 4711");
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

/* --- buttons: machine n's button is coil n - 1, its reset coil 4 + n - 1, its LED input n - 1 --- */

static uint64_t pressed_ms;
static unsigned presses, resets;
static bool hangs; /* takes no notice of a short press */

static void press_machine_2(struct wire *slave, uint32_t function, uint32_t address, uint16_t value)
{
    (void)function;
    resets += address == 5 && value;
    if (address != 1)
        return;
    if (value) {
        pressed_ms = slave->now_ms;
        presses++;
    } else if (pressed_ms && slave->now_ms - pressed_ms < 4000) {
        slave->inputs[1] = slave->inputs[1] ? hangs : 1;
    }
    if (!value)
        pressed_ms = 0;
}

static void hold_machine_2(struct wire *slave)
{
    if (pressed_ms && slave->coils[1] && slave->now_ms - pressed_ms >= 4000)
        slave->inputs[1] = 0;
}

static void begin_buttons(void)
{
    begin(FRAME_RTU);
    set("kind", "button");
    set("outlets", "4");
    wire.holding[901] = 4;
    set("sense_function", "2");
    set("reset_function", "5");
    set("reset_address", "4");
    wire.on_write = press_machine_2;
    wire.on_time = hold_machine_2;
    pressed_ms = 0;
    presses = resets = 0;
    hangs = false;
}

static void test_buttons(void **state)
{
    (void)state;
    begin_buttons();
    assert_true(run(OP_STATUS, 2));
    assert_int_equal(reply.power, POWER_OFF);
    assert_fails(run(OP_SOFT, 2), ERR_DEVICE, SENT_NO);
    assert_fails(run(OP_RESET, 2), ERR_DEVICE, SENT_NO);
    assert_true(run(OP_OFF, 2));
    assert_int_equal(presses + resets, 0); /* a press would have started it */
    assert_true(run(OP_ON, 2));
    assert_true(run(OP_STATUS, 2));
    assert_int_equal(reply.power, POWER_ON);
    assert_true(run(OP_ON, 2));
    assert_int_equal(presses, 1); /* a second would have ended it */
    assert_true(run(OP_RESET, 2));
    assert_int_equal(resets, 1);
    hangs = true;
    assert_true(run(OP_SOFT, 2));
    assert_int_equal(wire.inputs[1], 1);
    assert_true(run(OP_OFF, 2)); /* held */
    assert_int_equal(wire.inputs[1], 0);
    assert_int_equal(presses, 3);
    assert_int_equal(wire.coils[1] + wire.coils[5], 0);
    assert_fails(run(OP_CYCLE, 2), ERR_UNSUPPORTED, SENT_NO);
}

static void test_a_button_is_let_go_whatever_comes(void **state)
{
    (void)state;
    for (enum wire_fault fault = WIRE_MUTE; fault <= WIRE_NOISE; fault++)
        for (unsigned count = 1; count <= 3; count++) {
            begin_buttons();
            assert_true(run(OP_STATUS, 2));
            wire.late_ms = 250;
            wire_spoil_writes(&wire, fault, count);
            (void)run(OP_ON, 2);
            assert_int_equal(wire.coils[1], 0);
            assert_int_equal(presses, 1);
        }
}

static void weld(struct wire *slave, uint32_t function, uint32_t address, uint16_t value)
{
    press_machine_2(slave, function, address, value);
    if (value)
        slave->coils[address] = 1;
    slave->stuck[address] = true;
}

static void test_a_button_that_stays_pressed_is_shouted(void **state)
{
    (void)state;
    begin_buttons();
    wire.on_write = weld;
    assert_fails(run(OP_ON, 2), ERR_DEVICE, SENT_YES);
    assert_says("THE BUTTON OF MACHINE 2 MAY STILL BE PRESSED");
    assert_true(wire.writes >= 5);
}

static void test_a_machine_nobody_can_see(void **state)
{
    (void)state;
    begin_buttons();
    set("sense_function", "0");
    assert_fails(run(OP_STATUS, 2), ERR_UNSUPPORTED, SENT_NO);
    assert_fails(run(OP_ON, 2), ERR_UNSUPPORTED, SENT_NO);
    assert_fails(run(OP_OFF, 2), ERR_UNSUPPORTED, SENT_NO);
    assert_fails(run(OP_SOFT, 2), ERR_UNSUPPORTED, SENT_NO);
    assert_int_equal(wire.writes, 0);
    assert_true(run(OP_RESET, 2));
    assert_int_equal(resets, 1);
}

static void test_a_press_fits_into_its_time(void **state)
{
    struct driver_request request = {
        .id = 1, .device = "pdu-a", .op = OP_OFF, .outlet = 2, .budget_ms = 5000};
    (void)state;
    begin_buttons();
    wire.inputs[1] = 1;
    request.asked_ms = wire.now_ms;
    memset(&reply, 0, sizeof reply);
    session_run(session, &map, &request, &reply);
    assert_fails(reply.ok, ERR_TIMEOUT, SENT_NO);
    assert_int_equal(wire.writes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_switch_and_status, end),
        cmocka_unit_test_teardown(test_one_reading_answers_all, end),
        cmocka_unit_test_teardown(test_a_write_makes_old_what_others_read, end),
        cmocka_unit_test_teardown(test_one_silence_answers_all, end),
        cmocka_unit_test_teardown(test_an_echo_proves_nothing, end),
        cmocka_unit_test_teardown(test_a_write_without_an_echo, end),
        cmocka_unit_test_teardown(test_a_stuck_relay, end),
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
        cmocka_unit_test_teardown(test_buttons, end),
        cmocka_unit_test_teardown(test_a_button_is_let_go_whatever_comes, end),
        cmocka_unit_test_teardown(test_a_button_that_stays_pressed_is_shouted, end),
        cmocka_unit_test_teardown(test_a_machine_nobody_can_see, end),
        cmocka_unit_test_teardown(test_a_press_fits_into_its_time, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
