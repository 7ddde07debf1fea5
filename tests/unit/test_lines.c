#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/lines.h"

struct seen {
    size_t count, too_long, last_length;
    char text[256];
};

static void take(void *arg, const char *line)
{
    struct seen *seen = arg;
    size_t size = strlen(seen->text);
    seen->count++;
    seen->too_long += line == NULL;
    seen->last_length = line ? strlen(line) : 0;
    (void)snprintf(seen->text + size, sizeof seen->text - size, "[%.20s]", line ? line : "NULL");
}

static void however_the_bytes_arrive(void **state)
{
    static const char bytes[] = "one\n\ntwo\nlast";
    (void)state;
    for (size_t step = 1; step < sizeof bytes; step++) {
        struct lines lines = {.size = 0};
        struct seen seen = {.count = 0};
        for (size_t i = 0; i < sizeof bytes - 1; i += step) {
            size_t left = sizeof bytes - 1 - i;
            lines_feed(&lines, bytes + i, left < step ? left : step, take, &seen);
        }
        assert_string_equal(seen.text, "[one][][two]");
        lines_end(&lines, take, &seen);
        assert_string_equal(seen.text, "[one][][two][last]");
        lines_end(&lines, take, &seen);
        assert_int_equal(seen.count, 4);
    }
}

static void feed_long(struct lines *lines, size_t length, struct seen *seen)
{
    char *bytes = malloc(length + 1);
    assert_non_null(bytes);
    memset(bytes, 'x', length);
    bytes[length] = '\n';
    lines_feed(lines, bytes, length + 1, take, seen);
    free(bytes);
}

static void a_line_that_is_too_long_is_told_once(void **state)
{
    (void)state;
    struct lines lines = {.size = 0};
    struct seen seen = {.count = 0};
    feed_long(&lines, DRIVER_LINE_SIZE - 1, &seen);
    assert_int_equal(seen.last_length, DRIVER_LINE_SIZE - 1);
    assert_int_equal(seen.too_long, 0);
    feed_long(&lines, DRIVER_LINE_SIZE, &seen);
    assert_int_equal(seen.too_long, 1);
    for (int i = 0; i < 100000; i++)
        lines_feed(&lines, "y", 1, take, &seen);
    assert_int_equal(seen.too_long, 2);
    lines_feed(&lines, "\nnext\n", 6, take, &seen);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.last_length, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(however_the_bytes_arrive),
        cmocka_unit_test(a_line_that_is_too_long_is_told_once),
    };
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
