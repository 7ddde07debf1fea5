/* What --quiet says of a job that went wrong: a golden file, and nothing that a mail cannot bear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/cli/summary.h"
#include "proto/cleanup.h"

static char *summary_of(const struct job_view *job)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    summary_put(out, job);
    assert_int_equal(fclose(out), 0);
    return text;
}

#define NODE(name, ...)                                                                            \
    {                                                                                              \
        .node = (name), .percent = -1, __VA_ARGS__                                                 \
    }

static void a_rack_that_stopped_the_line(void **state)
{
    (void)state;
    struct node_view nodes[] = {
        NODE("n01", .outcome = OUTCOME_OK),
        NODE("n02", .outcome = OUTCOME_OK),
        NODE("n03", .outcome = OUTCOME_FAILED, .verdict = VERDICT_POWER_FAILED,
             .text = "still on 60 s after power-off"),
        NODE("n04", .outcome = OUTCOME_LEFT_OFF, .verdict = VERDICT_LEFT_OFF,
             .text = "b04: no answer since power-on"),
        NODE("n05", .outcome = OUTCOME_CANCELLED, .verdict = VERDICT_NOT_STARTED,
             .text = "the line was stopped before its turn; nothing was sent"),
        NODE("n06", .outcome = OUTCOME_CANCELLED, .verdict = VERDICT_NOT_STARTED,
             .text = "the line was stopped before its turn; nothing was sent"),
    };
    struct job_view job = {.id = "J1a2b3c4-17",
                           .verb = VERB_REBOOT,
                           .key = "rack3-2026-01-31",
                           .actor = "root (uid 0)",
                           .done = true,
                           .started_unix_ms = 1769830200000,
                           .elapsed_ms = 252000,
                           .nnodes = ARRAY_SIZE(nodes),
                           .nodes = nodes};
    _cleanup_(freep) char *text = summary_of(&job);
    _cleanup_(freep) char *wanted = NULL;
    size_t size = 0;
    _cleanup_(fclosep) FILE *file =
        fopen("tests/golden/cli/summary.txt", getenv("GOLDEN") ? "w+" : "r");
    assert_non_null(file);
    if (getenv("GOLDEN"))
        (void)fputs(text, file), rewind(file);
    assert_true(getdelim(&wanted, &size, '\0', file) > 0);
    assert_string_equal(text, wanted);
    for (const char *c = text; *c; c++)
        assert_true(*c == '\n' || *c >= ' ');
    assert_true(strcspn(text, "\n") < 120);
}

static void without_a_key_and_without_a_failure(void **state)
{
    (void)state;
    struct node_view nodes[] = {NODE("n01", .outcome = OUTCOME_OK),
                                NODE("n02", .outcome = OUTCOME_UNVERIFIED, .text = "accepted")};
    struct job_view job = {.id = "J1-2",
                           .verb = VERB_DIAG,
                           .actor = "root (uid 0)",
                           .done = true,
                           .nnodes = 2,
                           .nodes = nodes};
    _cleanup_(freep) char *text = summary_of(&job);
    static const char first[] = "powerctl: diag n[01-02]: 1 of 2 unverified (job J1-2)\n";
    assert_int_equal(strncmp(text, first, strlen(first)), 0);
    assert_non_null(strstr(text, "  n02: accepted\n"));
    assert_null(strstr(text, "Not started"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rack_that_stopped_the_line),
        cmocka_unit_test(without_a_key_and_without_a_failure),
    };
    (void)setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
