/* The traps of a Modbus line, each with an answer that a careless master would believe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/modbus/link.h"
#include "tests/unit/modbus_wire.h"

#include <cmocka.h> /* after cursor.h: it has a macro skip() */

static struct wire wire;
static struct modbus_map map;
static struct link *the_link;
static uint16_t values[PDU_VALUES_MAX];
static struct err err;

static void begin(uint32_t transport)
{
    link_free(the_link);
    wire = wire_new(transport == TRANSPORT_TCP ? FRAME_TCP : FRAME_RTU);
    options_init(map_options, &map);
    map.transport = transport;
    map.timeout_ms = 200;
    (void)snprintf(map.host, sizeof map.host, "10.1.0.5");
    (void)snprintf(map.serial, sizeof map.serial, "/dev/ttyUSB0");
    the_link = link_new(&map, &wire_ops, &wire);
    assert_non_null(the_link);
    link_serve(the_link, wire.now_ms, wire.now_ms + 60000);
    assert_int_equal(link_open(the_link, &err), 0);
}

static int end(void **state)
{
    (void)state;
    the_link = link_free(the_link);
    return 0;
}

static int read_coils(uint32_t address, uint32_t count)
{
    struct pdu_request request = {READ_COILS, address, count, {0}};
    err = (struct err){0};
    return link_ask(the_link, &map, &request, values, &err);
}

static int write_coil(uint32_t address, bool on)
{
    struct pdu_request request = {WRITE_COIL, address, 1, {on ? 0xff00 : 0}};
    err = (struct err){0};
    return link_ask(the_link, &map, &request, NULL, &err);
}

static const uint32_t transports[] = {TRANSPORT_TCP, TRANSPORT_RTU, TRANSPORT_RTU_OVER_TCP};
#define FOR_EACH_TRANSPORT(t) for (const uint32_t *t = transports; t < transports + 3; t++)

static void test_a_question_and_a_write(void **state)
{
    (void)state;
    FOR_EACH_TRANSPORT(transport)
    {
        begin(*transport);
        assert_int_equal(write_coil(9, true), 0);
        assert_int_equal(read_coils(8, 3), 0);
        assert_int_equal(values[0] | values[1] << 1 | values[2] << 2, 2);
    }
}

/* D.2 row 1: the echo of coil 1 comes after its time-out, when coil 2's is awaited. */
static void test_a_late_echo_is_thrown_away(void **state)
{
    (void)state;
    begin(TRANSPORT_RTU);
    wire_spoil(&wire, WIRE_LATE, 1);
    wire.answer_ms = 100;
    wire.late_ms = 320; /* which would be before the next one's */
    assert_int_equal(write_coil(1, true), -1);
    assert_int_equal(err.sent, SENT_MAYBE);
    assert_int_equal(write_coil(2, true), 0); /* by its own echo, after the guard time */
    assert_int_equal(wire.coils[2], 1);
    assert_int_equal(wire.writes, 2);
}

/* The session that asked was killed, and the answer comes into the next one. */
static void test_what_a_killed_session_asked_is_thrown_away(void **state)
{
    (void)state;
    for (int told = 0; told < 2; told++) {
        begin(TRANSPORT_RTU);
        wire.answer_ms = 180;
        wire.late_ms = 340; /* before the answer to the next one */
        wire_spoil(&wire, WIRE_LATE, 1);
        link_serve(the_link, wire.now_ms, wire.now_ms + 260); /* no time to ask again */
        assert_int_equal(read_coils(0, 1), -1);
        the_link = link_free(the_link);
        wire.coils[0] = 1;
        the_link = link_new(&map, &wire_ops, &wire);
        assert_non_null(the_link);
        link_serve(the_link, wire.now_ms, wire.now_ms + 60000);
        if (told)
            link_expect_late(the_link, &map);
        assert_int_equal(read_coils(0, 1), 0);
        assert_int_equal(values[0], told); /* untold, it believes what was so before */
    }
}

