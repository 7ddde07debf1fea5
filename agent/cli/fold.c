#include "agent/cli/fold.h"

#include <stdio.h>
#include <string.h>

#include "agent/cli/memory.h"
#include "proto/cleanup.h"
#include "proto/nodeset.h"

bool node_has_outcome(const struct node_view *node, int outcome)
{
    return (int)node->outcome == outcome;
}

bool node_has_power(const struct node_view *node, int power)
{
    return (int)node->power == power;
}

static char *join(const char *const *names, size_t count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = cli_needs(open_memstream(&text, &size));
    for (size_t i = 0; i < count; i++)
        (void)fprintf(out, "%s%s", i ? "," : "", names[i]);
    if (fclose(out))
        cli_no_memory();
    return text;
}

char *fold_names(const char *const *names, size_t count)
{
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    struct err err = {0};
    if (!count)
        return cli_needs(strdup(""));
    if (!nodeset_from_names(names, count, &set, &err))
        return cli_needs(nodeset_fold(set));
    if (err.kind == ERR_SYSTEM)
        cli_no_memory();
    return join(names, count); /* what is no name here is one to a newer agent */
}

char *fold_nodes(const struct node_view *nodes, size_t nnodes, node_choice_fn *choose, int value,
                 size_t *count)
{
    _cleanup_(freep) const char **names = cli_needs(calloc(nnodes ? nnodes : 1, sizeof *names));
    size_t chosen = 0;
    for (size_t i = 0; nodes && i < nnodes; i++)
        if (choose(&nodes[i], value))
            names[chosen++] = nodes[i].node;
    if (count)
        *count = chosen;
    return fold_names(names, chosen);
}
