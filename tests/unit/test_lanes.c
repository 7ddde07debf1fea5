/* Lanes: blocking drivers that hang, crash and lie, and what that costs the others: nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

#include "proto/cleanup.h"
#include "tests/unit/lanes_rig.h"

const struct driver driver = LANES_RIG_DRIVER;

static void a_session_is_kept(void **state)
{
    struct rig *f = *state;
    rig_add(f, "a", GOOD);
    const struct driver_reply *first = rig_await(f, rig_ask(f, "a", OP_INFO, HOUR_MS));
    assert_true(first->ok);
    assert_int_equal(told_by(first).pid, lanes_pid(f->lanes, "a"));
    const struct driver_reply *second = rig_await(f, rig_ask(f, "a", OP_INFO, HOUR_MS));
    assert_int_equal(told_by(first).pid, told_by(second).pid);
}

static void an_idle_session_is_closed(void **state)
{
    struct rig *f = *state;
    rig_add(f, "a", GOOD);
    rig_await(f, rig_ask(f, "a", OP_INFO, HOUR_MS));
    lanes_engine.turn(f->lanes, rig_now_ms() + LANES_IDLE_MS + 1);
    while (lanes_pid(f->lanes, "a"))
        rig_turn(f);
}

static void a_changed_device_gets_a_new_session(void **state)
{
    struct rig *f = *state;
    rig_add(f, "a", GOOD);
    rig_await(f, rig_ask(f, "a", OP_INFO, HOUR_MS));
    rig_add(f, "a", NO_OPEN);
    rig_check_failed(rig_await(f, rig_ask(f, "a", OP_INFO, HOUR_MS)), ERR_AUTH, SENT_NO,
                     "ops is not let in");
}

static void hanging_in_run_is_killed_at_the_budget(void **state)
{
    struct rig *f = *state;
    rig_add(f, "a", HANGS_IN_RUN);
    uint64_t id = rig_ask(f, "a", OP_OFF, 50), before_ms = rig_now_ms();
    while (!lanes_pid(f->lanes, "a"))
        rig_turn(f);
    pid_t pid = lanes_pid(f->lanes, "a");
    rig_check_failed(rig_await(f, id), ERR_TIMEOUT, SENT_MAYBE,
                     "a: power-off: no answer within 50 ms");
    assert_true(rig_now_ms() - before_ms >= 50);
    rig_check_failed(rig_await(f, rig_ask(f, "a", OP_STATUS, 50)), ERR_TIMEOUT, SENT_NO,
                     "within 50 ms");
    while (lanes_pid(f->lanes, "a"))
        rig_turn(f);
    assert_int_equal(kill(pid, 0), -1); /* reaped, not a zombie */
}

static void hanging_in_open_has_sent_nothing(void **state)
{
    struct rig *f = *state;
    rig_add(f, "a", HANGS_IN_OPEN);
    rig_check_failed(rig_await(f, rig_ask(f, "a", OP_OFF, 50)), ERR_TIMEOUT, SENT_NO,
                     "no session within 50 ms");
}

static void hanging_in_close_delays_only_itself(void **state)
{
    struct rig *f = *state;
    rig_add(f, "a", HANGS_IN_CLOSE);
    rig_add(f, "b", GOOD);
    assert_true(rig_await(f, rig_ask(f, "a", OP_ON, HOUR_MS))->ok);
    rig_add(f, "a", GOOD);
    uint64_t id = rig_ask(f, "a", OP_ON, HOUR_MS);
    assert_true(rig_await(f, rig_ask(f, "b", OP_ON, HOUR_MS))->ok);
    assert_true(rig_await(f, id)->ok); /* after LANES_CLOSE_MS */
}

static void a_crash_fails_its_request_only(void **state)
{
    struct rig *f = *state;
    rig_add(f, "a", CRASHES);
    rig_add(f, "b", GOOD);
    uint64_t command = rig_ask(f, "a", OP_OFF, HOUR_MS),
             question = rig_ask(f, "a", OP_STATUS, HOUR_MS);
    assert_true(rig_await(f, rig_ask(f, "b", OP_ON, HOUR_MS))->ok);
    rig_check_failed(rig_await(f, command), ERR_SYSTEM, SENT_MAYBE, "driver crashed: signal 9");
    rig_check_failed(rig_await(f, question), ERR_SYSTEM, SENT_NO, "driver crashed: signal 9");
    rig_add(f, "a", EXITS);
    rig_check_failed(rig_await(f, rig_ask(f, "a", OP_ON, HOUR_MS)), ERR_SYSTEM, SENT_MAYBE,
                     "status 7");
    rig_add(f, "a", LIES);
    rig_check_failed(rig_await(f, rig_ask(f, "a", OP_ON, HOUR_MS)), ERR_SYSTEM, SENT_MAYBE,
                     "crashed");
    rig_add(f, "a", GOOD);
    assert_true(rig_await(f, rig_ask(f, "a", OP_ON, HOUR_MS))->ok);
}

