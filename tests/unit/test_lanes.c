/* Lanes: blocking drivers that hang, crash and lie, and what that costs the others: nothing.
 *
 * The driver here does what the device's config says, so that no test waits longer than the
 * budget it gives; "while" something hangs means that its budget is an hour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "drivers/host/lanes.h"
#include "proto/cleanup.h"

enum behaviour { GOOD, HANGS_IN_OPEN, HANGS_IN_RUN, HANGS_IN_CLOSE, CRASHES, EXITS, LIES, NO_OPEN };
enum { HOUR_MS = 3600000, REPLIES_MAX = 2048 };

struct config {
    enum behaviour behaviour;
};

static void *test_open(const char *device, const void *config,
                       const struct driver_credentials *credentials, struct err *err)
{
    static enum behaviour behaviour;
    behaviour = ((const struct config *)config)->behaviour;
    if (behaviour == HANGS_IN_OPEN)
        (void)pause();
    if (behaviour == NO_OPEN) {
        err_set(err, ERR_AUTH, "%s: %s is not let in", device, credentials->user);
        return NULL;
    }
    return &behaviour;
}

static void test_run(void *session, const void *config, const struct driver_request *request,
                     struct driver_reply *reply)
{
    (void)config;
    enum behaviour behaviour = *(enum behaviour *)session;
    (void)request;
    if (behaviour == HANGS_IN_RUN)
        (void)pause();
    if (behaviour == CRASHES)
        (void)raise(SIGKILL);
    if (behaviour == EXITS)
        _exit(7);
    reply->ok = true;
    if (behaviour == LIES)
        memset(reply, 0xee, sizeof *reply);
    else
        reply->has_info = true;
    (void)snprintf(reply->info.model, sizeof reply->info.model, "%d", (int)getpid());
}

static void test_close(void *session)
{
    if (*(enum behaviour *)session == HANGS_IN_CLOSE)
        (void)pause();
}

static const struct driver_blocking blocking = {
    .open = test_open, .run = test_run, .close = test_close};
const struct driver driver = {
    .name = "test", .help = "", .config_size = sizeof(struct config), .blocking = &blocking};

struct fixture {
    void *lanes;
    struct driver_reply replies[REPLIES_MAX];
    size_t count;
    uint64_t next_id;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_reply(void *arg, const struct driver_reply *reply)
{
    struct fixture *f = arg;
    assert_true(f->count < REPLIES_MAX);
    f->replies[f->count++] = *reply;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct driver_host host = {on_reply, f};
    struct err err;
    f->lanes = lanes_engine.create(&host, &err);
    assert_non_null(f->lanes);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    lanes_engine.destroy(f->lanes);
    free(f);
    return 0;
}

static void add(struct fixture *f, const char *name, enum behaviour behaviour)
{
    const struct config config = {behaviour};
    const struct driver_credentials credentials = {"c", "ops", {"secret"}};
    assert_int_equal(lanes_engine.add(f->lanes, name, &config, &credentials, NULL), 0);
}

static uint64_t ask(struct fixture *f, const char *name, enum op op, uint32_t budget_ms)
{
    struct driver_request request = {.id = ++f->next_id, .op = op, .budget_ms = budget_ms};
    (void)snprintf(request.device, sizeof request.device, "%s", name);
    lanes_engine.submit(f->lanes, &request, now_ms());
    return request.id;
}

/* One turn of a host's loop. The alarm is a whole minute in which nothing was to be done. */
static void turn(struct fixture *f)
{
    uint64_t deadline_ms = lanes_engine.deadline(f->lanes), now = now_ms();
    uint64_t left_ms = deadline_ms > now ? deadline_ms - now : 0;
    struct pollfd fd = {.fd = lanes_engine.fd(f->lanes), .events = POLLIN};
    int count = poll(&fd, 1, left_ms > 60000 ? 60000 : (int)left_ms);
    assert_true(count > 0 || left_ms <= 60000);
    lanes_engine.turn(f->lanes, now_ms());
}

static const struct driver_reply *await(struct fixture *f, uint64_t id)
{
    for (;;) {
        for (size_t i = 0; i < f->count; i++)
            if (f->replies[i].id == id)
                return &f->replies[i];
        turn(f);
    }
}

static void check_failed(const struct driver_reply *reply, enum err_kind kind, enum sent sent,
                         const char *text)
{
    assert_false(reply->ok);
    if (reply->err.kind != kind || reply->err.sent != sent || !strstr(reply->err.text, text))
        fail_msg("%s, sent %s: %s", err_kind_name(reply->err.kind), sent_name(reply->err.sent),
                 reply->err.text);
}

