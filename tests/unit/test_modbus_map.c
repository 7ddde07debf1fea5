/* The register map of a PDU: every setting has its row, what contradicts itself is refused with a
 * text that names it, and addresses and values mean what the profile says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/modbus/map.h"
#include "proto/cleanup.h"

/* "name=value name=value", on top of the defaults. */
static void set_all(struct modbus_map *map, const char *settings)
{
    char copy[1024], *rest = copy;
    assert_true(strlen(settings) < sizeof copy);
    memcpy(copy, settings, strlen(settings) + 1);
    for (char *word; (word = strsep(&rest, " "));) {
        struct err err;
        char *value = strchr(word, '=');
        if (!value)
            continue;
        *value++ = '\0';
        if (option_set(map_options, map, word, value, &err))
            fail_msg("%s=%s: %s", word, value, err.text);
    }
}

#define TCP_COILS                                                                                  \
    "host=pdu outlets=8 read_function=1 read_address=16 write_function=5 write_address=16 "

static struct modbus_map map_of(const char *settings)
{
    struct modbus_map map;
    memset(&map, 0, sizeof map); /* as the host does */
    options_init(map_options, &map);
    set_all(&map, settings);
    return map;
}

static void test_defaults(void **state)
{
    (void)state;
    struct modbus_map map = map_of("");
    assert_int_equal(map.transport, TRANSPORT_TCP);
    assert_int_equal(map.port, 502);
    assert_int_equal(map.unit, 1);
    assert_int_equal(map.outlets, 0);
    assert_int_equal(map.baud, 9600);
    assert_int_equal(map.read.stride, 1);
    assert_int_equal(map.read.on.value[0], 1);
    assert_int_equal(map.write.on.count, 0);
    assert_int_equal(map.pulse.goes, PULSE_OFF_ON);
    assert_int_equal(map.meter.milliwatts, 1000);
}

/* Every byte of the struct but its padding belongs to exactly one row: a field that was forgotten
 * could never be set. */
