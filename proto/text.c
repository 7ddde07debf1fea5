#include "proto/text.h"

size_t text_copy(char *out, size_t size, const void *bytes, size_t length)
{
    const char *from = bytes;
    size_t n = 0;
    for (; n < length && n + 1 < size && from[n]; n++)
        out[n] = from[n] < ' ' || from[n] > '~' ? '?' : from[n];
    out[n] = '\0';
    return n;
}
