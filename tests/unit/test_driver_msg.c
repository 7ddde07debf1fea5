#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "proto/driver_msg.h"

static void check_line(const char *line, const char *expected)
{
    assert_non_null(line);
    assert_string_equal(line, expected);
}

static void device_there_and_back(void **state)
{
    (void)state;
    struct driver_device device = {.device = "bmc-n01",
                                   .nsettings = 2,
                                   .settings = {{"host", "10.1.0.11"}, {"note", "a \"b\" ü"}}};
    _cleanup_(freep) char *line = driver_device_encode(&device);
    check_line(line, "{\"device\":\"bmc-n01\",\"settings\":{\"host\":\"10.1.0.11\","
                     "\"note\":\"a \\\"b\\\" ü\"}}\n");
    struct driver_order order = {0};
    struct err err;
    assert_int_equal(driver_order_decode(line, &order, &err), 0);
    assert_int_equal(order.kind, DRIVER_MSG_DEVICE);
    assert_memory_equal(&order.device, &device, sizeof device);
}

static void check_request(const struct driver_request *request, const char *expected)
{
    _cleanup_(freep) char *line = driver_request_encode(request);
    check_line(line, expected);
    struct driver_order order = {0};
    struct err err = {.text = ""};
    if (driver_order_decode(line, &order, &err))
        fail_msg("%s: %s", line, err.text);
    assert_int_equal(order.kind, DRIVER_MSG_REQUEST);
    _cleanup_(freep) char *again = driver_request_encode(&order.request);
    assert_string_equal(again, line);
}

static void requests_there_and_back(void **state)
{
    (void)state;
    check_request(
        &(struct driver_request){.id = 7, .device = "bmc-n01", .op = OP_STATUS, .budget_ms = 5000},
        "{\"id\":7,\"device\":\"bmc-n01\",\"op\":\"power-status\",\"budget_ms\":5000}\n");
    check_request(&(struct driver_request){.id = INT64_MAX,
                                           .device = "pdu",
                                           .op = OP_ON,
                                           .outlet = 3,
                                           .budget_ms = UINT32_MAX,
                                           .keep_ms = 5000},
                  "{\"id\":9223372036854775807,\"device\":\"pdu\",\"op\":\"power-on\","
                  "\"budget_ms\":4294967295,\"outlet\":3,\"keep_ms\":5000}\n");
    check_request(&(struct driver_request){.id = 1,
                                           .device = "b",
                                           .op = OP_BOOT_SET,
                                           .boot_device = BOOT_NETWORK,
                                           .firmware = FIRMWARE_UEFI,
                                           .budget_ms = 1},
                  "{\"id\":1,\"device\":\"b\",\"op\":\"next-boot-set\",\"budget_ms\":1,"
                  "\"boot_device\":\"network\",\"firmware\":\"uefi\"}\n");
    for (enum op op = 0; op < OPS; op++) {
        struct driver_request request = {.id = 1, .device = "b", .op = op, .budget_ms = 9};
        _cleanup_(freep) char *line = driver_request_encode(&request);
        struct driver_order order = {0};
        assert_int_equal(driver_order_decode(line, &order, NULL), 0);
        _cleanup_(freep) char *again = driver_request_encode(&order.request);
        assert_string_equal(again, line);
    }
}

static void check_reply(const struct driver_reply *reply, const char *expected)
{
    _cleanup_(freep) char *line = driver_reply_encode(reply);
    check_line(line, expected);
    struct driver_answer answer;
    struct err err = {.text = ""};
    if (driver_answer_decode(line, &answer, &err))
        fail_msg("%s: %s", line, err.text);
    assert_int_equal(answer.kind, DRIVER_ANSWER_REPLY);
    _cleanup_(freep) char *again = driver_reply_encode(&answer.reply);
    assert_string_equal(again, line);
}

