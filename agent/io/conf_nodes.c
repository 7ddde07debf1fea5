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
};

static bool find_device(struct conf *c, const struct yaml *value, const char *name, uint32_t *out)
{
    size_t index;
    if (conf_names_find(&c->devices, name, &index)) {
        *out = (uint32_t)index;
        return true;
    }
    const char *nearest = conf_errors_full(c) ? NULL : conf_names_nearest(&c->devices, name);
    if (nearest)
        conf_error(c, value, "no device is called '%.64s'; did you mean '%s'?", name, nearest);
    else
        conf_error(c, value, "no device is called '%.64s'", name);
    return false;
}

/* "bmc-n01", or "pdu-a/3". */
static bool read_feed(struct conf *c, const struct yaml *value, const char *text, struct node *node)
{
    struct feed *place = &node->control;
    char name[NAME_SIZE];
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    uint32_t outlet = 0;
    if (slash) {
        size_t digits = strspn(slash + 1, "0123456789");
        outlet = digits && digits < 6 ? (uint32_t)strtoul(slash + 1, NULL, 10) : 0;
        if (slash[1 + digits] || !outlet || outlet > 65535) {
            conf_error(c, value, "'%.64s': an outlet is a number from 1 to 65535 (like pdu-a/3)",
                       text);
            return false;
        }
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)(size < NAME_SIZE ? size : NAME_SIZE - 1), text);
    if (!find_device(c, value, name, &place->device))
        return false;
    place->outlet = outlet;

    /* Two nodes on one feed are most often brackets forgotten, and always an accident waiting.
     * That one device has one name is seen to where devices are read. */
    char feed[32];
    size_t other;
    (void)snprintf(feed, sizeof feed, "%u/%u", place->device, outlet);
    if (conf_names_add(&c->powers, feed, value, (size_t)(node - c->inventory->nodes)))
        return true;
    if (!conf_names_find(&c->powers, feed, &other))
        return false;
    conf_error(c, value, "'%.64s' would power both '%s' and '%s'", text,
               c->inventory->nodes[other].name, node->name);
    return false;
}

static void read_power(struct conf *c, const struct yaml *value, void *place)
{
    const struct node_row *at = place;
    struct conf_expansion texts;
    if (value->kind == YAML_LIST && value->count > 1) {
        conf_error(c, value, "a node with several feeds: that comes in a later release");
        return;
    }
    if (value->kind == YAML_LIST && value->count)
        value = value->first;
    bool good = conf_expand(c, value, at->row, &texts);
    for (size_t i = 0; good && i < at->row->count; i++)
        good = read_feed(c, value, conf_expansion_text(&texts, i), &at->nodes[i]);
    conf_expansion_clear(&texts);
}

static void read_next_boot(struct conf *c, const struct yaml *value, void *place)
{
    const struct node_row *at = place;
    struct conf_expansion texts;
    bool good = conf_expand(c, value, at->row, &texts);
    for (size_t i = 0; good && i < at->row->count; i++) {
        const char *name = conf_expansion_text(&texts, i);
        size_t other;
        good = find_device(c, value, name, &at->nodes[i].next_boot);
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

static void read_protect(struct conf *c, const struct yaml *value, void *place)
{
    const struct node_row *at = place;
    bool protect = false;
    conf_read_bool(c, value, &protect);
    for (size_t i = 0; i < at->row->count; i++)
        at->nodes[i].protect = protect;
}

static void read_native_cycle(struct conf *c, const struct yaml *value, void *place)
{
    const struct node_row *at = place;
    bool native = false;
    conf_read_bool(c, value, &native);
    for (size_t i = 0; i < at->row->count; i++)
        at->nodes[i].native_cycle = native;
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

static const struct conf_field fields[] = {
    {"power", read_power, 0},
    {"next_boot", read_next_boot, 0},
    {"mac", read_mac, 0},
    {"address", read_address, 0},
    {"up", read_up, 0},
    {"protect", read_protect, 0},
    {"firmware", read_firmware, 0},
    {"native_cycle", read_native_cycle, 0},
    {"boot_by", read_boot_by, 0},
};

static void read_node(struct conf *c, const struct conf_row *row)
{
    const struct yaml *seen[CONF_FIELDS_MAX] = {0};
    struct node_row at = {row, c->inventory->nodes + row->first};
    for (size_t i = 0; i < row->count; i++) {
        struct node *node = &at.nodes[i];
        memcpy(node->name, row->names[i], strlen(row->names[i]) + 1);
        node->next_boot = DEVICE_NONE;
        node->control = (struct feed){.device = DEVICE_NONE, .circuit = CIRCUIT_NONE};
        node->up = UP_BY_PORT;
        node->up_port = 22;
    }
    conf_walk(c, row->key->value, (struct conf_fields){fields, ARRAY_SIZE(fields)}, &at, seen);
    if (row->key->value->kind == YAML_MAP && !seen[0])
        conf_error(c, row->key, "'%.64s' has no 'power'", row->key->text);
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
