/* Streams of events: replay joins the live ring without a gap or a double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/sse.h"
#include "proto/cleanup.h"

static char dir[64];
static struct journal *journal;
static struct event_hub *hub;
static char text[4 << 20];

static int setup(void **state)
{
    struct err err;
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/powerctl-test-sse-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    journal = journal_open(dir, "run", &err);
    hub = event_hub_new(journal);
    return 0;
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *walk)
{
    (void)found;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    hub = event_hub_free(hub);
    journal = journal_close(journal);
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void publish_of(enum verb verb, enum event_kind kind, const char *job, const char *node,
                       bool journaled)
{
    struct err err;
    struct job_event event = {.kind = kind, .verb = verb, .sequence = 77};
    (void)snprintf(event.job, sizeof event.job, "%s", job);
    (void)snprintf(event.node.node, sizeof event.node.node, "%s", node);
    event.node.percent = -1;
    if (journaled) {
        journal_begin(journal);
        journal_add_event(journal, &event);
        assert_int_equal(journal_commit(journal, &err), 0);
    }
    event_hub_publish(hub, &event, journaled);
}

static void publish(enum event_kind kind, const char *job, const char *node, bool journaled)
{
    publish_of(VERB_ON, kind, job, node, journaled);
}

/* As the turn does: of a question only changed power is journaled. */
static void answer(enum event_kind kind, const char *job, const char *node)
{
    publish_of(VERB_STATUS, kind, job, node, kind == EVENT_POWER);
}

static ssize_t drain(struct stream *stream, uint64_t now_ms, size_t piece)
{
    size_t used = 0;
    ssize_t length;
    while ((length = stream_read(stream, text + used, piece, now_ms)) > 0)
        used += (size_t)length;
    text[used] = '\0';
    return length;
}

static size_t count(const char *what)
{
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        found++;
    return found;
}

static void a_replay_joins_what_is_live(void **state)
{
    struct stream_filter filter = {.replay = true, .after = 100};
    (void)state;
    for (int i = 0; i < 700; i++) /* more than one page */
        publish(EVENT_NOTE, "J1", "n01", true);
    struct stream *stream = stream_new(hub, &filter, 0);
    publish(EVENT_NOTE, "J1", "n02", true); /* before the replay is read */
    publish(EVENT_PROGRESS, "J1", "n02", false);
    assert_int_equal(drain(stream, 0, 1000), 0);
    assert_int_equal(count("id: "), 601);
    assert_int_equal(count("data: "), 602);
    assert_int_equal(strncmp(text, "id: 101\ndata: {", 15), 0);
    for (unsigned id = 101; id <= 701; id++) {
        char line[32];
        (void)snprintf(line, sizeof line, "id: %u\n", id);
        assert_int_equal(count(line), 1);
    }
    assert_int_equal(drain(stream, 0, 1000), 0);
    assert_string_equal(text, "");
    (void)stream_free(stream);
}

static void a_job_is_told_from_its_start_to_its_end(void **state)
{
    struct stream_filter filter = {.replay = true, .job = "J2"};
    (void)state;
    publish(EVENT_JOB_STARTED, "J1", "", true);
    publish(EVENT_JOB_STARTED, "J2", "", true);
    publish(EVENT_NOTE, "J1", "n01", true);
    struct stream *stream = stream_new(hub, &filter, 0);
    assert_int_equal(drain(stream, 0, 7), 0); /* in pieces smaller than an event */
    assert_int_equal(count("id: "), 1);
    publish(EVENT_JOB_ENDED, "J1", "", true);
    assert_int_equal(drain(stream, 0, 1000), 0);
    publish(EVENT_NOTE, "J2", "n01", true);
    publish(EVENT_JOB_ENDED, "J2", "", true);
    publish(EVENT_NOTE, "J2", "n01", true);
    assert_int_equal(drain(stream, 0, 1000), -1);
    assert_int_equal(count("id: "), 2);
    assert_int_equal(count("job-ended"), 1);
    (void)stream_free(stream);
    struct stream *again = stream_new(hub, &filter, 0); /* all of it out of the journal */
    assert_int_equal(drain(again, 0, 1000), -1);
    assert_int_equal(count("id: "), 3);
    (void)stream_free(again);
}

