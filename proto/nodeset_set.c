#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/nodeset_private.h"

struct nodeset {
    size_t count;
    const char **names; /* sorted, into `text` */
    char *text;
};

struct nodeset *nodeset_free(struct nodeset *set)
{
    if (set) {
        free(set->names);
        free(set->text);
        free(set);
    }
    return NULL;
}

void nodeset_freep(struct nodeset **set)
{
    *set = nodeset_free(*set);
}

size_t nodeset_count(const struct nodeset *set)
{
    return set->count;
}

const char *nodeset_name(const struct nodeset *set, size_t index)
{
    return index < set->count ? set->names[index] : NULL;
}

static int compare(const void *a, const void *b)
{
    return name_compare(*(const char *const *)a, *(const char *const *)b);
}

bool nodeset_has(const struct nodeset *set, const char *name)
{
    return set->count && bsearch(&name, set->names, set->count, sizeof *set->names, compare);
}

/* People and folding write sorted names; sorting them again would be most of the work. */
static void sort(const char **names, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (name_compare(names[i - 1], names[i]) > 0) {
            qsort(names, count, sizeof *names, compare);
            return;
        }
}

struct nodeset *nodeset_make(const char **names, size_t count)
{
    _cleanup_(nodeset_freep) struct nodeset *set = calloc(1, sizeof *set);
    if (!set)
        return NULL;
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(names[i]) + 1;
    set->names = malloc((count + 1) * sizeof *set->names);
    set->text = malloc(size);
    if (!set->names || !set->text)
        return NULL;
    sort(names, count);
    char *at = set->text;
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(names[i]) + 1;
        memcpy(at, names[i], n);
        set->names[i] = at;
        at += n;
    }
    set->count = count;
    return TAKE(set);
}

static void name_table_clearp(struct name_table *table)
{
    name_table_clear(table);
}

int nodeset_from_names(const char *const *names, size_t count, struct nodeset **out,
                       struct err *err)
{
    _cleanup_(name_table_clearp) struct name_table table = {0};
    _cleanup_(freep) const char **unique = malloc((count + 1) * sizeof *unique);
    size_t n = 0;
    if (!unique)
        return err_set(err, ERR_SYSTEM, "no memory for %zu names", count);
    for (size_t i = 0; i < count; i++) {
        if (!name_valid_node(names[i]))
            return err_set(err, ERR_USAGE, "'%s' is not a name", quote(names[i]).text);
        struct name_entry *entry = name_table_intern(&table, names[i], strlen(names[i]));
        if (!entry)
            return err_set(err, ERR_SYSTEM, "no memory for %zu names", count);
        if (!entry->member)
            unique[n++] = names[i];
        entry->member = true;
        if (n > NODESET_MAX)
            return err_set(err, ERR_LIMIT, "more than %d names", NODESET_MAX);
    }
    struct nodeset *set = nodeset_make(unique, n);
    if (!set)
        return err_set(err, ERR_SYSTEM, "no memory for %zu names", n);
    *out = set;
    return 0;
}

/* FNV-1a over the names and a separator no name can hold, with a final mix (splitmix64): sets
 * that differ in one digit shall look different to the eye, too. */
void nodeset_hash(const struct nodeset *set, char hash[17])
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < set->count; i++) {
        for (const char *c = set->names[i]; *c; c++)
            h = (h ^ (unsigned char)*c) * 0x100000001b3;
        h = (h ^ '\n') * 0x100000001b3;
    }
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
    h = (h ^ h >> 27) * 0x94d049bb133111eb;
    (void)snprintf(hash, 17, "%016llx", (unsigned long long)(h ^ h >> 31));
}
