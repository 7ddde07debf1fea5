#include "tests/unit/rack_pdu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the inventory ---- */

static void add_outlet(struct inventory *inventory, size_t pdu, uint32_t outlet, uint32_t device)
{
    struct node *node = &inventory->nodes[inventory->nnodes++];
    (void)snprintf(node->name, NAME_SIZE, "pdu-%c/%u", 'a' + (char)pdu, outlet);
    (void)snprintf(node->feeds_node, NAME_SIZE, "n%02u", outlet);
    node->is_outlet = true;
    node->control.device = node->next_boot = DEVICE_NONE;
    node->nfeeds = 1;
    node->feeds[0] = (struct feed){.device = device, .outlet = outlet, .circuit = CIRCUIT_NONE};
    node->up = UP_NOT_WATCHED;
}

void rack_hang_on_pdus(struct rack *rack)
{
    struct inventory *inventory = rack->inventory;
    for (size_t pdu = 0; pdu < RACK_PDUS; pdu++) {
        uint32_t at = (uint32_t)inventory->ndevices++;
        struct device *device = &inventory->devices[at];
        (void)snprintf(device->driver, NAME_SIZE, "fake");
        (void)snprintf(device->config.device, NAME_SIZE, "pdu-%c", 'a' + (char)pdu);
        device->outlets = (uint32_t)rack->count;
        for (size_t i = 0; i < rack->count; i++) {
            struct node *node = &inventory->nodes[i];
            uint32_t outlet = (uint32_t)i + 1;
            if (!rack->has_bmcs)
                node->control.device = DEVICE_NONE;
            node->feeds[node->nfeeds++] =
                (struct feed){.device = at, .outlet = outlet, .circuit = CIRCUIT_NONE};
            rack->pdu[pdu].outlet[i].on = rack->has_bmcs;
            add_outlet(inventory, pdu, outlet, at);
        }
    }
}

/* ---- the mains ---- */

struct rack_pdu *rack_pdu_of(struct rack *rack, const char *device)
{
    return !strncmp(device, "pdu-", 4) ? &rack->pdu[device[4] - 'a'] : NULL;
}

size_t rack_index_of(struct rack *rack, const struct driver_request *request)
{
    if (rack_pdu_of(rack, request->device))
        return request->outlet - 1;
    return (size_t)atol(request->device + 1) - 1;
}

bool rack_is_fed(const struct rack *rack, size_t index)
{
    bool fed = !rack->fed;
    for (size_t pdu = 0; pdu < RACK_PDUS; pdu++)
        fed = fed || rack->pdu[pdu].outlet[index].on;
    return fed;
}

bool rack_is_silent(struct rack *rack, const struct driver_request *request)
{
    const struct rack_pdu *pdu = rack_pdu_of(rack, request->device);
    const struct rack_node *node = &rack->node[rack_index_of(rack, request)];
    if (pdu)
        return pdu->dead;
    bool unfed = rack->has_bmcs && !rack_is_fed(rack, rack_index_of(rack, request));
    return node->dead || unfed || rack->now_ms < node->bmc_back_ms;
}

bool *rack_loses_off_reply(struct rack *rack, const struct driver_request *request)
{
    struct rack_pdu *pdu = rack_pdu_of(rack, request->device);
    size_t index = rack_index_of(rack, request);
    return pdu ? &pdu->outlet[index].loses_off_reply : &rack->node[index].loses_off_reply;
}

static void mains_came(struct rack *rack, size_t index)
{
    struct rack_node *node = &rack->node[index];
    node->ignores_power = node->ignores_power && !node->mends_with_mains;
    if (rack->has_bmcs)
        node->bmc_back_ms =
            node->bmc_takes_ms == UINT64_MAX ? UINT64_MAX : rack->now_ms + node->bmc_takes_ms;
    if (!rack->has_bmcs || node->on_with_mains)
        rack_power_edge(rack, index, true);
}

static void switch_outlet(struct rack *rack, struct rack_outlet *outlet, size_t index, bool on)
{
    bool was_fed = rack_is_fed(rack, index);
    if (outlet->on == on)
        return;
    outlet->on = on;
    outlet->ons += on;
    outlet->offs += !on;
    if (was_fed && !rack_is_fed(rack, index) && rack->node[index].on)
        rack_power_edge(rack, index, false);
    if (!was_fed && rack_is_fed(rack, index))
        mains_came(rack, index);
}

void rack_feed(struct rack *rack, size_t index, bool on)
{
    for (size_t pdu = 0; pdu < RACK_PDUS; pdu++)
        rack->pdu[pdu].outlet[index].on = on;
    rack->node[index].on = on;
}

void rack_pdu_obey(struct rack *rack, const struct driver_request *request,
                   struct driver_reply *reply)
{
    struct rack_pdu *pdu = rack_pdu_of(rack, request->device);
    size_t index = rack_index_of(rack, request);
    struct rack_outlet *outlet = &pdu->outlet[index];
    rack->node[index].commands += op_changes_something(request->op);
    pdu->sent[request->op]++;
    if (request->op == OP_STATUS) {
        reply->power = outlet->on && !outlet->welded ? POWER_ON : POWER_OFF;
        reply->has_watts = outlet->metered;
        reply->milliwatts = outlet->on ? outlet->milliwatts : 0;
    } else if (request->op == OP_ON) {
        if (!outlet->stays_off)
            switch_outlet(rack, outlet, index, true);
    } else if (request->op == OP_OFF) {
        if (!outlet->stays_on)
            switch_outlet(rack, outlet, index, false);
        pdu->dead = pdu->dead || pdu->dies_after_off;
    } else {
        reply->ok = false;
        (void)err_set(&reply->err, ERR_UNSUPPORTED, "an outlet cannot do %s", op_name(request->op));
    }
}