static void a_job_that_ended_unrecorded_ends_too(void **state)
{
    struct stream_filter filter = {.replay = true, .job = "J9", .job_ended = true};
    (void)state;
    publish(EVENT_NOTE, "J9", "n01", true);
    struct stream *stream = stream_new(hub, &filter, 0);
    assert_int_equal(drain(stream, 0, 1000), -1);
    assert_int_equal(count("id: "), 1);
    (void)stream_free(stream);
}

static void nodes_are_filtered(void **state)
{
    struct err err;
    struct stream_filter filter = {0};
    (void)state;
    assert_int_equal(nodeset_parse("n[01-02]", NULL, &filter.nodes, NULL, &err), 0);
    struct stream *stream = stream_new(hub, &filter, 0);
    publish(EVENT_NOTE, "J1", "n01", true);
    publish(EVENT_NOTE, "J1", "n03", true);
    publish(EVENT_JOB_ENDED, "J1", "", true);
    assert_int_equal(drain(stream, 0, 1000), 0);
    assert_int_equal(count("id: 1\n"), 1);
    assert_int_equal(count("data: "), 1);
    (void)stream_free(stream);
}

static void silence_is_pinged(void **state)
{
    struct stream_filter filter = {0};
    (void)state;
    struct stream *stream = stream_new(hub, &filter, 1000);
    assert_false(stream_has_data(stream, 1000 + SSE_PING_MS - 1));
    assert_true(stream_has_data(stream, 1000 + SSE_PING_MS));
    assert_int_equal(drain(stream, 1000 + SSE_PING_MS, 100), 0);
    assert_string_equal(text, ": ping\n\n");
    assert_false(stream_has_data(stream, 1000 + 2 * SSE_PING_MS - 1));
    (void)stream_free(stream);
}

static void a_slow_reader_is_told_to_ask_again(void **state)
{
    struct stream_filter filter = {0};
    (void)state;
    struct stream *stream = stream_new(hub, &filter, 0);
    for (int i = 0; i < SSE_RING + 1; i++)
        publish(EVENT_PROGRESS, "J1", "n01", false);
    assert_int_equal(drain(stream, 0, 1000), 0);
    assert_string_equal(text, "event: resync\ndata: {}\n\n");
    assert_int_equal(event_hub_overruns(hub), 1);
    publish(EVENT_PROGRESS, "J1", "n01", false);
    assert_int_equal(drain(stream, 0, 1000), 0);
    assert_int_equal(count("data: {\""), 1);
    (void)stream_free(stream);
}

static void an_id_from_the_future_is_answered_with_resync(void **state)
{
    struct stream_filter filter = {.replay = true, .after = 4711};
    (void)state;
    publish(EVENT_NOTE, "J1", "n01", true);
    struct stream *stream = stream_new(hub, &filter, 0);
    assert_int_equal(drain(stream, 0, 1000), 0);
    assert_string_equal(text, "event: resync\ndata: {}\n\n");
    (void)stream_free(stream);
}

static void a_question_is_news_only_where_power_is_another(void **state)
{
    struct stream_filter filter = {0};
    (void)state;
    struct stream *stream = stream_new(hub, &filter, 0);
    answer(EVENT_JOB_STARTED, "J1", "");
    answer(EVENT_OUTCOME, "J1", "n01");
    assert_false(stream_has_data(stream, 0)); /* nobody is woken for it */
    answer(EVENT_POWER, "J1", "n02");
    answer(EVENT_JOB_ENDED, "J1", "");
    assert_int_equal(drain(stream, 0, 1000), 0);
    assert_int_equal(count("data: "), 1);
    assert_int_equal(count("\"kind\":\"power\""), 1);
    (void)stream_free(stream);
}

