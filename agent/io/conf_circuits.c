/* circuits: breakers, phases, UPSes; and what is behind each of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

/* A circuit while its values are read. */
struct circuit_at {
    struct circuit *circuit;
    uint32_t index;
    size_t loads; /* outlets and controls behind it */
};

/* Puts an outlet, or a node's control, behind the circuit. False after an error. */
static bool load(struct conf *c, const struct yaml *value, struct circuit_at *at, const char *what,
                 struct conf_claim *claim)
{
    if (claim->circuit != CIRCUIT_NONE) {
        conf_error(c, value, "'%s' is behind circuit '%s' already (at %s:%u:%u)", what,
                   c->inventory->circuits[claim->circuit].name, claim->circuit_at->file->name,
                   claim->circuit_at->line, claim->circuit_at->column);
        return false;
    }
    claim->circuit = at->index;
    claim->circuit_at = value;
    at->loads++;
    return true;
}

static bool load_outlets(struct conf *c, const struct yaml *value, struct circuit_at *at,
                         uint32_t device, uint32_t first, uint32_t last)
{
    for (uint32_t outlet = first; outlet <= last; outlet++) {
        char name[2 * NAME_SIZE];
        (void)snprintf(name, sizeof name, "%s/%u", c->inventory->devices[device].config.device,
                       outlet);
        if (!load(c, value, at, name, conf_claim(c, device, outlet)))
            return false;
    }
    return true;
}

/* "pdu-a", all of it; or "pdu-a/3". */
static bool read_outlet(struct conf *c, const struct yaml *value, struct circuit_at *at,
                        const char *text)
{
    struct feed feed;
    if (!conf_parse_means(c, value, text, &feed))
        return false;
    const struct device *device = &c->inventory->devices[feed.device];
    const char *name = device->config.device;
    if (!*device->driver) /* its errors are told already */
        return ++at->loads > 0;
    if (!device->outlets || device->buttons) {
        conf_error(c, value, "'%s' has no outlets: write the nodes that it powers, under 'nodes'",
                   name);
        return false;
    }
    if (feed.outlet)
        return conf_check_outlet(c, value, feed) &&
               load_outlets(c, value, at, feed.device, feed.outlet, feed.outlet);
    return load_outlets(c, value, at, feed.device, 1, device->outlets);
}

static void read_outlets(struct conf *c, const struct yaml *value, void *place)
{
    const struct yaml *item = value->kind == YAML_LIST ? value->first : value;
    for (; item; item = value->kind == YAML_LIST ? item->next : NULL) {
        char **texts;
        size_t count;
        struct err err;
        if (!conf_is_text(c, item))
            continue;
        if (nodeset_expand(item->text, &texts, &count, &err)) {
            conf_error_err(c, item, &err);
            continue;
        }
        for (size_t i = 0; i < count && read_outlet(c, item, place, texts[i]); i++)
            ;
        nodeset_expand_free(texts, count);
    }
}

/* What is switched on by their BMCs and buttons. */
static void read_nodes(struct conf *c, const struct yaml *value, void *place)
{
    struct nodeset_source source = inventory_source(c->inventory);
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    struct err err;
    if (!conf_is_text(c, value))
        return;
    if (nodeset_parse(value->text, &source, &set, NULL, &err)) {
        conf_error_err(c, value, &err);
        return;
    }
    for (size_t i = 0; i < nodeset_count(set); i++) {
        const struct node *node = inventory_node(c->inventory, nodeset_name(set, i));
        struct feed control = node->control;
        if (control.device == DEVICE_NONE) {
            conf_error(c, value,
                       "'%s' has no BMC and no button: write its outlets, under 'outlets'",
                       node->name);
            return;
        }
        if (!load(c, value, place, node->name, conf_claim(c, control.device, control.outlet)))
            return;
    }
}

static void read_per_second(struct conf *c, const struct yaml *value, void *place)
{
    struct circuit_at *at = place;
    (void)conf_uint(c, value, 1, 1000000, &at->circuit->per_second);
}

static void read_amps(struct conf *c, const struct yaml *value, void *place)
{
    struct circuit_at *at = place;
    uint64_t number;
    if (!conf_is_text(c, value))
        return;
    if (!conf_thousandths(value->text, &number) || !number || number > 100000 * UINT64_C(1000))
        conf_error(c, value, "'%.64s' is not a number of amperes, '32' or '12.5', up to 100000",
                   value->text);
    else
        at->circuit->milliamps = (uint32_t)number;
}

enum { FIELD_OUTLETS, FIELD_NODES, FIELD_PER_SECOND, FIELD_AMPS };
static const struct conf_field fields[] = {
    [FIELD_OUTLETS] = {"outlets", read_outlets, 0},
    [FIELD_NODES] = {"nodes", read_nodes, 0},
    [FIELD_PER_SECOND] = {"nodes_per_second", read_per_second, 0},
    [FIELD_AMPS] = {"amps", read_amps, 0},
};

