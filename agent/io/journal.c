#include "agent/io/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/io/journal_private.h"
#include "agent/io/journal_schema.h"
#include "proto/cleanup.h"

void journal_lose(struct journal *journal, const struct err *why)
{
    journal->trouble = *why;
    journal->lost = true;
}

static void batch_failed(struct journal *journal, const char *what)
{
    if (journal->batch.kind != ERR_NONE)
        return;
    journal->full = (sqlite3_errcode(journal->db) & 0xff) == SQLITE_FULL;
    (void)journal_sql_err(journal, what, &journal->batch);
}

/* It holds blocks: a sparse file gives nothing back when deleted.  There must be room for as much
 * again, or a disk that is full but for the reserve would be taken for one with room. 0 or errno. */
static int reserve_make(struct journal *journal)
{
    _cleanup_(closep) int fd = open(journal->reserve, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int error = fd < 0 ? errno : posix_fallocate(fd, 0, 2 * JOURNAL_RESERVE);
    if (!error && ftruncate(fd, JOURNAL_RESERVE))
        error = errno;
    journal->reserve_used = error != 0;
    if (error && fd >= 0)
        (void)unlink(journal->reserve);
    return error;
}

static void db_close(struct journal *journal)
{
    journal_drop_statements(journal);
    (void)sqlite3_close(journal->db);
    journal->db = NULL;
    journal->in_batch = journal->unhurried = false;
}

static int read_last_sequence(struct journal *journal, struct err *err)
{
    /* Not max(sequence): trimmed rows must not give their numbers back. */
    sqlite3_stmt *row = NULL;
    if (sqlite3_prepare_v2(journal->db,
                           "SELECT coalesce(max(seq), 0) FROM sqlite_sequence"
                           " WHERE name = 'events'",
                           -1, &row, NULL) != SQLITE_OK ||
        sqlite3_step(row) != SQLITE_ROW) {
        (void)sqlite3_finalize(row);
        return journal_sql_err(journal, "cannot read the last sequence", err);
    }
    journal->sequence = (uint64_t)sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    return 0;
}

/* SQLite falls back to reading, and then tells the error of that. 0 or errno. */
static int can_be_opened(const struct journal *journal)
{
    _cleanup_(closep) int fd = open(journal->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? errno : 0;
}

static int db_open(struct journal *journal, struct err *err)
{
    journal->unopened = can_be_opened(journal);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(journal->path, &journal->db, flags, NULL) != SQLITE_OK)
        return journal_sql_err(journal, "cannot be opened", err);
    (void)sqlite3_extended_result_codes(journal->db, 1);
    (void)sqlite3_busy_timeout(journal->db, 2000);
    if (journal_check(journal->db, err))
        return err_prefix(err, "journal %s", journal->path);
    if (sqlite3_exec(journal->db,
                     "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                     "PRAGMA foreign_keys = ON;",
                     NULL, NULL, NULL) != SQLITE_OK)
        return journal_sql_err(journal, "cannot be set up", err);
    if (journal_migrate(journal->db, err))
        return err_prefix(err, "journal %s", journal->path);
    if (journal->pages)
        journal_limit_pages(journal, journal->pages);
    return read_last_sequence(journal, err);
}

/* Opening alone writes nothing. */
static int write_test(struct journal *journal, struct err *err)
{
    if (sqlite3_exec(journal->db,
                     "BEGIN IMMEDIATE; CREATE TABLE write_test (x);"
                     "DROP TABLE write_test; COMMIT",
                     NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    journal->lost = (sqlite3_errcode(journal->db) & 0xff) != SQLITE_FULL;
    (void)journal_sql_err(journal, "cannot be written", err);
    (void)sqlite3_exec(journal->db, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

static int journal_try(struct journal *journal, struct err *err)
{
    if (!journal->db && db_open(journal, err)) {
        db_close(journal);
        journal->lost = true;
        return -1;
    }
    journal->lost = false;
    if (write_test(journal, err))
        return -1;
    int error = reserve_make(journal);
    if (error)
        return err_set(err, ERR_SYSTEM,
                       "journal %s: no room for the reserve of %d KiB beside it, and as much "
                       "again: %s; free some space there",
                       journal->path, JOURNAL_RESERVE / 1024, strerror(error));
    return 0;
}

struct journal *journal_open(const char *state_dir, const char *run, struct err *err)
{
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal) {
        (void)err_set(err, ERR_SYSTEM, "out of memory for the journal");
        return NULL;
    }
    (void)snprintf(journal->dir, sizeof journal->dir, "%s", state_dir);
    (void)snprintf(journal->path, sizeof journal->path, "%s/journal.db", journal->dir);
    (void)snprintf(journal->reserve, sizeof journal->reserve, "%s/journal.reserve", journal->dir);
    (void)snprintf(journal->run, sizeof journal->run, "%s", run);
    (void)mkdir(journal->dir, 0700); /* if that fails, opening says why */
    (void)journal_try(journal, &journal->trouble);
    return journal;
}

struct journal *journal_close(struct journal *journal)
{
    if (journal) {
        db_close(journal);
        free(journal);
    }
    return NULL;
}

void journal_freep(struct journal **journal)
{
    (void)journal_close(*journal);
}

int journal_writable(const struct journal *journal, struct err *err)
{
    if (journal->trouble.kind == ERR_NONE)
        return 0;
    if (err)
        *err = journal->trouble;
    return -1;
}

int journal_recover(struct journal *journal, struct err *err)
{
    /* Anew: after a failed fsync the open file's cache says what the disk does not hold. */
    struct err trouble = {0};
    uint64_t sequence = journal->sequence;
    if (journal->lost)
        db_close(journal);
    if (journal_try(journal, &trouble)) {
        journal->trouble = trouble;
        *err = trouble;
        return -1;
    }
    journal->trouble = (struct err){0};
    if (journal->sequence >= sequence)
        return 0;
    journal->sequence = sequence; /* its numbers are with clients already */
    return 1;
}

/* What is written to a file that was deleted is gone with the process. */
static bool file_has_moved(struct journal *journal)
{
    int moved = 0;
    (void)sqlite3_file_control(journal->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved;
}

static int moved_error(const struct journal *journal, struct err *err)
{
    return err_set(err, ERR_SYSTEM, "journal %s was removed or replaced while the agent writes it",
                   journal->path);
}

void journal_look(struct journal *journal)
{
    if (!journal->db || journal->lost || !file_has_moved(journal))
        return;
    journal->lost = true;
    (void)moved_error(journal, &journal->trouble);
}

/* In WAL mode NORMAL writes the log, and leaves the sync to the next commit that does. */
static int set_hurry(struct journal *journal, bool unhurried)
{
    const char *pragma = unhurried ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL";
    if (unhurried == journal->unhurried)
        return SQLITE_OK;
    int code = sqlite3_exec(journal->db, pragma, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        journal->unhurried = unhurried;
    return code;
}

static void batch_begin(struct journal *journal, bool unhurried)
{
    journal->batch = (struct err){0};
    journal->full = false;
    journal->batch_sequence = journal->sequence;
    /* After a failed fsync nobody knows what the disk holds: only journal_recover() may go on.
     * A full disk is no such thing, and what runs may end. */
    if (!journal->db || journal->lost) {
        journal->batch = journal->trouble;
    } else if (file_has_moved(journal)) {
        (void)moved_error(journal, &journal->batch);
    } else if (set_hurry(journal, unhurried) != SQLITE_OK ||
               sqlite3_exec(journal->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
        batch_failed(journal, "cannot begin");
    } else {
        journal->in_batch = true;
    }
}

void journal_begin(struct journal *journal)
{
    batch_begin(journal, false);
}

void journal_begin_unhurried(struct journal *journal)
{
    batch_begin(journal, true);
}

sqlite3_stmt *journal_batch_statement(struct journal *journal, enum journal_statement which)
{
    if (journal->batch.kind != ERR_NONE)
        return NULL;
    return journal_statement(journal, which, &journal->batch);
}

void journal_batch_step(struct journal *journal, sqlite3_stmt *statement, const char *what)
{
    if (sqlite3_step(statement) != SQLITE_DONE)
        batch_failed(journal, what);
    (void)sqlite3_reset(statement);
}

void journal_add_job(struct journal *journal, const struct journal_job *job)
{
    sqlite3_stmt *put = journal_batch_statement(journal, PUT_JOB);
    if (!put)
        return;
    journal_put_text(put, 1, job->id);
    journal_put_text(put, 2, verb_name(job->verb));
    journal_put_text(put, 3, job->nodes);
    journal_put_text(put, 4, job->nodes_hash);
    journal_put_text(put, 5, job->key);
    journal_put_text(put, 6, job->actor);
    journal_put_text(put, 7, job->request);
    (void)sqlite3_bind_int64(put, 8, job->started_unix_ms);
    journal_batch_step(journal, put, "cannot add a job");
}

void journal_end_job(struct journal *journal, const char *id, int64_t unix_ms, int exit,
                     const char *how)
{
    sqlite3_stmt *put = journal_batch_statement(journal, END_JOB);
    if (!put)
        return;
    journal_put_text(put, 1, id);
    (void)sqlite3_bind_int64(put, 2, unix_ms);
    (void)sqlite3_bind_int(put, 3, exit);
    journal_put_text(put, 4, how);
    journal_batch_step(journal, put, "cannot end a job");
}

void journal_add_event(struct journal *journal, struct job_event *event)
{
    sqlite3_stmt *put = journal_batch_statement(journal, PUT_EVENT);
    if (!put)
        return;
    event->sequence = ++journal->batch_sequence;
    _cleanup_(freep) char *json = job_event_encode(event);
    if (!json) {
        (void)err_set(&journal->batch, ERR_SYSTEM, "out of memory for an event");
        return;
    }
    (void)sqlite3_bind_int64(put, 1, (int64_t)event->sequence);
    journal_put_text(put, 2, event->job);
    journal_put_text(put, 3, event->node.node);
    journal_put_text(put, 4, event_kind_name(event->kind));
    journal_put_text(put, 5, event_verb_name(event));
    journal_put_text(put, 6, json);
    (void)sqlite3_bind_int64(put, 7, event->unix_ms);
    journal_batch_step(journal, put, "cannot add an event");
}

void journal_add_intent(struct journal *journal, const struct driver_request *request,
                        const char *job, const char *node, int64_t unix_ms)
{
    sqlite3_stmt *put = journal_batch_statement(journal, PUT_INTENT);
    if (!put)
        return;
    journal_put_text(put, 1, journal->run);
    (void)sqlite3_bind_int64(put, 2, (int64_t)request->id);
    journal_put_text(put, 3, job);
    journal_put_text(put, 4, node);
    journal_put_text(put, 5, request->device);
    journal_put_text(put, 6, op_name(request->op));
    (void)sqlite3_bind_int64(put, 7, unix_ms);
    (void)sqlite3_bind_int64(put, 8, (int64_t)journal->batch_sequence);
    (void)sqlite3_bind_int64(put, 9, request->outlet);
    (void)sqlite3_bind_int64(put, 10, (int64_t)request->settings);
    journal_batch_step(journal, put, "cannot add an intent");
}

void journal_add_result(struct journal *journal, const struct driver_reply *reply, int64_t unix_ms)
{
    sqlite3_stmt *put = journal_batch_statement(journal, PUT_RESULT);
    if (!put)
        return;
    journal_put_text(put, 1, journal->run);
    (void)sqlite3_bind_int64(put, 2, (int64_t)reply->id);
    (void)sqlite3_bind_int(put, 3, reply->ok);
    journal_put_text(put, 4, reply->ok ? "yes" : sent_name(reply->err.sent));
    journal_put_text(put, 5, reply->ok ? "" : err_kind_name(reply->err.kind));
    journal_put_text(put, 6, reply->ok ? "" : reply->err.text);
    (void)sqlite3_bind_int64(put, 7, unix_ms);
    journal_batch_step(journal, put, "cannot add a result");
}

/* True if the reserve made room. No new job is admitted until it is back. */
static bool reserve_give_up(struct journal *journal)
{
    if (!journal->full || journal->reserve_used)
        return false;
    journal->reserve_used = true;
    return !unlink(journal->reserve);
}

static int batch_lost(struct journal *journal, struct err *err)
{
    if (journal->in_batch && !sqlite3_get_autocommit(journal->db))
        (void)sqlite3_exec(journal->db, "ROLLBACK", NULL, NULL, NULL);
    journal->in_batch = false;
    journal->trouble = journal->batch;
    journal->lost = !journal->full;
    *err = journal->batch;
    return reserve_give_up(journal) ? 1 : -1;
}

int journal_commit(struct journal *journal, struct err *err)
{
    if (journal->batch.kind == ERR_NONE &&
        sqlite3_exec(journal->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        batch_failed(journal, "cannot commit");
    if (journal->batch.kind != ERR_NONE)
        return batch_lost(journal, err);
    journal->in_batch = false;
    journal->sequence = journal->batch_sequence;
    journal->commits++;
    return 0;
}

uint64_t journal_last_sequence(const struct journal *journal)
{
    return journal->sequence;
}

uint64_t journal_commits(const struct journal *journal)
{
    return journal->commits;
}

void journal_limit_pages(struct journal *journal, unsigned pages)
{
    char text[64];
    journal->pages = pages;
    (void)snprintf(text, sizeof text, "PRAGMA max_page_count = %u", pages);
    (void)sqlite3_exec(journal->db, text, NULL, NULL, NULL);
}