static void a_session_is_kept(void **state)
{
    struct fixture *f = *state;
    add(f, "a", GOOD);
    const struct driver_reply *first = await(f, ask(f, "a", OP_INFO, HOUR_MS));
    assert_true(first->ok);
    assert_int_equal(atol(first->info.model), lanes_pid(f->lanes, "a"));
    const struct driver_reply *second = await(f, ask(f, "a", OP_INFO, HOUR_MS));
    assert_string_equal(first->info.model, second->info.model);
}

static void an_idle_session_is_closed(void **state)
{
    struct fixture *f = *state;
    add(f, "a", GOOD);
    await(f, ask(f, "a", OP_INFO, HOUR_MS));
    lanes_engine.turn(f->lanes, now_ms() + LANES_IDLE_MS + 1);
    while (lanes_pid(f->lanes, "a"))
        turn(f);
}

static void a_changed_device_gets_a_new_session(void **state)
{
    struct fixture *f = *state;
    add(f, "a", GOOD);
    await(f, ask(f, "a", OP_INFO, HOUR_MS));
    add(f, "a", NO_OPEN);
    check_failed(await(f, ask(f, "a", OP_INFO, HOUR_MS)), ERR_AUTH, SENT_NO, "ops is not let in");
}

static void hanging_in_run_is_killed_at_the_budget(void **state)
{
    struct fixture *f = *state;
    add(f, "a", HANGS_IN_RUN);
    uint64_t id = ask(f, "a", OP_OFF, 50), before_ms = now_ms();
    while (!lanes_pid(f->lanes, "a"))
        turn(f);
    pid_t pid = lanes_pid(f->lanes, "a");
    check_failed(await(f, id), ERR_TIMEOUT, SENT_MAYBE, "a: power-off: no answer within 50 ms");
    assert_true(now_ms() - before_ms >= 50);
    check_failed(await(f, ask(f, "a", OP_STATUS, 50)), ERR_TIMEOUT, SENT_NO, "within 50 ms");
    while (lanes_pid(f->lanes, "a"))
        turn(f);
    assert_int_equal(kill(pid, 0), -1); /* reaped, not a zombie */
}

static void hanging_in_open_has_sent_nothing(void **state)
{
    struct fixture *f = *state;
    add(f, "a", HANGS_IN_OPEN);
    check_failed(await(f, ask(f, "a", OP_OFF, 50)), ERR_TIMEOUT, SENT_NO,
                 "no session within 50 ms");
}

static void hanging_in_close_delays_only_itself(void **state)
{
    struct fixture *f = *state;
    add(f, "a", HANGS_IN_CLOSE);
    add(f, "b", GOOD);
    assert_true(await(f, ask(f, "a", OP_ON, HOUR_MS))->ok);
    add(f, "a", GOOD);
    uint64_t id = ask(f, "a", OP_ON, HOUR_MS);
    assert_true(await(f, ask(f, "b", OP_ON, HOUR_MS))->ok);
    assert_true(await(f, id)->ok); /* after LANES_CLOSE_MS */
}

static void a_crash_fails_its_request_only(void **state)
{
    struct fixture *f = *state;
    add(f, "a", CRASHES);
    add(f, "b", GOOD);
    uint64_t command = ask(f, "a", OP_OFF, HOUR_MS), question = ask(f, "a", OP_STATUS, HOUR_MS);
    assert_true(await(f, ask(f, "b", OP_ON, HOUR_MS))->ok);
    check_failed(await(f, command), ERR_DEVICE, SENT_MAYBE, "driver crashed: signal 9");
    check_failed(await(f, question), ERR_DEVICE, SENT_NO, "driver crashed: signal 9");
    add(f, "a", EXITS);
    check_failed(await(f, ask(f, "a", OP_ON, HOUR_MS)), ERR_DEVICE, SENT_MAYBE, "status 7");
    add(f, "a", LIES);
    check_failed(await(f, ask(f, "a", OP_ON, HOUR_MS)), ERR_DEVICE, SENT_MAYBE, "crashed");
    add(f, "a", GOOD);
    assert_true(await(f, ask(f, "a", OP_ON, HOUR_MS))->ok);
}

