/* What happened to nodes, newest first while reading, oldest first when told. */
#include <stdlib.h>
#include <string.h>

#include "agent/core/plan.h"
#include "agent/io/journal_private.h"
#include "proto/cleanup.h"

/* The clock may have been set back meanwhile: rows are searched this much further than asked. */
static const int64_t CLOCK_STEP_MS = 24 * 3600000LL;

/* ["n01","n02"]: names need no quoting. */
static char *names_as_json(const struct nodeset *nodes)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (size_t i = 0; i < nodeset_count(nodes); i++)
        (void)fprintf(out, "%s\"%s\"", i ? "," : "[", nodeset_name(nodes, i));
    (void)fputc(']', out);
    if (!fclose(out))
        return text;
    free(text);
    return NULL;
}

static int by_sequence(const void *a, const void *b)
{
    const struct job_event *left = a, *right = b;
    return left->sequence < right->sequence ? -1 : left->sequence > right->sequence;
}

static bool is_first_of_its_job(const struct job_event *events, size_t at)
{
    for (size_t i = at; i-- > 0;) /* backwards: mostly it is the one before */
        if (!strcmp(events[i].job, events[at].job))
            return false;
    return true;
}

/* Who asked for it is said where a job begins, and that is an event of no node. */
static void add_job_starts(struct journal *journal, struct job_event *events, size_t *count)
{
    struct err err;
    size_t of_nodes = *count;
    sqlite3_stmt *row = journal_statement(journal, JOB_STARTED, &err);
    for (size_t i = 0; row && i < of_nodes; i++) {
        if (!events[i].job[0] || !is_first_of_its_job(events, i))
            continue;
        (void)sqlite3_bind_text(row, 1, events[i].job, -1, SQLITE_TRANSIENT);
        if (sqlite3_step(row) == SQLITE_ROW &&
            !job_event_decode(journal_text(row, 0), &events[*count], &err))
            ++*count;
        (void)sqlite3_reset(row);
    }
}

static bool is_question(const char *word)
{
    enum verb verb;
    return !verb_parse(word, &verb) && !verb_changes_something(verb);
}

static bool wanted(const struct journal_query *query, sqlite3_stmt *row)
{
    return sqlite3_column_int64(row, 2) >= query->since_unix_ms &&
           (query->questions || !is_question(journal_text(row, 3))) &&
           (!query->nodes || nodeset_has(query->nodes, journal_text(row, 1)));
}

static int read_rows(struct journal *journal, const struct journal_query *query, sqlite3_stmt *rows,
                     struct job_event *found, size_t *count, struct err *err)
{
    size_t searched = 0;
    int code = SQLITE_DONE;
    *count = 0;
    while (*count < query->limit && searched++ < JOURNAL_SEARCHED_MAX &&
           (code = sqlite3_step(rows)) == SQLITE_ROW) {
        if (sqlite3_column_int64(rows, 2) < query->since_unix_ms - CLOCK_STEP_MS)
            break;
        /* A row of another version that is not understood is passed over. */
        if (wanted(query, rows) && !job_event_decode(journal_text(rows, 0), &found[*count], err))
            ++*count;
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return journal_sql_err(journal, "cannot be read", err);
    return 0;
}

int journal_history(struct journal *journal, const struct journal_query *query,
                    struct job_event **events, size_t *count, struct err *err)
{
    bool few = query->nodes && nodeset_count(query->nodes) <= JOURNAL_NODES_BY_INDEX;
    sqlite3_stmt *rows = journal_statement(journal, few ? HISTORY_OF_NODES : HISTORY, err);
    _cleanup_(freep) char *names = few ? names_as_json(query->nodes) : NULL;
    if (!rows)
        return -1;
    /* Each event may be of another job, and then brings that job's first event along. */
    _cleanup_(freep) struct job_event *found = calloc(2 * query->limit + 1, sizeof *found);
    if (!found || (few && !names))
        return err_set(err, ERR_SYSTEM, "out of memory for %zu events", query->limit);
    if (few)
        (void)sqlite3_bind_text(rows, 1, names, -1, SQLITE_STATIC);
    size_t n;
    int result = read_rows(journal, query, rows, found, &n, err);
    (void)sqlite3_reset(rows);
    (void)sqlite3_clear_bindings(rows);
    if (result)
        return -1;
    if (query->nodes)
        add_job_starts(journal, found, &n);
    qsort(found, n, sizeof *found, by_sequence);
    *events = TAKE(found);
    *count = n;
    return 0;
}
