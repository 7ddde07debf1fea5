/* spelling.h - the known word nearest to one that is not known: for "did you mean". */
#ifndef POWERCTL_SPELLING_H
#define POWERCTL_SPELLING_H

#include <stddef.h>

/* Feed candidates, then ask. Both words stay the caller's. */
struct spelling {
    const char *word;
    const char *nearest; /* NULL: none is near */
    size_t distance;
};
struct spelling spelling_of(const char *word);
void spelling_consider(struct spelling *spelling, const char *candidate);

#endif
