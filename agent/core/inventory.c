#include "agent/core/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"

/* Open addressing, at most half full, so that a probe is short and always ends. */
struct mac_slot {
    struct mac mac; /* all zero: free */
    uint32_t node;
};

static const uint32_t FREE_SLOT = UINT32_MAX;

/* Why these: one question on a terminal for more than a chassis; an inrush a rack's breaker takes;
 * as many booting nodes as one gigabit TFTP server feeds; the waits of PXE ROMs (4+8+16+32 s),
 * of a server's POST with much memory (10 min) and of the field (30 min in all). */
static const struct limits default_limits = {
    .confirm_above = 16,
    .power_on_per_second = 4,
    .booting_at_once = 20,
    .jobs_kept = 1000,
    .retries = 1,
};

/* clang-format off */
static const struct deadlines default_deadlines = {
    .command   =   20 * 1000,
    .off       =   60 * 1000,
    .on        =   30 * 1000,
    .soft_off  =  300 * 1000,
    .dwell     =    5 * 1000,
    .settle    =    1 * 1000,
    .post      =  600 * 1000,
    .addressed =   90 * 1000,
    .loader    =   30 * 1000,
    .loader_up =   60 * 1000,
    .config    =   60 * 1000,
    .kernel    =   60 * 1000,
    .initrd    =   60 * 1000,
    .kernel_up =  180 * 1000,
    .root      =  120 * 1000,
    .up        =  300 * 1000,
    .stall     =   30 * 1000,
    .missing   =    5 * 1000,
    .bmc_back  =  300 * 1000,
    .total     = 1800 * 1000,
};
/* clang-format on */

struct inventory *inventory_new(void)
{
    struct inventory *inventory = calloc(1, sizeof *inventory);
    if (!inventory)
        return NULL;
    inventory->limits = default_limits;
    inventory->deadlines = default_deadlines;
    return inventory;
}

struct inventory *inventory_free(struct inventory *inventory)
{
    if (!inventory)
        return NULL;
    for (size_t i = 0; i < inventory->ngroups; i++)
        free(inventory->groups[i].expression);
    free(inventory->groups);
    for (size_t i = 0; inventory->devices && i < inventory->ndevices; i++)
        free(inventory->devices[i].config.settings);
    free(inventory->devices);
    free(inventory->nodes);
    free(inventory->circuits);
    free(inventory->by_name);
    free(inventory->by_mac);
    free(inventory);
    return NULL;
}

void inventory_freep(struct inventory **inventory)
{
    *inventory = inventory_free(*inventory);
}

static size_t hash_bytes(const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * 0x100000001b3;
    return (size_t)(hash ^ hash >> 32);
}

static size_t slots_for(size_t count)
{
    size_t slots = 4;
    while (slots < 2 * count)
        slots *= 2;
    return slots;
}

/* The slot that holds the name, or the free one where it belongs. */
static size_t name_slot(const struct inventory *inventory, const char *name)
{
    size_t mask = inventory->name_slots - 1;
    size_t slot = hash_bytes(name, strlen(name)) & mask;
    while (inventory->by_name[slot] != FREE_SLOT &&
           strcmp(inventory->nodes[inventory->by_name[slot]].name, name))
        slot = (slot + 1) & mask;
    return slot;
}

static size_t mac_slot(const struct inventory *inventory, struct mac mac)
{
    size_t mask = inventory->mac_slots - 1;
    size_t slot = hash_bytes(mac.byte, sizeof mac.byte) & mask;
    while (mac_known(inventory->by_mac[slot].mac) && !mac_equal(inventory->by_mac[slot].mac, mac))
        slot = (slot + 1) & mask;
    return slot;
}

static int index_names(struct inventory *inventory, struct err *err)
{
    for (size_t i = 0; i < inventory->name_slots; i++)
        inventory->by_name[i] = FREE_SLOT;
    for (size_t i = 0; i < inventory->nnodes; i++) {
        size_t slot = name_slot(inventory, inventory->nodes[i].name);
        if (inventory->by_name[slot] != FREE_SLOT)
            return err_set(err, ERR_CONFIG, "two nodes are called '%s'", inventory->nodes[i].name);
        inventory->by_name[slot] = (uint32_t)i;
    }
    return 0;
}

static int index_macs(struct inventory *inventory, struct err *err)
{
    for (size_t i = 0; i < inventory->nnodes; i++)
        for (size_t j = 0; j < inventory->nodes[i].nmacs; j++) {
            struct mac mac = inventory->nodes[i].macs[j];
            struct mac_slot *slot = &inventory->by_mac[mac_slot(inventory, mac)];
            if (mac_known(slot->mac)) {
                char text[MAC_TEXT_SIZE];
                mac_format(mac, text);
                return err_set(err, ERR_CONFIG, "MAC address %s belongs to both '%s' and '%s'",
                               text, inventory->nodes[slot->node].name, inventory->nodes[i].name);
            }
            *slot = (struct mac_slot){.mac = mac, .node = (uint32_t)i};
        }
    return 0;
}

static int compare_nodes(const void *a, const void *b)
{
    const struct node *first = a, *second = b;
    if (first->is_outlet != second->is_outlet)
        return first->is_outlet ? 1 : -1;
    return name_compare(((const struct node *)a)->name, ((const struct node *)b)->name);
}

static int compare_groups(const void *a, const void *b)
{
    return strcmp(((const struct group *)a)->name, ((const struct group *)b)->name);
}

