#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "proto/option.h"

struct settings {
    char host[16];
    uint32_t port, privilege, workarounds, function, unit;
    bool verify;
    struct option_uints registers;
};

static const char *const privileges[] = {"user", "operator", "administrator", NULL};
static const char *const workarounds[] = {"authcap", "idzero", "slow", NULL};

static const struct option rows[] = {
    OPTION(OPTION_TEXT, struct settings, host, .required = true, .help = "name or address"),
    OPTION(OPTION_UINT, struct settings, port, .fallback = "623", .min = 1, .max = 65535),
    OPTION(OPTION_CHOICE, struct settings, privilege, .fallback = "operator",
           .choices = privileges),
    OPTION(OPTION_FLAGS, struct settings, workarounds, .choices = workarounds),
    OPTION(OPTION_BOOL, struct settings, verify, .fallback = "true"),
    OPTION(OPTION_UINTS, struct settings, registers, .fallback = "1,2", .max = 255),
    OPTION(OPTION_UINT, struct settings, function, .max = 4, .help = "1 coils; 0: it has none"),
    OPTION(OPTION_UINT, struct settings, unit, .max = 4,
           .help = "a help so long that a line of an error could not show it all, which therefore "
                   "ends behind one of its words, as nobody reads on after so many of them anyway"),
};
static const struct option_table table = {rows, ARRAY_SIZE(rows)};

static void test_defaults(void **state)
{
    struct settings s;
    (void)state;
    memset(&s, 0xaa, sizeof s);
    options_init(table, &s);
    assert_string_equal(s.host, "");
    assert_int_equal(s.port, 623);
    assert_int_equal(s.privilege, 1);
    assert_int_equal(s.workarounds, 0);
    assert_true(s.verify);
    assert_int_equal(s.registers.count, 2);
    assert_int_equal(s.registers.value[1], 2);
}

