#include "agent/io/conf.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

struct config *config_free(struct config *config)
{
    if (!config)
        return NULL;
    inventory_free(config->inventory);
    if (config->credentials)
        explicit_bzero(config->credentials, config->ncredentials * sizeof *config->credentials);
    free(config->credentials);
    free(config);
    return NULL;
}

void config_freep(struct config **config)
{
    *config = config_free(*config);
}

void conf_errors_clear(struct conf_errors *errors)
{
    free(errors->text);
    *errors = (struct conf_errors){0};
}

/* Sections are read in an order of their own, when all files are known. */
static void collect(struct conf *c, const struct yaml *value, void *place)
{
    struct conf_section *section = place;
    (void)c;
    if (value->kind != YAML_TEXT || *value->text) /* "nodes:" with nothing behind is no section */
        section->values[section->count++] = value;
}

#define SECTION(name, number)                                                                      \
    {                                                                                              \
        name, collect, (number) * sizeof(struct conf_section)                                      \
    }
static const struct conf_field sections[] = {
    SECTION("agent", SECTION_AGENT),           SECTION("credentials", SECTION_CREDENTIALS),
    SECTION("devices", SECTION_DEVICES),       SECTION("nodes", SECTION_NODES),
    SECTION("ethers", SECTION_ETHERS),         SECTION("groups", SECTION_GROUPS),
    SECTION("limits", SECTION_LIMITS),         SECTION("deadlines", SECTION_DEADLINES),
    SECTION("bootserver", SECTION_BOOTSERVER), SECTION("phone_home", SECTION_PHONE_HOME),
    SECTION("history", SECTION_HISTORY),       SECTION("circuits", SECTION_CIRCUITS),
};

static void add_file(struct conf *c, struct conf_file *file)
{
    const struct yaml *seen[CONF_FIELDS_MAX] = {0};
    file->next = c->files;
    c->files = file;
    const struct yaml *root = conf_tree(c, file);
    if (root)
        conf_walk(c, root, (struct conf_fields){sections, ARRAY_SIZE(sections)}, c->sections, seen);
}

static void no_file(struct conf *c, const char *name, const char *text)
{
    struct conf_file file = {.name = (char *)name};
    conf_error_at(c, &file, 0, 0, "%s", text);
}

static void read_file(struct conf *c, const char *path)
{
    struct err err;
    struct conf_file *file = conf_file_read(path, &err);
    if (file)
        add_file(c, file);
    else
        no_file(c, path, err.text);
}

