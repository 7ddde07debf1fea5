/* nodeset.h - sets of names, as admins write them: n[01-16,20], @rack1, a,b  a!b  a&b  a^b.
 *
 * ClusterShell's language made strict: operators go left to right with equal rank; duplicates
 * vanish; padding is identity (n1 and n01 are two names); an unknown group, an unknown name,
 * an empty result, a bad bracket: errors with the column.  Names are
 * [A-Za-z0-9][A-Za-z0-9._:/-]*, numbers have at most 9 digits, limits are checked before
 * anything is expanded.  tests/data/nodeset-cases.tsv holds the rules one by one.
 *
 * Only an outlet has a '/' in its name: pdu-a/[1-8]. Machines, devices, groups have none. */
#ifndef POWERCTL_NODESET_H
#define POWERCTL_NODESET_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/err.h"
#include "proto/words.h"

enum { NODESET_MAX = 65536 };

/* A set: unique names in natural order (n2 before n10). Immutable once made. */
struct nodeset;
struct nodeset *nodeset_free(struct nodeset *set); /* returns NULL */
void nodeset_freep(struct nodeset **set);
size_t nodeset_count(const struct nodeset *set);
const char *nodeset_name(const struct nodeset *set, size_t index);
bool nodeset_has(const struct nodeset *set, const char *name);

/* Where groups and known names come from. Any member may be NULL:
 *   group: returns the expression behind "@name", or NULL: no such group (an error)
 *   known: is this a node? NULL: every name is good (config loading)
 *   each:  the i-th known name, NULL after the last: for n* (without it, '*' is an error)
 *   unknown: what there is to say of a name that is not known, as one sentence. False: nothing */
struct nodeset_source {
    const char *(*group)(const void *arg, const char *name);
    bool (*known)(const void *arg, const char *name);
    const char *(*each)(const void *arg, size_t index);
    const void *arg;
    bool (*unknown)(const void *arg, const char *name, char *text, size_t size);
};

/* ERR_USAGE with the column on nonsense; an empty result is an error too.
 * White space and newlines separate operands as ',' does. `warning` (may be NULL) receives one
 * line, or "", for "!x removed nothing". */
int nodeset_parse(const char *text, const struct nodeset_source *source, struct nodeset **out,
                  char warning[256], struct err *err);

/* Errors here and in nodeset_expand() about what was written begin with "column N: ". This takes
 * that apart, for a caller that knows where the text stands in a file: N, and the text behind;
 * 0 and the whole text if there is none. */
size_t nodeset_error_column(const char *text, const char **rest);

/* The names of a pattern in written order, duplicates refused: for ranges in the config that
 * expand side by side ("bmc-n[01-16]" with "10.1.0.[11-26]"). No operators, no groups.
 * Any text without brackets is one name, whatever its characters (host names, addresses). */
int nodeset_expand(const char *pattern, char ***names, size_t *count, struct err *err);
void nodeset_expand_free(char **names, size_t count);

/* From names: for folding results. */
int nodeset_from_names(const char *const *names, size_t count, struct nodeset **out,
                       struct err *err);

/* "n[01-16],x": last numeric field only, no bracket before a suffix, so that Slurm, pdsh and
 * ClusterShell read it alike. malloc'd; NULL if memory ran out. */
char *nodeset_fold(const struct nodeset *set);

/* A stable 16-digit hash of the set: a confirmation binds to it. */
void nodeset_hash(const struct nodeset *set, char hash[17]);

/* Natural order, as in sets: <0, 0, >0. */
int name_compare(const char *a, const char *b);
bool name_valid(const char *name);      /* of anything that is given a name: without '/' */
bool name_valid_node(const char *name); /* in a set: of an outlet, too */

#endif