static void replies_there_and_back(void **state)
{
    (void)state;
    check_reply(&(struct driver_reply){.id = 7, .ok = true, .power = POWER_ON},
                "{\"id\":7,\"result\":\"ok\",\"power\":\"on\"}\n");
    check_reply(
        &(struct driver_reply){.id = 8,
                               .err = {ERR_UNREACHABLE, SENT_NO, "no answer from 10.1.0.12"}},
        "{\"id\":8,\"result\":\"failed\",\"error\":\"unreachable\",\"sent\":\"no\","
        "\"text\":\"no answer from 10.1.0.12\"}\n");
    check_reply(&(struct driver_reply){.id = 9,
                                       .err = {ERR_DEVICE, SENT_YES, "is off"},
                                       .power = POWER_OFF},
                "{\"id\":9,\"result\":\"failed\",\"error\":\"device\",\"sent\":\"yes\","
                "\"text\":\"is off\",\"power\":\"off\"}\n");
    check_reply(&(struct driver_reply){.id = 10,
                                       .ok = true,
                                       .has_next_boot = true,
                                       .next_boot = {true, false, true, BOOT_NETWORK}},
                "{\"id\":10,\"result\":\"ok\",\"next_boot\":{\"valid\":true,\"persistent\":false,"
                "\"uefi\":true,\"device\":\"network\"}}\n");
    check_reply(&(struct driver_reply){.id = 11,
                                       .ok = true,
                                       .has_evidence = true,
                                       .evidence = {.has_cause = true,
                                                    .cause = 0,
                                                    .has_power_on_minutes = true,
                                                    .power_on_minutes = UINT32_MAX}},
                "{\"id\":11,\"result\":\"ok\",\"evidence\":{\"cause\":0,\"power_on_minutes\":"
                "4294967295}}\n");
    check_reply(&(struct driver_reply){.id = 12,
                                       .ok = true,
                                       .has_info = true,
                                       .info = {.guid = "5a31", .model = "manufacturer 343"}},
                "{\"id\":12,\"result\":\"ok\",\"info\":{\"guid\":\"5a31\","
                "\"model\":\"manufacturer 343\"}}\n");
    check_reply(
        &(struct driver_reply){
            .id = 13, .ok = true, .has_info = true, .info = {"", "PDU", "modbus tcp, unit 1", 24}},
        "{\"id\":13,\"result\":\"ok\",\"info\":{\"guid\":\"\",\"model\":\"PDU\","
        "\"session\":\"modbus tcp, unit 1\",\"outlets\":24}}\n");
    check_reply(
        &(struct driver_reply){
            .id = 14, .ok = true, .power = POWER_ON, .has_watts = true, .milliwatts = UINT32_MAX},
        "{\"id\":14,\"result\":\"ok\",\"power\":\"on\",\"milliwatts\":4294967295}\n");
    check_reply(&(struct driver_reply){.id = 15, .ok = true, .has_watts = true},
                "{\"id\":15,\"result\":\"ok\",\"milliwatts\":0}\n");
    check_reply(&(struct driver_reply){.id = 16,
                                       .err = {ERR_PROTOCOL, SENT_NO, "neither on nor off"},
                                       .has_watts = true,
                                       .milliwatts = 9},
                "{\"id\":16,\"result\":\"failed\",\"error\":\"protocol\",\"sent\":\"no\","
                "\"text\":\"neither on nor off\",\"milliwatts\":9}\n");
}

/* A register map is some sixty settings, which is more than plain lines have: both ways work. */
static void a_device_of_many_settings(void **state)
{
    (void)state;
    struct driver_device device = {.device = "pdu-a", .nsettings = DRIVER_SETTINGS_MAX};
    for (size_t i = 0; i < DRIVER_SETTINGS_MAX; i++) {
        (void)snprintf(device.settings[i].name, NAME_SIZE, "setting_%zu", i);
        (void)snprintf(device.settings[i].value, DRIVER_SETTING_SIZE, "%0100zu", i);
    }
    _cleanup_(freep) char *line = driver_device_encode(&device);
    assert_non_null(line);
    struct driver_order order = {0};
    assert_int_equal(driver_order_decode(line, &order, NULL), 0);
    assert_int_equal(order.kind, DRIVER_MSG_DEVICE);
    assert_memory_equal(&order.device, &device, sizeof device);
    /* Only what it fills in is touched: a shorter one leaves the rest as it was. */
    const char *other = "{ \"device\":\"b\",\"settings\":{\"host\":\"h\"}}";
    assert_int_equal(driver_order_decode(other, &order, NULL), 0);
    assert_string_equal(order.device.device, "b");
    assert_int_equal(order.device.nsettings, 1);
    assert_string_equal(order.device.settings[0].value, "h");
    assert_string_equal(order.device.settings[1].name, "setting_1");
}

