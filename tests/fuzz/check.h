/* check.h - what every fuzz target asks of texts that came from strangers. */
#ifndef POWERCTL_FUZZ_CHECK_H
#define POWERCTL_FUZZ_CHECK_H

#include <stdlib.h>
#include <string.h>

/* Ends within its place, and cannot move a cursor or forge a line on a terminal. */
static inline void check_printable(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    if (length == size)
        abort();
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~')
            abort();
}

#endif
