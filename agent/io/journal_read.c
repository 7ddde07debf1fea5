#include <stdlib.h>
#include <string.h>

#include "agent/io/journal_private.h"
#include "proto/cleanup.h"
#include "proto/nodeset.h"

/* One slice: ?1 is a time, ?2 the most rows (for TRIM_EVENTS a sequence, and ?3 the most rows).
 * Rows deleted, or -1. */
static int trim(struct journal *journal, enum journal_statement which, int64_t before,
                int64_t second, struct err *err)
{
    sqlite3_stmt *statement = journal_statement(journal, which, err);
    if (!statement)
        return -1;
    (void)sqlite3_bind_int64(statement, 1, before);
    (void)sqlite3_bind_int64(statement, 2, second);
    if (which == TRIM_EVENTS)
        (void)sqlite3_bind_int64(statement, 3, JOURNAL_SLICE);
    if (sqlite3_step(statement) != SQLITE_DONE) {
        bool full = (sqlite3_errcode(journal->db) & 0xff) == SQLITE_FULL;
        (void)journal_sql_err(journal, "cannot delete old rows", err);
        (void)sqlite3_reset(statement);
        if (!full)
            journal_lose(journal, err);
        return -1;
    }
    (void)sqlite3_reset(statement);
    return sqlite3_changes(journal->db);
}

int journal_trim(struct journal *journal, int64_t unix_ms, uint32_t keep_days, uint64_t keep_events,
                 struct err *err)
{
    int64_t oldest = unix_ms - (int64_t)keep_days * 86400000;
    int64_t below =
        journal->sequence > keep_events ? (int64_t)(journal->sequence - keep_events) : 0;
    const struct {
        enum journal_statement which;
        int64_t before, second;
    } slices[] = {
        {TRIM_EVENTS, oldest, below},
        {TRIM_INTENTS, oldest, JOURNAL_SLICE},
        {TRIM_JOBS, oldest, JOURNAL_SLICE},
    };
    int deleted = 0;
    for (size_t i = 0; i < ARRAY_SIZE(slices); i++) {
        int rows = trim(journal, slices[i].which, slices[i].before, slices[i].second, err);
        if (rows < 0)
            return -1;
        deleted += rows;
    }
    return deleted;
}

int journal_read(struct journal *journal, uint64_t after, uint64_t until, const char *job,
                 size_t limit, journal_row_fn *each, void *arg, struct err *err)
{
    sqlite3_stmt *rows = journal_statement(journal, job ? READ_JOB_EVENTS : READ_EVENTS, err);
    if (!rows)
        return -1;
    (void)sqlite3_bind_int64(rows, 1, (int64_t)(after > INT64_MAX ? INT64_MAX : after));
    (void)sqlite3_bind_int64(rows, 2, (int64_t)(until > INT64_MAX ? INT64_MAX : until));
    (void)sqlite3_bind_int64(rows, 3, (int64_t)limit);
    if (job)
        (void)sqlite3_bind_text(rows, 4, job, -1, SQLITE_TRANSIENT);
    int count = 0, code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        struct journal_row row = {
            .sequence = (uint64_t)sqlite3_column_int64(rows, 0),
            .job = journal_text(rows, 1),
            .node = journal_text(rows, 2),
            .json = journal_text(rows, 3),
            .job_ended = !strcmp(journal_text(rows, 4), event_kind_name(EVENT_JOB_ENDED)),
        };
        count++;
        if (!each(arg, &row))
            break;
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return journal_sql_err(journal, "cannot be read", err);
    (void)sqlite3_reset(rows);
    return count;
}

int journal_keys(struct journal *journal, journal_key_fn *each, void *arg, struct err *err)
{
    sqlite3_stmt *rows = journal_statement(journal, KEYS, err);
    if (!rows)
        return -1;
    int code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        enum verb verb;
        if (!verb_parse(journal_text(rows, 2), &verb))
            each(arg, &(struct journal_key){.key = journal_text(rows, 0),
                                            .id = journal_text(rows, 1),
                                            .verb = verb,
                                            .nodes_hash = journal_text(rows, 3),
                                            .request = journal_text(rows, 4)});
    }
    (void)sqlite3_reset(rows);
    return code == SQLITE_DONE ? 0 : journal_sql_err(journal, "cannot be read", err);
}

static int read_outcomes(struct journal *journal, struct job_view *view, struct err *err)
{
    sqlite3_stmt *rows = journal_statement(journal, JOB_OUTCOMES, err);
    if (!rows)
        return -1;
    (void)sqlite3_bind_text(rows, 1, view->id, -1, SQLITE_STATIC);
    size_t room = 0;
    while (sqlite3_step(rows) == SQLITE_ROW) {
        struct job_event event;
        if (job_event_decode(journal_text(rows, 0), &event, NULL))
            continue;
        if (view->nnodes == room) {
            room = room ? 2 * room : 16;
            struct node_view *more = reallocarray(view->nodes, room, sizeof *more);
            if (!more)
                return err_set(err, ERR_SYSTEM, "out of memory for a job of %zu nodes", room);
            view->nodes = more;
        }
        view->nodes[view->nnodes++] = event.node;
    }
    (void)sqlite3_reset(rows);
    return 0;
}

int journal_job(struct journal *journal, const char *id, struct job_view *view, struct err *err)
{
    sqlite3_stmt *row = journal_statement(journal, JOB, err);
    if (!row)
        return -1;
    (void)sqlite3_bind_text(row, 1, id, -1, SQLITE_TRANSIENT);
    struct job_view found = {0};
    if (sqlite3_step(row) != SQLITE_ROW || verb_parse(journal_text(row, 0), &found.verb))
        return err_set(err, ERR_NOT_FOUND, "no job is called '%s'", id);
    (void)snprintf(found.id, sizeof found.id, "%s", id);
    (void)snprintf(found.key, sizeof found.key, "%s", journal_text(row, 1));
    (void)snprintf(found.actor, sizeof found.actor, "%s", journal_text(row, 2));
    found.started_unix_ms = sqlite3_column_int64(row, 3);
    found.ended_unix_ms = sqlite3_column_int64(row, 4);
    found.done = found.has_exit_code = found.ended_unix_ms != 0;
    found.exit_code = sqlite3_column_int(row, 5);
    if (found.ended_unix_ms > found.started_unix_ms)
        found.elapsed_ms = (uint64_t)(found.ended_unix_ms - found.started_unix_ms);
    (void)sqlite3_reset(row);
    if (read_outcomes(journal, &found, err)) {
        job_view_clear(&found);
        return -1;
    }
    *view = found;
    return 0;
}