/* These are the host's and the journal's, and are not told to each other. */
static void what_is_not_on_the_wire(void **state)
{
    (void)state;
    const struct driver_request request = {
        .id = 1, .device = "a", .op = OP_STATUS, .budget_ms = 9, .settings = 7, .asked_ms = 8};
    _cleanup_(freep) char *line = driver_request_encode(&request);
    check_line(line, "{\"id\":1,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":9}\n");
    struct driver_order order;
    assert_int_equal(driver_order_decode(line, &order, NULL), 0);
    assert_int_equal(order.request.settings, 0);
    assert_int_equal(order.request.asked_ms, 0);
}

static void a_refusal_there_and_back(void **state)
{
    (void)state;
    struct err err = {ERR_CONFIG, SENT_NO, "no host"};
    _cleanup_(freep) char *line = driver_refusal_encode("bmc-n01", &err);
    check_line(line, "{\"device\":\"bmc-n01\",\"error\":\"config\",\"text\":\"no host\"}\n");
    struct driver_answer answer;
    assert_int_equal(driver_answer_decode(line, &answer, NULL), 0);
    assert_int_equal(answer.kind, DRIVER_ANSWER_REFUSAL);
    assert_string_equal(answer.device, "bmc-n01");
    assert_int_equal(answer.refusal.kind, ERR_CONFIG);
    assert_string_equal(answer.refusal.text, "no host");
}

static void credentials_there_and_back(void **state)
{
    (void)state;
    struct driver_credentials credentials = {"bmc", "ops", {"pa\\ss\"wörd"}};
    _cleanup_(freep) char *line = driver_credentials_encode(&credentials);
    struct driver_credentials back;
    assert_int_equal(driver_credentials_decode(line, &back, NULL), 0);
    assert_memory_equal(&back, &credentials, sizeof back);
}

/* A device's bytes in a text, or a text cut in the middle of a character, lose no reply. */
static void foreign_bytes_in_texts(void **state)
{
    (void)state;
    struct driver_reply reply = {.id = 1, .err = {.kind = ERR_PROTOCOL}};
    memset(reply.err.text, 0xff, sizeof reply.err.text - 1);
    _cleanup_(freep) char *bytes = driver_reply_encode(&reply);
    assert_non_null(bytes);
    struct driver_answer answer;
    assert_int_equal(driver_answer_decode(bytes, &answer, NULL), 0);
    assert_true(answer.reply.err.text[0] == '?');

    (void)snprintf(reply.err.text, sizeof reply.err.text, "ok \xc3\xbc, cut \xe2\x82");
    _cleanup_(freep) char *cut = driver_reply_encode(&reply);
    assert_int_equal(driver_answer_decode(cut, &answer, NULL), 0);
    assert_string_equal(answer.reply.err.text, "ok \xc3\xbc, cut ??");
}

static void what_does_not_fit_is_not_encoded(void **state)
{
    (void)state;
    struct driver_device device = {.device = "d", .nsettings = DRIVER_SETTINGS_MAX};
    for (size_t i = 0; i < DRIVER_SETTINGS_MAX; i++) {
        (void)snprintf(device.settings[i].name, NAME_SIZE, "s%zu", i);
        memset(device.settings[i].value, 1, DRIVER_SETTING_SIZE - 1); /* \u0001: six bytes each */
    }
    assert_null(driver_device_encode(&device));
    struct driver_credentials credentials = {"bmc", "ops", {"\xff"}};
    assert_null(driver_credentials_encode(&credentials));
    struct driver_request request = {.id = UINT64_MAX, .device = "d", .budget_ms = 1};
    assert_null(driver_request_encode(&request));
}

#define LONG "0123456789012345678901234567890123456789012345678901234567890123" /* 64 */

