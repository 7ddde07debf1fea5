#include "tests/unit/rack_crash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/cleanup.h"

enum { LATE_MS = 500 }; /* less than deadlines.settle */

struct rack_crash {
    unsigned life, moments, die_at;
    enum rack_fate fate;
    bool dead;
    struct rack_row *rows;
    size_t nrows, room;
    struct driver_reply *replies; /* of this turn, not journaled yet */
    size_t nreplies, replies_room;
    struct driver_request late;
    bool has_late;
};

void rack_crash_free(struct rack_crash *crash)
{
    if (!crash)
        return;
    free(crash->rows);
    free(crash->replies);
    free(crash);
}

void rack_die_at(struct rack *rack, unsigned moment, enum rack_fate fate)
{
    if (!rack->crash)
        rack->crash = calloc(1, sizeof *rack->crash);
    assert_non_null(rack->crash);
    rack->crash->die_at = moment ? rack->crash->moments + moment : 0;
    rack->crash->fate = fate;
}

bool rack_is_dead(const struct rack *rack)
{
    return rack->crash && rack->crash->dead;
}

unsigned rack_moments(const struct rack *rack)
{
    return rack->crash->moments;
}

bool rack_dies(struct rack *rack, const struct action *action)
{
    struct rack_crash *crash = rack->crash;
    if (!crash)
        return false;
    if (++crash->moments != crash->die_at)
        return false;
    crash->dead = true;
    crash->has_late = action && action->intent && crash->fate == RACK_LANDS_LATE;
    if (crash->has_late)
        crash->late = action->request;
    return true;
}

static struct rack_row *add_row(struct rack_crash *crash)
{
    if (crash->nrows == crash->room) {
        crash->room = crash->room ? 2 * crash->room : 256;
        crash->rows = reallocarray(crash->rows, crash->room, sizeof *crash->rows);
        assert_non_null(crash->rows);
    }
    crash->rows[crash->nrows] = (struct rack_row){.life = crash->life};
    return &crash->rows[crash->nrows++];
}

static void write_result(struct rack_crash *crash, const struct driver_reply *reply)
{
    for (size_t i = crash->nrows; i-- > 0;) {
        struct rack_row *row = &crash->rows[i];
        if (!row->is_intent || row->life != crash->life || row->request.id != reply->id)
            continue;
        row->has_result = true;
        row->ok = reply->ok;
        row->sent = reply->err.sent;
        return;
    }
}

void rack_journal_reply(struct rack *rack, const struct driver_reply *reply)
{
    struct rack_crash *crash = rack->crash;
    if (!crash || !op_changes_something(reply->op))
        return;
    if (crash->nreplies == crash->replies_room) {
        crash->replies_room = crash->replies_room ? 2 * crash->replies_room : 64;
        crash->replies = reallocarray(crash->replies, crash->replies_room, sizeof *crash->replies);
        assert_non_null(crash->replies);
    }
    crash->replies[crash->nreplies++] = *reply;
}

void rack_journal(struct rack *rack, const struct action *batch, size_t count)
{
    struct rack_crash *crash = rack->crash;
    if (!crash)
        return;
    for (size_t i = 0; i < crash->nreplies; i++)
        write_result(crash, &crash->replies[i]);
    crash->nreplies = 0;
    for (size_t i = 0; i < count; i++) {
        const struct action *action = &batch[i];
        if (action->kind != ACTION_TELL && !action->intent)
            continue;
        if (action->event.kind == EVENT_PROGRESS)
            continue;
        struct rack_row *row = add_row(crash);
        row->event = action->event;
        row->is_intent = action->kind == ACTION_SEND;
        row->request = action->request;
    }
}

const struct rack_row *rack_rows(const struct rack *rack, size_t *count)
{
    *count = rack->crash->nrows;
    return rack->crash->rows;
}

void rack_trail(const struct rack *rack, const char *id, const char *node, struct trail *trail)
{
    const struct rack_crash *crash = rack->crash;
    trail_begin(trail, node);
    for (size_t i = 0; i < crash->nrows; i++) {
        const struct rack_row *row = &crash->rows[i];
        if (strcmp(row->event.job, id) != 0 || strcmp(row->event.node.node, node) != 0)
            continue;
        trail_event(trail, &row->event);
        if (row->is_intent)
            trail_intent(trail, &row->request);
        if (row->has_result)
            trail_result(trail, row->request.id, row->ok, row->sent);
    }
}

/* Answers were on their way to an agent that is no more. */
static void lose_replies(struct rack *rack)
{
    size_t kept = 0;
    for (size_t i = 0; i < rack->npending; i++) {
        const struct rack_pending *pending = &rack->pending[i];
        if (pending->is_note || pending->is_off || pending->is_command)
            rack->pending[kept++] = *pending;
    }
    rack->npending = kept;
}

static void land_late(struct rack *rack)
{
    struct rack_crash *crash = rack->crash;
    if (!crash->has_late)
        return;
    assert_true(rack->npending < RACK_PENDING_MAX);
    rack->pending[rack->npending++] = (struct rack_pending){
        .at_ms = rack->now_ms + LATE_MS, .is_command = true, .request = crash->late};
    crash->has_late = false;
}

void rack_bury(struct rack *rack, uint64_t down_ms)
{
    struct rack_crash *crash = rack->crash;
    char boot_id[8];
    assert_true(crash->dead);
    core_free(rack->core);
    lose_replies(rack);
    rack_pass(rack, rack->now_ms + down_ms);
    land_late(rack);
    crash->dead = false;
    crash->life++;
    crash->nreplies = 0;
    (void)snprintf(boot_id, sizeof boot_id, "life%u", crash->life);
    rack->core = core_new(rack->inventory, boot_id, rack->now_ms);
    assert_non_null(rack->core);
}

void rack_rise(struct rack *rack, const char *id, const struct job_request *request,
               uint64_t down_ms)
{
    struct err err = {0};
    struct job_view view = {0};
    assert_int_equal(core_job(rack->core, id, rack->now_ms, &view, &err), 0);
    _cleanup_(freep) struct trail *trails = calloc(view.nnodes, sizeof *trails);
    assert_non_null(trails);
    for (size_t i = 0; i < view.nnodes; i++)
        rack_trail(rack, id, view.nodes[i].node, &trails[i]);
    rack_bury(rack, down_ms);
    struct resume resume = {
        .id = id, .request = request, .age_ms = 60000, .ntrails = view.nnodes, .trails = trails};
    if (core_resume(rack->core, &resume, rack->now_ms, &err))
        fail_msg("not resumed: %s", err.text);
    job_view_clear(&view);
}
