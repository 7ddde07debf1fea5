/* nodes: what powers them, how they boot, what tells that they are up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

/* A key of `nodes` while its values are read. */
struct node_row {
    const struct conf_row *row;
    struct node *nodes; /* the first of them */
    struct conf_power power;
};

static void read_power(struct conf *c, const struct yaml *value, void *place)
{
    struct node_row *at = place;
    conf_read_power(c, value, &at->power);
}

/* A PDU switches power; what a machine boots is for its BMC. */
static bool find_bmc(struct conf *c, const struct yaml *value, const char *name, uint32_t *out)
{
    uint32_t device;
    if (!conf_find_device(c, value, name, &device))
        return false;
    if (c->inventory->devices[device].outlets) {
        conf_error(c, value, "'%.64s' switches outlets: it cannot set the next boot", name);
        return false;
    }
    *out = device;
    return true;
}

static void read_next_boot(struct conf *c, const struct yaml *value, void *place)
{
    const struct node_row *at = place;
    struct conf_expansion texts;
    bool good = conf_expand(c, value, at->row, &texts);
    for (size_t i = 0; good && i < at->row->count; i++) {
        const char *name = conf_expansion_text(&texts, i);
        size_t other;
        good = find_bmc(c, value, name, &at->nodes[i].next_boot);
        if (!good)
            continue;
        if (conf_names_add(&c->next_boots, name, value, at->row->first + i))
            continue;
        good = false;
        if (conf_names_find(&c->next_boots, name, &other))
            conf_error(c, value, "'%.64s' would set the next boot of both '%s' and '%s'", name,
                       c->inventory->nodes[other].name, at->nodes[i].name);
    }
    conf_expansion_clear(&texts);
}

void conf_add_mac(struct conf *c, size_t node, struct mac mac, const struct yaml *at)
{
    static const struct yaml somewhere = {0};
    struct node *owner = &c->inventory->nodes[node];
    char text[MAC_TEXT_SIZE];
    size_t other;
    mac_format(mac, text);
    if (conf_names_find(&c->macs, text, &other)) {
        if (other != node)
            conf_error(c, at, "MAC address %s belongs to both '%s' and '%s'", text,
                       c->inventory->nodes[other].name, owner->name);
    } else if (owner->nmacs == NODE_MACS_MAX) {
        conf_error(c, at, "'%s' has more than %d MAC addresses", owner->name, NODE_MACS_MAX);
    } else if (conf_names_add(&c->macs, text, &somewhere, node)) {
        owner->macs[owner->nmacs++] = mac;
    } else {
        conf_no_memory(c);
    }
}

static void read_one_mac(struct conf *c, const struct yaml *value, const struct node_row *at)
{
    struct conf_expansion texts;
    bool good = conf_expand(c, value, at->row, &texts);
    for (size_t i = 0; good && i < at->row->count; i++) {
        struct mac mac;
        size_t before = c->nerrors;
        const char *text = conf_expansion_text(&texts, i);
        if (mac_parse(text, &mac) || !mac_known(mac))
            conf_error(c, value, "'%.64s' is not a MAC address (like 52:54:00:aa:00:01)", text);
        else
            conf_add_mac(c, at->row->first + i, mac, value);
        good = c->nerrors == before;
    }
    conf_expansion_clear(&texts);
}

static void read_mac(struct conf *c, const struct yaml *value, void *place)
{
    if (value->kind != YAML_LIST)
        read_one_mac(c, value, place);
    else
        for (const struct yaml *item = value->first; item; item = item->next)
            if (conf_is_text(c, item))
                read_one_mac(c, item, place);
}

static void read_address(struct conf *c, const struct yaml *value, void *place)
{
    const struct node_row *at = place;
    struct conf_expansion texts;
    bool good = conf_expand(c, value, at->row, &texts);
    for (size_t i = 0; good && i < at->row->count; i++) {
        const char *text = conf_expansion_text(&texts, i);
        size_t other;
        good = false;
        if (ipv4_parse(text, &at->nodes[i].address) || !ipv4_known(at->nodes[i].address))
            conf_error(c, value, "'%.64s' is not an IPv4 address (like 10.1.0.11)", text);
        else if (conf_names_add(&c->addresses, text, value, at->row->first + i))
            good = true;
        else if (conf_names_find(&c->addresses, text, &other))
            conf_error(c, value, "address %s belongs to both '%s' and '%s'", text,
                       c->inventory->nodes[other].name, at->nodes[i].name);
    }
    conf_expansion_clear(&texts);
}

