/* Rounds over the feeds of a node: what becomes of one that is cut short by silence, by a reload, by a
 * cancel, or by the agent's death. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "tests/unit/feeds_rig.h"
#include "tests/unit/rack_crash.h"

static const struct job_options by_feeds = {.feeds = true};

/* Of the two offs that are on their way back, that of pdu-a or of pdu-b; it is so no more. */
static struct driver_reply intercept_off(size_t pdu)
{
    size_t found[RACK_PDUS], count = 0;
    for (size_t i = 0; i < rack->npending; i++)
        if (!rack->pending[i].is_note && rack->pending[i].reply.op == OP_OFF && count < RACK_PDUS)
            found[count++] = i;
    assert_int_equal(count, RACK_PDUS);
    bool in_order = rack->pending[found[0]].reply.id < rack->pending[found[1]].reply.id;
    size_t at = found[in_order ? pdu : 1 - pdu];
    struct driver_reply reply = rack->pending[at].reply;
    rack->pending[at] = rack->pending[--rack->npending];
    return reply;
}

static void begin(enum verb verb, const struct job_options *options, char id[JOB_ID_SIZE])
{
    struct err err = {0};
    if (submit(verb, "n01", options, id, &err))
        fail_msg("refused: %s", err.text);
}

static void run_until_sent(size_t pdu, enum op op)
{
    while (!rack->pdu[pdu].sent[op])
        assert_true(rack_step(rack, UINT64_MAX - 1));
}

/* Its driver never answers, but much later: nothing is taken for an answer to something else. */
static void a_reply_after_its_round(void **state)
{
    char id[JOB_ID_SIZE];
    (void)state;
    for (size_t pdu = 0; pdu < RACK_PDUS; pdu++) {
        fed(true);
        begin(VERB_CYCLE, NULL, id);
        run_until_sent(1, OP_OFF);
        struct driver_reply late = intercept_off(pdu);
        while (!feed(0)->ons) {
            assert_true(rack_step(rack, UINT64_MAX - 1));
            if (was_told("may have been done")) /* its round is over */
                core_reply(rack->core, &late, rack->now_ms);
        }
        core_reply(rack->core, &late, rack->now_ms);
        rack_run(rack, id, &view);
        assert_end(&view.nodes[0], OUTCOME_OK, VERDICT_NONE, "on, seen twice");
        assert_true(was_told("outlet 1: the driver of pdu-"));
        assert_int_equal(feed(0)->offs + feed(1)->offs, 2);
        assert_true(feed(0)->on && feed(1)->on);
        (void)end(state);
    }
}

static void a_reload_in_the_middle_of_a_round(void **state)
{
    static const enum op ops[] = {OP_STATUS, OP_OFF, OP_ON};
    char id[JOB_ID_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        fed(true);
        struct rack *other = rack_new_fed(1, false);
        struct inventory *mine = rack->inventory;
        struct err err;
        begin(VERB_CYCLE, NULL, id);
        run_until_sent(0, ops[i]);
        assert_int_equal(core_may_reload(rack->core, other->inventory, &err), 0);
        core_reload(rack->core, other->inventory, rack->now_ms);
        rack_run(rack, id, &view);
        assert_end(&view.nodes[0], OUTCOME_OK, VERDICT_NONE, "on, seen twice");
        assert_int_equal(switched(), 4);
        core_reload(rack->core, mine, rack->now_ms);
        rack_free(other);
        (void)end(state);
    }
}

static void cancelled_in_the_middle_of_a_round(void **state)
{
    static const enum op ops[] = {OP_STATUS, OP_OFF, OP_ON};
    char id[JOB_ID_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        fed(true);
        struct err err;
        begin(VERB_CYCLE, NULL, id);
        run_until_sent(0, ops[i]);
        assert_int_equal(core_cancel(rack->core, id, rack->now_ms, &err), 0);
        rack_run(rack, id, &view);
        assert_end(&view.nodes[0], OUTCOME_CANCELLED, VERDICT_CANCELLED, "cancelled");
        assert_int_equal(switched(), ops[i] == OP_STATUS ? 0 : 4);
        assert_true(feed(0)->on && feed(1)->on && rack->node[0].on);
        (void)end(state);
    }
}

/* Nobody has looked since the first came on: it is not told to be off. */
static void what_was_switched_on_is_not_told_to_be_off(void **state)
{
    char id[JOB_ID_SIZE];
    struct err err;
    (void)state;
    for (int both = 0; both < 2; both++) {
        fed(false);
        begin(VERB_ON, NULL, id);
        run_until_sent((size_t)both, OP_ON);
        assert_int_equal(core_cancel(rack->core, id, rack->now_ms, &err), 0);
        rack_run(rack, id, &view);
        assert_end(&view.nodes[0], OUTCOME_CANCELLED, VERDICT_CANCELLED, "cancelled");
        assert_true(rack->node[0].on);
        assert_int_equal(view.nodes[0].power, POWER_UNKNOWN);
        (void)end(state);
    }
    rack = rack_new(1);
    begin(VERB_ON, NULL, id);
    while (!rack->node[0].on)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    assert_int_equal(core_cancel(rack->core, id, rack->now_ms, &err), 0);
    rack_run(rack, id, &view);
    assert_int_equal(view.nodes[0].power, POWER_UNKNOWN);
}

/* Its feeds were cut when the agent died, and the next one finds it protected. */
static void protected_since_the_agent_died(void **state)
{
    static char node[] = "n01";
    const struct job_request request = {.verb = VERB_NETBOOT,
                                        .nodes = node,
                                        .yes = true,
                                        .options = by_feeds,
                                        .actor = "test (uid 0)"};
    struct problem problem = {0};
    struct err err = {0};
    char id[JOB_ID_SIZE];
    (void)state;
    fed_with_bmc();
    rack->node[0].on_with_mains = true;
    rack_die_at(rack, 0, RACK_NEVER_SENT); /* journal from here on */
    assert_int_equal(rack_submit(rack, &request, id, &problem, &err), 0);
    while (!feed(1)->offs)
        assert_true(rack_step(rack, UINT64_MAX - 1));
    rack_die_at(rack, 1, RACK_NEVER_SENT);
    while (!rack_is_dead(rack))
        assert_true(rack_step(rack, UINT64_MAX - 1));
    rack->inventory->nodes[0].protect = true;
    rack_die_at(rack, 0, RACK_NEVER_SENT);
    rack_rise(rack, id, &request, 0);
    rack_run(rack, id, &view);
    assert_end(&view.nodes[0], OUTCOME_FAILED, VERDICT_INTERRUPTED, "it is protected by now");
    assert_int_equal(rack->node[0].sent[OP_OFF], 0);
    assert_int_equal(rack->node[0].power_offs, 1);
    assert_true(feed(0)->on && feed(1)->on && rack->node[0].on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_reply_after_its_round, end),
        cmocka_unit_test_teardown(a_reload_in_the_middle_of_a_round, end),
        cmocka_unit_test_teardown(cancelled_in_the_middle_of_a_round, end),
        cmocka_unit_test_teardown(what_was_switched_on_is_not_told_to_be_off, end),
        cmocka_unit_test_teardown(protected_since_the_agent_died, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
