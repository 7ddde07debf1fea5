/* outlets.c - the outlets of PDUs, as configured: what GET /v1/outlets shows. */
#include <string.h>

#include "agent/core/state.h"
#include "proto/cleanup.h"
#include "proto/spelling.h"

static bool is_pdu(const struct device *device)
{
    return device->outlets && !device->buttons;
}

static int unknown_pdu(const struct inventory *inventory, const char *name, struct err *err)
{
    struct spelling spelling = spelling_of(name);
    for (size_t i = 0; i < inventory->ndevices; i++) {
        const char *device = inventory->devices[i].config.device;
        if (!strcmp(device, name))
            return err_set(err, ERR_USAGE, "%s is no PDU: it has no outlets that feed anything",
                           device);
        if (is_pdu(&inventory->devices[i]))
            spelling_consider(&spelling, device);
    }
    if (spelling.nearest)
        return err_set(err, ERR_NOT_FOUND, "no PDU is called '%.63s'; did you mean '%s'?", name,
                       spelling.nearest);
    return err_set(err, ERR_NOT_FOUND, "no PDU is called '%.63s'", name);
}

static int find_pdu(const struct inventory *inventory, const char *name, uint32_t *found,
                    struct err *err)
{
    for (uint32_t i = 0; i < inventory->ndevices; i++)
        if (is_pdu(&inventory->devices[i]) && !strcmp(inventory->devices[i].config.device, name)) {
            *found = i;
            return 0;
        }
    return unknown_pdu(inventory, name, err);
}

static void view_outlet(const struct inventory *inventory, const struct node *outlet,
                        struct outlet_view *view)
{
    uint32_t circuit = outlet->feeds[0].circuit;
    memcpy(view->outlet, outlet->name, sizeof view->outlet);
    memcpy(view->node, outlet->feeds_node, sizeof view->node);
    if (circuit != CIRCUIT_NONE)
        memcpy(view->circuit, inventory->circuits[circuit].name, sizeof view->circuit);
}

int core_outlets(const struct core *core, const char *pdu, struct outlet_view **views,
                 size_t *count, struct err *err)
{
    const struct inventory *inventory = core->inventory;
    uint32_t device = DEVICE_NONE;
    if (pdu && find_pdu(inventory, pdu, &device, err))
        return -1;
    size_t most = inventory->nnodes - inventory->nmachines, taken = 0;
    struct outlet_view *made = calloc(most ? most : 1, sizeof *made);
    if (!made)
        return err_set(err, ERR_SYSTEM, "out of memory for %zu outlets", most);
    for (size_t i = inventory->nmachines; i < inventory->nnodes; i++) {
        const struct node *node = &inventory->nodes[i];
        if (!pdu || node->feeds[0].device == device)
            view_outlet(inventory, node, &made[taken++]);
    }
    *views = made;
    *count = taken;
    return 0;
}
