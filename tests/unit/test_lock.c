/* Locks in the core: whom they refuse, who may take and release them, when they are over; and keys:
 * what is the same request. Virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/core/lock.h"
#include "proto/cleanup.h"
#include "tests/unit/rack_jobs.h"

static const char root[] = "root (uid 0)", alice[] = "alice (uid 1000)";

static struct job_request job_of(enum verb verb, const char *nodes, const char *actor)
{
    struct job_request request = {.verb = verb, .nodes = (char *)(uintptr_t)nodes, .yes = true};
    (void)snprintf(request.actor, sizeof request.actor, "%s", actor);
    return request;
}

static struct lock_request lock_of_nodes(const char *nodes, const char *actor)
{
    struct lock_request request = {.nodes = (char *)(uintptr_t)nodes, .reason = "broken DIMM"};
    (void)snprintf(request.actor, sizeof request.actor, "%s", actor);
    return request;
}

static int take(struct rack *rack, const struct lock_request *request, uint64_t until_ms,
                struct problem *problem, struct err *err)
{
    _cleanup_(lock_changes_clear) struct lock_changes plan = {0};
    if (core_lock_plan(rack->core, request, rack->now_ms, until_ms, 1000, &plan, problem, err))
        return -1;
    core_locks_apply(rack->core, &plan);
    return 0;
}

/* How many were released, or -1. */
static int release(struct rack *rack, const struct lock_request *request, struct err *err)
{
    struct problem problem = {0};
    _cleanup_(lock_changes_clear) struct lock_changes plan = {0};
    if (core_unlock_plan(rack->core, request, rack->now_ms, &plan, &problem, err))
        return -1;
    core_locks_apply(rack->core, &plan);
    return (int)plan.count;
}

static void lock(struct rack *rack, const char *nodes, const char *actor, uint64_t until_ms)
{
    struct lock_request request = lock_of_nodes(nodes, actor);
    struct problem problem = {0};
    struct err err = {0};
    if (take(rack, &request, until_ms, &problem, &err))
        fail_msg("%s", err.text);
}

static enum err_kind asked(struct rack *rack, const struct job_request *request,
                           struct problem *problem)
{
    char id[JOB_ID_SIZE];
    struct job_view view = {0};
    struct err err = {0};
    *problem = (struct problem){0};
    if (rack_submit(rack, request, id, problem, &err))
        return err.kind;
    rack_run(rack, id, &view);
    job_view_clear(&view);
    return ERR_NONE;
}

static void everything_that_changes_is_refused_for_everybody(void **state)
{
    struct rack *rack = *state;
    struct problem problem;
    lock(rack, "n02", root, UINT64_MAX);
    for (int verb = 0; verb < VERBS; verb++) {
        struct job_request request = job_of((enum verb)verb, "n[01-02]", root);
        request.options.boot_device = BOOT_NETWORK;
        enum err_kind kind = asked(rack, &request, &problem);
        if (verb == VERB_STATUS || verb == VERB_CHECK) {
            assert_int_equal(kind, ERR_NONE);
            continue;
        }
        assert_int_equal(kind, ERR_BUSY);
        assert_string_equal(problem.lock.node, "n02");
        assert_string_equal(problem.lock.holder, root);
        assert_string_equal(problem.lock.reason, "broken DIMM");
    }
    assert_int_equal(rack->node[0].commands + rack->node[1].commands, 0);
    struct job_request other = job_of(VERB_ON, "n01", root);
    assert_int_equal(asked(rack, &other, &problem), ERR_NONE);
}

static void its_holder_may_say_that_they_know(void **state)
{
    struct rack *rack = *state;
    struct problem problem;
    struct job_request request = job_of(VERB_ON, "n02", root);
    lock(rack, "n02", root, UINT64_MAX);
    request.with_lock = true;
    (void)snprintf(request.on_behalf, sizeof request.on_behalf, "bob"); /* another root */
    assert_int_equal(asked(rack, &request, &problem), ERR_BUSY);
    request.on_behalf[0] = '\0';
    assert_int_equal(asked(rack, &request, &problem), ERR_NONE);
    request = job_of(VERB_OFF, "n02", alice);
    request.with_lock = true;
    assert_int_equal(asked(rack, &request, &problem), ERR_BUSY);
}

