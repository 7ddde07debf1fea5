/* Relays at power buttons: machine n's button is coil n - 1, its reset coil 4 + n - 1, its LED input
 * n - 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/modbus_rig.h"

#include <cmocka.h> /* after cursor.h: it has a macro skip() */

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

static void begin_buttons_on(enum frame_format format)
{
    begin(format);
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

static void begin_buttons(void)
{
    begin_buttons_on(FRAME_RTU);
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

static uint64_t back_ms;

static void press_and_hang_up(struct wire *slave, uint32_t function, uint32_t address,
                              uint16_t value)
{
    press_machine_2(slave, function, address, value);
    if (address == 1 && value) {
        wire_inject(slave, slave->now_ms + 100, NULL, 0);
        back_ms = slave->now_ms + 3000;
    }
}

static void be_away(struct wire *slave)
{
    slave->refuses = slave->now_ms < back_ms;
}

static void test_a_button_is_let_go_when_the_connection_is_back(void **state)
{
    (void)state;
    begin_buttons_on(FRAME_TCP);
    wire.on_write = press_and_hang_up;
    wire.on_time = be_away;
    back_ms = 0;
    (void)run(OP_ON, 2);
    assert_int_equal(presses, 1);
    assert_int_equal(wire.coils[1], 0);
}

/* What the relay needs to be read back is no part of the press: four seconds are an off. */
static void test_a_short_press_is_short(void **state)
{
    (void)state;
    begin_buttons();
    set("settle_ms", "5000");
    hangs = true;
    wire.inputs[1] = 1;
    assert_true(run(OP_SOFT, 2));
    assert_int_equal(presses, 1);
    assert_int_equal(wire.inputs[1], 1);
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

/* Whatever the budget: it is not pressed, or it is let go. */
static void test_a_press_is_ended_in_its_time(void **state)
{
    (void)state;
    for (uint32_t budget_ms = 500; budget_ms < 8000; budget_ms += 50)
        for (unsigned lost = 0; lost < 6; lost++) {
            struct driver_request request = {
                .id = 1, .device = "pdu-a", .op = OP_SOFT, .outlet = 2, .budget_ms = budget_ms};
            begin_buttons();
            wire.inputs[1] = 1;
            request.asked_ms = wire.now_ms;
            assert_true(run(OP_STATUS, 2)); /* so that what is lost is about the relay */
            if (lost < 3)
                wire_spoil(&wire, WIRE_MUTE, lost);
            else
                wire_spoil_writes(&wire, WIRE_MUTE, lost - 2);
            memset(&reply, 0, sizeof reply);
            session_run(session, &map, &request, &reply);
            if (wire.coils[1])
                fail_msg("budget %u, %u lost: %s", budget_ms, lost, reply.err.text);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_buttons, end),
        cmocka_unit_test_teardown(test_a_button_is_let_go_whatever_comes, end),
        cmocka_unit_test_teardown(test_a_button_is_let_go_when_the_connection_is_back, end),
        cmocka_unit_test_teardown(test_a_short_press_is_short, end),
        cmocka_unit_test_teardown(test_a_button_that_stays_pressed_is_shouted, end),
        cmocka_unit_test_teardown(test_a_machine_nobody_can_see, end),
        cmocka_unit_test_teardown(test_a_press_fits_into_its_time, end),
        cmocka_unit_test_teardown(test_a_press_is_ended_in_its_time, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
