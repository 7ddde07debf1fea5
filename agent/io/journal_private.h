/* journal_private.h - shared by the files of the journal: journal.c writes, the others read, trim
 * and lock. */
#ifndef POWERCTL_JOURNAL_PRIVATE_H
#define POWERCTL_JOURNAL_PRIVATE_H

#include <sqlite3.h>

#include "agent/io/journal.h"
#include "agent/io/journal_sql.h"

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

/* Of the open transaction. NULL if it is lost anyway. */
sqlite3_stmt *journal_batch_statement(struct journal *journal, enum journal_statement which);
/* An error is kept for the commit. */
void journal_batch_step(struct journal *journal, sqlite3_stmt *statement, const char *what);

/* A write failed for another reason than a full disk. */
void journal_lose(struct journal *journal, const struct err *why);

#endif