static void read_circuit(struct conf *c, const struct yaml *key)
{
    struct inventory *inventory = c->inventory;
    const struct yaml *first = conf_names_find(&c->circuits, key->text, NULL);
    const struct yaml *seen[CONF_FIELDS_MAX] = {0};
    if (!conf_is_name(c, key) || !conf_is_map(c, key->value))
        return;
    if (first) {
        conf_error(c, key, "two circuits are called '%s'; the first is at %s:%u:%u", key->text,
                   first->file->name, first->line, first->column);
        return;
    }
    struct circuit_at at = {.circuit = &inventory->circuits[inventory->ncircuits],
                            .index = (uint32_t)inventory->ncircuits};
    if (!conf_names_add(&c->circuits, key->text, key, at.index)) {
        conf_no_memory(c);
        return;
    }
    memcpy(at.circuit->name, key->text, strlen(key->text) + 1);
    inventory->ncircuits++;
    size_t before = c->nerrors;
    conf_walk(c, key->value, (struct conf_fields){fields, ARRAY_SIZE(fields)}, &at, seen);
    if (!seen[FIELD_PER_SECOND] && !seen[FIELD_AMPS])
        conf_error(c, key, "circuit '%s' says neither 'nodes_per_second' nor 'amps'", key->text);
    if (!at.loads && c->nerrors == before)
        conf_error(c, key, "nothing is behind circuit '%s': neither 'outlets' nor 'nodes'",
                   key->text);
}

/* What a node draws at one of its `feeds` outlets. */
static uint32_t share_of(const struct node *node, size_t feeds)
{
    return (uint32_t)((node->inrush_ma + feeds - 1) / feeds);
}

/* It would wait for ever. Told once a circuit. */
static void check_share(struct conf *c, const struct node *node, uint32_t share, struct feed feed,
                        bool *told)
{
    const struct circuit *circuit = &c->inventory->circuits[feed.circuit];
    if (!circuit->milliamps || share <= circuit->milliamps || told[feed.circuit])
        return;
    conf_error(c, conf_claim(c, feed.device, feed.outlet)->circuit_at,
               "'%s' draws %g A here when it is switched on ('inrush_amps'), and circuit '%s' "
               "allows %g A",
               node->name, share / 1000.0, circuit->name, circuit->milliamps / 1000.0);
    told[feed.circuit] = true;
}

/* An outlet that feeds nobody has no inrush of its own to be told; it is never too much. */
static void limit_outlet(const struct inventory *inventory, struct node *node)
{
    uint32_t most = inventory->circuits[node->feeds[0].circuit].milliamps;
    if (most && node->inrush_ma > most)
        node->inrush_ma = most;
}

static void find_circuit(struct conf *c, struct node *node, struct feed *feed, size_t feeds,
                         bool *told)
{
    feed->circuit = conf_claim(c, feed->device, feed->outlet)->circuit;
    if (feed->circuit == CIRCUIT_NONE)
        return;
    if (node->is_outlet)
        limit_outlet(c->inventory, node);
    else
        check_share(c, node, share_of(node, feeds), *feed, told);
}

/* Each feed, and each control, learns its circuit. */
static void connect(struct conf *c)
{
    struct inventory *inventory = c->inventory;
    _cleanup_(freep) bool *told = calloc(inventory->ncircuits + 1, sizeof *told);
    if (!told) {
        conf_no_memory(c);
        return;
    }
    for (size_t i = 0; i < inventory->nnodes; i++) {
        struct node *node = &inventory->nodes[i];
        if (node->control.device != DEVICE_NONE)
            find_circuit(c, node, &node->control, 1, told);
        for (size_t f = 0; f < node->nfeeds; f++)
            find_circuit(c, node, &node->feeds[f], node->nfeeds, told);
    }
}

void conf_read_circuits(struct conf *c)
{
    const struct conf_section *section = &c->sections[SECTION_CIRCUITS];
    size_t most = 0;
    for (size_t i = 0; i < section->count; i++)
        if (conf_is_map(c, section->values[i]))
            most += section->values[i]->count;
    if (!most || !c->inventory->by_name) /* it was not sealed, for reasons told */
        return;
    c->inventory->circuits = calloc(most, sizeof *c->inventory->circuits);
    if (!c->inventory->circuits) {
        conf_no_memory(c);
        return;
    }
    for (size_t i = 0; i < section->count; i++)
        for (const struct yaml *key = section->values[i]->first;
             section->values[i]->kind == YAML_MAP && key; key = key->next)
            read_circuit(c, key);
    connect(c);
}
