/* Jobs of a rack in virtual time: what is admitted, who goes when, what a cancel or a reload does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "tests/unit/rack_jobs.h"

static void a_job_is_admitted_whole_or_not_at_all(void **state)
{
    struct rack *rack = *state;
    char id[JOB_ID_SIZE], second[JOB_ID_SIZE];
    struct problem problem = {0};
    struct err err = {0};
    struct job_view view = {0};

    rack->inventory->nodes[7].protect = true;
    struct job_request asked = rack_request(VERB_OFF, "@all");
    assert_int_equal(rack_submit(rack, &asked, id, &problem, &err), -1);
    assert_int_equal(err.kind, ERR_DENIED);
    assert_non_null(strstr(err.text, "n08"));

    rack->inventory->limits.confirm_above = 4;
    asked = rack_request(VERB_ON, "n[01-05]");
    asked.yes = false;
    assert_int_equal(rack_submit(rack, &asked, id, &problem, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIRM);
    assert_int_equal(problem.count, 5);
    memcpy(asked.confirm, problem.confirm, sizeof asked.confirm);
    rack_start(rack, &asked, id);

    struct job_request other = rack_request(VERB_OFF, "n[05-06]");
    assert_int_equal(rack_submit(rack, &other, second, &problem, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_string_equal(problem.job, id);
    rack_run(rack, id, &view);
    job_view_clear(&view);

    asked = rack_request(VERB_ON, "n[01-05]");
    asked.max_nodes = 3;
    assert_int_equal(rack_submit(rack, &asked, id, &problem, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    asked = rack_request(VERB_ON, "n[01-99]");
    assert_int_equal(rack_submit(rack, &asked, id, &problem, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    assert_int_equal(rack->node[5].commands, 0);
}

static void a_blind_agent_netboots_nothing(void **state)
{
    struct rack *rack = *state;
    char id[JOB_ID_SIZE];
    struct problem problem = {0};
    struct err err = {0};
    rack->inventory->sees_boots = false;
    struct job_request asked = rack_request(VERB_NETBOOT, "n01");
    assert_int_equal(rack_submit(rack, &asked, id, &problem, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.text, "bootserver"));
}

static void a_key_is_executed_once(void **state)
{
    struct rack *rack = *state;
    char first[JOB_ID_SIZE], second[JOB_ID_SIZE];
    struct problem problem = {0};
    struct err err = {0};
    struct job_request asked = rack_request(VERB_ON, "n[01-02]");
    (void)snprintf(asked.key, sizeof asked.key, "night-1");
    struct job_view view = rack_do(rack, asked);
    memcpy(first, view.id, sizeof first);
    job_view_clear(&view);
    unsigned commands = rack->node[0].commands;
    asked.nodes = (char *)(uintptr_t) "n02,n01";
    assert_int_equal(rack_submit(rack, &asked, second, &problem, &err), 0);
    assert_string_equal(first, second);
    assert_int_equal(rack->node[0].commands, commands);
    asked.verb = VERB_OFF;
    assert_int_equal(rack_submit(rack, &asked, second, &problem, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
}

static void waves_wait_and_failures_stop_the_line(void **state)
{
    struct rack *rack = *state;
    for (size_t i = 0; i < rack->count; i++) {
        rack->node[i].on = true;
        rack->inventory->nodes[i].up = UP_NOT_WATCHED;
    }
    rack->node[5].dead = rack->node[6].dead = true;
    struct job_request asked = rack_request(VERB_REBOOT, "@all");
    asked.options.batch = 4;
    asked.options.has_max_failures = true;
    asked.options.max_failures = 2; /* the second stops it */
    struct job_view view = rack_do(rack, asked);
    assert_outcome(view, 0, OUTCOME_OK, VERDICT_NONE);
    assert_outcome(view, 5, OUTCOME_FAILED, VERDICT_UNREACHABLE);
    assert_outcome(view, 7, OUTCOME_OK, VERDICT_NONE);
    assert_outcome(view, 8, OUTCOME_CANCELLED, VERDICT_NOT_STARTED);
    assert_int_equal(rack->node[8].commands, 0);
    assert_int_equal(job_view_exit_code(&view), 1);
    job_view_clear(&view);
}

