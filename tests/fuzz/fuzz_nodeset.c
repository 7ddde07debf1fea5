/* Any text as an expression: what is taken folds, reads back as the same set, and is as large as
 * it says. The same text as a pattern for settings. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/nodeset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
            !nodeset_has(set, nodeset_name(again, i)) || !name_valid(nodeset_name(set, i)))
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
        check_fold(set);
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
