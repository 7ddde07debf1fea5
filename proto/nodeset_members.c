#include <stdlib.h>

#include "proto/cleanup.h"
#include "proto/nodeset_private.h"

void members_begin(struct members *members, enum set_operator op)
{
    members->operand++;
    members->op = op;
    members->changed = 0;
}

static void set_member(struct members *members, struct name_entry *entry, bool member)
{
    if (entry->member == member)
        return;
    entry->member = member;
    members->count += member ? 1 : (size_t)-1;
    members->changed++;
}

static int take_new(struct members *members, const char *name, size_t size, struct err *err)
{
    struct name_entry *entry = name_table_intern(&members->names, name, size);
    if (!entry)
        return err_set(err, ERR_SYSTEM, "no memory for %zu names", members->count);
    bool again = entry->stamp == members->operand; /* an operand that names it twice */
    entry->stamp = members->operand;
    if (!again)
        set_member(members, entry, members->op == SET_UNION || !entry->member);
    if (members->count > NODESET_MAX)
        return err_set(err, ERR_USAGE, "more than %d names", NODESET_MAX);
    return 0;
}

int members_take(struct members *members, const char *name, size_t size, struct err *err)
{
    struct name_entry *entry;
    switch (members->op) {
    case SET_UNION:
    case SET_XOR:
        return take_new(members, name, size, err);
    case SET_EXCLUDE:
        entry = name_table_find(&members->names, name, size);
        if (entry)
            set_member(members, entry, false);
        break;
    case SET_INTERSECT:
        entry = name_table_find(&members->names, name, size);
        if (entry)
            entry->stamp = members->operand;
        break;
    }
    return 0;
}

void members_end(struct members *members)
{
    if (members->op != SET_INTERSECT)
        return;
    for (size_t i = 0; i < members->names.count; i++)
        if (members->names.entries[i].stamp != members->operand)
            set_member(members, &members->names.entries[i], false);
}

struct nodeset *members_nodeset(const struct members *members)
{
    _cleanup_(freep) const char **names = malloc((members->count + 1) * sizeof *names);
    size_t n = 0;
    if (!names)
        return NULL;
    for (size_t i = 0; i < members->names.count; i++)
        if (members->names.entries[i].member)
            names[n++] = members->names.entries[i].name;
    return nodeset_make(names, n);
}

void members_clear(struct members *members)
{
    name_table_clear(&members->names);
}
