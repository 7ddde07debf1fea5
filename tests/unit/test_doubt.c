/* What the core does not believe: one reading, an off that may still land, notes of another boot.
 * Each was found by tests/sim, which finds it again where one of these fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rack_jobs.h"

/* How it ended for the first node. */
static enum outcome run(struct rack *rack, struct job_request asked)
{
    struct job_view view = rack_do(rack, asked);
    enum outcome outcome = view.nodes[0].outcome;
    job_view_clear(&view);
    return outcome;
}

static void pass_ms(struct rack *rack, uint64_t ms)
{
    uint64_t until_ms = rack->now_ms + ms;
    while (rack_step(rack, until_ms))
        ;
    rack->now_ms = until_ms;
}

/* Off, says the first reading, and the off that a cycle begins with would be left out. */
static void one_wrong_reading_leaves_no_command_out(void **state)
{
    struct rack *rack = *state;
    struct rack_node *node = &rack->node[0];
    node->on = true;
    node->lies_in = 1;
    assert_int_equal(run(rack, rack_request(VERB_CYCLE, "n01")), OUTCOME_OK);
    assert_int_equal(node->power_offs, 1);
    assert_true(node->on);

    node->lies_in = 1;
    assert_int_equal(run(rack, rack_request(VERB_OFF, "n01")), OUTCOME_OK);
    assert_false(node->on);

    node->lies_in = 1;
    assert_int_equal(run(rack, rack_request(VERB_ON, "n01")), OUTCOME_OK);
    assert_true(node->on);
}

/* --grace says when to go on harder; a system that shuts down slowly does so all the same. */
static void a_soft_off_may_land_after_the_grace(void **state)
{
    struct rack *rack = *state;
    struct rack_node *node = &rack->node[0];
    struct job_request asked = rack_request(VERB_REBOOT, "n01");
    char id[JOB_ID_SIZE];
    struct job_view view = {0};
    node->on = true;
    node->soft_takes_ms = 30000;
    asked.options.grace_s = 10;
    rack_start(rack, &asked, id);
    pass_ms(rack, 3000);
    assert_int_equal(core_cancel(rack->core, id, rack->now_ms, NULL), 0);
    rack_run(rack, id, &view);
    assert_int_equal(view.nodes[0].outcome, OUTCOME_CANCELLED);
    job_view_clear(&view);
    pass_ms(rack, 60000);
    assert_int_equal(node->power_offs, 1);
    assert_true(node->on);
}

/* It ends in the moment it gets its place; the next wave is not to wait for another end. */
static void a_node_that_ends_in_its_turn_lets_the_next_wave_go(void **state)
{
    struct rack *rack = *state;
    struct job_request asked = rack_request(VERB_NETBOOT, "n01,n02");
    rack->node[0].on = true;
    rack->inventory->nodes[0].next_boot = DEVICE_NONE;
    rack->inventory->nodes[0].boot_by_reset = true;
    asked.options.batch = 1;
    assert_int_equal(run(rack, asked), OUTCOME_FAILED);
    assert_int_equal(rack->node[1].network_boots, 1);
}

static void a_reload_gives_a_busy_machine_no_other_name(void **state)
{
    struct rack *rack = *state;
    struct rack *other = rack_new(16);
    struct job_request asked = rack_request(VERB_CYCLE, "n01");
    char id[JOB_ID_SIZE];
    struct err err = {0};
    struct job_view view = {0};
    other->inventory->nodes[0].control.device = other->inventory->nodes[0].next_boot = 1;
    other->inventory->nodes[1].control.device = other->inventory->nodes[1].next_boot = 0;
    rack_start(rack, &asked, id);
    assert_int_equal(core_may_reload(rack->core, other->inventory, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, "b01 of n01 would be that of n02"));
    rack_run(rack, id, &view);
    job_view_clear(&view);
    assert_int_equal(core_may_reload(rack->core, other->inventory, &err), 0);
    rack_free(other);
}

static bool was_told_powered(const struct rack *rack)
{
    for (size_t i = 0; i < rack->nevents; i++)
        if (rack->events[i].kind == EVENT_STAGE && rack->events[i].node.stage == STAGE_POWERED)
            return true;
    return false;
}

/* A log that lags tells of the system that was shut down, when the new boot has just begun. */
static void a_note_from_before_the_power_edge_is_of_another_boot(void **state)
{
    struct rack *rack = *state;
    struct job_request asked = rack_request(VERB_NETBOOT, "n01");
    char id[JOB_ID_SIZE];
    struct job_view view = {0};
    struct note note = {.at_ms = rack->now_ms,
                        .source = NOTE_LOG,
                        .kind = NOTE_DHCP_DISCOVER,
                        .class = CLASS_OS,
                        .mac = rack->inventory->nodes[0].macs[0]};
    asked.options.has_retry = true; /* none */
    rack_start(rack, &asked, id);
    while (!was_told_powered(rack))
        assert_true(rack_step(rack, rack->now_ms + 60000));
    core_note(rack->core, &note, rack->now_ms);
    rack_run(rack, id, &view);
    assert_int_equal(view.nodes[0].outcome, OUTCOME_OK);
    job_view_clear(&view);
}

/* Its firmware asks because it was switched on a moment ago, not because of a reset. */
static void a_node_in_post_does_not_prove_a_reset(void **state)
{
    struct rack *rack = *state;
    struct rack_node *node = &rack->node[0];
    node->flag = (struct next_boot){.valid = true, .device = BOOT_NETWORK};
    assert_int_equal(run(rack, rack_request(VERB_ON, "n01")), OUTCOME_OK);
    node->cause = 1; /* and the same again after a reset: it can tell nothing */
    node->ignores_power = true;
    assert_int_not_equal(run(rack, rack_request(VERB_RESET, "n01")), OUTCOME_OK);
    assert_int_equal(node->cycles, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RACK_TEST(one_wrong_reading_leaves_no_command_out),
        RACK_TEST(a_soft_off_may_land_after_the_grace),
        RACK_TEST(a_node_that_ends_in_its_turn_lets_the_next_wave_go),
        RACK_TEST(a_reload_gives_a_busy_machine_no_other_name),
        RACK_TEST(a_note_from_before_the_power_edge_is_of_another_boot),
        RACK_TEST(a_node_in_post_does_not_prove_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
