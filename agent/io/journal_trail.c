/* journal_trail.c - what the journal tells about jobs and nodes that an earlier agent had. */
#include <stdlib.h>
#include <string.h>

#include "agent/io/journal_private.h"
#include "proto/cleanup.h"

/* ---- jobs without an end ---- */

void journal_unfinished_free(struct journal_unfinished *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(jobs[i].nodes);
        free(jobs[i].request);
    }
    free(jobs);
}

static int read_unfinished(sqlite3_stmt *row, struct journal_unfinished *job)
{
    *job = (struct journal_unfinished){.nodes = strdup(journal_text(row, 2)),
                                       .request = strdup(journal_text(row, 5)),
                                       .started_unix_ms = sqlite3_column_int64(row, 6)};
    (void)snprintf(job->id, sizeof job->id, "%s", journal_text(row, 0));
    (void)snprintf(job->key, sizeof job->key, "%s", journal_text(row, 3));
    (void)snprintf(job->actor, sizeof job->actor, "%s", journal_text(row, 4));
    (void)verb_parse(journal_text(row, 1), &job->verb);
    return job->nodes && job->request ? 0 : -1;
}

int journal_unfinished(struct journal *journal, struct journal_unfinished **jobs, size_t *count,
                       struct err *err)
{
    sqlite3_stmt *rows = journal_statement(journal, UNFINISHED, err);
    if (!rows)
        return -1;
    struct journal_unfinished *found = NULL;
    size_t n = 0;
    int code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        struct journal_unfinished *more = reallocarray(found, n + 1, sizeof *more);
        found = more ? more : found;
        if (!more || read_unfinished(rows, &found[n++])) {
            journal_unfinished_free(found, n);
            (void)sqlite3_reset(rows);
            return err_set(err, ERR_SYSTEM, "out of memory for the unfinished jobs");
        }
    }
    if (code != SQLITE_DONE) {
        journal_unfinished_free(found, n);
        return journal_sql_err(journal, "cannot be read", err);
    }
    (void)sqlite3_reset(rows);
    *jobs = found;
    *count = n;
    return 0;
}

/* ---- their trails ---- */

enum {
    NODE,
    KIND,
    JSON,
    POWER,
    STAGE,
    ATTEMPT,
    REQUEST,
    DEVICE,
    OP,
    HAS_RESULT,
    OK,
    SENT,
    OUTLET,
    SETTINGS
};

static int compare_to_trail(const void *name, const void *trail)
{
    return name_compare(name, ((const struct trail *)trail)->node);
}

static int follow_command(sqlite3_stmt *row, struct trail *trail)
{
    struct driver_request request = {.id = (uint64_t)sqlite3_column_int64(row, REQUEST),
                                     .outlet = (uint32_t)sqlite3_column_int(row, OUTLET),
                                     .settings = (uint64_t)sqlite3_column_int64(row, SETTINGS)};
    enum sent sent;
    if (op_parse(journal_text(row, OP), &request.op) || sent_parse(journal_text(row, SENT), &sent))
        return -1;
    (void)snprintf(request.device, sizeof request.device, "%s", journal_text(row, DEVICE));
    trail_intent(trail, &request);
    if (sqlite3_column_int(row, HAS_RESULT))
        trail_result(trail, request.id, sqlite3_column_int(row, OK), sent);
    return 0;
}

static bool is_kind(sqlite3_stmt *row, enum event_kind kind)
{
    return !strcmp(journal_text(row, KIND), event_kind_name(kind));
}

/* Most rows say little of what a trail is made of, and SQLite takes that out of their JSON five times
 * as fast as a whole event is decoded: 10,000 nodes have hundreds of thousands. */
static int read_event(sqlite3_stmt *row, struct job_event *event)
{
    static const enum event_kind plain[] = {EVENT_COMMAND, EVENT_POWER, EVENT_STAGE};
    const char *power = journal_text(row, POWER), *stage = journal_text(row, STAGE);
    for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
        if (!is_kind(row, plain[i]))
            continue;
        *event = (struct job_event){.kind = plain[i]};
        event->node.attempt = (uint32_t)sqlite3_column_int(row, ATTEMPT);
        if ((*power && power_parse(power, &event->node.power)) ||
            (*stage && stage_parse(stage, &event->node.stage)))
            return -1;
        return sqlite3_column_type(row, POWER) == SQLITE_NULL ? -1 : 0;
    }
    return job_event_decode(journal_text(row, JSON), event, NULL);
}

static int follow_row(sqlite3_stmt *row, struct trail *trail)
{
    struct job_event event;
    if (read_event(row, &event))
        return -1;
    trail_event(trail, &event);
    return sqlite3_column_type(row, OP) == SQLITE_NULL ? 0 : follow_command(row, trail);
}

int journal_trails(struct journal *journal, const char *job, const struct nodeset *nodes,
                   struct trail **trails, struct err *err)
{
    size_t count = nodeset_count(nodes);
    sqlite3_stmt *rows = journal_statement(journal, JOB_TRAIL, err);
    if (!rows)
        return -1;
    _cleanup_(freep) struct trail *found = calloc(count, sizeof *found);
    if (!found)
        return err_set(err, ERR_SYSTEM, "out of memory for a job of %zu nodes", count);
    for (size_t i = 0; i < count; i++)
        trail_begin(&found[i], nodeset_name(nodes, i));
    (void)sqlite3_bind_text(rows, 1, job, -1, SQLITE_STATIC);
    int code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        struct trail *trail =
            bsearch(journal_text(rows, NODE), found, count, sizeof *found, compare_to_trail);
        if (trail && follow_row(rows, trail))
            trail->garbled = true;
    }
    if (code != SQLITE_DONE)
        return journal_sql_err(journal, "cannot be read", err);
    (void)sqlite3_reset(rows);
    *trails = TAKE(found);
    return 0;
}

/* ---- how it ended last ---- */

int journal_last_outcome(struct journal *journal, const char *node, struct job_event *event,
                         struct err *err)
{
    sqlite3_stmt *row = journal_statement(journal, LAST_OUTCOME, err);
    if (!row)
        return -1;
    (void)sqlite3_bind_text(row, 1, node, -1, SQLITE_STATIC);
    int code = sqlite3_step(row);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return journal_sql_err(journal, "cannot be read", err);
    /* A row of another version that is not understood is passed over. */
    int found = code == SQLITE_ROW && !job_event_decode(journal_text(row, 0), event, NULL);
    (void)sqlite3_reset(row);
    return found;
}
