/* Several devices on one wire: one lane, one session, one request at a time, whatever happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "tests/unit/lanes_rig.h"

const struct driver driver = LANES_RIG_DRIVER;

static struct told ask_told(struct rig *rig, const char *name)
{
    return told_by(rig_await(rig, rig_ask(rig, name, OP_INFO, HOUR_MS)));
}

static void devices_of_a_bus_share_a_session(void **state)
{
    struct rig *rig = *state;
    rig_add_on(rig, 0, "a", GOOD);
    rig_add_on(rig, 0, "b", GOOD);
    rig_add_on(rig, 1, "c", GOOD);
    rig_add(rig, "d", GOOD);
    struct told a = ask_told(rig, "a"), b = ask_told(rig, "b"), c = ask_told(rig, "c"),
                d = ask_told(rig, "d");
    assert_int_equal(a.pid, b.pid);
    assert_int_equal(a.pid, lanes_pid(rig->lanes, "b"));
    assert_int_not_equal(a.pid, c.pid);
    assert_int_not_equal(a.pid, d.pid);
    assert_string_equal(b.opened_by, "a");
    assert_string_equal(a.note, "note-of-a"); /* each request with its own settings */
    assert_string_equal(b.note, "note-of-b");
    assert_string_equal(c.opened_by, "c");
}

static void a_question_tells_since_when_it_waits(void **state)
{
    struct rig *rig = *state;
    rig_add_on(rig, 0, "a", GOOD);
    uint64_t before_ms = rig_now_ms(), id = rig_ask(rig, "a", OP_INFO, HOUR_MS),
             after_ms = rig_now_ms();
    assert_in_range(told_by(rig_await(rig, id)).asked_ms, before_ms, after_ms);
}

static void commands_of_any_go_before_questions_of_all(void **state)
{
    struct rig *rig = *state;
    rig_add_on(rig, 0, "a", GOOD);
    rig_add_on(rig, 0, "b", GOOD);
    uint64_t questions[2] = {rig_ask(rig, "a", OP_STATUS, HOUR_MS),
                             rig_ask(rig, "b", OP_STATUS, HOUR_MS)},
             commands[2] = {rig_ask(rig, "b", OP_OFF, HOUR_MS), rig_ask(rig, "a", OP_ON, HOUR_MS)};
    (void)rig_await(rig, questions[1]);
    assert_int_equal(rig->count, 4);
    assert_int_equal(rig->replies[0].id, commands[0]);
    assert_int_equal(rig->replies[1].id, commands[1]);
    assert_int_equal(rig->replies[2].id, questions[0]);
}

/* Two thirds of them end their lane in the middle of the work. The bus itself tells if two are on
 * it at once: "another is on the bus". */
static void no_two_are_ever_at_once(void **state)
{
    static const enum behaviour kinds[] = {GOOD, HANGS_IN_RUN, NO_ANSWER, CRASHES, WAITS, EXITS};
    enum { KINDS = ARRAY_SIZE(kinds), ASKED = 20 * KINDS };
    struct rig *rig = *state;
    uint64_t ids[ASKED];
    char name[NAME_SIZE];
    rig_let_go(rig, 0);
    rig_let_go(rig, 1);
    for (int i = 0; i < ASKED; i++) {
        int kind = i % KINDS, bus = i / KINDS % 2;
        (void)snprintf(name, sizeof name, "d%d-%d", bus, kind);
        if (i < 2 * KINDS)
            rig_add_on(rig, bus, name, kinds[kind]);
        /* In line for so long, they hang for a few ms each. */
        uint32_t budget_ms = kinds[kind] == HANGS_IN_RUN ? (uint32_t)(20 + 5 * i) : HOUR_MS;
        ids[i] = rig_ask(rig, name, i % 4 ? OP_INFO : OP_ON, budget_ms);
    }
    for (int i = 0; i < ASKED; i++) {
        const struct driver_reply *reply = rig_await(rig, ids[i]);
        bool good = kinds[i % KINDS] == GOOD || kinds[i % KINDS] == WAITS;
        if (reply->ok != good || (!good && reply->err.kind == ERR_PROTOCOL))
            fail_msg("request %d: %s", i, reply->err.text);
    }
}

