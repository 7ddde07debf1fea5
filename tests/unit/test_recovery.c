/* An agent dies, and the next one has nothing but the journal's file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/log.h"
#include "agent/io/recovery.h"
#include "proto/cleanup.h"
#include "tests/unit/journal_rig.h"
#include "tests/unit/rack.h"
#include "tests/unit/rack_crash.h"

enum { NODES = 3, UNIX_MS = 1000000 };

/* ---- the rack's rows, as the turn writes them ---- */

static void write_row(struct journal *journal, const struct rack_row *row)
{
    struct job_event event = row->event;
    event.unix_ms = UNIX_MS;
    journal_add_event(journal, &event);
    if (!row->is_intent)
        return;
    journal_add_intent(journal, &row->request, event.job, event.node.node, UNIX_MS);
    if (!row->has_result)
        return;
    struct driver_reply reply = {
        .id = row->request.id, .op = row->request.op, .ok = row->ok, .err.sent = row->sent};
    journal_add_result(journal, &reply, UNIX_MS);
}

static void write_job(struct journal *journal, const char *id, const struct job_request *request)
{
    _cleanup_(freep) char *json = job_request_encode(request);
    struct journal_job job = {.verb = request->verb,
                              .nodes = "n[01-03]",
                              .nodes_hash = "0123456789abcdef",
                              .key = request->key,
                              .actor = "alice (uid 1000)",
                              .request = json,
                              .started_unix_ms = UNIX_MS - 5000};
    (void)snprintf(job.id, sizeof job.id, "%s", id);
    journal_add_job(journal, &job);
}

static void write_all(struct journal *journal, const struct rack *rack, unsigned life)
{
    size_t count = 0;
    const struct rack_row *rows = rack_rows(rack, &count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].life == life)
            write_row(journal, &rows[i]);
}

static void assert_same_trail(const struct trail *a, const struct trail *b)
{
    assert_string_equal(a->node, b->node);
    assert_int_equal(a->ntouched, b->ntouched);
    assert_int_equal(a->last_touched, b->last_touched);
    for (size_t i = 0; i < a->ntouched; i++) {
        assert_string_equal(a->touched[i].device, b->touched[i].device);
        assert_int_equal(a->touched[i].outlet, b->touched[i].outlet);
    }
    assert_string_equal(a->boot_device, b->boot_device);
    assert_false(a->garbled);
    assert_int_equal(a->ended, b->ended);
    assert_int_equal(a->last_sent, b->last_sent);
    assert_int_equal(a->last_op, b->last_op);
    assert_int_equal(a->last_request, b->last_request);
    assert_int_equal(a->was_on, b->was_on);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->failed, b->failed);
    assert_string_equal(a->why, b->why);
    assert_int_equal(a->done.commanded, b->done.commanded);
    assert_int_equal(a->done.off_sent, b->done.off_sent);
    assert_int_equal(a->done.off_seen, b->done.off_seen);
    assert_int_equal(a->done.off_soft, b->done.off_soft);
    assert_int_equal(a->done.restarted, b->done.restarted);
    assert_int_equal(a->done.on_sent, b->done.on_sent);
    assert_int_equal(a->done.flag_set, b->done.flag_set);
    assert_int_equal(a->done.stage, b->done.stage);
}

static void check_trails(struct journal *journal, const struct rack *rack, const char *id)
{
    _cleanup_(nodeset_freep) struct nodeset *nodes = NULL;
    _cleanup_(freep) struct trail *trails = NULL;
    struct err err = {0};
    assert_int_equal(nodeset_parse("n[01-03]", NULL, &nodes, NULL, &err), 0);
    assert_int_equal(journal_trails(journal, id, nodes, &trails, &err), 0);
    for (size_t i = 0; i < NODES; i++) {
        struct trail trail;
        rack_trail(rack, id, nodeset_name(nodes, i), &trail);
        assert_same_trail(&trails[i], &trail);
    }
}

/* ---- trials ---- */

static struct rack *rack_of_three(void)
{
    struct rack *rack = rack_new(NODES);
    rack->node[0].on = rack->node[1].on = true; /* the third is off */
    for (size_t i = 0; i < NODES; i++)
        rack->node[i].disk_phones_home = true;
    rack->node[1].hangs_in_kernel = 1;
    return rack;
}