static void test_bad_default_aborts(void **state)
{
    static const struct option bad[] = {
        OPTION(OPTION_UINT, struct settings, port, .fallback = "70000", .max = 65535),
    };
    struct settings s;
    int status;
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        (void)!freopen("/dev/null", "w", stderr);
        (void)signal(SIGABRT, SIG_DFL);
        options_init((struct option_table){bad, 1}, &s);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void test_good_values(void **state)
{
    struct settings s;
    (void)state;
    options_init(table, &s);
    assert_int_equal(option_set(table, &s, "host", "10.1.0.11", NULL), 0);
    assert_int_equal(option_set(table, &s, "port", "65535", NULL), 0);
    assert_int_equal(option_set(table, &s, "privilege", "administrator", NULL), 0);
    assert_int_equal(option_set(table, &s, "workarounds", "slow,authcap", NULL), 0);
    assert_int_equal(option_set(table, &s, "verify", "off", NULL), 0);
    assert_int_equal(option_set(table, &s, "registers", "", NULL), 0);
    assert_string_equal(s.host, "10.1.0.11");
    assert_int_equal(s.port, 65535);
    assert_int_equal(s.privilege, 2);
    assert_int_equal(s.workarounds, 5);
    assert_false(s.verify);
    assert_int_equal(s.registers.count, 0);
}

/* As manuals write addresses; a leading zero is no octal. */
static void test_hexadecimal(void **state)
{
    struct settings s;
    uint32_t number = 7;
    (void)state;
    options_init(table, &s);
    assert_int_equal(option_set(table, &s, "port", "0x0100", NULL), 0);
    assert_int_equal(s.port, 256);
    assert_int_equal(option_set(table, &s, "port", "010", NULL), 0);
    assert_int_equal(s.port, 10);
    assert_int_equal(option_set(table, &s, "registers", "0xfF,16,0x0", NULL), 0);
    assert_int_equal(s.registers.count, 3);
    assert_int_equal(s.registers.value[0], 255);
    assert_int_equal(s.registers.value[1], 16);
    assert_int_equal(s.registers.value[2], 0);
    assert_int_equal(option_number("0xffffffff", &number), 0);
    assert_int_equal(number, UINT32_MAX);
    assert_int_equal(option_number("4294967296", &number), -1);
    assert_int_equal(option_number("", &number), -1);
    assert_int_equal(number, UINT32_MAX);
}

static void test_bad_values(void **state)
{
    static const struct {
        const char *name, *value, *text;
    } cases[] = {
        {"host", "", "host: empty"},
        {"host", "a-name-that-is-too-long", "host: longer than 15 characters"},
        {"host", "a\nb", "host: a control character in the text"},
        {"port", "", "port: '' is not a whole number"},
        {"port", "-1", "port: '-1' is not a whole number"},
        {"port", " 1", "port: ' 1' is not a whole number"},
        {"port", "0x", "port: '0x' is not a whole number"},
        {"port", "0X10", "port: '0X10' is not a whole number"},
        {"port", "0x1g", "port: '0x1g' is not a whole number"},
        {"port", "10ab", "port: '10ab' is not a whole number"},
        {"port", "0x10000", "port: 65536 is not between 1 and 65535"},
        {"port", "0x123456789", "port: '0x123456789' is not a whole number"},
        {"registers", "1,0x100", "registers: 256 is not between 0 and 255"},
        {"port", "0", "port: 0 is not between 1 and 65535"},
        {"port", "65536", "port: 65536 is not between 1 and 65535"},
        {"port", "99999999999999999999", "port: '99999999999999999999' is not a whole number"},
        {"privilege", "root", "privilege: 'root' is none of: user, operator, administrator"},
        {"workarounds", "slow,", "workarounds: '' is none of: authcap, idzero, slow"},
        {"verify", "maybe", "verify: 'maybe' is neither true nor false"},
        {"registers", "1,256", "registers: 256 is not between 0 and 255"},
        {"registers", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "registers: more than 16 numbers"},
        {"function", "5", "function: 5 is not between 0 and 4 (1 coils; 0: it has none)"},
        {"function", "coils", "function: 'coils' is not a whole number (1 coils; 0: it has none)"},
        {"unit", "5",
         "unit: 5 is not between 0 and 4 (a help so long that a line of an error could not show it "
         "all, which therefore ends behind one of its words, as nobody reads on ...)"},
        {"pot", "1", "no option is called 'pot'; did you mean 'port'?"},
        {"hots", "1", "no option is called 'hots'; did you mean 'host'?"},
        {"frequency", "1", "no option is called 'frequency'"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct settings s, before;
        struct err err = {0};
        memset(&s, 0, sizeof s);
        options_init(table, &s);
        before = s;
        assert_int_equal(option_set(table, &s, cases[i].name, cases[i].value, &err), -1);
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_string_equal(err.text, cases[i].text);
        assert_memory_equal(&s, &before, sizeof s);
    }
}

static void test_schema_there_and_back(void **state)
{
    struct option_schema *schema = NULL;
    struct err err = {0};
    (void)state;
    _cleanup_(freep) char *json = option_schema_encode("ipmi", "BMCs", table);
    assert_non_null(json);
    assert_int_equal(option_schema_decode(json, &schema, &err), 0);
    assert_string_equal(schema->driver, "ipmi");
    assert_int_equal(schema->table.count, table.count);
    assert_true(schema->table.rows[0].required);
    assert_string_equal(schema->table.rows[0].help, "name or address");
    assert_int_equal(schema->table.rows[1].max, 65535);
    assert_string_equal(schema->table.rows[2].choices[2], "administrator");
    assert_int_equal(option_check(&schema->table.rows[0], "0123456789abcde", NULL), 0);
    assert_int_equal(option_check(&schema->table.rows[0], "0123456789abcdef", &err), -1);
    assert_int_equal(option_check(&schema->table.rows[3], "slow", NULL), 0);
    assert_int_equal(option_check(&schema->table.rows[3], "fast", NULL), -1);
    _cleanup_(freep) char *again =
        option_schema_encode(schema->driver, schema->help, schema->table);
    assert_string_equal(json, again);
    assert_null(option_schema_free(schema));
}

static void test_bad_schemas(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{\"driver\":\"x\",\"help\":\"\"}",
        "{\"driver\":\"../x\",\"help\":\"\",\"options\":[]}",
        "{\"driver\":\"x\",\"help\":\"\",\"options\":{}}",
        "{\"driver\":\"x\",\"help\":\"\",\"options\":[],\"more\":1}",
        "{\"driver\":\"x\",\"help\":\"\",\"options\":[{\"name\":\"a\"}]}",
        "{\"driver\":\"x\",\"help\":\"\",\"options\":[{\"name\":\"a\",\"type\":\"int\"}]}",
        "{\"driver\":\"x\",\"help\":\"\",\"options\":[{\"name\":\"a\",\"type\":\"choice\"}]}",
        "{\"driver\":\"x\",\"help\":\"\",\"options\":[{\"name\":\"a\",\"type\":\"uint\","
        "\"min\":2,\"max\":1}]}",
        "{\"driver\":\"x\",\"help\":\"\",\"options\":[{\"name\":\"a\",\"type\":\"uint\","
        "\"default\":\"z\"}]}",
        "{\"driver\":\"x\",\"help\":\"\",\"options\":[{\"name\":\"a\",\"type\":\"text\"},"
        "{\"name\":\"a\",\"type\":\"text\"}]}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct option_schema *schema = NULL;
        struct err err = {0};
        assert_int_equal(option_schema_decode(bad[i], &schema, &err), -1);
        assert_int_equal(err.kind, ERR_PROTOCOL);
        assert_null(schema);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_bad_default_aborts),
        cmocka_unit_test(test_good_values),
        cmocka_unit_test(test_hexadecimal),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_bad_schemas),
        cmocka_unit_test(test_schema_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
