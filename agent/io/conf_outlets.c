/* What hangs on which outlet; and the outlets of PDUs as nodes of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

bool conf_plan_outlets(struct conf *c)
{
    const struct inventory *inventory = c->inventory;
    size_t total = 0, outlets = 0;
    if (!inventory->devices)
        return false;
    c->first_claim = calloc(inventory->ndevices + 1, sizeof *c->first_claim);
    if (!c->first_claim) {
        conf_no_memory(c);
        return false;
    }
    for (size_t i = 0; i < inventory->ndevices; i++) {
        const char *name = inventory->devices[i].config.device;
        c->first_claim[i] = total;
        total += 1 + inventory->devices[i].outlets;
        outlets += inventory->devices[i].outlets;
        if (outlets > NODESET_MAX) {
            const struct yaml *at = conf_names_find(&c->devices, name, NULL);
            conf_error(c, at, "with '%s' there are more than %d outlets", name, NODESET_MAX);
            return false;
        }
    }
    c->claims = calloc(total + 1, sizeof *c->claims);
    if (!c->claims) {
        conf_no_memory(c);
        return false;
    }
    for (size_t i = 0; i < total; i++)
        c->claims[i].circuit = CIRCUIT_NONE;
    return true;
}

struct conf_claim *conf_claim(struct conf *c, uint32_t device, uint32_t outlet)
{
    return &c->claims[c->first_claim[device] + outlet];
}

static void add_outlet(struct conf *c, uint32_t device, uint32_t outlet)
{
    struct inventory *inventory = c->inventory;
    struct node *node = &inventory->nodes[inventory->nnodes++];
    const struct conf_claim *claim = conf_claim(c, device, outlet);
    conf_node_defaults(node);
    (void)snprintf(node->name, sizeof node->name, "%s/%u", inventory->devices[device].config.device,
                   outlet);
    node->is_outlet = true;
    node->nfeeds = 1;
    node->feeds[0] = (struct feed){.device = device, .outlet = outlet, .circuit = CIRCUIT_NONE};
    node->feeds_first = true;
    node->up = UP_NOT_WATCHED;
    node->up_port = 0;
    if (claim->at)
        memcpy(node->feeds_node, inventory->nodes[claim->node].name, sizeof node->feeds_node);
}

void conf_add_outlets(struct conf *c)
{
    struct inventory *inventory = c->inventory;
    size_t outlets = 0;
    for (size_t i = 0; i < inventory->ndevices; i++)
        outlets += inventory->devices[i].buttons ? 0 : inventory->devices[i].outlets;
    if (!outlets)
        return;
    struct node *nodes = reallocarray(inventory->nodes, inventory->nnodes + outlets, sizeof *nodes);
    if (!nodes) {
        conf_no_memory(c);
        return;
    }
    inventory->nodes = nodes;
    memset(nodes + inventory->nnodes, 0, outlets * sizeof *nodes);
    for (uint32_t i = 0; i < inventory->ndevices; i++)
        for (uint32_t n = 1; !inventory->devices[i].buttons && n <= inventory->devices[i].outlets;
             n++)
            add_outlet(c, i, n);
}