/* The same, later than any guard: only the comparison is left. */
static void test_an_echo_of_another_write_is_none(void **state)
{
    (void)state;
    FOR_EACH_TRANSPORT(transport)
    {
        uint8_t echo[FRAME_SIZE];
        const uint8_t pdu[] = {WRITE_COIL, 0, 1, 0xff, 0};
        begin(*transport);
        struct frame_head head = {wire.format, 1, 1};
        size_t size = frame_encode(&head, pdu, sizeof pdu, echo);
        wire_spoil(&wire, WIRE_SWALLOWED, 1);
        wire_inject(&wire, wire.now_ms + 20, echo, size);
        assert_int_equal(write_coil(2, true), -1);
        assert_int_equal(err.kind, ERR_PROTOCOL);
        assert_int_equal(err.sent, SENT_MAYBE);
        assert_non_null(strstr(err.text, "about address 1 instead of 2: of another request"));
    }
}

static void test_an_echo_of_another_value_says_both(void **state)
{
    uint8_t echo[FRAME_SIZE];
    const uint8_t pdu[] = {WRITE_COIL, 0, 2, 0, 0};
    (void)state;
    begin(TRANSPORT_RTU);
    struct frame_head head = {wire.format, 1, 1};
    size_t size = frame_encode(&head, pdu, sizeof pdu, echo);
    wire_spoil(&wire, WIRE_SWALLOWED, 1);
    wire_inject(&wire, wire.now_ms + 20, echo, size);
    assert_int_equal(write_coil(2, true), -1);
    assert_int_equal(err.kind, ERR_PROTOCOL);
    assert_int_equal(err.sent, SENT_MAYBE);
    assert_non_null(strstr(err.text, "it answered with value 0 instead of 0xff00"));
}

/* D.2 row 2: libmodbus is one answer behind for ever after a time-out. */
static void test_tcp_is_not_one_answer_behind(void **state)
{
    (void)state;
    begin(TRANSPORT_TCP);
    wire.coils[3] = 1;
    wire_spoil(&wire, WIRE_LATE, 3);
    wire.late_ms = 250;
    assert_int_equal(read_coils(0, 1), -1);
    assert_int_equal(wire.opened, 3); /* a new connection for each try */
    assert_int_equal(read_coils(3, 1), 0);
    assert_int_equal(values[0], 1);
    wire_spoil(&wire, WIRE_WRONG_NUMBER, LINK_TRIES);
    assert_int_equal(read_coils(3, 1), -1);
    assert_int_equal(err.kind, ERR_PROTOCOL);
    assert_non_null(strstr(err.text, "transaction"));
}

/* D.2 row 4: libmodbus sends a broadcast and calls it a time-out. */
static void test_nothing_is_sent_to_everybody(void **state)
{
    (void)state;
    FOR_EACH_TRANSPORT(transport)
    {
        begin(*transport);
        map.unit = 0;
        assert_int_equal(write_coil(1, false), -1);
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_int_equal(err.sent, SENT_NO);
        assert_int_equal(read_coils(1, 1), -1);
        assert_int_equal(wire.broadcasts + wire.writes + wire.reads, 0);
    }
}

/* D.2 row 9, and its kin: a question is asked again, a write is not. */
static void test_what_is_no_answer(void **state)
{
    static const enum wire_fault faults[] = {WIRE_WRONG_UNIT, WIRE_WRONG_CRC, WIRE_WRONG_FUNCTION,
                                             WIRE_SHORT, WIRE_NOISE};
    (void)state;
    FOR_EACH_TRANSPORT(transport)
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        if (*transport == TRANSPORT_TCP && faults[i] == WIRE_WRONG_CRC)
            continue;
        begin(*transport);
        wire.coils[5] = 1;
        wire_spoil(&wire, faults[i], LINK_TRIES - 1);
        assert_int_equal(read_coils(5, 1), 0);
        assert_int_equal(values[0], 1);
        wire_spoil(&wire, faults[i], LINK_TRIES);
        assert_int_equal(read_coils(5, 1), -1);
        assert_int_equal(err.kind, ERR_PROTOCOL);
        assert_int_equal(err.sent, SENT_NO);
        assert_non_null(strstr(err.text, "it came as "));
        assert_int_equal(read_coils(5, 1), 0);
        wire_spoil(&wire, faults[i], 1);
        assert_int_equal(write_coil(5, false), -1);
        assert_int_equal(err.sent, SENT_MAYBE);
        assert_int_equal(wire.writes, 1);
    }
}

