/* Any text as an expression: what is taken folds, reads back as the same set, and is as large as
 * it says. The same text as a pattern for settings. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/nodeset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATIENCE = 1024 };

static const char *group(const void *arg, const char *name)
{
    (void)arg;
    return !strcmp(name, "rack1") ? "n[01-16]" : !strcmp(name, "loop") ? "n1,@loop" : NULL;
}

static const char *each(const void *arg, size_t index)
{
    static const char *const names[] = {"n01", "n02", "gpu-1.dom", "N7"};
    (void)arg;
    return index < ARRAY_SIZE(names) ? names[index] : NULL;
}

static void check_fold(const struct nodeset *set)
{
    _cleanup_(freep) char *folded = nodeset_fold(set);
    _cleanup_(nodeset_freep) struct nodeset *again = NULL;
    if (!folded || nodeset_parse(folded, NULL, &again, NULL, NULL) ||
        nodeset_count(again) != nodeset_count(set))
        abort();
    for (size_t i = 0; i < nodeset_count(set); i++)
        if (strcmp(nodeset_name(set, i), nodeset_name(again, i)) != 0 ||
            !nodeset_has(set, nodeset_name(again, i)) || !name_valid_node(nodeset_name(set, i)) ||
            (i && name_compare(nodeset_name(set, i - 1), nodeset_name(set, i)) >= 0))
            abort();
    char hash[17], hash_again[17];
    nodeset_hash(set, hash);
    nodeset_hash(again, hash_again);
    if (strcmp(hash, hash_again) != 0)
        abort();
}

/* The same names, last first: the same set, that a confirmation binds to. */
static void check_order(const struct nodeset *set)
{
    size_t count = nodeset_count(set);
    _cleanup_(freep) const char **names = calloc(count, sizeof *names);
    _cleanup_(nodeset_freep) struct nodeset *again = NULL;
    char hash[17], hash_again[17];
    for (size_t i = 0; names && i < count; i++)
        names[i] = nodeset_name(set, count - 1 - i);
    if (!names || nodeset_from_names(names, count, &again, NULL) || nodeset_count(again) != count)
        abort();
    nodeset_hash(set, hash);
    nodeset_hash(again, hash_again);
    if (strcmp(hash, hash_again) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct nodeset_source source = {.group = group, .each = each};
    _cleanup_(freep) char *text = strndup((const char *)data, size);
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    struct err err = {0};
    char warning[256], **names = NULL;
    size_t count = 0;
    const char *rest;
    if (!text)
        return 0;
    if (!nodeset_parse(text, &source, &set, warning, &err)) {
        if (!nodeset_count(set) || nodeset_count(set) > NODESET_MAX)
            abort();
        /* Large ones take all the time and teach little: those that begin with a 9 will do. */
        if (nodeset_count(set) <= PATIENCE || text[0] == '9') {
            check_fold(set);
            check_order(set);
        }
    } else {
        size_t column = nodeset_error_column(err.text, &rest);
        if (err.kind != ERR_USAGE || !column || column > strlen(text) + 1)
            abort();
    }
    if (!nodeset_expand(text, &names, &count, &err)) {
        if (!count || count > NODESET_MAX)
            abort();
        nodeset_expand_free(names, count);
    }
    return 0;
}
