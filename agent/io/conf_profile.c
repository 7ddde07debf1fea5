/* Profiles: what is known of a product, as settings of its driver, one file a product.
 *
 * A profile is read and checked once, however many devices say `profile: NAME`; its errors are told
 * once, with their places in it.  A device whose profile is bad is not complained about: what it
 * lacks may be there. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"
#include "proto/spelling.h"

enum { FOLDERS = 3 };

/* A profile while it is read. */
struct reading {
    struct conf *c;
    struct conf_profile *profile;
    const struct yaml *source, *driver; /* where these keys were seen */
};

void conf_profiles_free(struct conf_profile *profile)
{
    while (profile) {
        struct conf_profile *next = profile->next;
        for (size_t i = 0; i < DRIVER_SETTINGS_MAX; i++)
            free(profile->texts[i]);
        free(profile->path);
        free(profile);
        profile = next;
    }
}

/* Where the facts are from: for who reads the file. */
static void check_source(struct conf *c, const struct yaml *value)
{
    if (value->kind != YAML_LIST)
        (void)conf_is_text(c, value);
    else
        for (const struct yaml *item = value->first; item; item = item->next)
            (void)conf_is_text(c, item);
}

static bool read_other(void *arg, const struct yaml *key)
{
    struct reading *reading = arg;
    struct conf *c = reading->c;
    if (!strcmp(key->text, "source")) {
        conf_note_key(c, key, &reading->source);
        check_source(c, key->value);
        return true;
    }
    if (!strcmp(key->text, "driver")) {
        conf_note_key(c, key, &reading->driver);
        (void)conf_is_name(c, key->value);
        return true;
    }
    if (!strcmp(key->text, "profile")) {
        conf_error(c, key, "a profile cannot be made from another one");
        return true;
    }
    return false;
}

static void read_setting(void *arg, size_t option, const struct yaml *key)
{
    struct reading *reading = arg;
    const struct option *row = &reading->profile->schema->table.rows[option];
    const struct yaml *value = key->value;
    _cleanup_(freep) char *text = NULL;
    if (value->kind == YAML_LIST)
        text = conf_join(reading->c, value);
    else if (conf_is_text(reading->c, value) && !(text = strdup(value->text)))
        conf_no_memory(reading->c);
    if (text && conf_check_option(reading->c, value, row, text))
        reading->profile->texts[option] = TAKE(text);
}

/* What the file says that it is for, if that is another driver: nothing in it is an option then. */
static const char *other_driver(const struct yaml *root, const struct option_schema *schema)
{
    const struct yaml *key = conf_find_key(root, "driver");
    bool other = key && key->value->kind == YAML_TEXT && strcmp(key->value->text, schema->driver);
    return other ? key->value->text : NULL;
}

static void read_profile(struct conf *c, struct conf_profile *profile, struct conf_file *file)
{
    struct reading reading = {.c = c, .profile = profile};
    const struct yaml *seen[DRIVER_SETTINGS_MAX] = {0};
    const struct conf_options options = {
        .schema = profile->schema,
        .other = read_other,
        .read = read_setting,
        .arg = &reading,
    };
    size_t before = c->nerrors;
    file->next = c->files;
    c->files = file;
    const struct yaml *root = conf_tree(c, file);
    if (root && conf_is_map(c, root)) {
        profile->root = root;
        profile->other_driver = other_driver(root, profile->schema);
        if (!profile->other_driver)
            conf_walk_options(c, root, &options, seen);
    } else if (!root && c->nerrors == before) {
        conf_error_at(c, file, 1, 1, "an empty profile");
    }
    profile->good = c->nerrors == before && !profile->other_driver;
}

/* Where a profile with a bare name may be, in this order. */
static bool folder_name(const struct conf *c, size_t index, char out[CONF_PATH_SIZE])
{
    const char *slash = strrchr(c->path, '/'), *drivers = c->config->driver_dir;
    int size = 0;
    switch (index) {
    case 0: /* the site's own */
        size = snprintf(out, CONF_PATH_SIZE, "%.*sprofiles", slash ? (int)(slash - c->path) + 1 : 0,
                        c->path);
        break;
    case 1: /* shipped: of a build tree */
        size = snprintf(out, CONF_PATH_SIZE, "%s/profiles", drivers);
        break;
    default: /* shipped: installed */
        size = snprintf(out, CONF_PATH_SIZE, "%s/../../share/powerctl/profiles", drivers);
        break;
    }
    return size > 0 && size < CONF_PATH_SIZE;
}

