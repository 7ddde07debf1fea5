/* hash.h - uthash with a hash function of ours.
 *
 * uthash's own (2.3) falls through in a switch, marked by comments, which clang does not take
 * for an answer.  This one is FNV-1a: for names and ids that we or our configuration chose. */
#ifndef POWERCTL_HASH_H
#define POWERCTL_HASH_H

#include <stddef.h>

static inline unsigned hash_bytes(const void *key, size_t size)
{
    const unsigned char *bytes = key;
    unsigned hash = 2166136261U;
    for (size_t i = 0; i < size; i++)
        hash = (unsigned)((hash ^ bytes[i]) * 16777619ULL);
    return hash;
}

#define HASH_FUNCTION(key, size, hash) ((hash) = hash_bytes((key), (size)))

#include <uthash.h>

#endif