static void only_with_steal_from_another(void **state)
{
    struct rack *rack = *state;
    struct problem problem = {0};
    struct err err = {0};
    lock(rack, "n[02-03]", alice, UINT64_MAX);
    struct lock_request request = lock_of_nodes("n[01-03]", root);
    assert_int_equal(take(rack, &request, UINT64_MAX, &problem, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, alice));
    assert_null(lock_of(rack->core, "n01", rack->now_ms)); /* all or nothing */
    assert_int_equal(release(rack, &request, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);

    request.steal = true;
    _cleanup_(lock_changes_clear) struct lock_changes plan = {0};
    assert_int_equal(
        core_lock_plan(rack->core, &request, rack->now_ms, UINT64_MAX, 1, &plan, &problem, &err),
        0);
    assert_int_equal(plan.count, 3);
    assert_int_equal(plan.changes[0].kind, LOCK_TAKEN);
    assert_int_equal(plan.changes[1].kind, LOCK_STOLEN);
    assert_string_equal(plan.changes[1].whose, alice);
    assert_string_equal(lock_of(rack->core, "n02", rack->now_ms)->holder, alice); /* not yet */
    core_locks_apply(rack->core, &plan);
    assert_string_equal(lock_of(rack->core, "n02", rack->now_ms)->holder, root);
    assert_int_equal(release(rack, &request, &err), 3);
    assert_int_equal(release(rack, &request, &err), 0);
    assert_null(lock_of(rack->core, "n02", rack->now_ms));
}

static void locking_again_renews_it(void **state)
{
    struct rack *rack = *state;
    struct problem problem = {0};
    struct err err = {0};
    lock(rack, "n02", root, rack->now_ms + 1000);
    struct lock_request request = lock_of_nodes("n02", root);
    (void)snprintf(request.reason, sizeof request.reason, "still broken");
    _cleanup_(lock_changes_clear) struct lock_changes plan = {0};
    assert_int_equal(
        core_lock_plan(rack->core, &request, rack->now_ms, UINT64_MAX, 5000, &plan, &problem, &err),
        0);
    assert_int_equal(plan.changes[0].kind, LOCK_RENEWED);
    core_locks_apply(rack->core, &plan);
    const struct lock_view *is = lock_of(rack->core, "n02", rack->now_ms + 1000000);
    assert_string_equal(is->reason, "still broken");
    assert_int_equal(is->since_unix_ms, 1000); /* held since then */
    assert_int_equal(core_locks_deadline(rack->core), UINT64_MAX);
}

static void it_is_over_when_its_time_has_come(void **state)
{
    struct rack *rack = *state;
    struct problem problem;
    struct err err = {0};
    uint64_t until_ms = rack->now_ms + 60000;
    lock(rack, "n02", root, until_ms);
    lock(rack, "n03", root, UINT64_MAX);
    assert_int_equal(core_locks_deadline(rack->core), until_ms);
    assert_non_null(lock_of(rack->core, "n02", until_ms - 1));
    assert_null(lock_of(rack->core, "n02", until_ms));
    struct job_request request = job_of(VERB_ON, "n02", alice);
    assert_int_equal(asked(rack, &request, &problem), ERR_BUSY);
    rack->now_ms = until_ms; /* refuses nothing, swept away or not */
    assert_int_equal(asked(rack, &request, &problem), ERR_NONE);

    _cleanup_(lock_changes_clear) struct lock_changes plan = {0};
    assert_int_equal(core_locks_expired(rack->core, rack->now_ms, &plan, &err), 0);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.changes[0].kind, LOCK_EXPIRED);
    assert_string_equal(plan.changes[0].lock.node, "n02");
    core_locks_apply(rack->core, &plan);
    assert_int_equal(core_locks_deadline(rack->core), UINT64_MAX);
    struct lock_request late = lock_of_nodes("n02", root);
    assert_int_equal(take(rack, &late, rack->now_ms, &problem, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
}

static void a_node_that_a_job_has_is_not_locked(void **state)
{
    struct rack *rack = *state;
    struct problem problem = {0};
    struct err err = {0};
    char id[JOB_ID_SIZE];
    struct job_view view = {0};
    struct job_request job = job_of(VERB_ON, "n02", alice);
    assert_int_equal(rack_submit(rack, &job, id, &problem, &err), 0);
    struct lock_request request = lock_of_nodes("n[01-02]", root);
    assert_int_equal(take(rack, &request, UINT64_MAX, &problem, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_string_equal(problem.job, id);
    assert_non_null(strstr(err.text, id));
    assert_non_null(strstr(err.text, "(on by alice (uid 1000), running for 0 s)"));
    rack_run(rack, id, &view);
    job_view_clear(&view);
    assert_int_equal(take(rack, &request, UINT64_MAX, &problem, &err), 0);
}

static void locks_are_listed_and_marked(void **state)
{
    struct rack *rack = *state;
    _cleanup_(freep) struct lock_view *locks = NULL, *some = NULL;
    _cleanup_(freep) struct node_view *nodes = NULL;
    _cleanup_(freep) char *folded = NULL;
    char warning[256];
    size_t count;
    struct err err = {0};
    struct lock_view gone = {.node = "old7", .holder = "alice (uid 1000)", .reason = "moved"};
    lock(rack, "n[02-03]", root, UINT64_MAX);
    assert_int_equal(core_remember_lock(rack->core, &gone, UINT64_MAX, &err), 0);
    assert_int_equal(core_locks(rack->core, NULL, rack->now_ms, &locks, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_string_equal(locks[0].node, "n02");
    assert_string_equal(locks[2].node, "old7");
    assert_int_equal(core_locks(rack->core, "n[03-16]", rack->now_ms, &some, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(
        core_nodes(rack->core, "n[01-02]", rack->now_ms, &nodes, &count, &folded, warning, &err),
        0);
    assert_false(nodes[0].locked);
    assert_true(nodes[1].locked);
    struct lock_request request = lock_of_nodes("old7", alice); /* gone from the configuration */
    assert_int_equal(release(rack, &request, &err), 1);
    assert_int_equal(release(rack, &request, &err), -1);
}

/* ---- keys ---- */

static void a_key_stands_for_its_options_too(void **state)
{
    struct rack *rack = *state;
    struct problem problem = {0};
    struct err err = {0};
    char id[JOB_ID_SIZE];
    struct job_request request = job_of(VERB_ON, "n[01-04]", root);
    (void)snprintf(request.key, sizeof request.key, "night");
    request.options.batch = 2;
    request.max_nodes = 8;
    assert_int_equal(asked(rack, &request, &problem), ERR_NONE);
    unsigned commands = rack->node[0].commands;
    request.max_nodes = 9; /* how much is allowed is not what is done */
    assert_int_equal(asked(rack, &request, &problem), ERR_NONE);
    request.options.has_max_failures = true;
    request.options.max_failures = 1;
    assert_int_equal(rack_submit(rack, &request, id, &problem, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, "other options (max_failures is another)"));
    assert_int_equal(rack->node[0].commands, commands);
}

static void a_refused_request_has_not_used_its_key(void **state)
{
    struct rack *rack = *state;
    struct problem problem;
    struct job_request request = job_of(VERB_ON, "n02", alice);
    (void)snprintf(request.key, sizeof request.key, "night");
    lock(rack, "n02", root, UINT64_MAX);
    assert_int_equal(asked(rack, &request, &problem), ERR_BUSY);
    struct err err = {0};
    struct lock_request unlock = lock_of_nodes("n02", root);
    assert_int_equal(release(rack, &unlock, &err), 1);
    request.options.batch = 1; /* nothing is remembered of the first */
    assert_int_equal(asked(rack, &request, &problem), ERR_NONE);
    assert_true(rack->node[1].on);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        RACK_TEST(everything_that_changes_is_refused_for_everybody),
        RACK_TEST(its_holder_may_say_that_they_know),
        RACK_TEST(only_with_steal_from_another),
        RACK_TEST(locking_again_renews_it),
        RACK_TEST(it_is_over_when_its_time_has_come),
        RACK_TEST(a_node_that_a_job_has_is_not_locked),
        RACK_TEST(locks_are_listed_and_marked),
        RACK_TEST(a_key_stands_for_its_options_too),
        RACK_TEST(a_refused_request_has_not_used_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
