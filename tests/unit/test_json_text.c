/* JSON written straight into text is byte for byte what jansson would have printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/api_fields.h"
#include "proto/json_text.h"

enum { ONE_VALUE = JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15) };

static void assert_same(struct json_text *text, json_t *value)
{
    char *ours = json_text_take(text), *theirs = json_dumps(value, ONE_VALUE);
    assert_non_null(ours);
    assert_string_equal(ours, theirs);
    json_decref(value);
    free(ours);
    free(theirs);
}

static void texts(void **state)
{
    static const char *const values[] = {
        "",     "n01",  "a \"b\" \\c/",  "\b\f\n\r\t\x01\x1f\x7f", "gr\xc3\xbc\xc3\x9f",
        "\xff", "\xc3", "a\xed\xa0\x80", "\xf0\x9f\x98\x80",       "\xc0\x80",
    };
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct json_text text = {0};
        json_put_string(&text, values[i]);
        assert_same(&text, text_to_json(values[i]));
    }
}

static void seconds(void **state)
{
    static const uint64_t values[] = {0,
                                      1,
                                      10,
                                      100,
                                      1000,
                                      1001,
                                      1010,
                                      59999,
                                      86400000,
                                      123456789012,
                                      UINT64_C(999999999999999),
                                      UINT64_C(1000000000000000),
                                      UINT64_C(123456789012345678),
                                      INT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct json_text text = {0};
        json_put_seconds(&text, values[i]);
        assert_same(&text, json_real((double)values[i] / 1000));
    }
}

static void numbers(void **state)
{
    static const int64_t values[] = {0, 1, -1, INT64_MAX, INT64_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct json_text text = {0};
        json_put_integer(&text, values[i]);
        assert_same(&text, json_integer(values[i]));
    }
}

static void commas_are_where_they_belong(void **state)
{
    struct json_text text = {0};
    (void)state;
    json_open(&text, '{');
    json_put_key(&text, "none");
    json_open(&text, '[');
    json_close(&text, ']');
    json_put_key(&text, "two");
    json_open(&text, '[');
    json_put_bool(&text, true);
    json_open(&text, '{');
    json_close(&text, '}');
    json_close(&text, ']');
    json_put_key(&text, "brackets");
    json_put_string(&text, "[{:");
    json_put_key(&text, "last");
    json_put_bool(&text, false);
    json_close(&text, '}');
    assert_same(&text, json_pack("{s:[], s:[b,{}], s:s, s:b}", "none", "two", 1, "brackets",
                                 "[{:", "last", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(seconds),
        cmocka_unit_test(numbers),
        cmocka_unit_test(commas_are_where_they_belong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
