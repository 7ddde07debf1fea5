/* Locks from outside: on disk before they hold, swept away when they are over, told in the history;
 * and a key whose job could not be journaled is free. */
#include "tests/unit/api_rig.h"

#include "proto/api_time.h"

static const char json[] = "application/json";

static bool was_sent(enum op op)
{
    for (size_t i = 0; i < rig.nsent; i++)
        if (rig.sent[i].op == op)
            return true;
    return false;
}

static const char *delete_path(const char *path)
{
    char request[512];
    (void)snprintf(request, sizeof request,
                   "DELETE %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    return exchange(request);
}

static void a_lock_is_taken_shown_and_released(void **state)
{
    (void)state;
    assert_int_equal(
        status(post("/v1/locks", json, "{\"nodes\":\"n[1-2]\",\"reason\":\"broken\"}")), 200);
    assert_has(talk.text, "\"node\":\"n2\",\"holder\":\"");
    assert_has(get("/v1/locks?nodes=n2"), "\"reason\":\"broken\"");
    assert_null(strstr(get("/v1/locks?nodes=n3"), "broken"));
    assert_has(get("/v1/nodes?nodes=n1"), "\"locked\":true");
    assert_int_equal(status(post("/v1/jobs", json, "{\"verb\":\"on\",\"nodes\":\"n[2-3]\"}")), 409);
    assert_has(talk.text, "\"type\":\"busy\"");
    assert_has(talk.text, "powerctl unlock n2 --steal");
    assert_has(talk.text, "\"lock\":{\"node\":\"n2\",");
    assert_false(was_sent(OP_STATUS));
    assert_int_equal(status(delete_path("/v1/locks?nodes=n1&for=bob")), 409);
    assert_int_equal(status(delete_path("/v1/locks?nodes=n1&for=bob&steal=true")), 200);
    assert_has(talk.text, "\"node\":\"n1\"");
    assert_has(get("/v1/history?nodes=n1"), " for bob, who took it from ");
    assert_null(strstr(get("/v1/locks"), "\"n1\""));
    assert_has(get("/v1/locks"), "\"n2\"");
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *body, *says;
    } bad[] = {
        {"{\"nodes\":\"n1\"}", "'reason' is missing"},
        {"{\"nodes\":\"n1\",\"reason\":\"  \"}", "must say why"},
        {"{\"nodes\":\"n1\",\"reason\":\"two\\nlines\"}", "control codes"},
        {"{\"nodes\":\"n1\",\"reason\":\"x\",\"until\":\"18:00\"}", "'until' must be a time"},
        {"{\"nodes\":\"n1\",\"reason\":\"x\",\"until\":\"2020-01-01T00:00:00Z\"}", "over already"},
        {"{\"nodes\":\"n1\",\"reason\":\"x\",\"holder\":\"me\"}", "unknown key 'holder'"},
        {"{\"nodes\":\"n1\",\"reason\":\"x\",\"for\":\"a\\u001b\"}", "control codes"},
        {"{\"nodes\":\"n9\",\"reason\":\"x\"}", "no node is called 'n9'"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(status(post("/v1/locks", json, bad[i].body)), 400);
        assert_has(talk.text, bad[i].says);
    }
    assert_int_equal(status(delete_path("/v1/locks")), 400);
    assert_int_equal(status(delete_path("/v1/locks?nodes=n1&steal=1")), 400);
    assert_int_equal(status(exchange("PUT /v1/locks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                     "\r\n")),
                     405);
    assert_has(talk.text, "Allow: GET, POST, DELETE\r\n");
    assert_has(get("/v1/locks"), "\"locks\":[]");
}

static void locks_survive_a_restart(void **state)
{
    struct err err = {0};
    (void)state;
    assert_int_equal(status(post("/v1/locks", json, "{\"nodes\":\"n1\",\"reason\":\"broken\"}")),
                     200);
    /* As the agent after it does: another core, the same journal. */
    struct core *next = core_new(rig.inventory, "next", clock_now_ms());
    struct locks *locks = locks_new(&rig.loop, next, rig.journal, on_tell, NULL, &err);
    assert_int_equal(locks_recall(locks, &err), 0);
    const struct lock_view *lock = lock_of(next, "n1", clock_now_ms());
    assert_non_null(lock);
    assert_string_equal(lock->reason, "broken");
    assert_null(lock_of(next, "n2", clock_now_ms()));
    locks_close(locks);
    (void)uv_run(&rig.loop, UV_RUN_NOWAIT);
    (void)core_free(next);
}

static void one_that_is_over_is_swept_away(void **state)
{
    char until[TIME_TEXT_SIZE], body[256];
    (void)state;
    time_format(clock_unix_ms() + 100, until);
    (void)snprintf(body, sizeof body, "{\"nodes\":\"n1\",\"reason\":\"broken\",\"until\":\"%s\"}",
                   until);
    assert_int_equal(status(post("/v1/locks", json, body)), 200);
    uint64_t patience = clock_now_ms() + PATIENCE_MS;
    while (!strstr(get("/v1/history?nodes=n1"), "is over (broken)"))
        assert_true(clock_now_ms() < patience);
    assert_has(get("/v1/locks"), "\"locks\":[]");
}

static void fill_the_disk(void)
{
    struct err err;
    int result;
    journal_limit_pages(rig.journal, 1);
    do { /* small rows, until not even one of them fits; the reserve goes, too */
        struct job_event event = {.kind = EVENT_NOTE};
        journal_begin(rig.journal);
        journal_add_event(rig.journal, &event);
        result = journal_commit(rig.journal, &err);
    } while (result >= 0);
}

static void what_is_not_on_disk_does_not_hold(void **state)
{
    struct err err = {0};
    (void)state;
    rig.answering = true;
    assert_int_equal(status(post("/v1/locks", json, "{\"nodes\":\"n1\",\"reason\":\"before\"}")),
                     200);
    fill_the_disk();
    int refused = status(post("/v1/locks", json, "{\"nodes\":\"n2\",\"reason\":\"full\"}"));
    assert_in_range(refused, 500, 599);
    assert_has(talk.text, "no lock is changed that is not journaled");
    assert_in_range(status(delete_path("/v1/locks?nodes=n1")), 500, 599);
    assert_has(get("/v1/locks"), "before");
    assert_null(strstr(get("/v1/locks"), "full"));
    const char *job = "{\"verb\":\"on\",\"nodes\":\"n3\",\"key\":\"k\"}";
    assert_in_range(status(post("/v1/jobs", json, job)), 500, 599);

    journal_limit_pages(rig.journal, 1000000);
    assert_int_equal(journal_recover(rig.journal, &err), 0);
    turn_recovered(rig.turn);
    assert_int_equal(status(post("/v1/jobs", json, job)), 202); /* not 200: it is another job */
    assert_int_equal(status(post("/v1/jobs", json, job)), 200);
}

/* The disk fills up between the look at the journal and the commit. */
static void a_key_whose_job_was_not_journaled_is_free(void **state)
{
    struct err err = {0};
    (void)state;
    rig.answering = true;
    sqlite3 *other; /* holds the file: our commit gives up after its busy timeout */
    assert_int_equal(sqlite3_open(rig.journal_path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    const char *job = "{\"verb\":\"on\",\"nodes\":\"n3\",\"key\":\"k\"}";
    assert_in_range(status(post("/v1/jobs", json, job)), 500, 599);
    assert_has(talk.text, "nothing was sent");
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(other);
    assert_int_equal(journal_recover(rig.journal, &err), 0);
    turn_recovered(rig.turn);
    assert_int_equal(status(post("/v1/jobs", json, job)), 202);
}

static void history_of_what_is_asked_for(void **state)
{
    char id[JOB_ID_SIZE], path[96];
    (void)state;
    rig.answering = true;
    assert_int_equal(status(post("/v1/jobs", json, "{\"verb\":\"on\",\"nodes\":\"n[1-2]\"}")), 202);
    read_id(talk.text, id);
    (void)snprintf(path, sizeof path, "/v1/jobs/%s/events", id);
    assert_has(get(path), "job-ended");
    const char *one = get("/v1/history?nodes=n1&limit=1"); /* the last, and who asked for it */
    assert_has(one, "\"kind\":\"job-started\"");
    assert_has(one, "\"kind\":\"outcome\"");
    assert_null(strstr(one, "\"kind\":\"command\""));
    assert_null(strstr(get("/v1/history?nodes=n1"), "\"node\":\"n2\""));
    assert_has(get("/v1/history?nodes=n[1-2]"), "\"node\":\"n2\"");
    assert_has(get("/v1/history?since=2099-01-01T00:00:00Z"), "\"events\":[]");
    assert_int_equal(status(get("/v1/history?since=yesterday")), 400);
    assert_int_equal(status(get("/v1/history?all=maybe")), 400);
    assert_int_equal(status(get("/v1/history?limit=10001")), 400);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_lock_is_taken_shown_and_released, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(locks_survive_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_is_over_is_swept_away, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_on_disk_does_not_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_whose_job_was_not_journaled_is_free, setup, teardown),
        cmocka_unit_test_setup_teardown(history_of_what_is_asked_for, setup, teardown),
    };
    log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), false, LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