static void an_overrun_costs_its_own_request(void **state)
{
    struct rig *rig = *state;
    rig_add_on(rig, 0, "a", GOOD);
    rig_add_on(rig, 0, "b", HANGS_IN_RUN);
    struct told before = ask_told(rig, "a");
    uint64_t hangs = rig_ask(rig, "b", OP_OFF, 50), question = rig_ask(rig, "a", OP_INFO, HOUR_MS),
             command = rig_ask(rig, "a", OP_ON, HOUR_MS);
    rig_check_failed(rig_await(rig, hangs), ERR_TIMEOUT, SENT_MAYBE,
                     "b: power-off: no answer within 50 ms");
    assert_null(rig_find(rig, question));
    struct told after = told_by(rig_await(rig, command));
    assert_int_not_equal(after.pid, before.pid);
    assert_string_equal(after.opened_by, "a!");
    assert_int_equal(told_by(rig_await(rig, question)).pid, after.pid);
}

static void what_waits_too_long_says_behind_whom(void **state)
{
    struct rig *rig = *state;
    rig_add_on(rig, 0, "a", GOOD);
    rig_add_on(rig, 0, "b", HANGS_IN_RUN);
    (void)rig_ask(rig, "b", OP_OFF, HOUR_MS);
    rig_check_failed(rig_await(rig, rig_ask(rig, "a", OP_OFF, 50)), ERR_TIMEOUT, SENT_NO,
                     "a: power-off: still in line after 50 ms, behind other requests of its bus");
}

static void a_full_line_is_that_of_the_bus(void **state)
{
    struct rig *rig = *state;
    rig_add_on(rig, 0, "a", HANGS_IN_RUN);
    rig_add_on(rig, 0, "b", HANGS_IN_RUN);
    rig_add_on(rig, 1, "c", HANGS_IN_RUN);
    for (int i = 0; i < LANES_QUEUE_MAX; i++)
        (void)rig_ask(rig, i % 2 ? "a" : "b", OP_OFF, HOUR_MS);
    (void)rig_ask(rig, "c", OP_OFF, HOUR_MS);
    assert_int_equal(rig->count, 0);
    (void)rig_ask(rig, "b", OP_OFF, HOUR_MS);
    assert_int_equal(rig->count, 1);
    rig_check_failed(&rig->replies[0], ERR_LIMIT, SENT_NO, "b: power-off: 1024 requests wait");
}

/* A dead bus of 24 outlets is 24 failures after one attempt, not after 24. */
static void what_cannot_be_opened_fails_for_all_in_line(void **state)
{
    struct rig *rig = *state;
    rig_add_on(rig, 0, "a", NO_OPEN);
    rig_add_on(rig, 0, "b", NO_OPEN);
    uint64_t first = rig_ask(rig, "a", OP_OFF, HOUR_MS), same = rig_ask(rig, "a", OP_ON, HOUR_MS),
             other = rig_ask(rig, "b", OP_STATUS, HOUR_MS);
    rig_turn(rig); /* the lane is told to open */
    uint64_t later = rig_ask(rig, "b", OP_OFF, HOUR_MS);
    rig_check_failed(rig_await(rig, first), ERR_AUTH, SENT_NO, "a: ops is not let in");
    assert_int_equal(rig->count, 3);
    rig_check_failed(rig_find(rig, same), ERR_AUTH, SENT_NO, "a: ops is not let in");
    rig_check_failed(rig_find(rig, other), ERR_AUTH, SENT_NO,
                     "b: power-status: no session on its bus: a: ops is not let in");
    rig_let_go(rig, 0); /* who came later is worth an attempt of his own */
    assert_string_equal(told_by(rig_await(rig, later)).opened_by, "b");
}

static void a_failure_ends_only_the_session_of_one_alone(void **state)
{
    struct rig *rig = *state;
    rig_add_on(rig, 0, "a", GOOD);
    rig_add_on(rig, 0, "b", NO_ANSWER);
    rig_add(rig, "alone", NO_ANSWER);
    struct told before = ask_told(rig, "a");
    rig_check_failed(rig_await(rig, rig_ask(rig, "b", OP_OFF, HOUR_MS)), ERR_TIMEOUT, SENT_MAYBE,
                     "b is silent");
    assert_int_equal(ask_told(rig, "a").pid, before.pid);
    (void)rig_await(rig, rig_ask(rig, "alone", OP_STATUS, HOUR_MS));
    while (lanes_pid(rig->lanes, "alone"))
        rig_turn(rig);
    assert_int_equal(ask_told(rig, "a").pid, before.pid);
}

static void a_new_device_gets_a_lane_that_knows_it(void **state)
{
    struct rig *rig = *state;
    rig_add_on(rig, 0, "a", GOOD);
    struct told before = ask_told(rig, "a");
    rig_add_on(rig, 0, "b", GOOD);
    struct told b = ask_told(rig, "b");
    assert_string_equal(b.note, "note-of-b");
    assert_int_not_equal(b.pid, before.pid);
    assert_int_equal(ask_told(rig, "a").pid, b.pid);
}

