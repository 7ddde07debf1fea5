/* The control API from outside: a real socket, the real core and journal; the drivers are a
 * list of requests that the test answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "agent/io/api.h"
#include "agent/io/clock.h"
#include "agent/io/log.h"
#include "proto/cleanup.h"

enum { NODES = 4, SENT_MAX = 64, PATIENCE_MS = 30000 };

static struct {
    char dir[64], path[96], journal_path[96];
    uv_loop_t loop;
    struct inventory *inventory;
    struct core *core;
    struct journal *journal;
    struct event_hub *hub;
    struct turn *turn;
    struct api api;
    size_t nsent;
    struct driver_request sent[SENT_MAX];
    bool answering; /* as a device that does what it is told */
    enum power power[NODES];
    uv_idle_t answers;
    size_t answered;
} rig;

/* --- the rig -------------------------------------------------------------------------------- */

static int intents_on_disk(uint64_t request)
{
    sqlite3 *db;
    sqlite3_stmt *row;
    int count = -1;
    assert_int_equal(sqlite3_open_v2(rig.journal_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(*) FROM intents WHERE request = ?", -1, &row, NULL),
        SQLITE_OK);
    (void)sqlite3_bind_int64(row, 1, (int64_t)request);
    if (sqlite3_step(row) == SQLITE_ROW)
        count = sqlite3_column_int(row, 0);
    (void)sqlite3_finalize(row);
    (void)sqlite3_close(db);
    return count;
}

static void on_send(void *arg, const char *driver, const struct driver_request *request)
{
    (void)arg;
    assert_string_equal(driver, "fake");
    assert_true(rig.nsent < SENT_MAX);
    if (op_changes_something(request->op)) /* another process would see it by now */
        assert_int_equal(intents_on_disk(request->id), 1);
    rig.sent[rig.nsent++] = *request;
}

static void on_tell(void *arg, const struct job_event *event, bool journaled)
{
    (void)arg;
    event_hub_publish(rig.hub, event, journaled);
    server_wake(rig.api.server);
}

static void on_port(void *arg, struct ipv4 ip, uint16_t port)
{
    (void)arg;
    (void)ip;
    (void)port;
}

static void on_answers(uv_idle_t *idle)
{
    (void)idle;
    while (rig.answering && rig.answered < rig.nsent) {
        const struct driver_request *request = &rig.sent[rig.answered++];
        size_t node = (size_t)(request->device[1] - '1');
        struct driver_reply reply = {.id = request->id, .op = request->op, .ok = true};
        if (request->op == OP_ON)
            rig.power[node] = POWER_ON;
        if (request->op == OP_STATUS)
            reply.power = rig.power[node];
        turn_reply(rig.turn, &reply);
    }
}

static struct inventory *make_inventory(void)
{
    struct err err;
    struct inventory *inventory = inventory_new();
    inventory->devices = calloc(NODES, sizeof *inventory->devices);
    inventory->nodes = calloc(NODES, sizeof *inventory->nodes);
    inventory->ndevices = inventory->nnodes = NODES;
    for (uint32_t i = 0; i < NODES; i++) {
        (void)snprintf(inventory->devices[i].driver, NAME_SIZE, "fake");
        (void)snprintf(inventory->devices[i].config.device, NAME_SIZE, "d%u", i + 1);
        (void)snprintf(inventory->nodes[i].name, NAME_SIZE, "n%u", i + 1);
        inventory->nodes[i].power = i;
        inventory->nodes[i].next_boot = DEVICE_NONE;
    }
    inventory->deadlines.settle = 10;
    inventory->deadlines.on = 500; /* a command that could not be journaled is tried so long */
    inventory->limits.power_on_per_second = 1000;
    assert_int_equal(inventory_seal(inventory, &err), 0);
    return inventory;
}

static int setup(void **state)
{
    struct err err = {0};
    struct turn_effects effects = {on_send, on_tell, on_port, on_port, NULL};
    struct http_handler handler = {api_handle, &rig.api};
    (void)state;
    memset(&rig, 0, sizeof rig);
    (void)snprintf(rig.dir, sizeof rig.dir, "/tmp/powerctl-test-server-XXXXXX");
    if (!mkdtemp(rig.dir))
        return -1;
    (void)snprintf(rig.path, sizeof rig.path, "%s/run/s", rig.dir);
    (void)snprintf(rig.journal_path, sizeof rig.journal_path, "%s/journal.db", rig.dir);
    for (size_t i = 0; i < NODES; i++)
        rig.power[i] = POWER_OFF;
    (void)uv_loop_init(&rig.loop);
    (void)uv_idle_init(&rig.loop, &rig.answers);
    (void)uv_idle_start(&rig.answers, on_answers);
    rig.inventory = make_inventory();
    rig.core = core_new(rig.inventory, "test", clock_now_ms());
    rig.journal = journal_open(rig.dir, "test", &err);
    rig.hub = event_hub_new(rig.journal);
    rig.turn = turn_new(&rig.loop, rig.core, rig.journal, &effects, &err);
    rig.api = (struct api){.core = rig.core,
                           .turn = rig.turn,
                           .journal = rig.journal,
                           .hub = rig.hub,
                           .inventory = rig.inventory,
                           .ready = true};
    rig.api.server = server_new(&rig.loop, rig.path, (gid_t)-1, &handler, &err);
    if (!rig.api.server)
        fail_msg("%s", err.text);
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
    server_close(rig.api.server);
    turn_close(rig.turn);
    uv_close((uv_handle_t *)&rig.answers, NULL);
    (void)uv_run(&rig.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig.loop), 0);
    rig.core = core_free(rig.core);
    rig.hub = event_hub_free(rig.hub);
    rig.journal = journal_close(rig.journal);
    rig.inventory = inventory_free(rig.inventory);
    return nftw(rig.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- a client ------------------------------------------------------------------------------- */

struct talk {
    int fd;
    bool ended;
    size_t size;
    char text[256 * 1024];
};

static struct talk talk; /* one at a time is enough for most */

static void talk_open(struct talk *it)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *it = (struct talk){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", rig.path);
    assert_int_equal(connect(it->fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(it->fd, F_SETFL, O_NONBLOCK), 0);
}

static void talk_read(struct talk *it)
{
    struct pollfd ready = {.fd = it->fd, .events = POLLIN};
    (void)uv_run(&rig.loop, UV_RUN_NOWAIT);
    (void)poll(&ready, 1, 1);
    ssize_t length = read(it->fd, it->text + it->size, sizeof it->text - 1 - it->size);
    if (length > 0)
        it->size += (size_t)length;
    it->text[it->size] = '\0';
    it->ended = length == 0 || (length < 0 && errno != EAGAIN);
}

/* Sends what it can; a server that hangs up in between is not an error of the client's. */
static void talk_send(struct talk *it, const char *bytes, size_t size)
{
    uint64_t until = clock_now_ms() + PATIENCE_MS;
    while (size && !it->ended) {
        ssize_t sent = send(it->fd, bytes, size, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        }
        talk_read(it);
        assert_true(clock_now_ms() < until);
    }
}

static void talk_until(struct talk *it, const char *text)
{
    uint64_t until = clock_now_ms() + PATIENCE_MS;
    while (!it->ended && !(text && strstr(it->text, text))) {
        talk_read(it);
        if (clock_now_ms() > until)
            fail_msg("no '%s' in: %s", text ? text : "end", it->text);
    }
    if (text && !strstr(it->text, text))
        fail_msg("no '%s' before the end of: %s", text, it->text);
}

static const char *exchange(const char *request)
{
    talk_open(&talk);
    talk_send(&talk, request, strlen(request));
    talk_until(&talk, NULL);
    (void)close(talk.fd);
    return talk.text;
}

static const char *get(const char *path)
{
    char request[1024];
    (void)snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    return exchange(request);
}

static const char *post(const char *path, const char *type, const char *body)
{
    char request[4096];
    (void)snprintf(request, sizeof request,
                   "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: %s\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   path, type, strlen(body), body);
    return exchange(request);
}

static int status(const char *answer)
{
    int number = 0;
    if (sscanf(answer, "HTTP/1.1 %3d", &number) != 1)
        fail_msg("not an answer: '%s'", answer);
    return number;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no '%s' in: %s", part, text);
}

static void read_id(const char *answer, char id[JOB_ID_SIZE])
{
    const char *at = strstr(answer, "Location: /v1/jobs/");
    assert_non_null(at);
    assert_int_equal(sscanf(at + 19, "%23[^\r]", id), 1);
}

/* --- answers -------------------------------------------------------------------------------- */

static void state_is_shown(void **state)
{
    (void)state;
    assert_has(get("/v1/version"), "\"version\":\"" VERSION "\"");
    assert_has(get("/v1/nodes"), "\"folded\":\"n[1-4]\"");
    assert_has(get("/v1/nodes?nodes=n%5B1-2%5D"), "\"folded\":\"n[1-2]\"");
    assert_has(get("/v1/jobs"), "\"jobs\":[]");
    assert_has(get("/healthz"), "\"status\":\"ok\"");
    assert_has(get("/v1/history?node=n1&limit=5"), "\"events\":[]");
    assert_has(get("/metrics"), "powerctl_nodes{power=\"unknown\"} 4\n");
    assert_has(talk.text, "text/plain; version=0.0.4");
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
    assert_int_equal(status(get("/v1/history?node=nosuch")), 400);
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
    assert_has(get("/v1/history?node=n2&limit=1"), "\"kind\":\"outcome\"");
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
    struct job_event event = {.kind = EVENT_NOTE, .node = {.node = "n1", .percent = -1}};
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
    char id[JOB_ID_SIZE], path[96];
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
    (void)snprintf(path, sizeof path, "/v1/jobs/%s/events", id);
    assert_has(get(path), "disk full");
    assert_false(was_sent(OP_ON));
    assert_int_equal(rig.power[0], POWER_OFF);

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