static int is_yaml(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 5 && !strcmp(entry->d_name + size - 5, ".yaml");
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_folder(struct conf *c, const char *path)
{
    _cleanup_(freep) char *folder = NULL;
    struct dirent **entries = NULL;
    const char *slash = strrchr(path, '/');
    if (asprintf(&folder, "%.*sconf.d", slash ? (int)(slash - path) + 1 : 0, path) < 0) {
        conf_no_memory(c);
        return;
    }
    int count = scandir(folder, &entries, is_yaml, by_bytes);
    if (count < 0 && errno != ENOENT)
        no_file(c, folder, strerror(errno));
    if (count >= CONF_FILES_MAX)
        no_file(c, folder, "more than 255 files");
    for (int i = 0; i < count; i++) {
        _cleanup_(freep) char *name = NULL;
        if (count < CONF_FILES_MAX && asprintf(&name, "%s/%s", folder, entries[i]->d_name) > 0)
            read_file(c, name);
        free(entries[i]);
    }
    free(entries);
}

/* In an order in which what is referred to comes first. A file that is no YAML, or has unknown
 * sections, would make the rest a rain of errors about what it holds. */
static void read_sections(struct conf *c, const char *name)
{
    if (c->nerrors)
        return;
    conf_read_agent(c);
    conf_read_settings(c);
    conf_read_credentials(c);
    conf_read_devices(c);
    conf_check_devices(c);
    if (!conf_plan_outlets(c))
        return;
    conf_read_nodes(c);
    conf_read_ethers(c);
    conf_add_outlets(c);
    conf_read_groups(c);
    conf_read_circuits(c);
    if (!c->nerrors && !c->inventory->nnodes)
        no_file(c, name, "no nodes: the file is empty or cut short");
    c->inventory->sees_boots = c->config->bootserver.ninterfaces || c->config->bootserver.nlogs;
}

/* Warnings have the errors' place until they are known: there are none of the one if there are
 * any of the other. */
static void look_around(struct conf *c)
{
    struct conf_errors *warnings = c->overrides ? c->overrides->warnings : NULL;
    if (!warnings)
        return;
    *warnings = (struct conf_errors){0};
    if (c->nerrors)
        return;
    c->warning = true;
    conf_look_around(c);
    *warnings = (struct conf_errors){c->nerrors, TAKE(c->text)};
    c->nerrors = c->text_size = c->text_room = 0;
    c->warning = false;
}

static struct conf *conf_new(const struct conf_drivers *drivers)
{
    struct conf *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->drivers = drivers;
    c->config = calloc(1, sizeof *c->config);
    c->inventory = inventory_new();
    if (c->config && c->inventory) {
        c->config->inventory = c->inventory;
        return c;
    }
    inventory_free(c->inventory);
    free(c->config);
    free(c);
    return NULL;
}

static void conf_end(struct conf *c)
{
    while (c->files) {
        struct conf_file *next = c->files->next;
        conf_file_free(c->files);
        c->files = next;
    }
    struct conf_names *names[] = {&c->credentials, &c->devices,     &c->endpoints,
                                  &c->lines,       &c->nodes,       &c->groups,
                                  &c->circuits,    &c->macs,        &c->addresses,
                                  &c->next_boots,  &c->bad_drivers, &c->bad_profiles};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        conf_names_clear(names[i]);
    conf_profiles_free(c->profiles);
    config_free(c->config);
    free(c->first_claim);
    free(c->claims);
    free(c->text);
    free(c);
}

/* All of it, or nothing and the errors. */
static int finish(struct conf *c, struct config **out, struct conf_errors *errors)
{
    int rc = c->nerrors ? -1 : 0;
    *errors = (struct conf_errors){0};
    if (rc) {
        errors->count = c->nerrors;
        if (c->nerrors <= CONF_ERRORS_MAX)
            errors->text = TAKE(c->text);
        else if (asprintf(&errors->text, "%s... and %zu more\n", c->text,
                          c->nerrors - CONF_ERRORS_MAX) < 0)
            errors->text = NULL;
    } else {
        *out = TAKE(c->config);
    }
    conf_end(c);
    return rc;
}

static int out_of_memory(struct conf_errors *errors)
{
    *errors = (struct conf_errors){.count = 1,
                                   .text = strdup("error: no memory for the configuration\n")};
    return -1;
}

int conf_load(const char *path, const struct conf_overrides *overrides,
              const struct conf_drivers *drivers, struct config **out, struct conf_errors *errors)
{
    struct conf *c = conf_new(drivers);
    if (!c)
        return out_of_memory(errors);
    c->overrides = overrides;
    c->path = path;
    read_file(c, path);
    read_folder(c, path);
    read_sections(c, path);
    look_around(c);
    return finish(c, out, errors);
}

int conf_load_text(const char *name, const char *text, size_t size,
                   const struct conf_drivers *drivers, struct config **out,
                   struct conf_errors *errors)
{
    struct conf *c = conf_new(drivers);
    if (!c)
        return out_of_memory(errors);
    c->memory_only = true;
    c->path = name;
    struct conf_file *file = conf_file_of_text(name, text, size);
    if (file)
        add_file(c, file);
    else
        conf_no_memory(c);
    read_sections(c, name);
    return finish(c, out, errors);
}
