/* The keys of `devices` and `nodes`: names and ranges of names, over all files. */
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"

static bool add_names(struct conf *c, const struct conf_row *row, const char *what,
                      struct conf_names *names)
{
    bool good = true;
    for (size_t i = 0; i < row->count && good; i++) {
        const struct yaml *first = conf_names_find(names, row->names[i], NULL);
        if (first)
            conf_error(c, row->key, "two %ss are called '%s'; the first is at %s:%u:%u", what,
                       row->names[i], first->file->name, first->line, first->column);
        else if (!name_valid(row->names[i]))
            conf_error(c, row->key,
                       "'%.64s' is not a name: letters, digits and . _ : -, at most %d",
                       row->names[i], NAME_SIZE - 1);
        else if (!conf_names_add(names, row->names[i], row->key, row->first + i))
            conf_no_memory(c);
        else
            continue;
        good = false;
    }
    return good;
}

/* A bad row is left out as a whole: one error for it, not one a name. */
static void add_row(struct conf *c, const struct yaml *key, const char *what,
                    struct conf_names *names, struct conf_row *row)
{
    struct err err;
    row->key = key;
    if (nodeset_expand(key->text, &row->names, &row->count, &err)) {
        conf_error_err(c, key, &err);
        row->names = NULL;
        row->count = 0;
    } else if (row->first + row->count > NODESET_MAX) {
        conf_error(c, key, "more than %d %ss", NODESET_MAX, what);
    } else if (add_names(c, row, what, names)) {
        return;
    }
    nodeset_expand_free(row->names, row->count);
    row->names = NULL;
    row->count = 0;
}

struct conf_row *conf_rows(struct conf *c, enum section section, const char *what,
                           struct conf_names *names, size_t *nrows, size_t *total)
{
    size_t most = 0, n = 0;
    for (size_t i = 0; i < c->sections[section].count; i++)
        most += c->sections[section].values[i]->count;
    struct conf_row *rows = calloc(most + 1, sizeof *rows);
    *nrows = *total = 0;
    if (!rows) {
        conf_no_memory(c);
        return NULL;
    }
    for (size_t i = 0; i < c->sections[section].count; i++) {
        const struct yaml *map = c->sections[section].values[i];
        if (!conf_is_map(c, map))
            continue;
        for (const struct yaml *key = map->first; key; key = key->next) {
            rows[n].first = *total;
            add_row(c, key, what, names, &rows[n]);
            *total += rows[n].count;
            n += rows[n].count > 0;
        }
    }
    *nrows = n;
    return rows;
}

void conf_rows_free(struct conf_row *rows, size_t nrows)
{
    for (size_t i = 0; rows && i < nrows; i++)
        nodeset_expand_free(rows[i].names, rows[i].count);
    free(rows);
}
