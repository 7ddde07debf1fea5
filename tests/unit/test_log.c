/* Log lines: escaped, cut, limited, and what was dropped is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/io/log.h"

static char text[4 << 20];
static int file_fd;

static int setup(void **state)
{
    char name[] = "/tmp/powerctl-test-log-XXXXXX";
    (void)state;
    file_fd = mkstemp(name);
    assert_true(file_fd >= 0);
    assert_int_equal(unlink(name), 0);
    log_open(file_fd, true, LOG_LEVEL_INFO);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    log_open(STDERR_FILENO, false, LOG_LEVEL_INFO);
    return close(file_fd);
}

static const char *written(void)
{
    ssize_t length = pread(file_fd, text, sizeof text - 1, 0);
    assert_true(length >= 0);
    text[length] = '\0';
    return text;
}

static size_t count(const char *what)
{
    size_t found = 0;
    for (const char *at = written(); (at = strstr(at, what)); at++)
        found++;
    return found;
}

static void nothing_forges_a_line(void **state)
{
    (void)state;
    log_info("node=%s text=\"%s\"", "n01", "a\nboot=UP\r\x1b[2J\x7f\xc2\x9b z");
    assert_string_equal(written(),
                        "<6>node=n01 text=\"a\\x0aboot=UP\\x0d\\x1b[2J\\x7f\\xc2\\x9b z\"\n");
}

static void long_lines_are_cut_between_escapes(void **state)
{
    char flood[4096];
    (void)state;
    memset(flood, '\n', sizeof flood - 1);
    flood[sizeof flood - 1] = '\0';
    log_error("%s", flood);
    size_t length = strlen(written());
    assert_in_range(length, LOG_LINE_SIZE - 8, LOG_LINE_SIZE);
    assert_string_equal(text + length - 5, "\\x0a\n");
    assert_int_equal(strncmp(text, "<3>\\x0a", 7), 0);
}

static void levels_below_the_threshold_are_silent(void **state)
{
    (void)state;
    log_debug("hidden");
    assert_string_equal(written(), "");
    log_open(file_fd, true, LOG_LEVEL_DEBUG);
    log_debug("shown");
    assert_string_equal(written(), "<7>shown\n");
}

static void time_stands_before_plain_lines(void **state)
{
    int year, after = 0;
    (void)state;
    log_open(file_fd, false, LOG_LEVEL_INFO);
    log_warning("x=%d", 1);
    assert_int_equal(
        sscanf(written(), "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ warning x=1\n%n", &year, &after), 1);
    assert_int_equal(after, strlen(text));
}

static void drops_are_counted(void **state)
{
    static struct log_site site = {.file = "here.c", .line = 7};
    (void)state;
    for (int i = 0; i < LOG_BURST + 30; i++)
        log_write(&site, LOG_LEVEL_INFO, 1000, "flood");
    assert_int_equal(count("<6>flood\n"), LOG_BURST);
    log_tick(1000 + LOG_WINDOW_MS - 1);
    assert_int_equal(count("suppressed"), 0);
    log_tick(1000 + LOG_WINDOW_MS);
    assert_int_equal(count("<4>log=suppressed lines=30 at=here.c:7\n"), 1);
    log_write(&site, LOG_LEVEL_INFO, 1000 + LOG_WINDOW_MS, "flood");
    assert_int_equal(count("<6>flood\n"), LOG_BURST + 1);
    log_tick(1000 + 3 * LOG_WINDOW_MS);
    assert_int_equal(count("suppressed"), 1);
}

static void other_places_and_errors_are_not_dropped(void **state)
{
    static struct log_site loud = {.file = "a.c", .line = 1}, quiet = {.file = "b.c", .line = 2};
    (void)state;
    for (int i = 0; i < LOG_BURST + 1; i++)
        log_write(&loud, LOG_LEVEL_WARNING, 50, "loud");
    log_write(&quiet, LOG_LEVEL_WARNING, 50, "quiet");
    for (int i = 0; i < LOG_BURST + 1; i++)
        log_write(&loud, LOG_LEVEL_ERROR, 50, "alarm");
    assert_int_equal(count("quiet"), 1);
    assert_int_equal(count("alarm"), LOG_BURST + 1);
    log_tick(50 + LOG_WINDOW_MS);
    assert_int_equal(count("lines=1 at=a.c:1"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_forges_a_line, setup, teardown),
        cmocka_unit_test_setup_teardown(long_lines_are_cut_between_escapes, setup, teardown),
        cmocka_unit_test_setup_teardown(levels_below_the_threshold_are_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(time_stands_before_plain_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(drops_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(other_places_and_errors_are_not_dropped, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
