/* journal_private.h - shared by journal.c (writing) and journal_read.c (reading). */
#ifndef POWERCTL_JOURNAL_PRIVATE_H
#define POWERCTL_JOURNAL_PRIVATE_H

#include <sqlite3.h>

#include "agent/io/journal.h"

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

struct journal {
    char dir[256], path[280], reserve[280], run[32];
    sqlite3 *db; /* NULL: could not be opened */
    sqlite3_stmt *statements[JOURNAL_STATEMENTS];
    struct err trouble; /* kind ERR_NONE: writable */
    struct err batch;   /* the first error of this transaction */
    int unopened;       /* errno of opening it for writing; 0: it was */
    bool lost;          /* and nothing is written before journal_recover(): it is not just full */
    bool in_batch, reserve_used, full, unhurried;
    unsigned pages;
    uint64_t sequence, batch_sequence; /* committed; in this transaction */
    uint64_t commits;
};

/* The prepared statement, reset and without bindings. NULL with *err. */
sqlite3_stmt *journal_statement(struct journal *journal, enum journal_statement which,
                                struct err *err);
int journal_sql_err(const struct journal *journal, const char *what, struct err *err);

/* Of the open transaction. NULL if it is lost anyway. */
sqlite3_stmt *journal_batch_statement(struct journal *journal, enum journal_statement which);
/* The text is lent until the step. */
void journal_put_text(sqlite3_stmt *statement, int column, const char *text);
/* An error is kept for the commit. */
void journal_batch_step(struct journal *journal, sqlite3_stmt *statement, const char *what);

/* A write failed for another reason than a full disk. */
void journal_lose(struct journal *journal, const struct err *why);

/* Column as text, never NULL. */
const char *journal_text(sqlite3_stmt *row, int column);

#endif
