#include "proto/json_load.h"

#include <stdlib.h>

static void *json_load_allocate(size_t size)
{
    void *bytes = malloc(size);
    if (!bytes)
        abort(); /* see json_load.h */
    return bytes;
}

json_t *json_load(const char *text, json_error_t *why)
{
    json_malloc_t before;
    json_free_t release;
    json_get_alloc_funcs(&before, &release);
    json_set_alloc_funcs(json_load_allocate, release);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, why);
    json_set_alloc_funcs(before, release);
    return json;
}

bool json_out_of_memory(const json_error_t *why)
{
    return json_error_code(why) == json_error_out_of_memory;
}
