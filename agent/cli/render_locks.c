/* Locks, for people. */
#include <string.h>

#include "agent/cli/fold.h"
#include "agent/cli/memory.h"
#include "agent/cli/render.h"
#include "agent/cli/style.h"
#include "proto/cleanup.h"

static bool alike(const struct lock_view *a, const struct lock_view *b)
{
    return a->since_unix_ms == b->since_unix_ms && a->until_unix_ms == b->until_unix_ms &&
           !strcmp(a->holder, b->holder) && !strcmp(a->reason, b->reason);
}

/* Those from `first` on that are as it is, folded. NULL: one before it was. */
static char *fold_alike(const struct lock_view *locks, size_t count, size_t first)
{
    _cleanup_(freep) const char **names = cli_needs(calloc(count, sizeof *names));
    size_t n = 0;
    for (size_t i = 0; i < first; i++)
        if (alike(&locks[i], &locks[first]))
            return NULL;
    for (size_t i = first; i < count; i++)
        if (alike(&locks[i], &locks[first]))
            names[n++] = locks[i].node;
    return fold_names(names, n);
}

void table_locks(const struct render *render, const struct lock_view *locks, size_t count)
{
    if (!count) {
        (void)fputs("nothing is locked\n", render->out);
        return;
    }
    (void)fprintf(render->out, "%-20s %-30s %-19s %-19s %s\n", "NODES", "HOLDER", "SINCE", "UNTIL",
                  "REASON");
    for (size_t i = 0; i < count; i++) {
        char since[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];
        _cleanup_(freep) char *folded = fold_alike(locks, count, i);
        if (!folded)
            continue;
        local_date_format(locks[i].since_unix_ms, since);
        local_date_format(locks[i].until_unix_ms, until); /* "-": until it is unlocked */
        (void)fprintf(render->out, "%-20s %-30s %-19s %-19s %s\n", folded, locks[i].holder, since,
                      until, locks[i].reason);
    }
}
