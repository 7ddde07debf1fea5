/* The control API from outside: what it answers, whom it hangs up on, and that nothing is sent
 * which is not on disk. */
#include "tests/unit/api_rig.h"

/* --- answers -------------------------------------------------------------------------------- */

static void state_is_shown(void **state)
{
    (void)state;
    assert_has(get("/v1/version"), "\"version\":\"" VERSION "\"");
    assert_has(get("/v1/nodes"), "\"folded\":\"n[1-4]\"");
    assert_has(get("/v1/nodes?nodes=n%5B1-2%5D"), "\"folded\":\"n[1-2]\"");
    assert_has(get("/v1/jobs"), "\"jobs\":[]");
    assert_has(get("/healthz"), "\"status\":\"ok\"");
    assert_has(get("/v1/history?nodes=n1&limit=5"), "\"events\":[]");
    assert_has(get("/metrics"), "powerctl_nodes{power=\"unknown\"} 4\n");
    assert_has(talk.text, "text/plain; version=0.0.4");
}

static void outlets_are_shown_apart_from_machines(void **state)
{
    static const char whole[] = "{\"outlets\":[{\"outlet\":\"pdu-a/1\",\"node\":\"n1\","
                                "\"circuit\":\"row-1\"},{\"outlet\":\"pdu-a/2\"}]}";
    (void)state;
    assert_has(get("/v1/outlets"), whole);
    assert_has(get("/v1/outlets?pdu=pdu-a"), whole);
    assert_int_equal(status(get("/v1/outlets?pdu=pdu-b")), 404);
    assert_has(talk.text, "no PDU is called 'pdu-b'; did you mean 'pdu-a'?");
    assert_int_equal(status(get("/v1/outlets?pdu=d1")), 400);
    assert_has(talk.text, "d1 is no PDU");
    assert_int_equal(status(get("/v1/outlets?outlet=1")), 400);
    rig.answering = true;
    rig.power[NODES + 1] = POWER_ON;
    assert_has(get("/v1/nodes?nodes=*"), "\"folded\":\"n[1-4]\"");
    assert_int_equal(status(post("/v1/jobs", "application/json",
                                 "{\"verb\":\"status\",\"nodes\":\"pdu-a/[1-2]\"}")),
                     202);
    uint64_t until = clock_now_ms() + PATIENCE_MS;
    while (!strstr(get("/v1/nodes?nodes=pdu-a/2"), "\"power\":\"on\""))
        assert_true(clock_now_ms() < until);
    assert_has(get("/metrics"), "powerctl_nodes{power=\"unknown\"} 4\n");
    assert_has(talk.text, "powerctl_nodes{power=\"on\"} 0\n");
}

static void mistakes_get_a_problem(void **state)
{
    (void)state;
    assert_int_equal(status(get("/nosuch")), 404);
    assert_has(talk.text, "application/problem+json");
    assert_int_equal(status(get("/v1/jobs/J0-0")), 404);
    assert_int_equal(status(get("/v1/nodes?node=n1")), 400);
    assert_int_equal(status(get("/v1/nodes?nodes=n99")), 400);
    assert_has(talk.text, "n99");
    assert_int_equal(status(get("/v1/nodes?nodes=n1%00n2")), 400);
    assert_int_equal(status(get("/v1/history?limit=0")), 400);
    assert_int_equal(status(get("/v1/history?nodes=nosuch")), 400);
    assert_int_equal(status(get("/v1/events?after=-1")), 400);
    assert_int_equal(status(post("/v1/version", "application/json", "{}")), 405);
    assert_has(talk.text, "Allow: GET\r\n");
    assert_int_equal(
        status(exchange("PUT /v1/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")), 405);
    assert_has(talk.text, "Allow: GET, POST\r\n");
}

