#include "agent/core/memory.h"

#include <stdlib.h>

void core_no_memory(void)
{
    abort();
}

void *core_allocate(size_t size)
{
    void *bytes = calloc(1, size);
    if (!bytes)
        core_no_memory();
    return bytes;
}