static const char *const bad_orders[] = {
    "",
    "[]",
    "7",
    "{}",
    "garbage",
    "{\"device\":\"a\"}",
    "{\"device\":\"\",\"settings\":{}}",
    "{\"device\":\"" LONG "\",\"settings\":{}}",
    "{\"device\":\"a\",\"settings\":[]}",
    "{\"device\":\"a\",\"settings\":{\"port\":623}}",
    "{\"device\":\"a\",\"settings\":{\"\":\"x\"}}",
    "{\"device\":\"a\",\"settings\":{\"a\":\"1\",\"a\":\"2\"}}",
    "{\"device\":\"a\",\"settings\":{\"a\":\"" LONG LONG LONG LONG "\"}}",
    "{\"device\":\"a\",\"settings\":{},\"more\":1}",
    "{\"device\":\"a\\u0000b\",\"settings\":{}}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-status\"}",
    "{\"id\":0,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1}",
    "{\"id\":-1,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1}",
    "{\"id\":1.0,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1}",
    "{\"id\":9223372036854775808,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":0}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":4294967296}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"explode\",\"budget_ms\":1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1,\"seconds\":1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1,\"seconds\":-1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"identify\",\"budget_ms\":1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"identify\",\"budget_ms\":1,\"seconds\":-1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-on\",\"budget_ms\":1,\"outlet\":-1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-on\",\"budget_ms\":1,\"keep_ms\":-1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-on\",\"budget_ms\":1,\"keep_ms\":\"1\"}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-on\",\"budget_ms\":1,\"asked_ms\":1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-on\",\"budget_ms\":1,\"settings\":1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"next-boot-set\",\"budget_ms\":1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"next-boot-set\",\"budget_ms\":1,\"boot_device\":\"disk\"}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"next-boot-set\",\"budget_ms\":1,\"boot_device\":\"tape\","
    "\"firmware\":\"uefi\"}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-on\",\"budget_ms\":1,\"boot_device\":\"disk\","
    "\"firmware\":\"uefi\"}",
};

static const char *const bad_answers[] = {
    "",
    "{\"id\":1}",
    "{\"id\":1,\"result\":\"maybe\"}",
    "{\"id\":0,\"result\":\"ok\"}",
    "{\"id\":\"1\",\"result\":\"ok\"}",
    "{\"id\":1,\"result\":\"ok\",\"text\":\"x\"}",
    "{\"id\":1,\"result\":\"failed\"}",
    "{\"id\":1,\"result\":\"failed\",\"error\":\"none\",\"sent\":\"no\",\"text\":\"\"}",
    "{\"id\":1,\"result\":\"failed\",\"error\":\"timeout\",\"sent\":\"perhaps\",\"text\":\"\"}",
    "{\"id\":1,\"result\":\"failed\",\"error\":\"timeout\",\"text\":\"\"}",
    "{\"id\":1,\"result\":\"failed\",\"error\":\"timeout\",\"sent\":\"no\",\"text\":\"" LONG LONG
        LONG LONG "\"}",
    "{\"id\":1,\"result\":\"ok\",\"power\":\"dim\"}",
    "{\"id\":1,\"result\":\"ok\",\"power\":true}",
    "{\"id\":1,\"result\":\"ok\",\"extra\":1}",
    "{\"id\":1,\"result\":\"ok\",\"result\":\"failed\"}",
    "{\"id\":1,\"result\":\"ok\",\"next_boot\":{\"valid\":true}}",
    "{\"id\":1,\"result\":\"ok\",\"next_boot\":null}",
    "{\"id\":1,\"result\":\"ok\",\"next_boot\":{\"valid\":1,\"persistent\":false,\"uefi\":true,"
    "\"device\":\"disk\"}}",
    "{\"id\":1,\"result\":\"ok\",\"evidence\":{\"cause\":256}}",
    "{\"id\":1,\"result\":\"ok\",\"evidence\":{\"cause\":-1}}",
    "{\"id\":1,\"result\":\"ok\",\"info\":{\"guid\":\"" LONG "\",\"model\":\"\"}}",
    "{\"id\":1,\"result\":\"ok\",\"info\":{\"guid\":\"\",\"model\":\"\",\"session\":\"" LONG "\"}}",
    "{\"id\":1,\"result\":\"ok\",\"info\":{\"guid\":\"\",\"model\":\"\",\"outlets\":4294967296}}",
    "{\"id\":1,\"result\":\"ok\",\"info\":{\"guid\":\"\",\"model\":\"\",\"outlets\":-1}}",
    "{\"id\":1,\"result\":\"ok\",\"info\":{\"guid\":\"\",\"model\":\"\",\"outlets\":\"4\"}}",
    "{\"id\":1,\"result\":\"ok\",\"milliwatts\":-1}",
    "{\"id\":1,\"result\":\"ok\",\"milliwatts\":4294967296}",
    "{\"id\":1,\"result\":\"ok\",\"milliwatts\":1.5}",
    "{\"id\":1,\"result\":\"ok\",\"milliwatts\":null}",
    "{\"device\":\"a\",\"error\":\"config\"}",
    "{\"device\":\"a\",\"error\":\"config\",\"text\":\"x\",\"id\":1}",
};