static void bodies_are_judged_strictly(void **state)
{
    (void)state;
    const char *good = "{\"verb\":\"on\",\"nodes\":\"n1\"}";
    assert_int_equal(status(post("/v1/jobs", "text/plain", good)), 415);
    assert_int_equal(status(post("/v1/jobs", "application/jsonx", good)), 415);
    assert_int_equal(status(post("/v1/jobs", "application/json", "{\"verb\":")), 400);
    assert_int_equal(status(post("/v1/jobs", "application/json", "")), 400);
    assert_int_equal(status(post("/v1/jobs", "application/json",
                                 "{\"verb\":\"on\",\"nodes\":\"n1\",\"sudo\":true}")),
                     400);
    assert_has(talk.text, "sudo");
    assert_int_equal(
        status(post("/v1/jobs", "application/json", "{\"verb\":\"on\",\"nodes\":\"n9\"}")), 400);
    assert_int_equal(rig.nsent, 0);
    assert_int_equal(status(post("/v1/plan", "application/json; charset=utf-8", good)), 200);
    assert_has(talk.text, "{\"plan\":\"");
    assert_int_equal(rig.nsent, 0);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    assert_int_equal(status(exchange("POST /v1/jobs HTTP/1.1\r\nHost: x\r\n"
                                     "Content-Type: application/json\r\n"
                                     "Content-Length: 1048577\r\n\r\n{")),
                     413);
    static const char head[] = "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                               "Content-Type: application/json\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    static char chunk[0x10000 + 9];
    memset(chunk, ' ', sizeof chunk);
    memcpy(chunk, "10000\r\n", 7);
    memcpy(chunk + sizeof chunk - 2, "\r\n", 2);
    talk_open(&talk);
    talk_send(&talk, head, sizeof head - 1);
    for (int i = 0; i < 17; i++) /* 1 MiB and 64 KiB, never announced */
        talk_send(&talk, chunk, sizeof chunk);
    talk_send(&talk, "0\r\n\r\n", 5);
    talk_until(&talk, NULL);
    (void)close(talk.fd);
    assert_int_equal(status(talk.text), 413);

    static char header[128 * 1024] = "GET / HTTP/1.1\r\nX: ";
    memset(header + 19, 'x', sizeof header - 19);
    talk_open(&talk);
    talk_send(&talk, header, sizeof header);
    talk_until(&talk, NULL);
    (void)close(talk.fd);
    if (talk.size) /* it may also just hang up */
        assert_in_range(status(talk.text), 400, 499);
}

static void nonsense_is_hung_up_on(void **state)
{
    static const char *const nonsense[] = {
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n",
        "\r\n\r\n\r\n\r\n \r\n\r\n",
        "GET\r\n\r\n",
        "POST /v1/jobs HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        "POST /v1/jobs HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST /v1/jobs HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    (void)state;
    server_set_patience(rig.api.server, 200, 200);
    for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
        (void)exchange(nonsense[i]); /* ends at all */
        assert_null(strstr(talk.text, "HTTP/1.1 2"));
    }
    assert_int_equal(rig.nsent, 0);
    server_set_patience(rig.api.server, SERVER_REQUEST_MS, SERVER_STALL_MS);
    assert_int_equal(status(get("/v1/version")), 200);
}