static void replace(struct rig *rig, int bus, const char *name, const char *note)
{
    struct rig_config config = {.behaviour = GOOD};
    memcpy(config.bus, rig->bus[bus], sizeof config.bus);
    (void)snprintf(config.note, sizeof config.note, "%s", note);
    rig_add_config(rig, name, &config);
}

static void a_replaced_device_does_not_disturb_the_one_at_work(void **state)
{
    struct rig *rig = *state;
    rig_add_on(rig, 0, "a", GOOD);
    rig_add_on(rig, 0, "b", WAITS);
    struct told before = ask_told(rig, "a");
    uint64_t works = rig_ask(rig, "b", OP_OFF, HOUR_MS);
    rig_turn(rig);
    uint64_t old = rig_ask(rig, "a", OP_OFF, HOUR_MS), next = rig_ask(rig, "b", OP_INFO, HOUR_MS);
    replace(rig, 0, "a", "changed");
    rig_check_failed(rig_find(rig, old), ERR_DEVICE, SENT_NO, "a: power-off: its settings were");
    assert_null(rig_find(rig, works));
    uint64_t fresh = rig_ask(rig, "a", OP_ON, HOUR_MS);
    rig_let_go(rig, 0);
    assert_int_equal(told_by(rig_await(rig, works)).pid, before.pid);
    struct told told = told_by(rig_await(rig, fresh));
    assert_string_equal(told.note, "changed");
    assert_int_not_equal(told.pid, before.pid);
    assert_int_equal(told_by(rig_await(rig, next)).pid, told.pid);
}

static void a_replaced_device_at_work_is_killed_and_the_others_go_on(void **state)
{
    struct rig *rig = *state;
    rig_add_on(rig, 0, "a", GOOD);
    rig_add_on(rig, 0, "b", HANGS_IN_RUN);
    struct told before = ask_told(rig, "a");
    uint64_t works = rig_ask(rig, "b", OP_OFF, HOUR_MS);
    rig_turn(rig);
    uint64_t next = rig_ask(rig, "a", OP_INFO, HOUR_MS);
    replace(rig, 0, "b", "changed");
    rig_check_failed(rig_find(rig, works), ERR_DEVICE, SENT_MAYBE, "b: power-off: its settings");
    struct told after = told_by(rig_await(rig, next));
    assert_int_not_equal(after.pid, before.pid);
    assert_string_equal(before.opened_by, "a");
    assert_string_equal(after.opened_by, "a!"); /* what the killed one asked may be answered yet */
    assert_string_equal(ask_told(rig, "b").note, "changed");
    replace(rig, 0, "a", "again"); /* orderly: nothing is late then */
    assert_string_equal(ask_told(rig, "b").opened_by, "b");
}

static void a_device_may_move_to_another_bus(void **state)
{
    struct rig *rig = *state;
    rig_add_on(rig, 0, "a", GOOD);
    rig_add_on(rig, 1, "b", GOOD);
    (void)ask_told(rig, "a");
    (void)ask_told(rig, "b");
    replace(rig, 1, "a", "moved"); /* nobody is left on the old bus: it goes, with its lane */
    struct told a = ask_told(rig, "a");
    assert_string_equal(a.note, "moved");
    assert_int_equal(a.pid, ask_told(rig, "b").pid);
    rig_add(rig, "a", GOOD); /* and to none */
    assert_int_not_equal(ask_told(rig, "a").pid, ask_told(rig, "b").pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(devices_of_a_bus_share_a_session),
        RIG_TEST(a_question_tells_since_when_it_waits),
        RIG_TEST(commands_of_any_go_before_questions_of_all),
        RIG_TEST(no_two_are_ever_at_once),
        RIG_TEST(an_overrun_costs_its_own_request),
        RIG_TEST(what_waits_too_long_says_behind_whom),
        RIG_TEST(a_full_line_is_that_of_the_bus),
        RIG_TEST(what_cannot_be_opened_fails_for_all_in_line),
        RIG_TEST(a_failure_ends_only_the_session_of_one_alone),
        RIG_TEST(a_new_device_gets_a_lane_that_knows_it),
        RIG_TEST(a_replaced_device_does_not_disturb_the_one_at_work),
        RIG_TEST(a_replaced_device_at_work_is_killed_and_the_others_go_on),
        RIG_TEST(a_device_may_move_to_another_bus),
    };
    return cmocka_run_group_tests_name("lanes_bus", tests, NULL, NULL);
}
