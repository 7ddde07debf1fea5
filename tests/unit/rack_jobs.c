#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rack_jobs.h"

int rack_setup(void **state)
{
    *state = rack_new(16);
    return 0;
}

int rack_teardown(void **state)
{
    rack_free(*state);
    return 0;
}

struct job_request rack_request(enum verb verb, const char *nodes)
{
    /* The core copies what it keeps. */
    return (struct job_request){
        .verb = verb, .nodes = (char *)(uintptr_t)nodes, .yes = true, .actor = "test (uid 0)"};
}

void rack_start(struct rack *rack, const struct job_request *request, char id[JOB_ID_SIZE])
{
    struct problem problem = {0};
    struct err err = {0};
    if (rack_submit(rack, request, id, &problem, &err))
        fail_msg("refused: %s", err.text);
}

struct job_view rack_do(struct rack *rack, struct job_request request)
{
    char id[JOB_ID_SIZE];
    struct job_view view = {0};
    rack_start(rack, &request, id);
    rack_run(rack, id, &view);
    return view;
}

bool rack_was_told(const struct rack *rack, const char *text)
{
    for (size_t i = 0; i < rack->nevents; i++)
        if (strstr(rack->events[i].node.text, text))
            return true;
    return false;
}
