/* journal_schema.h - the journal's tables, and how older ones become today's. */
#ifndef POWERCTL_JOURNAL_SCHEMA_H
#define POWERCTL_JOURNAL_SCHEMA_H

#include <sqlite3.h>

#include "proto/err.h"

/* Both: 0, or -1 with *err; the file's name is the caller's to add. */
int journal_check(sqlite3 *db, struct err *err); /* SQLite's quick_check */
int journal_migrate(sqlite3 *db, struct err *err);

#endif
