/* groups, and the file that rarpd reads too. */
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

/* "52:54:00:aa:00:01 n01  # comment". Hosts that are no nodes of ours are rarpd's business. */
static void read_ethers_line(struct conf *c, const struct conf_file *file, uint32_t line,
                             char *text)
{
    struct mac mac;
    size_t node;
    text[strcspn(text, "#")] = '\0';
    size_t indent = strspn(text, " \t\r");
    char *address = text + indent;
    if (!*address)
        return;
    char *end = address + strcspn(address, " \t\r");
    char *host = end + strspn(end, " \t\r");
    host[strcspn(host, " \t\r")] = '\0';
    const struct yaml at = {.file = file, .line = line, .column = (uint32_t)indent + 1};
    bool alone = !*host;
    *end = '\0';
    if (mac_parse(address, &mac) || !mac_known(mac))
        conf_error(c, &at, "'%.64s' is not a MAC address (like 52:54:00:aa:00:01)", address);
    else if (alone)
        conf_error(c, &at, "no host name behind the MAC address");
    else if (conf_names_find(&c->nodes, host, &node))
        conf_add_mac(c, node, mac, &at);
}

static void read_ethers_file(struct conf *c, const struct conf_file *file)
{
    uint32_t line = 1;
    for (const char *at = file->text, *end = at + file->size; at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((newline ? newline : end) - at);
        _cleanup_(freep) char *text = strndup(at, size);
        if (!text) {
            conf_no_memory(c);
            return;
        }
        read_ethers_line(c, file, line, text);
        at += size + 1;
    }
}

/* NULL after an error. */
static struct conf_file *open_ethers(struct conf *c, const struct yaml *value)
{
    struct conf_file *file = NULL;
    char path[CONF_PATH_SIZE];
    struct err err;
    if (c->memory_only) {
        file = conf_file_of_text("ethers", value->text, strlen(value->text));
        if (!file)
            conf_no_memory(c);
    } else if (conf_path(value, path)) {
        conf_error(c, value, "a path of more than %d characters", CONF_PATH_SIZE - 1);
    } else {
        file = conf_file_read(path, &err);
        if (!file)
            conf_error(c, value, "%s %s", path, err.text);
    }
    return file;
}

void conf_read_ethers(struct conf *c)
{
    const struct conf_section *section = &c->sections[SECTION_ETHERS];
    for (size_t i = 1; i < section->count; i++)
        conf_error(c, section->values[i], "'ethers' is there twice; first at %s:%u:%u",
                   section->values[0]->file->name, section->values[0]->line,
                   section->values[0]->column);
    if (!section->count || !conf_is_text(c, section->values[0]))
        return;
    struct conf_file *file = open_ethers(c, section->values[0]);
    if (!file)
        return;
    file->next = c->files;
    c->files = file;
    read_ethers_file(c, file);
}

static void add_group(struct conf *c, const struct yaml *key)
{
    struct inventory *inventory = c->inventory;
    const struct yaml *first = conf_names_find(&c->groups, key->text, NULL);
    if (!conf_is_name(c, key) || !conf_is_text(c, key->value))
        return;
    if (first) {
        conf_error(c, key, "two groups are called '%s'; the first is at %s:%u:%u", key->text,
                   first->file->name, first->line, first->column);
        return;
    }
    char *expression = strdup(key->value->text);
    if (!expression || !conf_names_add(&c->groups, key->text, key, 0)) {
        free(expression);
        conf_no_memory(c);
        return;
    }
    struct group *group = &inventory->groups[inventory->ngroups++];
    memcpy(group->name, key->text, strlen(key->text) + 1);
    group->expression = expression;
}

/* Each expression is tried now, so that nobody finds out at night. */
static void check_group(struct conf *c, const struct yaml *key)
{
    struct nodeset_source source = inventory_source(c->inventory);
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    struct err err;
    if (key->value->kind == YAML_TEXT && *key->value->text && name_valid(key->text) &&
        nodeset_parse(key->value->text, &source, &set, NULL, &err))
        conf_error_err(c, key->value, &err);
    for (size_t i = 0; set && i < nodeset_count(set); i++)
        if (strchr(nodeset_name(set, i), '/')) {
            conf_error(c, key->value, "'%s' is an outlet; a group holds machines",
                       nodeset_name(set, i));
            return;
        }
}

static void each_group(struct conf *c, void (*visit)(struct conf *c, const struct yaml *key))
{
    const struct conf_section *section = &c->sections[SECTION_GROUPS];
    for (size_t i = 0; i < section->count; i++)
        for (const struct yaml *key = section->values[i]->first;
             section->values[i]->kind == YAML_MAP && key && !conf_errors_full(c); key = key->next)
            visit(c, key);
}

void conf_read_groups(struct conf *c)
{
    const struct conf_section *section = &c->sections[SECTION_GROUPS];
    size_t most = 0;
    struct err err;
    for (size_t i = 0; i < section->count; i++)
        if (conf_is_map(c, section->values[i]))
            most += section->values[i]->count;
    c->inventory->groups = calloc(most + 1, sizeof *c->inventory->groups);
    if (!c->inventory->groups) {
        conf_no_memory(c);
        return;
    }
    each_group(c, add_group);
    if (inventory_seal(c->inventory, &err)) {
        c->nerrors += c->nerrors == 0; /* doubles were reported with their places */
        return;
    }
    each_group(c, check_group);
}