static void a_question_is_told_from_its_start_to_its_end(void **state)
{
    struct stream_filter filter = {.replay = true, .job = "J2", .question = true};
    (void)state;
    answer(EVENT_JOB_STARTED, "J1", "");
    answer(EVENT_JOB_STARTED, "J2", "");
    answer(EVENT_OUTCOME, "J1", "n01");
    answer(EVENT_POWER, "J2", "n01");
    struct stream *stream = stream_new(hub, &filter, 0);
    answer(EVENT_OUTCOME, "J2", "n01");
    publish(EVENT_NOTE, "J3", "n01", true);
    answer(EVENT_JOB_ENDED, "J1", "");
    assert_int_equal(drain(stream, 0, 7), 0);
    assert_int_equal(count("data: "), 3);
    answer(EVENT_JOB_ENDED, "J2", "");
    assert_int_equal(drain(stream, 0, 1000), -1);
    assert_int_equal(count("job-ended"), 1);
    (void)stream_free(stream);
    filter.job_ended = true;
    struct stream *late = stream_new(hub, &filter, 0);
    assert_int_equal(drain(late, 0, 1000), -1);
    assert_int_equal(count("data: "), 4);
    assert_int_equal(count("id: "), 1);
    (void)stream_free(late);
}

static void a_question_is_followed_on_behind_its_last_id(void **state)
{
    struct stream_filter filter = {.replay = true, .job = "J1", .question = true, .after = 1};
    (void)state;
    answer(EVENT_JOB_STARTED, "J1", "");
    answer(EVENT_POWER, "J1", "n01"); /* id 1 */
    answer(EVENT_OUTCOME, "J1", "n01");
    struct stream *stream = stream_new(hub, &filter, 0);
    assert_int_equal(drain(stream, 0, 1000), 0);
    assert_int_equal(count("data: {\""), 1);
    assert_int_equal(count("\"kind\":\"outcome\""), 1);
    (void)stream_free(stream);
}

/* What the ring has lost is not in the journal either: the job has to be asked for. */
static void a_question_that_is_forgotten_is_to_be_asked_for(void **state)
{
    struct stream_filter filter = {.replay = true, .job = "J1", .question = true};
    (void)state;
    answer(EVENT_JOB_STARTED, "J1", "");
    for (int i = 0; i < SSE_RING; i++)
        answer(EVENT_OUTCOME, "J1", "n01");
    struct stream *stream = stream_new(hub, &filter, 0);
    assert_true(stream_has_data(stream, 0));
    assert_int_equal(drain(stream, 0, 1000), 0);
    assert_int_equal(count("event: resync\ndata: {}\n\n"), 1);
    assert_int_equal(count("outcome"), 0);
    answer(EVENT_JOB_ENDED, "J1", "");
    assert_int_equal(drain(stream, 0, 1000), -1);
    (void)stream_free(stream);
    filter.job_ended = true;
    struct stream *late = stream_new(hub, &filter, 0);
    assert_int_equal(drain(late, 0, 1000), -1);
    assert_string_equal(text, "event: resync\ndata: {}\n\n");
    (void)stream_free(late);
}

/* 200 readers of one event hold one text; the last one that is done with it frees it. */
static void a_text_outlives_its_place_in_the_ring(void **state)
{
    struct stream_filter filter = {0};
    (void)state;
    struct stream *stream = stream_new(hub, &filter, 0);
    publish(EVENT_NOTE, "J1", "n01", true);
    assert_int_equal(stream_read(stream, text, 10, 0), 10); /* half of it */
    for (int i = 0; i < SSE_RING + 1; i++)
        publish(EVENT_PROGRESS, "J1", "n02", false);
    assert_int_equal(drain(stream, 0, 1000), 0);
    assert_int_equal(count("n01"), 1);
    assert_int_equal(count("resync"), 1);
    (void)stream_free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_replay_joins_what_is_live, setup, teardown),
        cmocka_unit_test_setup_teardown(a_job_is_told_from_its_start_to_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(a_job_that_ended_unrecorded_ends_too, setup, teardown),
        cmocka_unit_test_setup_teardown(nodes_are_filtered, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_is_pinged, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slow_reader_is_told_to_ask_again, setup, teardown),
        cmocka_unit_test_setup_teardown(an_id_from_the_future_is_answered_with_resync, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_question_is_news_only_where_power_is_another, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_question_is_told_from_its_start_to_its_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_question_is_followed_on_behind_its_last_id, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_question_that_is_forgotten_is_to_be_asked_for, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_text_outlives_its_place_in_the_ring, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
