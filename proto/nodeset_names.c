#include <stdlib.h>
#include <string.h>

#include "proto/nodeset_private.h"

/* Text of the names, in blocks, so that a name stays where it is while the table grows. */
enum { CHUNK_SIZE = 16384 };

struct name_chunk {
    struct name_chunk *next;
    size_t used;
    char text[CHUNK_SIZE];
};

static uint64_t hash_name(const char *name, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)name[i]) * 0x100000001b3;
    return hash ^ hash >> 32;
}

/* The slot that holds the name, or the free one where it belongs. */
static size_t slot_of(const struct name_table *table, uint64_t hash, const char *name, size_t size)
{
    size_t mask = table->nslots - 1;
    for (size_t slot = (size_t)hash & mask;; slot = (slot + 1) & mask) {
        if (!table->slots[slot])
            return slot;
        const struct name_entry *entry = &table->entries[table->slots[slot] - 1];
        if (entry->hash == hash && entry->size == size && !memcmp(entry->name, name, size))
            return slot;
    }
}

/* Room for one more entry, and slots at most half full. */
static int grow(struct name_table *table)
{
    if (table->count < table->size)
        return 0;
    size_t size = table->size ? 2 * table->size : 64;
    struct name_entry *entries = realloc(table->entries, size * sizeof *entries);
    if (!entries)
        return -1;
    table->entries = entries;
    uint32_t *slots = calloc(2 * size, sizeof *slots);
    if (!slots)
        return -1;
    free(table->slots);
    table->slots = slots;
    table->nslots = 2 * size;
    table->size = size;
    for (size_t i = 0; i < table->count; i++) {
        const struct name_entry *entry = &entries[i];
        slots[slot_of(table, entry->hash, entry->name, entry->size)] = (uint32_t)(i + 1);
    }
    return 0;
}

static const char *keep_text(struct name_table *table, const char *name, size_t size)
{
    if (!table->chunks || CHUNK_SIZE - table->chunks->used < size + 1) {
        struct name_chunk *chunk = malloc(sizeof *chunk);
        if (!chunk)
            return NULL;
        chunk->next = table->chunks;
        chunk->used = 0;
        table->chunks = chunk;
    }
    char *text = table->chunks->text + table->chunks->used;
    memcpy(text, name, size);
    text[size] = '\0';
    table->chunks->used += size + 1;
    return text;
}

struct name_entry *name_table_find(const struct name_table *table, const char *name, size_t size)
{
    if (!table->nslots)
        return NULL;
    uint32_t index = table->slots[slot_of(table, hash_name(name, size), name, size)];
    return index ? &table->entries[index - 1] : NULL;
}

struct name_entry *name_table_intern(struct name_table *table, const char *name, size_t size)
{
    uint64_t hash = hash_name(name, size);
    if (grow(table))
        return NULL;
    size_t slot = slot_of(table, hash, name, size);
    if (table->slots[slot])
        return &table->entries[table->slots[slot] - 1];
    const char *text = keep_text(table, name, size);
    if (!text)
        return NULL;
    struct name_entry *entry = &table->entries[table->count++];
    *entry = (struct name_entry){.name = text, .size = (uint32_t)size, .hash = hash};
    table->slots[slot] = (uint32_t)table->count;
    return entry;
}

void name_table_clear(struct name_table *table)
{
    while (table->chunks) {
        struct name_chunk *next = table->chunks->next;
        free(table->chunks);
        table->chunks = next;
    }
    free(table->entries);
    free(table->slots);
    *table = (struct name_table){0};
}