static void test_every_field_has_a_row(void **state)
{
    static unsigned char owned[sizeof(struct modbus_map)];
    size_t bytes = 0;
    (void)state;
    for (size_t i = 0; i < map_options.count; i++) {
        const struct option *row = &map_options.rows[i];
        assert_non_null(row->help);
        for (size_t at = row->offset; at < row->offset + row->size; at++, bytes++)
            assert_int_equal(owned[at]++, 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(row->name, map_options.rows[j].name);
    }
    /* Not set by a row: reset.bits, which map_check() refuses anyway. */
    for (size_t at = 0, gap = 0; at < sizeof owned; at++) {
        gap = owned[at] ? 0 : gap + 1;
        assert_true(gap <= 4);
    }
    assert_true(bytes <= sizeof owned);
}

static void test_good(void **state)
{
    static const char *const good[] = {
        TCP_COILS,
        TCP_COILS "transport=rtu-over-tcp port=4196",
        "transport=rtu serial=/dev/ttyUSB0 outlets=8 read_function=3 read_address=1 "
        "write_function=6 write_address=1 write_on=0x0100 write_off=0x0200",
        "host=pdu outlets=4 read_function=1 write_function=15 write_bank=true",
        "host=pdu outlets=20 read_function=3 read_bits=true write_function=16 write_bits=true "
        "write_bank=true",
        "host=pdu outlets=1 read_function=1 read_stride=0 write_function=5 write_stride=0",
        TCP_COILS "meter_function=4 meter_type=s32 meter_stride=2 meter_absent=0x80000000",
        TCP_COILS "pulse_function=6 pulse_value=2 pulse_ms=5000 pulse_time_function=6 "
                  "pulse_time_address=201 pulse_time_unit_ms=100",
        TCP_COILS "probe_function=3 probe_expect=4,4 count_function=3 count_address=1",
        "host=pdu outlets=8 meter_function=4", /* meters only */
        "host=pdu outlets=8 product=BlueNet",  /* known to do nothing */
        "kind=button host=pdu outlets=4 write_function=5 sense_function=2 reset_function=5 "
        "reset_address=4",
        "kind=button host=pdu outlets=4 pulse_function=5 pulse_address=0x200 pulse_ms=500 "
        "pulse_unit_ms=100 pulse_goes=on-off read_function=1",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct err err;
        struct modbus_map map = map_of(good[i]);
        if (map_check(&map, &err))
            fail_msg("%s\n%s", good[i], err.text);
    }
}

static const struct {
    const char *settings, *text;
} bad[] = {
    {"outlets=8 read_function=1",
     "transport tcp needs a host; for a serial line say transport: rtu"},
    {"transport=rtu-over-tcp outlets=8", "transport rtu-over-tcp needs a host"},
    {"outlets=8 serial=/dev/ttyS0", "for a serial line say transport: rtu"},
    {TCP_COILS "serial=/dev/ttyS0", "one line, not two"},
    {TCP_COILS "transport=rtu", "transport: rtu-over-tcp for a terminal server"},
    {"transport=rtu outlets=8", "say which by serial: /dev/"},
    {TCP_COILS "transport=rtu serial=/dev/ttyS0", "transport rtu has no host"},
    {TCP_COILS "transport=rtu-over-tcp rs485=true", "rs485 is of a serial line"},
    {"host=pdu read_function=1", "say how many it has, 1 to 64"},
    {"host=pdu outlets=8", "nothing can be read or written"},
    {TCP_COILS "read_function=0 write_function=0 pulse_function=6 pulse_ms=1 product=x",
     "pulse_function without read_function"},
    {"kind=button host=pdu outlets=4 pulse_function=5 pulse_ms=500 pulse_unit_ms=100 "
     "pulse_goes=on-off",
     "nothing would tell that the button is let go"},
    {"kind=button host=pdu outlets=4 pulse_function=5 pulse_ms=500 pulse_unit_ms=100 "
     "pulse_goes=on-off press_ms=250 read_function=1",
     "press_ms 250 and hold_ms 6000 cannot both be said in the pulse's units of 100 ms"},
    {TCP_COILS "read_stride=0", "read_stride is 0: all 8 outlets would have the address 16"},
    {TCP_COILS "write_stride=0", "write_stride is 0"},
    {TCP_COILS "read_address=65530", "outlet 8 would be at 65537, past 65535"},
    {TCP_COILS "write_address=65000 write_stride=100", "outlet 8 would be at 65700"},
    {"host=pdu outlets=17 read_function=3 read_bits=true read_address=65535", "past 65535"},
    {TCP_COILS "read_bits=true", "read_bits is of a register"},
    {TCP_COILS "read_function=0 read_bits=true", "read_bits, but no read_function"},
    {TCP_COILS "read_on=", "need a value each"},
    {TCP_COILS "read_on=0xff00", "read_on: a coil or bit is 0 or 1, never 65280"},
    {TCP_COILS "read_function=3 read_on=1,2,3 read_off=0,3", "read_on and read_off are both 3"},
    {TCP_COILS "write_function=3", "write_function 3 does not write"},
    {TCP_COILS "write_on=1,2 write_off=0", "one value each"},
    {TCP_COILS "write_on=0x0100", "say both or neither"},
    {TCP_COILS "write_on=1 write_off=1", "write_on and write_off are both 1"},
    {TCP_COILS "write_function=15 write_on=0xff00 write_off=0", "is 0 or 1, never 65280"},
    {TCP_COILS "write_function=0 write_on=2 write_off=1", "there is no write_function"},
    {TCP_COILS "write_bits=true", "a mask is written by function 16, not by function 5"},
    {TCP_COILS "write_function=16 write_bits=true", "write_bits needs write_bank"},
    {TCP_COILS "write_bank=true", "write_bank needs write_function 15 or 16, not 5"},
    {TCP_COILS "write_function=16 write_stride=2 write_bank=true", "write_stride must be 1"},
    {TCP_COILS "write_function=15 write_bank=true read_function=0",
     "write_function without read_function"},
    {TCP_COILS "read_function=0", "nothing would tell whether it obeyed"},
    {TCP_COILS "sense_function=2", "are of kind: button"},
    {TCP_COILS "reset_function=5", "are of kind: button"},
    {TCP_COILS "pulse_ms=5000", "there is no pulse_function"},
    {TCP_COILS "pulse_function=15 pulse_ms=1", "pulse_function is 5, 6 or 16, not 15"},
    {TCP_COILS "pulse_function=6", "say how long the pulse lasts"},
    {TCP_COILS "pulse_function=6 pulse_ms=50 pulse_unit_ms=100", "in units of 100 ms"},
    {TCP_COILS "pulse_function=6 pulse_ms=100 pulse_time_unit_ms=100", "no pulse_time_function"},
    {TCP_COILS "pulse_function=6 pulse_ms=100 pulse_time_function=5", "is 6 or 16, not 5"},
    {TCP_COILS "pulse_function=6 pulse_ms=100 pulse_time_function=6", "pulse_time_unit_ms 0"},
    {TCP_COILS "pulse_function=6 pulse_ms=100 pulse_unit_ms=100 pulse_time_function=6",
     "the time is in one place"},
    {TCP_COILS "pulse_function=6 pulse_ms=100 pulse_stride=0", "pulse_stride is 0"},
    {TCP_COILS "meter_function=1", "meter_function is 3 or 4"},
    {TCP_COILS "meter_function=4 meter_type=f32", "would begin inside it"},
    {TCP_COILS "meter_function=4 meter_absent=0x80000000", "does not fit into 16 bits"},
    {TCP_COILS "meter_function=4 meter_type=u32 meter_stride=2 meter_address=65521", "past 65535"},
    {TCP_COILS "meter_absent=1", "no meter_function"},
    {TCP_COILS "probe_expect=4", "no probe_function"},
    {TCP_COILS "probe_function=1 probe_expect=4", "probe_expect: a coil or bit"},
    {TCP_COILS "probe_function=3 probe_address=65535 probe_expect=1,2", "run past 65535"},
    {TCP_COILS "count_function=1", "a number is in a register"},
    {"kind=button host=pdu outlets=4 sense_function=2", "a button needs write_function"},
    {"kind=button host=pdu outlets=4 write_function=5 invert=true", "invert is of kind: outlet"},
    {"kind=button host=pdu outlets=4 write_function=15 write_bank=true read_function=1",
     "the other machines' buttons"},
    {"kind=button host=pdu outlets=4 write_function=5 press_ms=5000 hold_ms=4000",
     "hold_ms 4000 is not longer than press_ms 5000"},
    {"kind=button host=pdu outlets=4 write_function=5 pulse_function=5 pulse_ms=500",
     "pulse_goes: on-off"},
    {"kind=button host=pdu outlets=4 pulse_function=5 pulse_ms=500 pulse_goes=on-off",
     "a press is short or long"},
    {"kind=button host=pdu outlets=4 write_function=5 meter_function=4", "meter is of kind"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct err err = {0};
        struct modbus_map map = map_of(bad[i].settings);
        if (!map_check(&map, &err))
            fail_msg("taken: %s", bad[i].settings);
        assert_int_equal(err.kind, ERR_CONFIG);
        if (!strstr(err.text, bad[i].text))
            fail_msg("%s\nsays: %s\nnot: %s", bad[i].settings, err.text, bad[i].text);
    }
}

static void test_limits(void **state)
{
    static const struct {
        const char *name, *value;
    } refused[] = {
        {"unit", "0"},
        {"unit", "256"},
        {"read_function", "5"},
        {"write_function", "17"},
        {"read_address", "65536"},
        {"write_on", "65536"},
        {"outlets", "65"},
        {"port", "0"},
        {"parity", "odd-ish"},
        {"read_adress", "1"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct err err = {0};
        struct modbus_map map = map_of("");
        if (!option_set(map_options, &map, refused[i].name, refused[i].value, &err))
            fail_msg("taken: %s=%s", refused[i].name, refused[i].value);
        assert_int_equal(err.kind, ERR_CONFIG);
    }
}

static void test_addresses(void **state)
{
    (void)state;
    struct modbus_map map = map_of("read_address=27 read_stride=16 write_bits=true "
                                   "write_address=302");
    assert_int_equal(map_address(&map.read, 1), 27);
    assert_int_equal(map_address(&map.read, 2), 43);
    assert_int_equal(map_address(&map.write, 1), 302);
    assert_int_equal(map_address(&map.write, 16), 302);
    assert_int_equal(map_address(&map.write, 17), 303);
}

static void test_meaning(void **state)
{
    (void)state;
    struct modbus_map map = map_of("read_on=1,3 read_off=0");
    assert_int_equal(map_power(&map, &map.read, 1), POWER_ON);
    assert_int_equal(map_power(&map, &map.read, 3), POWER_ON);
    assert_int_equal(map_power(&map, &map.read, 0), POWER_OFF);
    assert_int_equal(map_power(&map, &map.read, 2), POWER_UNKNOWN);
    set_all(&map, "invert=true");
    assert_int_equal(map_power(&map, &map.read, 1), POWER_OFF);
    assert_int_equal(map_power(&map, &map.read, 0), POWER_ON);
    assert_int_equal(map_power(&map, &map.read, 2), POWER_UNKNOWN);
    assert_int_equal(map_power(&map, &map.sense, 1), POWER_ON); /* an LED is never inverted */
}

static void test_written_values(void **state)
{
    (void)state;
    struct modbus_map map = map_of("write_function=5");
    assert_int_equal(map_write_value(&map, &map.write, true), 0xff00);
    assert_int_equal(map_write_value(&map, &map.write, false), 0);
    set_all(&map, "invert=true");
    assert_int_equal(map_write_value(&map, &map.write, true), 0);
    assert_int_equal(map_write_value(&map, &map.write, false), 0xff00);
    map = map_of("write_function=6");
    assert_int_equal(map_write_value(&map, &map.write, true), 1);
    assert_int_equal(map_write_value(&map, &map.write, false), 0);
    map = map_of("write_function=6 write_on=0x0100 write_off=0x0200");
    assert_int_equal(map_write_value(&map, &map.write, true), 0x100);
    assert_int_equal(map_write_value(&map, &map.write, false), 0x200);
}

static void test_pulse_of_what_hangs_on_it(void **state)
{
    (void)state;
    struct modbus_map map = map_of("");
    assert_false(map_pulse_cycles(&map)); /* it has none */
    map = map_of("pulse_function=6 pulse_goes=off-on");
    assert_true(map_pulse_cycles(&map));
    set_all(&map, "invert=true");
    assert_false(map_pulse_cycles(&map));
    set_all(&map, "pulse_goes=on-off"); /* normally closed: the relay's on is the machine's off */
    assert_true(map_pulse_cycles(&map));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_field_has_a_row),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_written_values),
        cmocka_unit_test(test_pulse_of_what_hangs_on_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
