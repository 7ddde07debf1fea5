/* journal.c - the journal as agent/io/turn.c writes it, and what a new agent reads from it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/coverage.h"
#include "tests/sim/oracle.h"
#include "tests/sim/sim.h"

struct row *journal_add(struct sim *sim, enum row_kind kind, const char *job, const char *node)
{
    struct journal *journal = &sim->journal;
    if (journal->nrows == journal->room) {
        journal->room = journal->room ? 2 * journal->room : 256;
        journal->rows = reallocarray(journal->rows, journal->room, sizeof *journal->rows);
        if (!journal->rows)
            abort();
    }
    struct row *row = &journal->rows[journal->nrows++];
    row->kind = kind;
    row->life = sim->agent.life;
    row->at_ms = sim->now_ms;
    (void)snprintf(row->job, sizeof row->job, "%s", job);
    (void)snprintf(row->node, sizeof row->node, "%s", node);
    return row;
}

void journal_commit(struct sim *sim)
{
    struct journal *journal = &sim->journal;
    size_t first = journal->committed;
    journal->committed = journal->nrows;
    oracle_committed(sim, &journal->rows[first], journal->nrows - first);
}

void journal_roll_back(struct journal *journal)
{
    journal->nrows = journal->committed;
}

void journal_free(struct journal *journal)
{
    free(journal->rows);
    *journal = (struct journal){0};
}

/* ---- what a new agent reads ---- */

static bool has_ended(const struct journal *journal, const char *job)
{
    for (size_t i = journal->nrows; i--;)
        if (journal->rows[i].kind == ROW_END && !strcmp(journal->rows[i].job, job))
            return true;
    return false;
}

/* A result is of the request with its id in the same life. */
static const struct row *intent_of(const struct journal *journal, const struct row *result)
{
    for (const struct row *row = result; row-- > journal->rows;)
        if (row->kind == ROW_INTENT && row->life == result->life &&
            row->intent.id == result->result.id)
            return row;
    return NULL;
}

static void fold(const struct journal *journal, const char *job, const char *node,
                 struct trail *trail)
{
    trail_begin(trail, node);
    for (const struct row *row = journal->rows; row < journal->rows + journal->nrows; row++) {
        const struct row *about = row->kind == ROW_RESULT ? intent_of(journal, row) : row;
        if (!about || strcmp(about->job, job) || strcmp(about->node, node))
            continue;
        switch (row->kind) {
        case ROW_EVENT:
            trail_event(trail, &row->event);
            break;
        case ROW_INTENT:
            trail_intent(trail, &row->intent);
            break;
        case ROW_RESULT:
            trail_result(trail, row->result.id, row->result.ok, row->result.err.sent);
            break;
        case ROW_JOB:
        case ROW_END:
            break;
        }
    }
}

static void take_over(struct sim *sim, const struct row *job)
{
    static struct trail trails[NODES_MAX];
    struct err err = {0};
    for (size_t i = 0; i < job->admitted.nnames; i++)
        fold(&sim->journal, job->job, job->admitted.names[i], &trails[i]);
    struct resume resume = {.id = job->job,
                            .request = &job->admitted.request,
                            .age_ms = sim->now_ms - job->at_ms,
                            .ntrails = job->admitted.nnames,
                            .trails = trails};
    coverage->resumed++;
    trace_line(sim, "job %s is taken over", job->job);
    if (core_resume(sim->agent.core, &resume, sim->now_ms, &err))
        sim_violation(sim, "L1", "job %s cannot be taken over: %s", job->job, err.text);
}

static void recall_last(struct sim *sim)
{
    const struct journal *journal = &sim->journal;
    for (size_t node = 0; node < sim->inventory->nnodes; node++) {
        const struct row *last = NULL;
        for (const struct row *row = journal->rows; row < journal->rows + journal->nrows; row++)
            if (row->kind == ROW_EVENT && row->event.kind == EVENT_OUTCOME &&
                row->event.verb != VERB_STATUS &&
                !strcmp(row->node, sim->inventory->nodes[node].name))
                last = row;
        if (last)
            core_remember_last(sim->agent.core, &last->event.node, sim->now_ms - last->at_ms);
    }
}

void journal_recall(struct sim *sim)
{
    const struct journal *journal = &sim->journal;
    for (size_t i = 0; i < journal->nrows; i++) {
        const struct row *row = &journal->rows[i];
        if (row->kind == ROW_JOB && row->admitted.request.key[0])
            (void)core_remember_key(sim->agent.core, row->job, &row->admitted.request,
                                    row->admitted.hash);
    }
    recall_last(sim);
    for (size_t i = 0; i < journal->nrows; i++)
        if (journal->rows[i].kind == ROW_JOB && !has_ended(journal, journal->rows[i].job))
            take_over(sim, &journal->rows[i]);
}