static void read_tcp(struct conf *c, const struct yaml *value, void *place)
{
    uint32_t port;
    if (conf_uint(c, value, 1, 65535, &port))
        *(uint16_t *)place = (uint16_t)port;
}

static void read_up(struct conf *c, const struct yaml *value, void *place)
{
    static const struct conf_field fields[] = {{"tcp", read_tcp, 0}};
    const struct node_row *at = place;
    const struct yaml *seen[CONF_FIELDS_MAX] = {0};
    enum up_proof up = UP_BY_PORT;
    uint16_t port = 0;
    if (value->kind == YAML_MAP) {
        size_t before = c->nerrors;
        conf_walk(c, value, (struct conf_fields){fields, ARRAY_SIZE(fields)}, &port, seen);
        if (!port && c->nerrors == before)
            conf_error(c, value, "the port is missing (like { tcp: 22 })");
    } else if (value->kind == YAML_TEXT && !strcmp(value->text, "phone-home")) {
        up = UP_BY_PHONE_HOME;
    } else if (value->kind == YAML_TEXT && !strcmp(value->text, "none")) {
        up = UP_NOT_WATCHED;
    } else {
        conf_error(c, value, "expected { tcp: PORT }, phone-home or none");
    }
    for (size_t i = 0; i < at->row->count; i++) {
        at->nodes[i].up = up;
        at->nodes[i].up_port = port;
    }
}

static void read_firmware(struct conf *c, const struct yaml *value, void *place)
{
    const struct node_row *at = place;
    enum firmware firmware = FIRMWARE_LEGACY;
    if (!conf_is_text(c, value))
        return;
    if (firmware_parse(value->text, &firmware))
        conf_error(c, value, "'%.64s' is neither legacy nor uefi", value->text);
    for (size_t i = 0; i < at->row->count; i++)
        at->nodes[i].firmware = firmware;
}

/* The same truth for a field of all nodes of a row. */
static void read_flag(struct conf *c, const struct yaml *value, const struct node_row *at,
                      size_t offset)
{
    bool truth = false;
    conf_read_bool(c, value, &truth);
    for (size_t i = 0; i < at->row->count; i++)
        *(bool *)((char *)&at->nodes[i] + offset) = truth;
}

static void read_protect(struct conf *c, const struct yaml *value, void *place)
{
    read_flag(c, value, place, offsetof(struct node, protect));
}

static void read_native_cycle(struct conf *c, const struct yaml *value, void *place)
{
    read_flag(c, value, place, offsetof(struct node, native_cycle));
}

static void read_shares_outlets(struct conf *c, const struct yaml *value, void *place)
{
    read_flag(c, value, place, offsetof(struct node, shares_outlets));
}

/* Amperes or watts, for all nodes of a row, in thousandths. */
static void read_thousandths(struct conf *c, const struct yaml *value, const struct node_row *at,
                             size_t offset, const char *what)
{
    uint64_t number;
    if (!conf_is_text(c, value))
        return;
    if (!conf_thousandths(value->text, &number) || number > 100000 * UINT64_C(1000)) {
        conf_error(c, value, "'%.64s' is not a number of %s, '10' or '2.5', up to 100000",
                   value->text, what);
        return;
    }
    for (size_t i = 0; i < at->row->count; i++)
        *(uint32_t *)((char *)&at->nodes[i] + offset) = (uint32_t)number;
}

static void read_inrush(struct conf *c, const struct yaml *value, void *place)
{
    read_thousandths(c, value, place, offsetof(struct node, inrush_ma), "amperes");
}

static void read_standby(struct conf *c, const struct yaml *value, void *place)
{
    read_thousandths(c, value, place, offsetof(struct node, standby_mw), "watts");
}

static void read_feeds_after(struct conf *c, const struct yaml *value, void *place)
{
    const struct node_row *at = place;
    uint32_t times = 0;
    (void)conf_uint(c, value, 1, 100, &times);
    for (size_t i = 0; i < at->row->count; i++)
        at->nodes[i].feeds_after = times;
}

static void read_boot_by(struct conf *c, const struct yaml *value, void *place)
{
    const struct node_row *at = place;
    if (!conf_is_text(c, value))
        return;
    if (strcmp(value->text, "reset") != 0 && strcmp(value->text, "cycle") != 0)
        conf_error(c, value, "'%.64s' is neither reset nor cycle", value->text);
    for (size_t i = 0; i < at->row->count; i++)
        at->nodes[i].boot_by_reset = !strcmp(value->text, "reset");
}

enum { FIELD_POWER, FIELD_SHARES, FIELD_FEEDS_AFTER, FIELD_NEXT_BOOT };

