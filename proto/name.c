#include <string.h>

#include "proto/nodeset.h"
#include "proto/nodeset_private.h"

static size_t digits(const char *text, size_t size)
{
    size_t n = 0;
    while (n < size && is_digit(text[n]))
        n++;
    return n;
}

/* Runs of digits go by length, then by value: n9, n10, and n01 after n9: padding is part of the
 * name.  Two different names are never equal, which is what makes a sorted set a set. */
int slice_compare(const char *a, size_t asize, const char *b, size_t bsize)
{
    while (asize && bsize) {
        size_t an = digits(a, asize), bn = digits(b, bsize);
        if (an && bn && an != bn)
            return an < bn ? -1 : 1;
        size_t step = an && bn ? an : 1;
        int order = memcmp(a, b, step);
        if (order)
            return order;
        a += step;
        b += step;
        asize -= step;
        bsize -= step;
    }
    return asize ? 1 : bsize ? -1 : 0;
}

int name_compare(const char *a, const char *b)
{
    return slice_compare(a, strlen(a), b, strlen(b));
}

static bool valid(const char *name, bool slash)
{
    size_t size = strlen(name);
    if (!size || size >= NAME_SIZE || !is_letter_or_digit(name[0]))
        return false;
    for (size_t i = 1; i < size; i++)
        if (!is_name_char(name[i]) && !(slash && name[i] == '/'))
            return false;
    return true;
}

bool name_valid(const char *name)
{
    return valid(name, false);
}

bool name_valid_node(const char *name)
{
    return valid(name, true);
}
