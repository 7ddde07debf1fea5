#include "agent/io/journal_schema.h"

#include <string.h>

#include "proto/cleanup.h"

/* Row n brings user_version n to n + 1. Rows are never changed once released: add one. */
static const char *const migrations[] = {
    "CREATE TABLE jobs ("
    " id TEXT PRIMARY KEY, verb TEXT NOT NULL, nodes TEXT NOT NULL, nodes_hash TEXT NOT NULL,"
    " key TEXT NOT NULL, actor TEXT NOT NULL, request TEXT NOT NULL, started INTEGER NOT NULL,"
    " ended INTEGER, exit INTEGER, how TEXT);"
    "CREATE INDEX jobs_open ON jobs (id) WHERE ended IS NULL;"
    "CREATE INDEX jobs_key ON jobs (key) WHERE key <> '';"
    "CREATE TABLE events ("
    " sequence INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, node TEXT NOT NULL,"
    " kind TEXT NOT NULL, verb TEXT NOT NULL, json TEXT NOT NULL, at INTEGER NOT NULL);"
    "CREATE INDEX events_node ON events (node, sequence);"
    "CREATE INDEX events_job ON events (job, sequence);"
    "CREATE TABLE intents ("
    " run TEXT NOT NULL, request INTEGER NOT NULL, job TEXT NOT NULL, node TEXT NOT NULL,"
    " device TEXT NOT NULL, op TEXT NOT NULL, at INTEGER NOT NULL,"
    " ok INTEGER, sent TEXT, error TEXT, text TEXT, result_at INTEGER,"
    " PRIMARY KEY (run, request));"
    "CREATE INDEX intents_job ON intents (job, node, at);",
    /* Questions are asked every few seconds by some, and answered by the next: kept an hour. */
    "CREATE INDEX events_questions ON events (at) WHERE verb = 'status';"
    "CREATE INDEX jobs_questions ON jobs (ended) WHERE verb = 'status';",
    /* Where an intent stands among the events of its job; 0 in rows of before. */
    "ALTER TABLE intents ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;",
    /* until: NULL is until it is unlocked. */
    "CREATE TABLE locks (node TEXT PRIMARY KEY, holder TEXT NOT NULL, reason TEXT NOT NULL,"
    " since INTEGER NOT NULL, until INTEGER);",
    /* The last outcome of each node, read at every start. */
    "CREATE INDEX events_outcomes ON events (node, sequence)"
    " WHERE kind = 'outcome' AND verb <> 'status';",
    /* A device with outlets is another machine at each. 0 in rows of before: not known. */
    "ALTER TABLE intents ADD COLUMN outlet INTEGER NOT NULL DEFAULT 0;",
    /* What the device's name stood for; 0 in rows of before: not known. */
    "ALTER TABLE intents ADD COLUMN settings INTEGER NOT NULL DEFAULT 0;",
    /* Questions are not kept at all any more. */
    "DROP INDEX events_questions; DROP INDEX jobs_questions;",
};

static int schema_version(sqlite3 *db, struct err *err)
{
    sqlite3_stmt *row = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW)
        version = sqlite3_column_int(row, 0);
    else
        (void)err_set(err, ERR_SYSTEM, "cannot read its version: %s", sqlite3_errmsg(db));
    (void)sqlite3_finalize(row);
    return version;
}

static int migrate_once(sqlite3 *db, int version, struct err *err)
{
    char number[48];
    (void)snprintf(number, sizeof number, "PRAGMA user_version = %d; COMMIT", version + 1);
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_exec(db, migrations[version], NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_exec(db, number, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    (void)err_set(err, ERR_SYSTEM, "cannot bring it to version %d: %s", version + 1,
                  sqlite3_errmsg(db));
    (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

int journal_migrate(sqlite3 *db, struct err *err)
{
    int version = schema_version(db, err);
    if (version < 0)
        return -1;
    if (version > (int)ARRAY_SIZE(migrations))
        return err_set(err, ERR_SYSTEM,
                       "it was written by a newer powerctl (version %d, this one knows %d)",
                       version, (int)ARRAY_SIZE(migrations));
    for (; version < (int)ARRAY_SIZE(migrations); version++)
        if (migrate_once(db, version, err))
            return -1;
    return 0;
}

int journal_check(sqlite3 *db, struct err *err)
{
    sqlite3_stmt *row = NULL;
    int result = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &row, NULL) != SQLITE_OK ||
        sqlite3_step(row) != SQLITE_ROW)
        (void)err_set(err, ERR_SYSTEM, "%s", sqlite3_errmsg(db));
    else if (strcmp((const char *)sqlite3_column_text(row, 0), "ok") != 0)
        (void)err_set(err, ERR_SYSTEM, "it is damaged: %s",
                      (const char *)sqlite3_column_text(row, 0));
    else
        result = 0;
    (void)sqlite3_finalize(row);
    return result;
}
