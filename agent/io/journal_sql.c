#include "agent/io/journal_sql.h"

#include <string.h>

#include "agent/io/journal_private.h"

/* clang-format off */
static const char *const sql[JOURNAL_STATEMENTS] = {
    [PUT_JOB] = "INSERT INTO jobs (id, verb, nodes, nodes_hash, key, actor, request, started)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [END_JOB] = "UPDATE jobs SET ended = ?2, exit = ?3, how = ?4 WHERE id = ?1 AND ended IS NULL",
    [PUT_EVENT] = "INSERT INTO events (sequence, job, node, kind, verb, json, at)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [PUT_INTENT] = "INSERT INTO intents (run, request, job, node, device, op, at, sequence, outlet,"
                   " settings) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [PUT_RESULT] = "UPDATE intents SET ok = ?3, sent = ?4, error = ?5, text = ?6, result_at = ?7"
                   " WHERE run = ?1 AND request = ?2",
    /* Not what a trail is made of: a command that is forgotten is one that was never sent. */
#define HAS_ENDED " AND job NOT IN (SELECT id FROM jobs WHERE ended IS NULL)"
    [TRIM_EVENTS] = "DELETE FROM events WHERE sequence IN (SELECT sequence FROM events"
                    " WHERE (at < ?1 OR sequence <= ?2)" HAS_ENDED
                    /* Nor that a node was left off, while that is the last that came of it. */
                    " AND NOT (kind = 'outcome' AND verb <> 'status'"
                    " AND json LIKE '%\"outcome\":\"left-off\"%' AND sequence ="
                    " (SELECT max(last.sequence) FROM events last WHERE last.node = events.node"
                    " AND last.kind = 'outcome' AND last.verb <> 'status'))"
                    " ORDER BY sequence LIMIT ?3)",
    [TRIM_INTENTS] = "DELETE FROM intents WHERE rowid IN (SELECT rowid FROM intents"
                     " WHERE at < ?1" HAS_ENDED " ORDER BY rowid LIMIT ?2)",
#undef HAS_ENDED
    [TRIM_JOBS] = "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs"
                  " WHERE ended < ?1 LIMIT ?2)",
    [READ_EVENTS] = "SELECT sequence, job, node, json, kind FROM events"
                    " WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence LIMIT ?3",
    [READ_JOB_EVENTS] = "SELECT sequence, job, node, json, kind FROM events WHERE job = ?4"
                        " AND sequence > ?1 AND sequence <= ?2 ORDER BY sequence LIMIT ?3",
    [HISTORY] = "SELECT json, node, at, verb FROM events ORDER BY sequence DESC",
    [HISTORY_OF_NODES] = "SELECT json, node, at, verb FROM events"
                         " WHERE node IN (SELECT value FROM json_each(?1)) ORDER BY sequence DESC",
    [JOB_STARTED] = "SELECT json FROM events WHERE job = ?1 AND kind = 'job-started'"
                    " ORDER BY sequence LIMIT 1",
    [KEYS] = "SELECT key, id, verb, nodes_hash, request FROM jobs WHERE key <> ''"
             " ORDER BY started",
    [PUT_LOCK] = "INSERT OR REPLACE INTO locks (node, holder, reason, since, until)"
                 " VALUES (?1, ?2, ?3, ?4, ?5)",
    [DROP_LOCK] = "DELETE FROM locks WHERE node = ?1",
    [LOCKS] = "SELECT node, holder, reason, since, coalesce(until, 0) FROM locks ORDER BY node",
    [JOB] = "SELECT verb, key, actor, started, coalesce(ended, 0), coalesce(exit, 0)"
            " FROM jobs WHERE id = ?1",
    [JOB_OUTCOMES] = "SELECT json FROM events WHERE job = ?1 AND kind = 'outcome' ORDER BY sequence",
    [UNFINISHED] = "SELECT id, verb, nodes, key, actor, request, started FROM jobs"
                   " WHERE ended IS NULL ORDER BY started",
#define FACT(name) "iif(json_valid(e.json), coalesce(json_extract(e.json, '$." name "'), ''), NULL)"
    /* Commands stand beside their events. Before intents had a sequence (0) both had the same
     * time. Of what is told besides, only what a trail is made of. */
    [JOB_TRAIL] = "SELECT e.node, e.kind, e.json, " FACT("power") ", " FACT("stage") ", "
                  FACT("attempt") ", i.request, i.device, i.op, i.ok IS NOT NULL, i.ok,"
                  " coalesce(i.sent, 'maybe'), i.outlet, i.settings FROM events e LEFT JOIN intents i"
                  " ON i.job = e.job AND i.node = e.node AND e.kind = 'command'"
                  " AND (i.sequence = e.sequence OR (i.sequence = 0 AND i.at = e.at))"
                  " WHERE e.job = ?1 AND e.node <> '' AND (e.kind IN ('command', 'power', 'stage',"
                  " 'attempt', 'outcome') OR (e.kind = 'note' AND e.json LIKE '%\"verdict\":%'))"
                  " ORDER BY e.sequence",
#undef FACT
    [LAST_OUTCOME] = "SELECT json FROM events WHERE node = ?1 AND kind = 'outcome'"
                     " AND verb <> 'status' ORDER BY sequence DESC LIMIT 1",
};
/* clang-format on */

int journal_sql_err(const struct journal *journal, const char *what, struct err *err)
{
    int code = journal->db ? sqlite3_errcode(journal->db) & 0xff : SQLITE_CANTOPEN;
    const char *hint = journal->unopened         ? strerror(journal->unopened)
                       : code == SQLITE_FULL     ? "disk full; free some space there"
                       : code == SQLITE_READONLY ? "it cannot be written; check the file system"
                       : code == SQLITE_IOERR    ? "the disk failed; check the kernel log"
                       : code == SQLITE_CORRUPT || code == SQLITE_NOTADB
                           ? "it is damaged; move it away and restart"
                           : "see the text before";
    return err_set(err, ERR_SYSTEM, "journal %s: %s: %s (%s)", journal->path, what,
                   journal->db ? sqlite3_errmsg(journal->db) : "not open", hint);
}

sqlite3_stmt *journal_statement(struct journal *journal, enum journal_statement which,
                                struct err *err)
{
    if (!journal->db) {
        *err = journal->trouble;
        return NULL;
    }
    sqlite3_stmt **statement = &journal->statements[which];
    if (!*statement && sqlite3_prepare_v3(journal->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                                          statement, NULL) != SQLITE_OK) {
        (void)journal_sql_err(journal, "cannot prepare a statement", err);
        return NULL;
    }
    (void)sqlite3_reset(*statement);
    (void)sqlite3_clear_bindings(*statement);
    return *statement;
}

void journal_drop_statements(struct journal *journal)
{
    for (size_t i = 0; i < JOURNAL_STATEMENTS; i++) {
        (void)sqlite3_finalize(journal->statements[i]);
        journal->statements[i] = NULL;
    }
}

void journal_put_text(sqlite3_stmt *statement, int column, const char *text)
{
    (void)sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC);
}

const char *journal_text(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}
