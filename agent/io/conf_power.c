/* What powers a node: a BMC or a button (its control), outlets (its feeds), or both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"
#include "proto/spelling.h"

bool conf_find_device(struct conf *c, const struct yaml *value, const char *name, uint32_t *out)
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
bool conf_parse_means(struct conf *c, const struct yaml *value, const char *text, struct feed *out)
{
    char name[NAME_SIZE];
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    struct feed feed = {.circuit = CIRCUIT_NONE};
    if (slash) {
        size_t digits = strspn(slash + 1, "0123456789");
        feed.outlet = digits && digits < 6 ? (uint32_t)strtoul(slash + 1, NULL, 10) : 0;
        if (slash[1 + digits] || !feed.outlet || feed.outlet > 65535) {
            conf_error(c, value, "'%.64s': an outlet is a number from 1 (like pdu-a/3)", text);
            return false;
        }
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)(size < NAME_SIZE ? size : NAME_SIZE - 1), text);
    if (!conf_find_device(c, value, name, &feed.device))
        return false;
    *out = feed;
    return true;
}

bool conf_check_outlet(struct conf *c, const struct yaml *value, struct feed feed)
{
    const struct device *device = &c->inventory->devices[feed.device];
    const char *name = device->config.device;
    if (feed.outlet && !device->outlets)
        conf_error(c, value, "'%s' has no outlets: write '%s' alone", name, name);
    else if (!feed.outlet && device->outlets)
        conf_error(c, value, "'%s' has %u %s: say which one (like %s/1)", name, device->outlets,
                   device->buttons ? "buttons" : "outlets", name);
    else if (feed.outlet > device->outlets)
        conf_error(c, value, "there is no '%s/%u': %s has %u %s", name, feed.outlet, name,
                   device->outlets, device->buttons ? "buttons" : "outlets");
    else
        return true;
    return false;
}

static bool add_feed(struct conf *c, const struct yaml *value, struct feed feed, struct node *node,
                     const struct yaml **places)
{
    for (size_t i = 0; i < node->nfeeds; i++)
        if (node->feeds[i].device == feed.device && node->feeds[i].outlet == feed.outlet) {
            conf_error(c, value, "'%s/%u' is there twice",
                       c->inventory->devices[feed.device].config.device, feed.outlet);
            return false;
        }
    if (node->nfeeds == FEEDS_MAX) {
        conf_error(c, value, "'%s' has more than %d feeds", node->name, FEEDS_MAX);
        return false;
    }
    node->feeds_first = node->feeds_first || node->control.device == DEVICE_NONE;
    places[1 + node->nfeeds] = value;
    node->feeds[node->nfeeds++] = feed;
    return true;
}

static bool add_control(struct conf *c, const struct yaml *value, const char *text,
                        struct feed feed, struct node *node, const struct yaml **places)
{
    if (node->control.device != DEVICE_NONE) {
        conf_error(c, value,
                   "'%s' has '%s' already to be switched by; beside one BMC or button there are "
                   "only outlets (like pdu-a/3), and '%.64s' is none",
                   node->name, c->inventory->devices[node->control.device].config.device, text);
        return false;
    }
    node->control = feed;
    places[0] = value;
    return true;
}

static bool add_means(struct conf *c, struct conf_power *power, size_t index,
                      const struct yaml *value, const char *text)
{
    struct node *node = &power->nodes[index];
    const struct yaml **places = power->places + index * (FEEDS_MAX + 1);
    struct feed feed;
    if (!conf_parse_means(c, value, text, &feed))
        return false;
    const struct device *device = &c->inventory->devices[feed.device];
    if (!*device->driver) { /* its errors are told already */
        power->unsure = true;
        return true;
    }
    if (!conf_check_outlet(c, value, feed))
        return false;
    bool feeds = device->outlets && !device->buttons;
    return feeds ? add_feed(c, value, feed, node, places)
                 : add_control(c, value, text, feed, node, places);
}

void conf_read_power(struct conf *c, const struct yaml *value, struct conf_power *power)
{
    const struct yaml *item = value->kind == YAML_LIST ? value->first : value;
    if (!item)
        conf_error(c, value, "an empty list: what powers '%.64s'?", power->row->key->text);
    for (; item; item = value->kind == YAML_LIST ? item->next : NULL) {
        struct conf_expansion texts = {0};
        bool good = conf_is_text(c, item) && conf_expand(c, item, power->row, &texts);
        for (size_t i = 0; good && i < power->row->count; i++)
            good = add_means(c, power, i, item, conf_expansion_text(&texts, i));
        conf_expansion_clear(&texts);
    }
}

/* Two nodes on one outlet are most often brackets forgotten, and always an accident waiting. */
static bool check_sharing(struct conf *c, const struct yaml *at, struct feed feed, bool is_feed,
                          const struct node *node, const struct conf_claim *claim)
{
    const struct node *first = &c->inventory->nodes[claim->node];
    char what[NAME_SIZE + 16];
    const char *device = c->inventory->devices[feed.device].config.device;
    if (feed.outlet)
        (void)snprintf(what, sizeof what, "%s/%u", device, feed.outlet);
    else
        (void)snprintf(what, sizeof what, "%s", device);
    if (!is_feed)
        conf_error(c, at, "'%s' would power both '%s' (at %s:%u:%u) and '%s'", what, first->name,
                   claim->at->file->name, claim->at->line, claim->at->column, node->name);
    else if (!first->shares_outlets || !node->shares_outlets)
        conf_error(c, at,
                   "'%s' would feed both '%s' (at %s:%u:%u) and '%s'; if they do hang on one "
                   "outlet, say 'shares_outlets: true' of both",
                   what, first->name, claim->at->file->name, claim->at->line, claim->at->column,
                   node->name);
    else if (first->protect != node->protect)
        conf_error(c, at,
                   "'%s' feeds both '%s' (at %s:%u:%u) and '%s', and only '%s' is protected: off "
                   "is off for both",
                   what, first->name, claim->at->file->name, claim->at->line, claim->at->column,
                   node->name, first->protect ? first->name : node->name);
    else
        return true;
    return false;
}

static bool claim_one(struct conf *c, const struct yaml *at, struct feed feed, bool is_feed,
                      const struct node *node)
{
    struct conf_claim *claim = conf_claim(c, feed.device, feed.outlet);
    if (claim->at)
        return check_sharing(c, at, feed, is_feed, node, claim);
    claim->at = at;
    claim->node = (size_t)(node - c->inventory->nodes);
    return true;
}

void conf_claim_power(struct conf *c, const struct conf_power *power)
{
    bool good = true;
    for (size_t i = 0; good && i < power->row->count; i++) { /* told once a row */
        const struct node *node = &power->nodes[i];
        const struct yaml *const *places = power->places + i * (FEEDS_MAX + 1);
        if (node->control.device != DEVICE_NONE)
            good = claim_one(c, places[0], node->control, false, node);
        for (size_t f = 0; good && f < node->nfeeds; f++)
            good = claim_one(c, places[1 + f], node->feeds[f], true, node);
    }
}