static void commands_go_before_questions(void **state)
{
    struct rig *f = *state;
    rig_add(f, "a", GOOD);
    uint64_t question = rig_ask(f, "a", OP_STATUS, HOUR_MS),
             first = rig_ask(f, "a", OP_OFF, HOUR_MS), second = rig_ask(f, "a", OP_ON, HOUR_MS);
    rig_await(f, question);
    assert_int_equal(f->count, 3);
    assert_int_equal(f->replies[0].id, first);
    assert_int_equal(f->replies[1].id, second);
}

static void a_full_queue_says_so(void **state)
{
    struct rig *f = *state;
    rig_add(f, "a", HANGS_IN_RUN);
    for (int i = 0; i < LANES_QUEUE_MAX; i++)
        rig_ask(f, "a", OP_OFF, HOUR_MS);
    assert_int_equal(f->count, 0);
    rig_check_failed(rig_await(f, rig_ask(f, "a", OP_OFF, HOUR_MS)), ERR_LIMIT, SENT_NO,
                     "1024 requests wait in its line");
}

static void what_waits_in_line_was_not_sent(void **state)
{
    struct rig *f = *state;
    rig_add(f, "a", HANGS_IN_RUN);
    rig_ask(f, "a", OP_OFF, HOUR_MS);
    rig_check_failed(rig_await(f, rig_ask(f, "a", OP_OFF, 50)), ERR_TIMEOUT, SENT_NO,
                     "still in line");
}

/* More devices than lanes, some hanging for ever: each good one is answered. */
static void idle_lanes_make_room(void **state)
{
    enum { DEVICES = LANES_MAX + 128, HANGING = 8 };
    struct rig *f = *state;
    char name[NAME_SIZE];
    uint64_t ids[DEVICES];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < DEVICES; i++) {
            (void)snprintf(name, sizeof name, "d%d", i);
            if (round == 0)
                rig_add(f, name, i % (DEVICES / HANGING) == 0 ? HANGS_IN_RUN : GOOD);
            ids[i] = rig_ask(f, name, OP_STATUS, HOUR_MS);
        }
        for (int i = 0; i < DEVICES; i++)
            if (i % (DEVICES / HANGING) != 0)
                assert_true(rig_await(f, ids[i])->ok);
    }
    assert_int_equal(f->count, 2 * (DEVICES - HANGING));
}

static void find_it_silent(struct rig *f, const char *name)
{
    const struct driver_reply *reply;
    do { /* where this machine is slow, it may expire in line */
        f->count = 0;
        reply = rig_await(f, rig_ask(f, name, OP_STATUS, 20));
    } while (!strstr(reply->err.text, "no answer within"));
    while (lanes_pid(f->lanes, name))
        rig_turn(f);
}

static const char *dead_name(int number)
{
    static char name[NAME_SIZE];
    (void)snprintf(name, sizeof name, "dead%d", number);
    return name;
}

enum { FEW_LANES = 6, DEAD = 12 };

static void fill_with_the_dead(struct rig *f)
{
    lanes_limit(f->lanes, FEW_LANES);
    for (int i = 0; i < DEAD; i++) {
        rig_add(f, dead_name(i), HANGS_IN_RUN);
        find_it_silent(f, dead_name(i));
    }
    f->count = 0;
}

/* More dead devices than lanes, each with an hour: the good ones are answered. */
static void the_dead_leave_lanes_to_the_living(void **state)
{
    struct rig *f = *state;
    fill_with_the_dead(f);
    for (int i = 0; i < DEAD; i++)
        (void)rig_ask(f, dead_name(i), OP_STATUS, HOUR_MS);
    rig_turn(f); /* they have what lanes they get */
    for (int i = 0; i < DEAD; i++) {
        char name[NAME_SIZE];
        (void)snprintf(name, sizeof name, "good%d", i);
        rig_add(f, name, GOOD);
        assert_true(rig_await(f, rig_ask(f, name, OP_STATUS, HOUR_MS))->ok);
    }
    assert_int_equal(f->count, DEAD);
}

