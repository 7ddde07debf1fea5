#include "drivers/ipmi/index.h"

#include <stdlib.h>

uint64_t index_hash(const void *bytes, size_t size)
{
    const uint8_t *b = bytes;
    uint64_t hash = 14695981039346656037U; /* FNV-1a: names come from the administrator */
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ b[i]) * 1099511628211U;
    return hash ^ hash >> 32;
}

static struct index_node **bucket(const struct index *index, uint64_t hash)
{
    return &index->buckets[hash & (index->room - 1)];
}

static void put(struct index *index, struct index_node *node)
{
    struct index_node **place = bucket(index, node->hash);
    node->next = *place;
    *place = node;
}

static int grow(struct index *index)
{
    struct index old = *index;
    size_t room = old.room ? old.room * 2 : 64;
    struct index_node **buckets = calloc(room, sizeof(struct index_node *));
    if (!buckets)
        return -1;
    index->buckets = buckets;
    index->room = room;
    for (size_t i = 0; i < old.room; i++)
        for (struct index_node *node = old.buckets[i], *next; node; node = next) {
            next = node->next;
            put(index, node);
        }
    free(old.buckets);
    return 0;
}

int index_add(struct index *index, struct index_node *node, uint64_t hash)
{
    if (index->count >= index->room && grow(index))
        return -1;
    node->hash = hash;
    put(index, node);
    index->count++;
    return 0;
}

void index_remove(struct index *index, struct index_node *node)
{
    struct index_node **place = bucket(index, node->hash);
    while (*place && *place != node)
        place = &(*place)->next;
    if (*place) {
        *place = node->next;
        index->count--;
    }
}

void index_free(struct index *index)
{
    free(index->buckets);
    *index = (struct index){0};
}

static struct index_node *of_hash(struct index_node *node, uint64_t hash)
{
    while (node && node->hash != hash)
        node = node->next;
    return node;
}

struct index_node *index_find(const struct index *index, uint64_t hash)
{
    return index->room ? of_hash(*bucket(index, hash), hash) : NULL;
}

struct index_node *index_next(const struct index_node *node)
{
    return of_hash(node->next, node->hash);
}
