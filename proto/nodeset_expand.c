#include <stdlib.h>
#include <string.h>

#include "proto/nodeset_private.h"

void nodeset_expand_free(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
}

struct collection {
    const struct pattern *pattern;
    struct name_table seen;
    char **names;
    size_t count;
    struct err *err;
};

static int collect(void *arg, const char *name, size_t size)
{
    struct collection *c = arg;
    struct name_entry *entry = name_table_intern(&c->seen, name, size);
    if (!entry)
        return err_set(c->err, ERR_SYSTEM, "no memory for a list of names");
    if (entry->member)
        return complain(c->err, c->pattern->text, c->pattern->start, "'%s' is in it twice",
                        quote(name).text);
    entry->member = true;
    c->names[c->count] = strndup(name, size);
    if (!c->names[c->count])
        return err_set(c->err, ERR_SYSTEM, "no memory for a list of names");
    c->count++;
    return 0;
}

static int expand(const struct pattern *pattern, char ***names, size_t *count, struct err *err)
{
    struct collection c = {.pattern = pattern, .err = err};
    c.names = calloc(pattern->count, sizeof *c.names);
    if (!c.names)
        return err_set(err, ERR_SYSTEM, "no memory for %zu names", pattern->count);
    int rc = pattern_expand(pattern, collect, &c, err);
    name_table_clear(&c.seen);
    if (rc) {
        nodeset_expand_free(c.names, c.count);
        return rc;
    }
    *names = c.names;
    *count = c.count;
    return 0;
}

static int single(const char *text, char ***names, size_t *count, struct err *err)
{
    char **list = malloc(sizeof *list);
    char *name = strdup(text);
    if (!list || !name) {
        free(list);
        free(name);
        return err_set(err, ERR_SYSTEM, "no memory for a name");
    }
    list[0] = name;
    *names = list;
    *count = 1;
    return 0;
}

int nodeset_expand(const char *pattern, char ***names, size_t *count, struct err *err)
{
    if (!strpbrk(pattern, "[]"))
        return single(pattern, names, count, err);
    struct pattern parsed;
    int rc = pattern_parse(&parsed, pattern, pattern, PATTERN_SETTING, err);
    if (!rc)
        rc = expand(&parsed, names, count, err);
    pattern_clear(&parsed);
    return rc;
}
