/* Inrush limits over a rack: what is counted where, and limits that change while nodes wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "tests/unit/feeds_rig.h"

enum { NODES = 6 };

/* All by their BMCs behind one circuit, off. */
static struct circuit *behind_one_circuit(uint32_t per_second, uint32_t milliamps)
{
    rack = rack_new(NODES);
    struct inventory *inventory = rack->inventory;
    inventory->circuits = calloc(1, sizeof *inventory->circuits);
    assert_non_null(inventory->circuits);
    inventory->ncircuits = 1;
    inventory->limits.power_on_per_second = 100;
    inventory->circuits[0] =
        (struct circuit){.name = "c1", .per_second = per_second, .milliamps = milliamps};
    for (size_t i = 0; i < NODES; i++) {
        inventory->nodes[i].control.circuit = 0;
        inventory->nodes[i].inrush_ma = 4000;
        rack->node[i].disk_phones_home = true;
    }
    core_reload(rack->core, inventory, rack->now_ms);
    return &inventory->circuits[0];
}

static void begin(enum verb verb, char id[JOB_ID_SIZE])
{
    struct err err = {0};
    if (submit(verb, "@all", NULL, id, &err))
        fail_msg("refused: %s", err.text);
}

static void run_until_on(size_t count)
{
    while (rack->npower_ons < count)
        assert_true(rack_step(rack, rack->now_ms + 3600000));
}

static void all_are_ok(const char *id)
{
    job_view_clear(&view);
    rack_run(rack, id, &view);
    for (size_t i = 0; i < NODES; i++)
        assert_int_equal(view.nodes[i].outcome, OUTCOME_OK);
}

static void a_circuit_is_kept(void **state)
{
    static const struct {
        uint32_t per_second, milliamps;
        unsigned most;
    } cases[] = {
        {1, 0, 1},     {3, 0, 3},    {0, 8000, 2},
        {0, 11999, 2}, {5, 4000, 1}, {0, 1000, 1}, /* less than any of them draws: each alone */
    };
    char id[JOB_ID_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        (void)behind_one_circuit(cases[i].per_second, cases[i].milliamps);
        begin(VERB_ON, id);
        all_are_ok(id);
        assert_int_equal(rack_most_power_ons(rack), cases[i].most);
        (void)end(state);
    }
}

/* One that nobody has met yet is as today's configuration has it, not as the job found it. */
static void a_limit_lowered_while_a_job_runs(void **state)
{
    char id[JOB_ID_SIZE];
    struct circuit *circuit;
    for (int by_current = 0; by_current < 2; by_current++) {
        circuit = by_current ? behind_one_circuit(0, 100000) : behind_one_circuit(50, 0);
        for (size_t i = 0; i < NODES; i++)
            rack->node[i].on = true;
        begin(VERB_CYCLE, id);
        while (!rack->node[NODES - 1].power_offs)
            assert_true(rack_step(rack, rack->now_ms + 3600000));
        assert_int_equal(rack->npower_ons, 0);
        if (by_current)
            circuit->milliamps = 4000;
        else
            circuit->per_second = 1;
        core_reload(rack->core, rack->inventory, rack->now_ms);
        all_are_ok(id);
        assert_int_equal(rack_most_power_ons(rack), 1);
        (void)end(state);
    }
}

/* Of a kind that there was not: by current, too. */
static void a_limit_added_while_a_job_runs(void **state)
{
    char id[JOB_ID_SIZE];
    struct circuit *circuit = behind_one_circuit(50, 0);
    (void)state;
    for (size_t i = 0; i < NODES; i++)
        rack->node[i].on = true;
    begin(VERB_CYCLE, id);
    while (!rack->node[NODES - 1].power_offs)
        assert_true(rack_step(rack, rack->now_ms + 3600000));
    circuit->milliamps = 4000;
    core_reload(rack->core, rack->inventory, rack->now_ms);
    all_are_ok(id);
    assert_int_equal(rack_most_power_ons(rack), 1);
}

static void a_circuit_that_is_gone_lets_them_pass(void **state)
{
    char id[JOB_ID_SIZE];
    (void)state;
    for (int now_or_later = 0; now_or_later < 2; now_or_later++) {
        (void)behind_one_circuit(1, 0);
        begin(VERB_ON, id);
        if (now_or_later)
            run_until_on(2);
        rack->inventory->ncircuits = 0;
        for (size_t i = 0; i < NODES; i++)
            rack->inventory->nodes[i].control.circuit = CIRCUIT_NONE;
        core_reload(rack->core, rack->inventory, rack->now_ms);
        all_are_ok(id);
        assert_int_equal(rack_most_power_ons(rack), 1); /* as they were admitted */
        (void)end(state);
    }
}

/* Those who wait for a slow one are cancelled, and nobody is switched on for them. */
static void who_is_cancelled_waits_no_more(void **state)
{
    char id[JOB_ID_SIZE], other[JOB_ID_SIZE];
    struct err err;
    (void)state;
    (void)behind_one_circuit(1, 0);
    begin(VERB_ON, id);
    run_until_on(2);
    assert_int_equal(core_cancel(rack->core, id, rack->now_ms, &err), 0);
    rack_run(rack, id, &view);
    size_t were_on = rack->npower_ons;
    assert_true(were_on < NODES);
    begin(VERB_ON, other);
    all_are_ok(other);
    assert_int_equal(rack->npower_ons, NODES);
    assert_int_equal(rack_most_power_ons(rack), 1);
}

/* Each feed counts its share of what the node draws. */
static void feeds_share_what_their_node_draws(void **state)
{
    char id[JOB_ID_SIZE];
    struct err err = {0};
    (void)state;
    fed(false);
    struct inventory *inventory = rack->inventory;
    inventory->circuits = calloc(1, sizeof *inventory->circuits);
    assert_non_null(inventory->circuits);
    inventory->ncircuits = 1;
    inventory->limits.power_on_per_second = 100;
    inventory->circuits[0] = (struct circuit){.name = "ups", .milliamps = 10000};
    inventory->nodes[0].inrush_ma = 10000;
    inventory->nodes[0].feeds[0].circuit = inventory->nodes[0].feeds[1].circuit = 0;
    core_reload(rack->core, inventory, rack->now_ms);
    while (rack_step(rack, rack->now_ms + 5000))
        ;
    rack->now_ms += 5000;
    assert_int_equal(submit(VERB_ON, "n01", NULL, id, &err), 0);
    while (!feed(0)->ons)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    uint64_t first_ms = rack->now_ms;
    while (!feed(1)->ons)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    assert_in_range(rack->now_ms - first_ms, 550, 700); /* half of it each: half a span */
    rack_run(rack, id, &view);
    assert_end(&view.nodes[0], OUTCOME_OK, VERDICT_NONE, "on, seen twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_circuit_is_kept, end),
        cmocka_unit_test_teardown(a_limit_lowered_while_a_job_runs, end),
        cmocka_unit_test_teardown(a_limit_added_while_a_job_runs, end),
        cmocka_unit_test_teardown(a_circuit_that_is_gone_lets_them_pass, end),
        cmocka_unit_test_teardown(who_is_cancelled_waits_no_more, end),
        cmocka_unit_test_teardown(feeds_share_what_their_node_draws, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
