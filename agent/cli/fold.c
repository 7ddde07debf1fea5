#include "agent/cli/fold.h"

#include <string.h>

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

char *fold_nodes(const struct node_view *nodes, size_t nnodes, node_choice_fn *choose, int value,
                 size_t *count)
{
    _cleanup_(freep) const char **names = calloc(nnodes ? nnodes : 1, sizeof *names);
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    size_t chosen = 0;
    for (size_t i = 0; names && nodes && i < nnodes; i++)
        if (choose(&nodes[i], value))
            names[chosen++] = nodes[i].node;
    if (count)
        *count = chosen;
    if (!names || !chosen)
        return names ? strdup("") : NULL;
    if (nodeset_from_names(names, chosen, &set, NULL))
        return NULL;
    return nodeset_fold(set);
}