static const struct conf_field fields[] = {
    [FIELD_POWER] = {"power", read_power, 0},
    [FIELD_SHARES] = {"shares_outlets", read_shares_outlets, 0},
    [FIELD_FEEDS_AFTER] = {"feeds_after", read_feeds_after, 0},
    [FIELD_NEXT_BOOT] = {"next_boot", read_next_boot, 0},
    {"mac", read_mac, 0},
    {"address", read_address, 0},
    {"up", read_up, 0},
    {"protect", read_protect, 0},
    {"firmware", read_firmware, 0},
    {"native_cycle", read_native_cycle, 0},
    {"boot_by", read_boot_by, 0},
    {"inrush_amps", read_inrush, 0},
    {"standby_watts", read_standby, 0},
};

/* Why these: what a server's two power supplies take in their first milliseconds, and what its BMC,
 * fans and network cards draw while it is off. */
void conf_node_defaults(struct node *node)
{
    node->next_boot = DEVICE_NONE;
    node->control = (struct feed){.device = DEVICE_NONE, .circuit = CIRCUIT_NONE};
    node->up = UP_BY_PORT;
    node->up_port = 22;
    node->inrush_ma = 10 * 1000;
    node->standby_mw = 50 * 1000;
}

/* What holds between keys, when all of them are known. */
static void check_power(struct conf *c, const struct node_row *at, const struct yaml *const *seen)
{
    bool control = true, feeds = true;
    for (size_t i = 0; i < at->row->count; i++) {
        control = control && at->nodes[i].control.device != DEVICE_NONE;
        feeds = feeds && at->nodes[i].nfeeds;
    }
    if (seen[FIELD_SHARES] && at->nodes[0].shares_outlets && !feeds)
        conf_error(c, seen[FIELD_SHARES], "'%.64s' has no outlets to share: 'power' names none",
                   at->row->key->text);
    if (seen[FIELD_FEEDS_AFTER] && !(control && feeds))
        conf_error(c, seen[FIELD_FEEDS_AFTER],
                   "'%.64s' needs both for this: a BMC (or button) that fails, and outlets",
                   at->row->key->text);
}

/* Who sets the next boot of a node with outlets hangs on them, most likely: it is gone while they are
 * off, and the machine may start before it is back. Then it must be able to restart the machine, too.
 * So it is the node's control, after its feeds. */
static void imply_control(const struct node_row *at, const struct yaml *next_boot)
{
    for (size_t i = 0; i < at->row->count; i++) {
        struct node *node = &at->nodes[i];
        if (!node->nfeeds || node->control.device != DEVICE_NONE || node->next_boot == DEVICE_NONE)
            continue;
        node->control.device = node->next_boot;
        at->power.places[i * (FEEDS_MAX + 1)] = next_boot;
    }
}

static void read_node(struct conf *c, const struct conf_row *row)
{
    const struct yaml *seen[CONF_FIELDS_MAX] = {0};
    struct node *nodes = c->inventory->nodes + row->first;
    _cleanup_(freep) const struct yaml **places =
        calloc(row->count * (FEEDS_MAX + 1), sizeof *places);
    struct node_row at = {row, nodes, {.row = row, .nodes = nodes, .places = places}};
    size_t before = c->nerrors;
    if (!places) {
        conf_no_memory(c);
        return;
    }
    for (size_t i = 0; i < row->count; i++) {
        memcpy(nodes[i].name, row->names[i], strlen(row->names[i]) + 1);
        conf_node_defaults(&nodes[i]);
    }
    conf_walk(c, row->key->value, (struct conf_fields){fields, ARRAY_SIZE(fields)}, &at, seen);
    if (row->key->value->kind == YAML_MAP && !seen[FIELD_POWER])
        conf_error(c, row->key, "'%.64s' has no 'power'", row->key->text);
    if (c->nerrors == before && !at.power.unsure)
        check_power(c, &at, seen);
    if (c->nerrors == before && seen[FIELD_NEXT_BOOT])
        imply_control(&at, seen[FIELD_NEXT_BOOT]->value);
    if (c->nerrors == before)
        conf_claim_power(c, &at.power);
}

void conf_read_nodes(struct conf *c)
{
    size_t nrows, total;
    struct conf_row *rows = conf_rows(c, SECTION_NODES, "node", &c->nodes, &nrows, &total);
    c->inventory->nodes = calloc(total + 1, sizeof *c->inventory->nodes);
    if (!c->inventory->nodes)
        conf_no_memory(c);
    c->inventory->nnodes = c->inventory->nodes ? total : 0;
    for (size_t i = 0; c->inventory->nodes && i < nrows; i++)
        read_node(c, &rows[i]);
    conf_rows_free(rows, nrows);
}