/* Until the agent dies or the job ends. */
static bool live_on(struct rack *rack, const char *id, struct job_view *view)
{
    while (!rack_is_dead(rack)) {
        struct err err;
        assert_int_equal(core_job(rack->core, id, rack->now_ms, view, &err), 0);
        if (view->done)
            return true;
        job_view_clear(view);
        assert_true(rack_step(rack, rack->now_ms + 3600000));
    }
    return false;
}

static struct recovery recovery_of(struct rack *rack, struct journal *journal, const char *run)
{
    return (struct recovery){rack->core, journal, run, false, rack->now_ms, UNIX_MS};
}

/* True if it died at this moment, and was taken over well. */
static bool die_and_recover(enum verb verb, unsigned moment)
{
    struct job_request request = {.verb = verb,
                                  .nodes = (char *)(uintptr_t) "n[01-03]",
                                  .yes = true,
                                  .key = "tonight",
                                  .actor = "alice (uid 1000)"};
    struct problem problem = {0};
    struct job_view view = {0};
    struct err err = {0};
    char id[JOB_ID_SIZE];
    struct rack *rack = rack_of_three();
    rack_die_at(rack, moment, RACK_NEVER_SENT);
    assert_int_equal(rack_submit(rack, &request, id, &problem, &err), 0);
    bool ended = live_on(rack, id, &view);
    job_view_clear(&view);
    if (!ended) {
        (void)journal_rig_setup(NULL);
        struct journal *journal = journal_rig_open("life0");
        journal_begin(journal);
        write_job(journal, id, &request);
        write_all(journal, rack, 0);
        journal_rig_commit(journal);
        (void)journal_close(journal);
        journal = journal_rig_open("life1");
        check_trails(journal, rack, id);
        rack_bury(rack, 700);
        struct recovery recovery = recovery_of(rack, journal, "life1");
        if (recovery_run(&recovery, &err))
            fail_msg("%s", err.text);
        assert_int_equal(recovery_run(&recovery, &err), 0); /* again: known already */
        assert_true(live_on(rack, id, &view));
        assert_string_equal(view.actor, "alice (uid 1000)");
        assert_string_equal(view.key, "tonight");
        assert_int_equal(view.started_unix_ms, UNIX_MS - 5000);
        assert_true(view.elapsed_ms >= 5000);
        for (size_t i = 0; i < NODES; i++) {
            assert_true(rack->node[i].on || i == 2);
            assert_false(rack->node[i].flag.valid);
        }
        job_view_clear(&view);
        (void)journal_close(journal);
        (void)journal_rig_teardown(NULL);
    }
    rack_free(rack);
    return !ended;
}

static void the_file_tells_what_the_agent_knew(void **state)
{
    static const enum verb verbs[] = {VERB_CYCLE, VERB_NETBOOT};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
        for (unsigned moment = 1; die_and_recover(verbs[i], moment); moment += 3)
            ;
}

/* ---- nodes that may not be touched ---- */

static void add(struct journal *journal, enum event_kind kind, const char *node, enum power power)
{
    struct job_event event = {
        .unix_ms = UNIX_MS, .kind = kind, .verb = VERB_CYCLE, .job = "Jold-1"};
    event.node = (struct node_view){.power = power, .percent = -1, .power_age_ms = UINT64_MAX};
    (void)snprintf(event.node.node, sizeof event.node.node, "%s", node);
    journal_add_event(journal, &event);
}

static void add_off(struct journal *journal, uint64_t id, const char *node, const char *device)
{
    struct driver_request request = {.id = id, .op = OP_OFF};
    (void)snprintf(request.device, sizeof request.device, "%s", device);
    add(journal, EVENT_POWER, node, POWER_ON);
    add(journal, EVENT_COMMAND, node, POWER_ON);
    journal_add_intent(journal, &request, "Jold-1", node, UNIX_MS);
}