static void consider_folder(struct spelling *spelling, const char *folder, char nearest[NAME_SIZE])
{
    char pattern[CONF_PATH_SIZE + 8];
    glob_t found = {0};
    (void)snprintf(pattern, sizeof pattern, "%s/*.yaml", folder);
    if (!glob(pattern, 0, NULL, &found))
        for (size_t i = 0; i < found.gl_pathc; i++) {
            char *name = strrchr(found.gl_pathv[i], '/') + 1;
            name[strlen(name) - 5] = '\0';
            spelling_consider(spelling, name);
            if (spelling->nearest != name)
                continue;
            (void)snprintf(nearest, NAME_SIZE, "%s", name);
            spelling->nearest = nearest;
        }
    globfree(&found);
}

static void not_found(struct conf *c, const struct yaml *value)
{
    char folders[FOLDERS][CONF_PATH_SIZE], nearest[NAME_SIZE] = "";
    struct spelling spelling = spelling_of(value->text);
    for (size_t i = 0; i < FOLDERS; i++)
        if (folder_name(c, i, folders[i]))
            consider_folder(&spelling, folders[i], nearest);
    if (*nearest)
        conf_error(c, value, "no profile is called '%.64s'; did you mean '%s'?", value->text,
                   nearest);
    else
        conf_error(c, value,
                   "no profile is called '%.64s': there is no %s/%.64s.yaml, and none is shipped",
                   value->text, folders[0], value->text);
}

/* The file of a profile. False after an error. */
static bool find_file(struct conf *c, const struct yaml *value, char path[CONF_PATH_SIZE])
{
    if (strchr(value->text, '/')) {
        if (!conf_path(value, path))
            return true;
        conf_error(c, value, "a path of more than %d characters", CONF_PATH_SIZE - 1);
        return false;
    }
    if (!conf_is_name(c, value))
        return false;
    for (size_t i = 0; i < FOLDERS; i++) {
        char folder[CONF_PATH_SIZE];
        int size = folder_name(c, i, folder)
                       ? snprintf(path, CONF_PATH_SIZE, "%s/%s.yaml", folder, value->text)
                       : -1;
        if (size > 0 && size < CONF_PATH_SIZE && !access(path, F_OK))
            return true;
    }
    not_found(c, value);
    return false;
}

static struct conf_profile *add_profile(struct conf *c, const char *path,
                                        const struct option_schema *schema)
{
    struct conf_profile *profile = calloc(1, sizeof *profile);
    char *copy = strdup(path);
    if (!profile || !copy) {
        free(profile);
        free(copy);
        conf_no_memory(c);
        return NULL;
    }
    profile->path = copy;
    profile->schema = schema;
    profile->next = c->profiles;
    c->profiles = profile;
    return profile;
}

/* For fuzzing: what stands behind `profile` is the profile. */
static struct conf_profile *from_memory(struct conf *c, const struct yaml *value,
                                        const struct option_schema *schema)
{
    struct conf_file *file = conf_file_of_text("profile", value->text, strlen(value->text));
    struct conf_profile *profile = file ? add_profile(c, "profile", schema) : NULL;
    if (profile)
        read_profile(c, profile, file);
    else if (file)
        conf_file_free(file);
    else
        conf_no_memory(c);
    return profile;
}

/* Read before, or read now. NULL after an error. */
static struct conf_profile *open_profile(struct conf *c, const struct yaml *value,
                                         const struct option_schema *schema)
{
    char path[CONF_PATH_SIZE];
    struct err err;
    if (c->memory_only)
        return from_memory(c, value, schema);
    if (!find_file(c, value, path)) {
        (void)conf_names_add(&c->bad_profiles, value->text, value, 0);
        return NULL;
    }
    for (struct conf_profile *known = c->profiles; known; known = known->next)
        if (known->schema == schema && !strcmp(known->path, path))
            return known;
    struct conf_profile *profile = add_profile(c, path, schema);
    struct conf_file *file = profile ? conf_file_read(path, &err) : NULL;
    if (file)
        read_profile(c, profile, file);
    else if (profile)
        conf_error(c, value, "%s %s", path, err.text);
    return profile;
}

const struct conf_profile *conf_profile(struct conf *c, const struct yaml *value,
                                        const struct option_schema *schema)
{
    if (!conf_is_text(c, value) || conf_names_find(&c->bad_profiles, value->text, NULL))
        return NULL;
    const struct conf_profile *profile = open_profile(c, value, schema);
    if (profile && profile->other_driver)
        conf_error(c, value, "profile '%.64s' is for driver '%.64s', not for '%s'", value->text,
                   profile->other_driver, schema->driver);
    return profile && profile->good ? profile : NULL;
}