/* The second answer may be the one to this question, the first to the one before. */
static void test_two_answers_are_none(void **state)
{
    (void)state;
    begin(TRANSPORT_RTU);
    wire_spoil(&wire, WIRE_TWICE, LINK_TRIES);
    assert_int_equal(read_coils(5, 1), -1);
    assert_int_equal(err.kind, ERR_PROTOCOL);
    const uint8_t off[] = {1, READ_COILS, 1, 0, 0x51, 0x88};
    wire.coils[5] = 1;
    link_wait(the_link, 1000);
    uint64_t asked_ms = wire.now_ms;
    wire_inject(&wire, asked_ms + 8, off, sizeof off); /* just before the answer */
    assert_int_equal(read_coils(5, 1), 0);
    assert_int_equal(values[0], 1);
}

static void test_silence(void **state)
{
    (void)state;
    begin(TRANSPORT_RTU);
    wire_spoil(&wire, WIRE_SWALLOWED, 1000);
    assert_int_equal(read_coils(0, 1), -1);
    assert_int_equal(err.kind, ERR_UNREACHABLE);
    assert_int_equal(wire.reads, LINK_TRIES);
    assert_int_equal(read_coils(0, 1), -1); /* known by now: the others on the line wait */
    assert_int_equal(wire.reads, LINK_TRIES + 1);
    wire.faults = 0;
    assert_int_equal(read_coils(0, 1), 0);
    wire_spoil(&wire, WIRE_SWALLOWED, 1000);
    assert_int_equal(read_coils(0, 1), -1);
    assert_int_equal(err.kind, ERR_TIMEOUT);
    assert_non_null(strstr(err.text, "/dev/ttyUSB0 unit 1: read coil 0 (function 1)"));
}

static void test_exceptions_have_names(void **state)
{
    static const struct {
        uint8_t code;
        enum err_kind kind;
        enum sent sent;
        const char *text;
    } rows[] = {
        {1, ERR_DEVICE, SENT_YES, "illegal function (1)"},
        {2, ERR_DEVICE, SENT_YES, "illegal data address (2)"},
        {3, ERR_DEVICE, SENT_YES, "illegal data value (3)"},
        {4, ERR_DEVICE, SENT_YES, "device failure (4)"},
        {5, ERR_BUSY, SENT_MAYBE, "(5)"},
        {6, ERR_BUSY, SENT_YES, "device busy (6)"},
        {7, ERR_DEVICE, SENT_YES, "(7)"},
        {8, ERR_DEVICE, SENT_YES, "(8)"},
        {10, ERR_UNREACHABLE, SENT_YES, "gateway has no path to the unit (10)"},
        {11, ERR_UNREACHABLE, SENT_MAYBE, "(11)"},
        {99, ERR_DEVICE, SENT_YES, "exception 99"},
    };
    (void)state;
    begin(TRANSPORT_TCP);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire.exception = rows[i].code;
        wire_spoil(&wire, WIRE_EXCEPTION, 1);
        assert_int_equal(write_coil(0, true), -1);
        assert_int_equal(err.kind, rows[i].kind);
        assert_int_equal(err.sent, rows[i].sent);
        assert_non_null(strstr(err.text, rows[i].text));
        wire_spoil(&wire, WIRE_EXCEPTION, 1);
        assert_int_equal(read_coils(0, 1), -1);
        assert_int_equal(err.sent, SENT_NO);
    }
    assert_int_equal(wire.opened, 1); /* a refusal is an answer */
    assert_int_equal(wire.coils[0], 0);
}

static void test_a_write_opens_no_connection(void **state)
{
    (void)state;
    begin(TRANSPORT_TCP);
    wire_spoil(&wire, WIRE_HANGUP, 1);
    assert_int_equal(write_coil(0, true), -1);
    assert_int_equal(err.sent, SENT_MAYBE);
    assert_int_equal(write_coil(0, true), -1);
    assert_int_equal(err.sent, SENT_NO);
    assert_int_equal(wire.writes, 1);
    assert_int_equal(read_coils(0, 1), 0);
    assert_int_equal(link_connection(the_link), 2);
}