static void write_nonsense(const char *sql)
{
    char path[128];
    sqlite3 *db = NULL;
    (void)snprintf(path, sizeof path, "%s/journal.db", journal_rig_dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
}

/* n01 has another device now, n02's rows make no sense, n99 is gone; n03 was not touched. */
static void what_may_not_be_touched_is_reported(void **state)
{
    struct err err = {0};
    struct job_view view = {0};
    struct action action;
    (void)state;
    struct job_request request = {.verb = VERB_CYCLE, .nodes = (char *)(uintptr_t) "n[01-03,99]"};
    _cleanup_(freep) char *json = job_request_encode(&request);
    struct journal_job job = {.id = "Jold-1",
                              .verb = VERB_CYCLE,
                              .nodes = "n[01-03,99]",
                              .nodes_hash = "0123456789abcdef",
                              .key = "",
                              .actor = "bob",
                              .request = json,
                              .started_unix_ms = UNIX_MS};
    struct journal *journal = journal_rig_open("old");
    journal_begin(journal);
    journal_add_job(journal, &job);
    add_off(journal, 1, "n01", "another");
    add_off(journal, 2, "n02", "b02");
    add_off(journal, 3, "n99", "b99");
    journal_rig_commit(journal);
    write_nonsense("UPDATE intents SET op = 'power-warp' WHERE node = 'n02'");

    struct rack *rack = rack_of_three();
    struct recovery recovery = recovery_of(rack, journal, "new");
    assert_int_equal(recovery_run(&recovery, &err), 0);
    assert_int_equal(core_job(rack->core, "Jold-1", rack->now_ms, &view, &err), 0);
    assert_true(view.done);
    assert_int_equal(view.nodes[0].outcome, OUTCOME_LEFT_OFF);
    assert_non_null(strstr(view.nodes[0].text, "another device"));
    assert_int_equal(view.nodes[1].outcome, OUTCOME_LEFT_OFF);
    assert_non_null(strstr(view.nodes[1].text, "makes no sense"));
    assert_int_equal(view.nodes[2].outcome, OUTCOME_CANCELLED);
    assert_int_equal(view.nodes[2].verdict, VERDICT_INTERRUPTED);
    assert_int_equal(view.nodes[3].outcome, OUTCOME_LEFT_OFF);
    assert_non_null(strstr(view.nodes[3].text, "not in the configuration"));
    assert_int_equal(job_view_exit_code(&view), EXIT_LEFT_OFF);
    while (core_take(rack->core, &action))
        assert_int_not_equal(action.kind, ACTION_SEND);
    job_view_clear(&view);
    rack_free(rack);
    (void)journal_close(journal);
}

/* It ended in this run while the journal could not be written, and the core has forgotten it. */
static void what_this_run_forgot_is_not_done_again(void **state)
{
    struct err err = {0};
    struct job_view view = {0};
    (void)state;
    struct job_request request = {.verb = VERB_CYCLE, .nodes = (char *)(uintptr_t) "n[01-03]"};
    struct journal *journal = journal_rig_open("now");
    journal_begin(journal);
    write_job(journal, "Jnow-7", &request);
    journal_rig_commit(journal);
    struct rack *rack = rack_of_three();
    struct recovery recovery = recovery_of(rack, journal, "now");
    assert_int_equal(recovery_run(&recovery, &err), 0);
    assert_int_equal(core_job(rack->core, "Jnow-7", rack->now_ms, &view, &err), -1);
    assert_int_equal(journal_job(journal, "Jnow-7", &view, &err), 0);
    assert_true(view.done);
    assert_int_equal(job_view_exit_code(&view), EXIT_SOME_FAILED);
    job_view_clear(&view);
    rack_free(rack);
    (void)journal_close(journal);
}

/* Likewise one of the run before: taken over by this one, and ended. Its rows are of long ago. */
static void what_was_taken_over_is_not_taken_over_again(void **state)
{
    struct err err = {0};
    struct job_view view = {0};
    struct action action;
    (void)state;
    struct job_request request = {.verb = VERB_CYCLE, .nodes = (char *)(uintptr_t) "n[01-03]"};
    struct journal *journal = journal_rig_open("now");
    journal_begin(journal);
    write_job(journal, "Jold-1", &request);
    add_off(journal, 1, "n01", "b01");
    journal_rig_commit(journal);
    struct rack *rack = rack_of_three();
    struct recovery recovery = recovery_of(rack, journal, "now");
    recovery.again = true;
    assert_int_equal(recovery_run(&recovery, &err), 0);
    assert_int_equal(core_job(rack->core, "Jold-1", rack->now_ms, &view, &err), -1);
    assert_false(core_take(rack->core, &action));
    assert_int_equal(journal_job(journal, "Jold-1", &view, &err), 0);
    assert_true(view.done);
    job_view_clear(&view);
    rack_free(rack);
    (void)journal_close(journal);
}

/* All that went out to it was a next boot that certainly did not arrive, and why was told. */
static void an_end_that_was_told_is_the_end(void **state)
{
    struct err err = {0};
    struct job_view view = {0};
    (void)state;
    struct job_request request = {.verb = VERB_NETBOOT, .nodes = (char *)(uintptr_t) "n01"};
    struct trail trail;
    trail_begin(&trail, "n01");
    trail.failed = VERDICT_BMC_LOST;
    (void)snprintf(trail.why, sizeof trail.why, "no answer from b01");
    struct resume resume = {.id = "Jold-1", .request = &request, .ntrails = 1, .trails = &trail};
    struct rack *rack = rack_of_three();
    assert_int_equal(core_resume(rack->core, &resume, rack->now_ms, &err), 0);
    assert_int_equal(core_job(rack->core, "Jold-1", rack->now_ms, &view, &err), 0);
    assert_true(view.done);
    assert_int_equal(view.nodes[0].outcome, OUTCOME_FAILED);
    assert_int_equal(view.nodes[0].verdict, VERDICT_BMC_LOST);
    assert_string_equal(view.nodes[0].text, "no answer from b01");
    job_view_clear(&view);
    rack_free(rack);
}

/* ---- what ended before ---- */

static void end_with(struct journal *journal, const char *node, enum verb verb,
                     enum outcome outcome, enum verdict verdict)
{
    struct job_event event = {.unix_ms = UNIX_MS, .kind = EVENT_OUTCOME, .verb = verb};
    event.node = (struct node_view){.outcome = outcome,
                                    .verdict = verdict,
                                    .percent = -1,
                                    .power_age_ms = UINT64_MAX,
                                    .text = "as it was"};
    (void)snprintf(event.job, sizeof event.job, "Jold-1");
    (void)snprintf(event.node.node, sizeof event.node.node, "%s", node);
    journal_add_event(journal, &event);
}

static void a_dark_node_is_not_forgotten(void **state)
{
    struct err err = {0};
    struct node_view *views = NULL;
    size_t count = 0;
    char *folded = NULL, warning[256];
    (void)state;
    struct journal *journal = journal_rig_open("old");
    journal_begin(journal);
    end_with(journal, "n01", VERB_ON, OUTCOME_OK, VERDICT_NONE);
    end_with(journal, "n01", VERB_CYCLE, OUTCOME_LEFT_OFF, VERDICT_LEFT_OFF);
    end_with(journal, "n01", VERB_STATUS, OUTCOME_OK,
             VERDICT_NONE); /* a question changes nothing */
    end_with(journal, "n99", VERB_CYCLE, OUTCOME_LEFT_OFF, VERDICT_LEFT_OFF);
    journal_rig_commit(journal);
    struct rack *rack = rack_of_three();
    assert_int_equal(recovery_outcomes(rack->core, journal, rack->inventory, UNIX_MS + 7000, &err),
                     0);
    assert_int_equal(
        core_nodes(rack->core, "n[01-03]", rack->now_ms, &views, &count, &folded, warning, &err),
        0);
    assert_int_equal(views[0].outcome, OUTCOME_LEFT_OFF);
    assert_string_equal(views[0].text, "as it was");
    assert_int_equal(views[0].since_ms, 7000);
    assert_int_equal(views[0].power, POWER_UNKNOWN);
    assert_int_equal(views[1].outcome, OUTCOME_PENDING);
    free(views);
    free(folded);
    rack_free(rack);
    (void)journal_close(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_tells_what_the_agent_knew),
        JOURNAL_TEST(what_may_not_be_touched_is_reported),
        JOURNAL_TEST(what_this_run_forgot_is_not_done_again),
        JOURNAL_TEST(what_was_taken_over_is_not_taken_over_again),
        JOURNAL_TEST(an_end_that_was_told_is_the_end),
        JOURNAL_TEST(a_dark_node_is_not_forgotten),
    };
    log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), false, LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
