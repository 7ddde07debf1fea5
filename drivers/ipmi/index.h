/* index.h - finds an owner by the hash of its name or address.
 *
 * Nodes live inside their owners; nodes of equal hash are walked, and compared by the caller. */
#ifndef POWERCTL_IPMI_INDEX_H
#define POWERCTL_IPMI_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct index_node {
    struct index_node *next;
    uint64_t hash;
};

struct index {
    struct index_node **buckets;
    size_t room, count; /* room: a power of two, or 0 */
};

uint64_t index_hash(const void *bytes, size_t size);

int index_add(struct index *index, struct index_node *node, uint64_t hash); /* -1: no memory */
void index_remove(struct index *index, struct index_node *node);
void index_free(struct index *index);

/* The first node of that hash, and the next of the same hash; NULL if there is none. */
struct index_node *index_find(const struct index *index, uint64_t hash);
struct index_node *index_next(const struct index_node *node);

#endif