static void who_stalls_is_cut_off(void **state)
{
    struct server_counts counts;
    (void)state;
    server_set_patience(rig.api.server, 300, 300);
    assert_string_equal(exchange("GET /v1/vers"), "");
    /* A byte now and then does not help. */
    talk_open(&talk);
    while (!talk.ended)
        talk_send(&talk, "G", 1);
    (void)close(talk.fd);
    /* Neither does a body that never ends. */
    (void)exchange("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                   "Content-Length: 100\r\n\r\n{");
    server_count(rig.api.server, &counts);
    assert_in_range(counts.cut_off, 2, 3); /* MHD itself refuses a line of so many G */
}

/* --- jobs ----------------------------------------------------------------------------------- */

static void a_job_runs_and_its_stream_ends(void **state)
{
    char id[JOB_ID_SIZE], path[96];
    (void)state;
    rig.answering = true;
    const char *body = "{\"verb\":\"on\",\"nodes\":\"n[1-2]\",\"key\":\"k\"}";
    assert_int_equal(status(post("/v1/jobs", "application/json", body)), 202);
    read_id(talk.text, id);
    (void)snprintf(path, sizeof path, "/v1/jobs/%s/events", id);
    assert_int_equal(status(get(path)), 200);
    assert_has(talk.text, "text/event-stream");
    assert_has(talk.text, "id: 1\ndata: {");
    assert_has(talk.text, "\"kind\":\"command\"");
    assert_has(talk.text, "\"kind\":\"job-ended\"");
    (void)snprintf(path, sizeof path, "/v1/jobs/%s", id);
    assert_has(get(path), "\"exit_code\":0");
    assert_int_equal(rig.power[0], POWER_ON);
    assert_int_equal(rig.power[2], POWER_OFF);
    size_t sent = rig.nsent;
    assert_int_equal(status(post("/v1/jobs", "application/json", body)), 200); /* the same key */
    assert_int_equal(rig.nsent, sent);
    assert_has(get("/v1/history?nodes=n2&limit=1"), "\"kind\":\"outcome\"");
}

static void a_reader_that_comes_back_misses_nothing(void **state)
{
    (void)state;
    rig.answering = true;
    static struct talk live;
    talk_open(&live);
    talk_send(&live, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n", 37);
    talk_until(&live, "\r\n\r\n");
    assert_int_equal(
        status(post("/v1/jobs", "application/json", "{\"verb\":\"on\",\"nodes\":\"n3\"}")), 202);
    talk_until(&live, "job-ended");
    (void)close(live.fd);
    talk_open(&talk);
    static const char again[] = "GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 2\r\n\r\n";
    talk_send(&talk, again, sizeof again - 1);
    talk_until(&talk, "job-ended");
    (void)close(talk.fd);
    assert_null(strstr(talk.text, "id: 2\n"));
    for (const char *at = live.text; (at = strstr(at, "id: ")); at++) {
        char line[16];
        unsigned number;
        assert_int_equal(sscanf(at, "id: %u", &number), 1);
        (void)snprintf(line, sizeof line, "id: %u\n", number);
        if (number > 2)
            assert_has(talk.text, line);
    }
}

static void a_stream_nobody_takes_is_cut_off(void **state)
{
    struct server_counts counts;
    struct job_event event = {
        .kind = EVENT_NOTE, .verb = VERB_ON, .node = {.node = "n1", .percent = -1}};
    (void)state;
    server_set_patience(rig.api.server, 300, 300);
    talk_open(&talk);
    (void)send(talk.fd, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n", 37, MSG_NOSIGNAL);
    uint64_t until = clock_now_ms() + PATIENCE_MS;
    do { /* never reads */
        for (int i = 0; i < 100; i++)
            event_hub_publish(rig.hub, &event, false);
        server_wake(rig.api.server);
        (void)uv_run(&rig.loop, UV_RUN_NOWAIT);
        server_count(rig.api.server, &counts);
        assert_true(clock_now_ms() < until);
    } while (!counts.cut_off);
    while (counts.clients) {
        (void)uv_run(&rig.loop, UV_RUN_NOWAIT);
        server_count(rig.api.server, &counts);
        assert_true(clock_now_ms() < until);
    }
    assert_int_equal(counts.streams, 0);
    (void)close(talk.fd);
}

static bool was_sent(enum op op)
{
    for (size_t i = 0; i < rig.nsent; i++)
        if (rig.sent[i].op == op)
            return true;
    return false;
}

/* The disk fills up between the first reading of the state and the command. */
static void what_cannot_be_journaled_is_not_sent(void **state)
{
    char id[JOB_ID_SIZE], path[160];
    struct err err;
    (void)state;
    assert_int_equal(
        status(post("/v1/jobs", "application/json", "{\"verb\":\"on\",\"nodes\":\"n1\"}")), 202);
    read_id(talk.text, id);
    assert_true(was_sent(OP_STATUS));
    journal_limit_pages(rig.journal, 1);
    int result; /* small rows, until not even one of them fits; the reserve goes, too */
    do {
        struct job_event event = {.kind = EVENT_NOTE};
        journal_begin(rig.journal);
        journal_add_event(rig.journal, &event);
        result = journal_commit(rig.journal, &err);
    } while (result >= 0);
    rig.answering = true;
    struct core_counts counts;
    uint64_t until = clock_now_ms() + PATIENCE_MS;
    do {
        (void)uv_run(&rig.loop, UV_RUN_NOWAIT);
        core_count(rig.core, &counts);
        assert_true(clock_now_ms() < until);
    } while (!counts.failures[ERR_SYSTEM]);
    assert_false(was_sent(OP_ON));
    assert_int_equal(rig.power[0], POWER_OFF);

    (void)snprintf(path, sizeof path,
                   "DELETE /v1/jobs/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", id);
    assert_int_equal(status(exchange(path)), 202);
    assert_has(talk.text, "\"done\":true");

    size_t sent = rig.nsent;
    int refused =
        status(post("/v1/jobs", "application/json", "{\"verb\":\"on\",\"nodes\":\"n2\"}"));
    assert_in_range(refused, 500, 599);
    assert_has(talk.text, "disk full");
    assert_int_equal(rig.nsent, sent);
    assert_int_equal(status(get("/v1/nodes")), 200);
    assert_int_equal(status(get("/healthz")), 503);
    assert_int_equal(
        status(post("/v1/jobs", "application/json", "{\"verb\":\"status\",\"nodes\":\"n2\"}")),
        202);

    journal_limit_pages(rig.journal, 1000000);
    assert_int_equal(journal_recover(rig.journal, &err), 0);
    turn_recovered(rig.turn);
    assert_int_equal(
        status(post("/v1/jobs", "application/json", "{\"verb\":\"on\",\"nodes\":\"n2\"}")), 202);
    read_id(talk.text, id);
    (void)snprintf(path, sizeof path, "/v1/jobs/%s/events", id);
    assert_has(get(path), "job-ended");
    assert_true(was_sent(OP_ON));
}

static void before_the_drivers_are_settled_nothing_is_changed(void **state)
{
    (void)state;
    rig.api.ready = false;
    assert_int_equal(
        status(post("/v1/jobs", "application/json", "{\"verb\":\"on\",\"nodes\":\"n1\"}")), 409);
    assert_int_equal(status(get("/healthz")), 503);
    assert_int_equal(rig.nsent, 0);
}

/* --- the socket ----------------------------------------------------------------------------- */

static void the_socket_is_taken_over_only_from_the_dead(void **state)
{
    struct err err;
    struct stat found;
    char path[128];
    (void)state;
    assert_int_equal(stat(rig.path, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0660);
    assert_int_equal(server_listen(rig.path, (gid_t)-1, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);

    (void)snprintf(path, sizeof path, "%s/run/stale", rig.dir);
    int fd = server_listen(path, (gid_t)-1, &err);
    assert_true(fd >= 0);
    (void)close(fd);
    fd = server_listen(path, (gid_t)-1, &err);
    assert_true(fd >= 0);
    (void)close(fd);

    (void)snprintf(path, sizeof path, "%s/journal.db", rig.dir);
    assert_int_equal(server_listen(path, (gid_t)-1, &err), -1);
    assert_non_null(strstr(err.text, "no socket"));
    assert_int_equal(stat(path, &found), 0);
}

/* As root only: another user is let in by the mode, and may look, not touch. */
static const char *exchange_as(uid_t uid, const char *request)
{
    assert_int_equal(seteuid(uid), 0); /* the kernel notes it at connect() */
    talk_open(&talk);
    assert_int_equal(seteuid(0), 0);
    talk_send(&talk, request, strlen(request));
    talk_until(&talk, NULL);
    (void)close(talk.fd);
    return talk.text;
}

static void guests_may_look(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(rig.dir, 0755), 0);
    assert_int_equal(chmod(rig.path, 0666), 0);
    assert_int_equal(status(exchange_as(65534, "GET /v1/nodes HTTP/1.1\r\nHost: x\r\n"
                                               "Connection: close\r\n\r\n")),
                     200);
    assert_int_equal(status(exchange_as(65534, "DELETE /v1/jobs/J1-1 HTTP/1.1\r\nHost: x\r\n"
                                               "Connection: close\r\n\r\n")),
                     403);
    assert_has(talk.text, "uid 65534");
    assert_int_equal(status(exchange("DELETE /v1/jobs/J1-1 HTTP/1.1\r\nHost: x\r\n"
                                     "Connection: close\r\n\r\n")),
                     404);
}

static void nobody_knows_who_is_behind_tcp(void **state)
{
    struct peer peer;
    struct err err;
    (void)state;
    _cleanup_(closep) int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(access_peer(tcp, (gid_t)-1, &peer, &err), -1);
    assert_int_equal(err.kind, ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(state_is_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(outlets_are_shown_apart_from_machines, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes_get_a_problem, setup, teardown),
        cmocka_unit_test_setup_teardown(bodies_are_judged_strictly, setup, teardown),
        cmocka_unit_test_setup_teardown(too_much_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(nonsense_is_hung_up_on, setup, teardown),
        cmocka_unit_test_setup_teardown(who_stalls_is_cut_off, setup, teardown),
        cmocka_unit_test_setup_teardown(a_job_runs_and_its_stream_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_that_comes_back_misses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stream_nobody_takes_is_cut_off, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_journaled_is_not_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(before_the_drivers_are_settled_nothing_is_changed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_socket_is_taken_over_only_from_the_dead, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(guests_may_look, setup, teardown),
        cmocka_unit_test(nobody_knows_who_is_behind_tcp),
    };
    log_open(STDERR_FILENO, false, LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