/* The same line with a blank in it is not plain, and goes the way of the tree. */
static char *with_a_blank(const char *line)
{
    size_t size = strlen(line) + 2;
    char *other = malloc(size);
    assert_non_null(other);
    (void)snprintf(other, size, "{ %s", line + 1);
    return other;
}

static void check_both_ways(const char *line)
{
    struct driver_order plain = {0}, tree = {0};
    struct driver_answer plain_answer = {0}, tree_answer = {0};
    struct err plain_err = {0}, tree_err = {0};
    _cleanup_(freep) char *other = with_a_blank(line);
    assert_int_equal(driver_order_decode(line, &plain, &plain_err),
                     driver_order_decode(other, &tree, &tree_err));
    assert_string_equal(plain_err.text, tree_err.text);
    assert_memory_equal(&plain, &tree, sizeof plain);
    assert_int_equal(driver_answer_decode(line, &plain_answer, NULL),
                     driver_answer_decode(other, &tree_answer, NULL));
    assert_memory_equal(&plain_answer, &tree_answer, sizeof plain_answer);
}

static const char *const both_ways[] = {
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1}\n",
    ("{\"op\":\"power-on\",\"keep_ms\":0,\"outlet\":4294967295,\"budget_ms\":1,\"device\":\"a\","
     "\"id\":1}"),
    "{\"id\":999999999999999999,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1}",
    "{\"id\":9223372036854775807,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1}",
    "{\"id\":01,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1}",
    "{\"id\":1e0,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1}",
    "{\"id\":1,\"device\":\"a\\u0062\",\"op\":\"power-status\",\"budget_ms\":1}",
    "{\"id\":1,\"device\":\"\xc3\xa4\",\"op\":\"power-status\",\"budget_ms\":1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"identify\",\"budget_ms\":1,\"seconds\":-0}",
    "{\"id\":1,\"id\":1,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1}",
    "{\"id\":1,\"device\":{},\"op\":\"power-status\",\"budget_ms\":1}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1,}",
    "{\"id\":1,\"device\":\"a\",\"op\":\"power-status\",\"budget_ms\":1}}",
    "{\"settings\":{},\"device\":\"a\"}",
    "{\"settings\":{\"host\":\"h\",\"port\":\"\"},\"device\":\"a\"}",
    "{\"settings\":{\"host\":\"h\",\"host\":\"h\"},\"device\":\"a\"}",
    "{\"settings\":{\"device\":\"h\"},\"device\":\"a\"}",
    "{\"settings\":{\"host\":1},\"device\":\"a\"}",
    "{\"settings\":{\"host\":{}},\"device\":\"a\"}",
    "{\"settings\":{\"\":\"h\"},\"device\":\"a\"}",
    "{\"settings\":{\"host\":\"h\"},\"device\":\"a\",\"id\":1}",
    "{\"settings\":\"host\",\"device\":\"a\"}",
    "{\"id\":7,\"result\":\"ok\"}",
    "{\"power\":\"off\",\"result\":\"ok\",\"id\":7}",
    "{\"id\":7,\"result\":\"ok\",\"power\":\"maybe\"}",
    "{\"id\":7,\"result\":\"ok\",\"power\":\"on\",\"milliwatts\":84000}",
    "{\"milliwatts\":4294967295,\"id\":7,\"result\":\"ok\"}",
    "{\"id\":7,\"result\":\"ok\",\"milliwatts\":4294967296}",
    "{\"id\":7,\"result\":\"ok\",\"milliwatts\":-1}",
    "{\"id\":7,\"result\":\"ok\",\"milliwatts\":\"1\"}",
    "{\"id\":7,\"result\":\"ok\",\"milliwatts\":1,\"milliwatts\":1}",
    "{\"id\":7,\"result\":\"fine\"}",
    "{\"id\":0,\"result\":\"ok\"}",
    "{\"result\":\"ok\"}",
    "{}",
    "{",
    "{\"",
    "{\"id\"",
    "{\"id\":",
    "{\"id\":-",
};