/* Devices close what was idle; that is noticed before it costs a write its certainty. */
static void test_a_connection_closed_meanwhile(void **state)
{
    (void)state;
    begin(TRANSPORT_TCP);
    wire_inject(&wire, wire.now_ms, (const uint8_t *)"", 0);
    assert_int_equal(write_coil(0, true), -1);
    assert_int_equal(err.sent, SENT_NO);
    assert_int_equal(read_coils(0, 1), 0);
    wire_inject(&wire, wire.now_ms, (const uint8_t *)"", 0);
    unsigned reads = wire.reads;
    assert_int_equal(read_coils(0, 1), 0);
    assert_int_equal(wire.reads, reads + 1);
}

static void test_no_connection_is_found_once(void **state)
{
    (void)state;
    begin(TRANSPORT_TCP);
    wire_spoil(&wire, WIRE_HANGUP, 1);
    wire.refuses = true;
    uint64_t asked_ms = wire.now_ms;
    assert_int_equal(read_coils(0, 1), -1);
    assert_int_equal(err.kind, ERR_UNREACHABLE);
    unsigned opened = wire.opened;
    link_serve(the_link, asked_ms, asked_ms + 5000);
    assert_int_equal(read_coils(0, 1), -1);
    assert_int_equal(wire.opened, opened); /* asked before it was found so */
    link_serve(the_link, wire.now_ms + 1, wire.now_ms + 5000);
    wire.now_ms++;
    assert_true(wire.now_ms > asked_ms);
    assert_int_equal(read_coils(0, 1), -1);
    assert_int_equal(wire.opened, opened + 1);
}

static void test_it_ends_in_time(void **state)
{
    (void)state;
    FOR_EACH_TRANSPORT(transport)
    {
        begin(*transport);
        wire_spoil(&wire, WIRE_SWALLOWED, 1000);
        uint64_t end_ms = wire.now_ms + 350;
        link_serve(the_link, wire.now_ms, end_ms);
        assert_int_equal(read_coils(0, 1), -1);
        assert_true(wire.now_ms < end_ms);
        wire.now_ms = end_ms;
        unsigned sent = wire.reads;
        assert_int_equal(read_coils(0, 1), -1);
        assert_int_equal(err.kind, ERR_TIMEOUT);
        assert_int_equal(wire.reads, sent);
    }
}

static void test_units_above_247(void **state)
{
    (void)state;
    begin(TRANSPORT_RTU);
    map.unit = wire.unit = 255;
    assert_int_equal(write_coil(0, true), 0);
    assert_int_equal(read_coils(0, 1), 0);
    assert_int_equal(values[0], 1);
}

static void test_gap_before_each_request(void **state)
{
    (void)state;
    begin(TRANSPORT_RTU);
    map.gap_ms = 80;
    assert_int_equal(write_coil(0, true), 0);
    uint64_t answered_ms = wire.now_ms;
    assert_int_equal(write_coil(0, true), 0);
    assert_true(wire.now_ms >= answered_ms + 80 + wire.answer_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_question_and_a_write, end),
        cmocka_unit_test_teardown(test_a_late_echo_is_thrown_away, end),
        cmocka_unit_test_teardown(test_what_a_killed_session_asked_is_thrown_away, end),
        cmocka_unit_test_teardown(test_an_echo_of_another_write_is_none, end),
        cmocka_unit_test_teardown(test_an_echo_of_another_value_says_both, end),
        cmocka_unit_test_teardown(test_tcp_is_not_one_answer_behind, end),
        cmocka_unit_test_teardown(test_nothing_is_sent_to_everybody, end),
        cmocka_unit_test_teardown(test_what_is_no_answer, end),
        cmocka_unit_test_teardown(test_two_answers_are_none, end),
        cmocka_unit_test_teardown(test_silence, end),
        cmocka_unit_test_teardown(test_exceptions_have_names, end),
        cmocka_unit_test_teardown(test_a_write_opens_no_connection, end),
        cmocka_unit_test_teardown(test_a_connection_closed_meanwhile, end),
        cmocka_unit_test_teardown(test_no_connection_is_found_once, end),
        cmocka_unit_test_teardown(test_it_ends_in_time, end),
        cmocka_unit_test_teardown(test_units_above_247, end),
        cmocka_unit_test_teardown(test_gap_before_each_request, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
