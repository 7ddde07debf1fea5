#include <stdlib.h>
#include <string.h>

/* Its usual function falls through cases, which our warnings refuse; its usual answer to a lack of
 * memory is exit(). */
#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) (no_memory = (entry) != NULL)
#include <uthash.h>

#include "agent/io/conf_private.h"
#include "proto/spelling.h"

struct conf_name {
    const struct yaml *at;
    size_t value;
    UT_hash_handle hh;
    char name[];
};

const struct yaml *conf_names_find(const struct conf_names *names, const char *name, size_t *value)
{
    struct conf_name *found;
    HASH_FIND(hh, names->head, name, strlen(name), found);
    if (found && value)
        *value = found->value;
    return found ? found->at : NULL;
}

bool conf_names_add(struct conf_names *names, const char *name, const struct yaml *at, size_t value)
{
    size_t size = strlen(name);
    bool no_memory = false;
    if (conf_names_find(names, name, NULL))
        return false;
    struct conf_name *entry = calloc(1, sizeof *entry + size + 1);
    if (!entry)
        return false;
    entry->at = at;
    entry->value = value;
    memcpy(entry->name, name, size + 1);
    HASH_ADD_KEYPTR(hh, names->head, entry->name, size, entry);
    if (no_memory)
        free(entry);
    return !no_memory;
}

void conf_names_clear(struct conf_names *names)
{
    struct conf_name *entry, *next;
    HASH_ITER(hh, names->head, entry, next)
    {
        HASH_DEL(names->head, entry);
        free(entry);
    }
}

const char *conf_names_nearest(const struct conf_names *names, const char *name)
{
    struct spelling spelling = spelling_of(name);
    for (const struct conf_name *entry = names->head; entry; entry = entry->hh.next)
        spelling_consider(&spelling, entry->name);
    return spelling.nearest;
}