/* Between off and on is the worst moment to cancel: the node must come back. */
static void cancelling_never_leaves_a_node_dark(void **state)
{
    struct rack *rack = *state;
    char id[JOB_ID_SIZE];
    struct err err = {0};
    struct job_view view = {0};
    rack->node[0].on = true;
    struct job_request asked = rack_request(VERB_NETBOOT, "n[01-02]");
    rack_start(rack, &asked, id);
    while (rack->node[0].on)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    assert_int_equal(core_cancel(rack->core, id, rack->now_ms, &err), 0);
    rack_run(rack, id, &view);
    assert_outcome(view, 0, OUTCOME_CANCELLED, VERDICT_CANCELLED);
    assert_outcome(view, 1, OUTCOME_CANCELLED, VERDICT_CANCELLED);
    assert_true(rack->node[0].on);
    assert_false(rack->node[0].flag.valid);
    assert_int_equal(rack->node[1].power_ons, 0);
    job_view_clear(&view);
}

static void nodes_boot_only_so_many_at_once(void **state)
{
    struct rack *rack = *state;
    struct core_counts counts;
    char id[JOB_ID_SIZE];
    struct err err = {0};
    struct job_view view = {0};
    rack->inventory->limits.booting_at_once = 3;
    struct job_request asked = rack_request(VERB_NETBOOT, "@all");
    rack_start(rack, &asked, id);
    uint64_t most = 0;
    for (bool done = false; !done;) {
        assert_true(rack_step(rack, UINT64_MAX - 1));
        core_count(rack->core, &counts);
        most = counts.booting > most ? counts.booting : most;
        assert_int_equal(core_job(rack->core, id, rack->now_ms, &view, &err), 0);
        done = view.done;
        job_view_clear(&view);
    }
    assert_int_equal(most, 3);
}

/* A node that waits for a place waits as it was: the last of a thousand is not dark for hours. */
static void nodes_wait_for_their_place_switched_on(void **state)
{
    struct rack *rack = *state;
    char id[JOB_ID_SIZE];
    struct err err = {0};
    struct job_view view = {0};
    rack->inventory->limits.booting_at_once = 3;
    for (size_t i = 0; i < rack->count; i++)
        rack->node[i].on = true;
    struct job_request asked = rack_request(VERB_NETBOOT, "@all");
    rack_start(rack, &asked, id);
    for (bool done = false; !done;) {
        assert_true(rack_step(rack, UINT64_MAX - 1));
        size_t dark = 0;
        for (size_t i = 0; i < rack->count; i++)
            dark += !rack->node[i].on;
        assert_true(dark <= 3);
        assert_int_equal(core_job(rack->core, id, rack->now_ms, &view, &err), 0);
        done = view.done;
        job_view_clear(&view);
    }
}

static void failures_stop_those_that_wait_for_a_place(void **state)
{
    struct rack *rack = *state;
    rack->inventory->limits.booting_at_once = 2;
    for (size_t i = 0; i < rack->count; i++)
        rack->node[i].drops_flag = true;
    struct job_request asked = rack_request(VERB_NETBOOT, "@all");
    asked.options.has_max_failures = true;
    asked.options.max_failures = 2;
    struct job_view view = rack_do(rack, asked);
    size_t failed = 0, spared = 0;
    for (size_t i = 0; i < rack->count; i++) {
        failed += view.nodes[i].verdict == VERDICT_NEXT_BOOT_NOT_STORED;
        spared += view.nodes[i].verdict == VERDICT_NOT_STARTED && !rack->node[i].commands;
    }
    assert_in_range(failed, 2, 3); /* the third may have had its place when the second failed */
    assert_int_equal(failed + spared, rack->count);
    job_view_clear(&view);
}

static void a_plan_tells_and_sends_nothing(void **state)
{
    struct rack *rack = *state;
    struct err err;
    _cleanup_(freep) char *text = NULL;
    struct job_request asked = rack_request(VERB_NETBOOT, "n[01-02]");
    assert_int_equal(core_plan(rack->core, &asked, &text, &err), 0);
    assert_non_null(strstr(text, "power-off"));
    assert_non_null(strstr(text, "n02: power by b02 (fake)"));
    struct action action;
    assert_false(core_take(rack->core, &action));
}

/* A switch that comes back must not let all waiting nodes on at once. */
static void what_could_not_be_sent_takes_its_turn_again(void **state)
{
    struct rack *rack = *state;
    char id[JOB_ID_SIZE];
    struct job_view view = {0};
    rack->inventory->deadlines.command = 1000;
    rack->inventory->deadlines.on = 60000;
    struct job_request asked = rack_request(VERB_ON, "@all");
    rack_start(rack, &asked, id);
    while (!rack->npower_ons)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    uint64_t back_ms = rack->now_ms + 10000;
    for (size_t i = 0; i < rack->count; i++)
        rack->node[i].dead = true;
    while (rack->now_ms < back_ms)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    for (size_t i = 0; i < rack->count; i++)
        rack->node[i].dead = false;
    rack_run(rack, id, &view);
    for (size_t i = 0; i < rack->count; i++)
        assert_outcome(view, i, OUTCOME_OK, VERDICT_NONE);
    assert_true(rack_most_power_ons(rack) <= rack->inventory->limits.power_on_per_second);
    job_view_clear(&view);
}

