/* What goes when the journal gets too old or too long, and what stays all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "proto/cleanup.h"
#include "tests/unit/journal_rig.h"

static void add_event(struct journal *journal, enum event_kind kind, const char *job,
                      const char *node)
{
    struct job_event event = journal_rig_event(kind, job, node);
    journal_add_event(journal, &event);
}

static void add_outcome(struct journal *journal, const char *node, enum outcome outcome)
{
    struct job_event event = journal_rig_event(EVENT_OUTCOME, "J1-1", node);
    event.node.outcome = outcome;
    journal_add_event(journal, &event);
}

static bool pass_row(void *arg, const struct journal_row *row)
{
    (void)arg;
    (void)row;
    return true;
}

static int count_events(struct journal *journal)
{
    struct err err;
    return journal_read(journal, 0, UINT64_MAX, NULL, 100000, pass_row, NULL, &err);
}

static void old_rows_go_in_slices(void **state)
{
    struct err err = {0};
    (void)state;
    struct journal *journal = journal_rig_open("run1");
    journal_begin(journal);
    for (int i = 0; i < JOURNAL_SLICE + 10; i++)
        add_event(journal, EVENT_NOTE, "J1-1", "n02");
    journal_rig_commit(journal);
    int64_t day = 86400000;
    assert_int_equal(journal_trim(journal, 90 * day, 90, 1000000, &err), 0);
    assert_int_equal(journal_trim(journal, 91 * day, 90, 1000000, &err), JOURNAL_SLICE);
    assert_int_equal(journal_trim(journal, 91 * day, 90, 1000000, &err), 10);
    assert_int_equal(count_events(journal), 0);
    (void)journal_close(journal);
    journal = journal_rig_open("run2"); /* numbers are not given out again */
    assert_int_equal(journal_last_sequence(journal), JOURNAL_SLICE + 10);
    journal_begin(journal);
    for (int i = 0; i < 10; i++)
        add_event(journal, EVENT_NOTE, "J1-1", "n02");
    journal_rig_commit(journal);
    assert_int_equal(journal_trim(journal, 0, 90, 4, &err), 6);
    assert_int_equal(count_events(journal), 4);
    (void)journal_close(journal);
}

/* They are all that the next agent knows of it, however old or many they are. */
static void rows_of_a_job_without_an_end_stay(void **state)
{
    struct err err = {0};
    _cleanup_(nodeset_freep) struct nodeset *nodes = NULL;
    _cleanup_(freep) struct trail *trails = NULL;
    (void)state;
    struct journal *journal = journal_rig_open("run1");
    struct journal_job job = {.id = "J1-1",
                              .verb = VERB_CYCLE,
                              .nodes = "n02",
                              .nodes_hash = "0123456789abcdef",
                              .key = "",
                              .actor = "alice (uid 1000)",
                              .request = "{}",
                              .started_unix_ms = 1000};
    struct driver_request request = {.id = 1, .op = OP_OFF, .device = "b02"};
    int64_t day = 86400000;
    journal_begin(journal);
    journal_add_job(journal, &job);
    add_event(journal, EVENT_COMMAND, "J1-1", "n02");
    journal_add_intent(journal, &request, "J1-1", "n02", 2000);
    for (int i = 0; i < 10; i++)
        add_event(journal, EVENT_NOTE, "J2-1", "n03");
    journal_rig_commit(journal);
    assert_int_equal(journal_trim(journal, 91 * day, 90, 1, &err), 10);
    assert_int_equal(nodeset_parse("n02", NULL, &nodes, NULL, &err), 0);
    assert_int_equal(journal_trails(journal, "J1-1", nodes, &trails, &err), 0);
    assert_int_equal(trails[0].last_sent, TRAIL_MAYBE);
    assert_int_equal(trails[0].last_op, OP_OFF);
    journal_begin(journal);
    journal_end_job(journal, "J1-1", 91 * day, 0, "done");
    journal_rig_commit(journal);
    assert_int_equal(journal_trim(journal, 91 * day, 90, 1, &err), 2);
    (void)journal_close(journal);
}

/* It is shown as long as nothing else came of the node, over any number of restarts. */
static void a_node_left_off_stays(void **state)
{
    struct err err = {0};
    struct job_event last;
    (void)state;
    struct journal *journal = journal_rig_open("run1");
    journal_begin(journal);
    add_outcome(journal, "n01", OUTCOME_LEFT_OFF);
    add_outcome(journal, "n02", OUTCOME_LEFT_OFF);
    add_outcome(journal, "n02", OUTCOME_OK);
    for (int i = 0; i < 10; i++)
        add_event(journal, EVENT_NOTE, "J2-1", "n03");
    journal_rig_commit(journal);
    assert_int_equal(journal_trim(journal, 3000, 90, 1, &err), 11);
    assert_int_equal(journal_last_outcome(journal, "n01", &last, &err), 1);
    assert_int_equal(last.node.outcome, OUTCOME_LEFT_OFF);
    assert_int_equal(journal_last_outcome(journal, "n02", &last, &err), 0);
    (void)journal_close(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOURNAL_TEST(old_rows_go_in_slices),
        JOURNAL_TEST(rows_of_a_job_without_an_end_stay),
        JOURNAL_TEST(a_node_left_off_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