/* However many dead ones are asked again and again before it. */
static void who_was_silent_and_is_back_has_its_turn(void **state)
{
    struct rig *f = *state;
    fill_with_the_dead(f);
    rig_add_on(f, 0, "back", WAITS);
    find_it_silent(f, "back");
    rig_let_go(f, 0);
    f->count = 0;
    const struct driver_reply *back;
    do {
        f->count = 0;
        for (int i = 0; i < DEAD; i++)
            (void)rig_ask(f, dead_name(i), OP_STATUS, 50);
        back = rig_await(f, rig_ask(f, "back", OP_STATUS, 50));
    } while (!back->ok);
}

/* libmodbus waits by select(), whose sets end at FD_SETSIZE: it writes beyond them, or aborts. */
static void a_lane_has_low_descriptors(void **state)
{
    struct rig *f = *state;
    struct rlimit files, before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    files = before;
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    int highest = -1;
    while (highest < 2 * FD_SETSIZE) {
        highest = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(highest >= 0);
    }
    rig_add(f, "a", OPENS_A_FILE);
    const struct driver_reply *reply = rig_await(f, rig_ask(f, "a", OP_INFO, HOUR_MS));
    assert_true(reply->ok);
    assert_in_range(atol(reply->info.model), 0, 15);
    /* The lane's own rope is short: not even a leak can get it there. */
    int last = 0, count = 0;
    while (count++ < 2 * FD_SETSIZE && last >= 0) {
        last = (int)atol(rig_await(f, rig_ask(f, "a", OP_INFO, HOUR_MS))->info.model);
        f->count = 0;
        assert_true(last < FD_SETSIZE);
    }
    assert_int_equal(last, -1);
    (void)close_range((unsigned)highest / 2, (unsigned)highest, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void an_unknown_device_is_refused(void **state)
{
    struct rig *f = *state;
    rig_check_failed(rig_await(f, rig_ask(f, "x", OP_ON, HOUR_MS)), ERR_CONFIG, SENT_NO,
                     "x: no such device");
}

/* New settings may mean another outlet: nothing that was asked of the old one reaches it. */
static void what_waits_for_old_settings_is_answered(void **state)
{
    static const struct {
        const char *name;
        enum behaviour behaviour;
        enum sent sent;
    } rows[] = {{"a", HANGS_IN_OPEN, SENT_NO}, {"b", HANGS_IN_RUN, SENT_MAYBE}};
    struct rig *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        f->count = 0;
        rig_add(f, rows[i].name, rows[i].behaviour);
        uint64_t running = rig_ask(f, rows[i].name, OP_OFF, HOUR_MS);
        uint64_t waiting = rig_ask(f, rows[i].name, OP_OFF, HOUR_MS);
        rig_turn(f); /* starts the lane */
        if (rows[i].sent == SENT_MAYBE)
            rig_turn(f); /* hears that its session stands */
        rig_add(f, rows[i].name, GOOD);
        assert_int_equal(f->count, 2);
        assert_int_equal(f->replies[0].id, running);
        assert_int_equal(f->replies[0].err.kind, ERR_DEVICE);
        assert_int_equal(f->replies[0].err.sent, rows[i].sent);
        assert_int_equal(f->replies[1].id, waiting);
        assert_int_equal(f->replies[1].err.kind, ERR_DEVICE);
        assert_int_equal(f->replies[1].err.sent, SENT_NO);
        assert_true(rig_await(f, rig_ask(f, rows[i].name, OP_OFF, HOUR_MS))->ok);
        assert_int_equal(f->count, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_session_is_kept),
        RIG_TEST(an_idle_session_is_closed),
        RIG_TEST(a_changed_device_gets_a_new_session),
        RIG_TEST(what_waits_for_old_settings_is_answered),
        RIG_TEST(hanging_in_run_is_killed_at_the_budget),
        RIG_TEST(hanging_in_open_has_sent_nothing),
        RIG_TEST(hanging_in_close_delays_only_itself),
        RIG_TEST(a_crash_fails_its_request_only),
        RIG_TEST(commands_go_before_questions),
        RIG_TEST(a_full_queue_says_so),
        RIG_TEST(what_waits_in_line_was_not_sent),
        RIG_TEST(idle_lanes_make_room),
        RIG_TEST(the_dead_leave_lanes_to_the_living),
        RIG_TEST(who_was_silent_and_is_back_has_its_turn),
        RIG_TEST(a_lane_has_low_descriptors),
        RIG_TEST(an_unknown_device_is_refused),
    };
    return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
