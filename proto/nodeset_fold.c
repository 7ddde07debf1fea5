#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/nodeset_private.h"

/* A name, cut before its last number if it ends in one: only that is put in brackets.  Slurm
 * refuses text after a bracket, and powerman's pdsh code expands one bracket only. */
struct foldable {
    const char *name;
    size_t prefix, size;
    uint32_t value;
};

static struct foldable cut(const char *name)
{
    struct foldable f = {.name = name, .size = strlen(name)};
    f.prefix = f.size;
    while (f.prefix && is_digit(name[f.prefix - 1]))
        f.prefix--;
    /* A longer number is not written in brackets; a bare number is: "[1-3]" reads back. */
    if (f.size - f.prefix > PATTERN_DIGITS_MAX)
        f.prefix = f.size;
    for (size_t i = f.prefix; i < f.size; i++)
        f.value = f.value * 10 + (uint32_t)(name[i] - '0');
    return f;
}

/* Names with one prefix side by side: n1, n2, n1a and not n1, n1a, n2. */
static int compare(const void *a, const void *b)
{
    const struct foldable *x = a, *y = b;
    int order = slice_compare(x->name, x->prefix, y->name, y->prefix);
    return order ? order
                 : slice_compare(x->name + x->prefix, x->size - x->prefix, y->name + y->prefix,
                                 y->size - y->prefix);
}

static bool has_number(const struct foldable *f)
{
    return f->prefix < f->size;
}

/* May `next` follow in a range that began with `first` and has come to `last`? It must be the
 * name that the range makes there when it is read back: after 9 comes 10, after 09 too, but
 * never 010. */
static bool continues(const struct foldable *first, const struct foldable *last,
                      const struct foldable *next)
{
    bool padded = first->name[first->prefix] == '0';
    size_t width = padded ? first->size - first->prefix : 1;
    size_t digits = 1;
    for (uint32_t rest = next->value; rest > 9; rest /= 10)
        digits++;
    return next->value == last->value + 1 &&
           next->size - next->prefix == (digits > width ? digits : width);
}

static bool same_prefix(const struct foldable *a, const struct foldable *b)
{
    return has_number(a) && has_number(b) && a->prefix == b->prefix &&
           !memcmp(a->name, b->name, a->prefix);
}

/* Writes the `count` names that share a prefix. */
static void write_group(FILE *out, const struct foldable *names, size_t count)
{
    if (count == 1) {
        (void)fputs(names->name, out);
        return;
    }
    (void)fprintf(out, "%.*s[", (int)names->prefix, names->name);
    for (size_t i = 0; i < count;) {
        size_t last = i;
        while (last + 1 < count && continues(&names[i], &names[last], &names[last + 1]))
            last++;
        (void)fprintf(out, "%s%s", i ? "," : "", names[i].name + names[i].prefix);
        if (last > i)
            (void)fprintf(out, "-%s", names[last].name + names[last].prefix);
        i = last + 1;
    }
    (void)fputc(']', out);
}

static void write_all(FILE *out, const struct foldable *names, size_t count)
{
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && same_prefix(&names[i], &names[end]))
            end++;
        if (i)
            (void)fputc(',', out);
        write_group(out, names + i, end - i);
        i = end;
    }
}

char *nodeset_fold(const struct nodeset *set)
{
    size_t count = nodeset_count(set);
    _cleanup_(freep) struct foldable *names = malloc((count + 1) * sizeof *names);
    if (!names)
        return NULL;
    bool sorted = true;
    for (size_t i = 0; i < count; i++) {
        names[i] = cut(nodeset_name(set, i));
        sorted = sorted && (!i || compare(&names[i - 1], &names[i]) < 0);
    }
    if (!sorted)
        qsort(names, count, sizeof *names, compare);

    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    write_all(out, names, count);
    bool failed = ferror(out) != 0;
    if (fclose(out) || failed) {
        free(text);
        return NULL;
    }
    return text;
}