static void commands_go_before_questions(void **state)
{
    struct fixture *f = *state;
    add(f, "a", GOOD);
    uint64_t question = ask(f, "a", OP_STATUS, HOUR_MS), first = ask(f, "a", OP_OFF, HOUR_MS),
             second = ask(f, "a", OP_ON, HOUR_MS);
    await(f, question);
    assert_int_equal(f->count, 3);
    assert_int_equal(f->replies[0].id, first);
    assert_int_equal(f->replies[1].id, second);
}

static void a_full_queue_says_so(void **state)
{
    struct fixture *f = *state;
    add(f, "a", HANGS_IN_RUN);
    for (int i = 0; i < LANES_QUEUE_MAX; i++)
        ask(f, "a", OP_OFF, HOUR_MS);
    assert_int_equal(f->count, 0);
    check_failed(await(f, ask(f, "a", OP_OFF, HOUR_MS)), ERR_LIMIT, SENT_NO, "64 requests wait");
}

static void what_waits_in_line_was_not_sent(void **state)
{
    struct fixture *f = *state;
    add(f, "a", HANGS_IN_RUN);
    ask(f, "a", OP_OFF, HOUR_MS);
    check_failed(await(f, ask(f, "a", OP_OFF, 50)), ERR_TIMEOUT, SENT_NO, "still in line");
}

/* More devices than lanes, some hanging for ever: each good one is answered. */
static void idle_lanes_make_room(void **state)
{
    enum { DEVICES = 3 * LANES_MAX, HANGING = 8 };
    struct fixture *f = *state;
    char name[NAME_SIZE];
    uint64_t ids[DEVICES];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < DEVICES; i++) {
            (void)snprintf(name, sizeof name, "d%d", i);
            if (round == 0)
                add(f, name, i % (DEVICES / HANGING) == 0 ? HANGS_IN_RUN : GOOD);
            ids[i] = ask(f, name, OP_STATUS, HOUR_MS);
        }
        for (int i = 0; i < DEVICES; i++)
            if (i % (DEVICES / HANGING) != 0)
                assert_true(await(f, ids[i])->ok);
    }
    assert_int_equal(f->count, 3 * (DEVICES - HANGING));
}

static void an_unknown_device_is_refused(void **state)
{
    struct fixture *f = *state;
    check_failed(await(f, ask(f, "x", OP_ON, HOUR_MS)), ERR_CONFIG, SENT_NO, "x: no such device");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* New settings may mean another outlet: nothing that was asked of the old one reaches it. */
static void what_waits_for_old_settings_is_answered(void **state)
{
    static const struct {
        const char *name;
        enum behaviour behaviour;
        enum sent sent;
    } rows[] = {{"a", HANGS_IN_OPEN, SENT_NO}, {"b", HANGS_IN_RUN, SENT_MAYBE}};
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        f->count = 0;
        add(f, rows[i].name, rows[i].behaviour);
        uint64_t running = ask(f, rows[i].name, OP_OFF, HOUR_MS);
        uint64_t waiting = ask(f, rows[i].name, OP_OFF, HOUR_MS);
        turn(f); /* starts the lane */
        if (rows[i].sent == SENT_MAYBE)
            turn(f); /* hears that its session stands */
        add(f, rows[i].name, GOOD);
        assert_int_equal(f->count, 2);
        assert_int_equal(f->replies[0].id, running);
        assert_int_equal(f->replies[0].err.kind, ERR_DEVICE);
        assert_int_equal(f->replies[0].err.sent, rows[i].sent);
        assert_int_equal(f->replies[1].id, waiting);
        assert_int_equal(f->replies[1].err.kind, ERR_DEVICE);
        assert_int_equal(f->replies[1].err.sent, SENT_NO);
        assert_true(await(f, ask(f, rows[i].name, OP_OFF, HOUR_MS))->ok);
        assert_int_equal(f->count, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_is_kept),
        TEST(an_idle_session_is_closed),
        TEST(a_changed_device_gets_a_new_session),
        TEST(what_waits_for_old_settings_is_answered),
        TEST(hanging_in_run_is_killed_at_the_budget),
        TEST(hanging_in_open_has_sent_nothing),
        TEST(hanging_in_close_delays_only_itself),
        TEST(a_crash_fails_its_request_only),
        TEST(commands_go_before_questions),
        TEST(a_full_queue_says_so),
        TEST(what_waits_in_line_was_not_sent),
        TEST(idle_lanes_make_room),
        TEST(an_unknown_device_is_refused),
    };
    return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
