/* journal_sql.h - everything the journal says to its database in prepared statements, by name.
 *
 * A statement is prepared when it is first asked for, and the journal's until its database is
 * closed.  Errors are those of SQLite, told with what to do about them. */
#ifndef POWERCTL_JOURNAL_SQL_H
#define POWERCTL_JOURNAL_SQL_H

#include <sqlite3.h>

#include "proto/err.h"

struct journal;

enum journal_statement {
    PUT_JOB,
    END_JOB,
    PUT_EVENT,
    PUT_INTENT,
    PUT_RESULT,
    TRIM_EVENTS,
    TRIM_INTENTS,
    TRIM_JOBS,
    READ_EVENTS,
    READ_JOB_EVENTS,
    HISTORY,
    HISTORY_OF_NODES,
    JOB_STARTED,
    KEYS,
    JOB,
    JOB_OUTCOMES,
    UNFINISHED,
    JOB_TRAIL,
    LAST_OUTCOME,
    PUT_LOCK,
    DROP_LOCK,
    LOCKS,
    JOURNAL_STATEMENTS
};

/* The prepared statement, reset and without bindings. NULL with *err. */
sqlite3_stmt *journal_statement(struct journal *journal, enum journal_statement which,
                                struct err *err);
void journal_drop_statements(struct journal *journal);
int journal_sql_err(const struct journal *journal, const char *what, struct err *err);

/* The text is lent until the step. */
void journal_put_text(sqlite3_stmt *statement, int column, const char *text);
/* Column as text, never NULL. */
const char *journal_text(sqlite3_stmt *row, int column);

#endif
