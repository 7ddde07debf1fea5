/* Locks in the journal: one row a node. */
#include <stdio.h>

#include "agent/io/journal_private.h"

void journal_put_lock(struct journal *journal, const struct lock_view *lock)
{
    sqlite3_stmt *put = journal_batch_statement(journal, PUT_LOCK);
    if (!put)
        return;
    journal_put_text(put, 1, lock->node);
    journal_put_text(put, 2, lock->holder);
    journal_put_text(put, 3, lock->reason);
    (void)sqlite3_bind_int64(put, 4, lock->since_unix_ms);
    if (lock->until_unix_ms)
        (void)sqlite3_bind_int64(put, 5, lock->until_unix_ms);
    journal_batch_step(journal, put, "cannot add a lock");
}

void journal_drop_lock(struct journal *journal, const char *node)
{
    sqlite3_stmt *drop = journal_batch_statement(journal, DROP_LOCK);
    if (!drop)
        return;
    journal_put_text(drop, 1, node);
    journal_batch_step(journal, drop, "cannot remove a lock");
}

static void read_text(sqlite3_stmt *row, int column, char *text, size_t size)
{
    (void)snprintf(text, size, "%s", journal_text(row, column));
}

int journal_locks(struct journal *journal, journal_lock_fn *each, void *arg, struct err *err)
{
    sqlite3_stmt *rows = journal_statement(journal, LOCKS, err);
    int code;
    if (!rows)
        return -1;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        struct lock_view lock = {.since_unix_ms = sqlite3_column_int64(rows, 3),
                                 .until_unix_ms = sqlite3_column_int64(rows, 4)};
        read_text(rows, 0, lock.node, sizeof lock.node);
        read_text(rows, 1, lock.holder, sizeof lock.holder);
        read_text(rows, 2, lock.reason, sizeof lock.reason);
        each(arg, &lock);
    }
    (void)sqlite3_reset(rows);
    return code == SQLITE_DONE ? 0 : journal_sql_err(journal, "cannot be read", err);
}