/* A wall screen asks for the status all day: the long job must not be forgotten as it ends. */
static void a_long_job_outlives_many_short_ones(void **state)
{
    struct rack *rack = *state;
    char id[JOB_ID_SIZE], other[JOB_ID_SIZE];
    struct problem problem = {0};
    struct err err = {0};
    struct job_view view = {0};
    rack->inventory->limits.jobs_kept = 3;
    struct job_request asked = rack_request(VERB_NETBOOT, "n01"),
                       ask = rack_request(VERB_STATUS, "n02");
    rack_start(rack, &asked, id);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(rack_submit(rack, &ask, other, &problem, &err), 0);
        rack_run(rack, other, &view);
        job_view_clear(&view);
    }
    rack_run(rack, id, &view);
    job_view_clear(&view);
    assert_int_equal(core_job(rack->core, id, rack->now_ms, &view, &err), 0);
    job_view_clear(&view);
    struct job_view *views;
    assert_true(core_jobs(rack->core, rack->now_ms, &views) <= 5);
    job_list_free(views, 0);
}

static void a_cancelled_next_boot_leaves_no_flag(void **state)
{
    struct rack *rack = *state;
    char id[JOB_ID_SIZE];
    struct err err = {0};
    struct job_view view = {0};
    struct job_request asked = rack_request(VERB_NEXT_BOOT, "n01");
    asked.options.boot_device = BOOT_NETWORK;
    rack_start(rack, &asked, id);
    assert_true(rack->node[0].flag.valid);
    assert_int_equal(core_cancel(rack->core, id, rack->now_ms, &err), 0);
    rack_run(rack, id, &view);
    assert_outcome(view, 0, OUTCOME_CANCELLED, VERDICT_CANCELLED);
    assert_false(rack->node[0].flag.valid);
    job_view_clear(&view);
}

static void a_grace_beyond_a_day_is_refused(void **state)
{
    struct rack *rack = *state;
    char id[JOB_ID_SIZE];
    struct problem problem = {0};
    struct err err = {0};
    struct job_request asked = rack_request(VERB_REBOOT, "n01");
    asked.options.grace_s = 4294968; /* times 1000: 704 ms in 32 bits */
    assert_int_equal(rack_submit(rack, &asked, id, &problem, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
}

/* A name that leads to another machine in the middle of a job is a command to the wrong one. */
static void a_reload_does_not_re_aim_a_running_job(void **state)
{
    struct rack *rack = *state;
    char id[JOB_ID_SIZE];
    struct err err = {0};
    struct job_view view = {0};
    struct rack *other = rack_new(16);
    struct device_config *device = &other->inventory->devices[0].config;
    struct job_request asked = rack_request(VERB_ON, "n01");
    rack_start(rack, &asked, id);
    assert_int_equal(core_may_reload(rack->core, other->inventory, &err), 0);
    device->settings = calloc(1, sizeof *device->settings);
    assert_non_null(device->settings);
    (void)snprintf(device->settings[0].name, NAME_SIZE, "host");
    (void)snprintf(device->settings[0].value, NAME_SIZE, "10.0.0.99");
    device->nsettings = 1;
    assert_int_equal(core_may_reload(rack->core, other->inventory, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, "b01 of n01"));
    rack_run(rack, id, &view);
    job_view_clear(&view);
    assert_int_equal(core_may_reload(rack->core, other->inventory, &err), 0);
    rack_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RACK_TEST(a_job_is_admitted_whole_or_not_at_all),
        RACK_TEST(a_blind_agent_netboots_nothing),
        RACK_TEST(a_key_is_executed_once),
        RACK_TEST(waves_wait_and_failures_stop_the_line),
        RACK_TEST(cancelling_never_leaves_a_node_dark),
        RACK_TEST(nodes_boot_only_so_many_at_once),
        RACK_TEST(nodes_wait_for_their_place_switched_on),
        RACK_TEST(failures_stop_those_that_wait_for_a_place),
        RACK_TEST(a_plan_tells_and_sends_nothing),
        RACK_TEST(what_could_not_be_sent_takes_its_turn_again),
        RACK_TEST(a_long_job_outlives_many_short_ones),
        RACK_TEST(a_cancelled_next_boot_leaves_no_flag),
        RACK_TEST(a_grace_beyond_a_day_is_refused),
        RACK_TEST(a_reload_does_not_re_aim_a_running_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
