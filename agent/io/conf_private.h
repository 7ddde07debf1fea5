/* conf_private.h - what the conf_*.c files share: a tree of what was written, with positions, and
 * a walker that turns it into typed values or errors.
 *
 * Nothing here stops at an error: it is noted with its position and reading goes on, so that one
 * run shows all.  A value that could not be read keeps its default. */
#ifndef POWERCTL_CONF_PRIVATE_H
#define POWERCTL_CONF_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/io/conf.h"

enum {
    CONF_ERRORS_MAX = 50,
    CONF_DEPTH_MAX = 16,
    CONF_FILES_MAX = 256,
    CONF_FILE_SIZE_MAX = 16 * 1024 * 1024,
};

struct conf_file {
    char *name;
    char *text;
    size_t size;
    struct conf_arena *arena; /* of its tree */
    struct conf_file *next;   /* all files of this run */
};

/* One thing that was written: a text, a list or a map. In a map, `first` is a list of keys, each
 * with its `value`. */
enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };
struct yaml {
    enum yaml_kind kind;
    const struct conf_file *file;
    uint32_t line, column; /* from 1, in characters */
    uint32_t text_column;  /* of the first character of `text`; 0: it is not written as it is */
    const char *text;      /* YAML_TEXT; "" otherwise */
    size_t count;          /* YAML_LIST, YAML_MAP */
    struct yaml *first, *last, *next, *value;
};

/* Names and where they stand, for duplicates and references. */
struct conf_name;
struct conf_names {
    struct conf_name *head;
};
/* The place of the name, NULL if it is not there; *value is what came with it (may be NULL). */
const struct yaml *conf_names_find(const struct conf_names *names, const char *name, size_t *value);
/* False if the name is there already (its place stays the first one), or memory ran out. */
bool conf_names_add(struct conf_names *names, const char *name, const struct yaml *at,
                    size_t value);
void conf_names_clear(struct conf_names *names);
const char *conf_names_nearest(const struct conf_names *names, const char *name);

enum section {
    SECTION_AGENT,
    SECTION_LIMITS,
    SECTION_DEADLINES,
    SECTION_BOOTSERVER,
    SECTION_PHONE_HOME,
    SECTION_HISTORY,
    SECTION_CREDENTIALS,
    SECTION_DEVICES,
    SECTION_NODES,
    SECTION_ETHERS,
    SECTION_GROUPS,
    SECTION_CIRCUITS,
    SECTIONS
};

enum { CONF_FIELDS_MAX = 24 }; /* keys in one map with fixed keys */

/* A key of a device or node map, expanded: "n[01-16]" with 16 names. */
struct conf_row {
    const struct yaml *key;
    char **names;
    size_t count;
    size_t first; /* index of the first of them in the inventory */
};

/* The values of one top-level key, one a file that has it. */
struct conf_section {
    size_t count;
    const struct yaml *values[CONF_FILES_MAX];
};

/* Who uses an outlet, or a device that has none. */
struct conf_claim {
    const struct yaml *at; /* where `power` says so; NULL: nobody */
    size_t node;           /* index; good until the inventory is sealed */
    const struct yaml *circuit_at;
    uint32_t circuit;
};

/* What a profile says, checked by the schema of one driver. */
struct conf_profile {
    struct conf_profile *next;
    char *path;
    const struct option_schema *schema;
    const char *other_driver; /* that it is for; NULL: it is for this one */
    bool good;
    const struct yaml *root;
    char *texts[DRIVER_SETTINGS_MAX]; /* by option; NULL: it says nothing about that */
};

/* One run of conf_load(). */
struct conf {
    const char *path; /* of the first file */
    struct config *config;
    struct inventory *inventory; /* of the config */
    const struct conf_overrides *overrides;
    const struct conf_drivers *drivers;
    bool memory_only; /* for fuzzing: no file but the given text, and what is behind `ethers` */
    struct conf_file *files;
    struct conf_names credentials, devices, endpoints, lines, nodes, groups, circuits, macs,
        addresses, next_boots, bad_drivers, bad_profiles;
    struct conf_profile *profiles;
    struct conf_claim *claims; /* of all devices, one after the other: itself, then its outlets */
    size_t *first_claim;       /* by device */
    struct conf_section sections[SECTIONS];
    /* Where each key of a section was seen, over all files. */
    const struct yaml *seen[SECTIONS][CONF_FIELDS_MAX];
    size_t nerrors;
    bool warning; /* what is reported now is to be told, and does no harm */
    char *text;   /* of the errors */
    size_t text_size, text_room;
};