int inventory_seal(struct inventory *inventory, struct err *err)
{
    if (inventory->nnodes)
        qsort(inventory->nodes, inventory->nnodes, sizeof *inventory->nodes, compare_nodes);
    if (inventory->ngroups)
        qsort(inventory->groups, inventory->ngroups, sizeof *inventory->groups, compare_groups);

    size_t macs = 0;
    inventory->nmachines = 0;
    for (size_t i = 0; i < inventory->nnodes; i++)
        inventory->nmachines += !inventory->nodes[i].is_outlet;
    for (size_t i = 0; i < inventory->nnodes; i++)
        macs += inventory->nodes[i].nmacs;
    inventory->name_slots = slots_for(inventory->nnodes);
    inventory->mac_slots = slots_for(macs);
    inventory->by_name = calloc(inventory->name_slots, sizeof *inventory->by_name);
    inventory->by_mac = calloc(inventory->mac_slots, sizeof *inventory->by_mac);
    if (!inventory->by_name || !inventory->by_mac)
        return err_set(err, ERR_SYSTEM, "no memory to index %zu nodes", inventory->nnodes);
    if (index_names(inventory, err))
        return -1;
    return index_macs(inventory, err);
}

/* The sum of its parts, so that their order does not count. */
uint64_t inventory_fingerprint(const struct device *device)
{
    uint64_t print = hash_bytes(device->driver, strlen(device->driver));
    for (size_t i = 0; i < device->config.nsettings; i++) {
        const struct driver_setting *setting = &device->config.settings[i];
        uint64_t name = hash_bytes(setting->name, strlen(setting->name));
        uint64_t value = hash_bytes(setting->value, strlen(setting->value));
        print += (name ^ value << 1) * 0x9e3779b97f4a7c15;
    }
    return print ? print : 1;
}

bool node_uses_feeds(const struct node *node, bool feeds)
{
    return node->nfeeds && (feeds || node->feeds_first || node->control.device == DEVICE_NONE);
}

const struct feed *node_means(const struct node *node, bool feeds)
{
    return node_uses_feeds(node, feeds) ? &node->feeds[0] : &node->control;
}

const struct node *inventory_node(const struct inventory *inventory, const char *name)
{
    if (!inventory->by_name)
        return NULL;
    uint32_t node = inventory->by_name[name_slot(inventory, name)];
    return node == FREE_SLOT ? NULL : &inventory->nodes[node];
}

const struct node *inventory_node_by_mac(const struct inventory *inventory, struct mac mac)
{
    if (!inventory->by_mac || !mac_known(mac))
        return NULL;
    const struct mac_slot *slot = &inventory->by_mac[mac_slot(inventory, mac)];
    return mac_known(slot->mac) ? &inventory->nodes[slot->node] : NULL;
}

const char *inventory_group(const struct inventory *inventory, const char *name)
{
    struct group key = {.expression = NULL};
    if (!inventory->ngroups || strlen(name) >= sizeof key.name)
        return NULL;
    memcpy(key.name, name, strlen(name) + 1);
    const struct group *group = bsearch(&key, inventory->groups, inventory->ngroups,
                                        sizeof *inventory->groups, compare_groups);
    return group ? group->expression : NULL;
}

static const char *source_group(const void *arg, const char *name)
{
    return inventory_group(arg, name);
}

static bool source_known(const void *arg, const char *name)
{
    return inventory_node(arg, name) != NULL;
}

/* Outlets are named one by one, or not at all: n* is machines. */
static const char *source_each(const void *arg, size_t index)
{
    const struct inventory *inventory = arg;
    return index < inventory->nmachines ? inventory->nodes[index].name : NULL;
}

static const struct device *find_device(const struct inventory *inventory, const char *name,
                                        size_t size)
{
    for (size_t i = 0; i < inventory->ndevices; i++) {
        const char *device = inventory->devices[i].config.device;
        if (strlen(device) == size && !memcmp(device, name, size))
            return &inventory->devices[i];
    }
    return NULL;
}

/* The one node that a BMC powers; NULL: none, or it powers several. */
static const struct node *find_powered(const struct inventory *inventory,
                                       const struct device *device)
{
    size_t index = (size_t)(device - inventory->devices);
    for (size_t i = 0; !device->outlets && i < inventory->nmachines; i++)
        if (inventory->nodes[i].control.device == index)
            return &inventory->nodes[i];
    return NULL;
}

/* An outlet that a PDU has not, or a device where a node is meant. */
bool inventory_explain(const void *arg, const char *name, char *text, size_t size)
{
    const struct inventory *inventory = arg;
    size_t whole = strlen(name), length = strcspn(name, "/");
    const struct device *device = find_device(inventory, name, length);
    if (!device)
        return false;
    const char *called = device->config.device;
    const struct node *node = find_powered(inventory, device);
    uint32_t outlets = device->buttons ? 0 : device->outlets;
    if (length < whole && outlets)
        (void)snprintf(text, size, "%s has %u outlet%s: there is no %s", called, outlets,
                       outlets == 1 ? "" : "s", name);
    else if (length < whole)
        (void)snprintf(text, size, "%s has no outlets: there is no %s", called, name);
    else if (outlets == 1)
        (void)snprintf(text, size, "%s is a PDU, no node: its outlet is %s/1", called, called);
    else if (outlets)
        (void)snprintf(text, size, "%s is a PDU, no node: its outlets are %s/1 to %s/%u", called,
                       called, called, outlets);
    else
        (void)snprintf(text, size, "%s is a device, no node%s%s", called,
                       node ? ": name what it powers, " : "", node ? node->name : "");
    return true;
}

struct nodeset_source inventory_source(const struct inventory *inventory)
{
    return (struct nodeset_source){
        .group = source_group,
        .known = source_known,
        .each = source_each,
        .arg = inventory,
        .unknown = inventory_explain,
    };
}
