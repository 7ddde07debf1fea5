#include "agent/cli/memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/api.h"

void cli_no_memory(void)
{
    (void)fputs("powerctl: out of memory; a job goes on without us, see 'powerctl jobs'\n", stderr);
    exit((int)problem_exit_code(ERR_SYSTEM));
}

void *cli_needs(void *made)
{
    if (!made)
        cli_no_memory();
    return made;
}