/* conf_errors.c */
void conf_error(struct conf *c, const struct yaml *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* `column` characters into the text of `at`, from 1; at its beginning if that cannot be shown. */
void conf_error_in(struct conf *c, const struct yaml *at, size_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void conf_error_at(struct conf *c, const struct conf_file *file, uint32_t line, uint32_t column,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));
void conf_error_err(struct conf *c, const struct yaml *at, const struct err *err);
bool conf_errors_full(const struct conf *c); /* no need to search for hints any more */
void conf_no_memory(struct conf *c);

/* conf_tree.c: NULL if there is nothing in the file, or after errors. */
struct yaml *conf_tree(struct conf *c, struct conf_file *file);
void conf_file_free(struct conf_file *file);

/* conf_file.c: reads a whole regular file. NULL with *err, which says what the file is or cannot
 * ("is not a regular file") and leaves its name to the caller. */
struct conf_file *conf_file_read(const char *name, struct err *err);
struct conf_file *conf_file_of_text(const char *name, const char *text, size_t size);
/* `path` as seen from the file that names it: absolute, or beside that file. */
int conf_path(const struct yaml *path, char out[CONF_PATH_SIZE]);

/* conf_walk.c */
struct conf_field {
    const char *name;
    void (*read)(struct conf *c, const struct yaml *value, void *place);
    size_t offset; /* of `place` in what the caller gives */
};
struct conf_fields {
    const struct conf_field *rows;
    size_t count;
};
/* Reads each key of the map by its field. `seen` has CONF_FIELDS_MAX places. */
void conf_walk(struct conf *c, const struct yaml *map, struct conf_fields fields, void *place,
               const struct yaml **seen);
const struct yaml *conf_find_key(const struct yaml *map, const char *name); /* or NULL */
/* *first is where the key was seen before (an error then), or NULL; it becomes this place. */
void conf_note_key(struct conf *c, const struct yaml *key, const struct yaml **first);
bool conf_is_map(struct conf *c, const struct yaml *value);                 /* else an error */
bool conf_is_text(struct conf *c, const struct yaml *value);                /* else an error */
bool conf_is_name(struct conf *c, const struct yaml *value);                /* else an error */
void conf_read_bool(struct conf *c, const struct yaml *value, void *place); /* bool */
void conf_read_path(struct conf *c, const struct yaml *value, void *place); /* CONF_PATH_SIZE */
void conf_read_name(struct conf *c, const struct yaml *value, void *place); /* NAME_SIZE */
/* A whole number from min to max, else an error. */
bool conf_uint(struct conf *c, const struct yaml *value, uint32_t min, uint32_t max, uint32_t *out);
/* "90" or "0.5", at most three decimals, as thousandths. False: it is no such number. */
bool conf_thousandths(const char *text, uint64_t *out);
/* The items of a list of texts, joined by ','; malloc'd, NULL after an error. */
char *conf_join(struct conf *c, const struct yaml *list);
/* The values for `count` names side by side. False after an error. conf_expansion_clear(). */
struct conf_expansion {
    char **texts;
    size_t count; /* 1: the same for all */
};
bool conf_expand(struct conf *c, const struct yaml *value, const struct conf_row *row,
                 struct conf_expansion *out);
const char *conf_expansion_text(const struct conf_expansion *expansion, size_t index);
void conf_expansion_clear(struct conf_expansion *expansion);
/* Expands the keys of a section, over all files: rows and the number of names in all. Names that
 * are there twice are errors, and not counted again. */
struct conf_row *conf_rows(struct conf *c, enum section section, const char *what,
                           struct conf_names *names, size_t *nrows, size_t *total);
void conf_rows_free(struct conf_row *rows, size_t nrows);

/* One reader a section; each looks at c->sections itself. */
void conf_read_agent(struct conf *c);
void conf_read_settings(struct conf *c); /* limits, deadlines, bootserver, phone_home, history */
void conf_read_credentials(struct conf *c);
void conf_read_devices(struct conf *c);
void conf_read_nodes(struct conf *c);
void conf_read_ethers(struct conf *c);
void conf_read_groups(struct conf *c); /* seals the inventory */

/* conf_warnings.c: what is good as text and will not do on this machine, as c->text. */
void conf_look_around(struct conf *c);

/* Where the drivers of `program` are: beside it (a build tree), in ../libexec/powerctl (whatever
 * PREFIX it was installed under), else where `make install` puts them if nobody says where. */
void conf_driver_dir(const char *program, char out[CONF_PATH_SIZE]);

/* conf_options.c: the options in a map, which may be maps themselves. `read` is called for each that
 * is there once and has a value or list in its place; `other` says of a key at the top that it is
 * none of the driver's. `seen` gets the key of each. */
struct conf_options {
    const struct option_schema *schema;
    bool (*other)(void *arg, const struct yaml *key);
    void (*read)(void *arg, size_t option, const struct yaml *key);
    void *arg;
};
void conf_walk_options(struct conf *c, const struct yaml *map, const struct conf_options *options,
                       const struct yaml *seen[DRIVER_SETTINGS_MAX]);
bool conf_check_option(struct conf *c, const struct yaml *value, const struct option *option,
                       const char *text); /* else an error */
const struct option *conf_option(const struct option_schema *schema,
                                 const char *name); /* or NULL */
/* What a device has for an option, be it written or the driver's default; "" or 0: nothing. */
const char *conf_setting(const struct device *device, const struct option_schema *schema,
                         const char *name);
uint32_t conf_setting_number(const struct device *device, const struct option_schema *schema,
                             const char *name);

/* conf_profile.c: NULL after an error, which may have been told before. */
const struct conf_profile *conf_profile(struct conf *c, const struct yaml *value,
                                        const struct option_schema *schema);
void conf_profiles_free(struct conf_profile *profile);

/* conf_contradictions.c: what the drivers themselves say to all devices. */
void conf_check_devices(struct conf *c);

/* conf_lines.c: what devices of one row say about where they are, against all before. `seen`: where
 * the options stand in the row. */
void conf_check_lines(struct conf *c, const struct conf_row *row,
                      const struct option_schema *schema, const struct yaml *const *seen);

/* conf_outlets.c: what hangs on which outlet. False: it cannot be told, and nodes cannot be read. */
bool conf_plan_outlets(struct conf *c);
struct conf_claim *conf_claim(struct conf *c, uint32_t device, uint32_t outlet);
void conf_add_outlets(struct conf *c); /* as nodes of their own */

void conf_node_defaults(struct node *node); /* conf_nodes.c: of a zeroed one */

/* conf_power.c: the `power` of the nodes of one row. */
struct conf_power {
    const struct conf_row *row;
    struct node *nodes;         /* the first of them */
    const struct yaml **places; /* FEEDS_MAX + 1 a node: its control, its feeds */
    bool unsure;                /* it names a device of which nothing is known */
};
void conf_read_power(struct conf *c, const struct yaml *value, struct conf_power *power);
void conf_claim_power(struct conf *c, const struct conf_power *power);
bool conf_find_device(struct conf *c, const struct yaml *value, const char *name, uint32_t *out);

/* A device, or one of its outlets: what is written, and whether there is such an outlet. */
bool conf_parse_means(struct conf *c, const struct yaml *value, const char *text, struct feed *out);
bool conf_check_outlet(struct conf *c, const struct yaml *value, struct feed feed);

void conf_read_circuits(struct conf *c); /* of a sealed inventory */

/* Gives a node a MAC, once; an error at `at` if it is another's, or too many. */
void conf_add_mac(struct conf *c, size_t node, struct mac mac, const struct yaml *at);

/* The same as conf_load(), from memory; reads no other file. For fuzzing. */
int conf_load_text(const char *name, const char *text, size_t size,
                   const struct conf_drivers *drivers, struct config **out,
                   struct conf_errors *errors);

#endif