/* Plain lines are read without jansson: with the same result, and the same complaints. */
static void plain_lines_mean_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(both_ways); i++)
        check_both_ways(both_ways[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad_orders); i++)
        if (bad_orders[i][0] == '{')
            check_both_ways(bad_orders[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad_answers); i++)
        if (bad_answers[i][0] == '{')
            check_both_ways(bad_answers[i]);
    /* Every prefix of a line, and long lines. */
    for (size_t length = 1; length < strlen(both_ways[2]); length++) {
        _cleanup_(freep) char *part = strndup(both_ways[2], length);
        check_both_ways(part);
    }
    for (int length = 1; length < 600; length++) {
        char line[700];
        (void)snprintf(line, sizeof line, "{\"device\":\"a\",\"settings\":{\"host\":\"%0*d\"}}",
                       length, 0);
        check_both_ways(line);
    }
}

static void bad_orders_are_refused(void **state)
{
    (void)state;
    struct driver_order order, before;
    memset(&order, 0x5a, sizeof order);
    before = order;
    for (size_t i = 0; i < ARRAY_SIZE(bad_orders); i++) {
        struct err err = {.kind = ERR_NONE};
        if (!driver_order_decode(bad_orders[i], &order, &err))
            fail_msg("taken: %s", bad_orders[i]);
        assert_int_equal(err.kind, ERR_PROTOCOL);
        assert_true(strlen(err.text) > 0);
        assert_memory_equal(&order, &before, sizeof order);
    }
}

static void bad_answers_are_refused(void **state)
{
    (void)state;
    struct driver_answer answer, before;
    memset(&answer, 0x5a, sizeof answer);
    before = answer;
    for (size_t i = 0; i < ARRAY_SIZE(bad_answers); i++) {
        struct err err = {.kind = ERR_NONE};
        if (!driver_answer_decode(bad_answers[i], &answer, &err))
            fail_msg("taken: %s", bad_answers[i]);
        assert_int_equal(err.kind, ERR_PROTOCOL);
        assert_memory_equal(&answer, &before, sizeof answer);
    }
}

static void an_error_about_a_secret_does_not_tell_it(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"credentials\":\"bmc\",\"user\":\"ops\",\"password\":hunter2}",
        "{\"credentials\":\"bmc\",\"user\":\"ops\",\"hunter2\":\"x\"}",
        "{\"credentials\":\"bmc\",\"user\":\"ops\",\"password\":\"hunter2\"} x",
        "{\"credentials\":\"bmc\",\"user\":\"ops\",\"password\":\"hunter2" LONG "\"}",
        "hunter2",
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct driver_credentials credentials;
        struct err err;
        assert_int_equal(driver_credentials_decode(lines[i], &credentials, &err), -1);
        assert_null(strstr(err.text, "hunter2"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(device_there_and_back),
        cmocka_unit_test(requests_there_and_back),
        cmocka_unit_test(replies_there_and_back),
        cmocka_unit_test(a_device_of_many_settings),
        cmocka_unit_test(what_is_not_on_the_wire),
        cmocka_unit_test(a_refusal_there_and_back),
        cmocka_unit_test(credentials_there_and_back),
        cmocka_unit_test(foreign_bytes_in_texts),
        cmocka_unit_test(what_does_not_fit_is_not_encoded),
        cmocka_unit_test(bad_orders_are_refused),
        cmocka_unit_test(plain_lines_mean_the_same),
        cmocka_unit_test(bad_answers_are_refused),
        cmocka_unit_test(an_error_about_a_secret_does_not_tell_it),
    };
    return cmocka_run_group_tests_name("driver_msg", tests, NULL, NULL);
}
