/* Any bytes at every decoder of the control API; what is taken must survive encoding. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/api.h"
#include "proto/api_time.h"
#include "proto/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_request(const char *text)
{
    _cleanup_(job_request_clear) struct job_request request = {0}, again = {0};
    if (job_request_decode(text, &request, NULL))
        return;
    _cleanup_(freep) char *json = job_request_encode(&request);
    if (!json || job_request_decode(json, &again, NULL) || strcmp(request.nodes, again.nodes))
        abort();
}

static void try_job(const char *text)
{
    _cleanup_(job_view_clear) struct job_view job = {0}, again = {0};
    if (job_view_decode(text, &job, NULL))
        return;
    _cleanup_(freep) char *json = job_view_encode(&job);
    if (!json || job_view_decode(json, &again, NULL) || again.nnodes != job.nnodes)
        abort();
}

static void try_event(const char *text)
{
    struct job_event event, again;
    if (job_event_decode(text, &event, NULL))
        return;
    _cleanup_(freep) char *json = job_event_encode(&event);
    if (!json || strchr(json, '\n') || job_event_decode(json, &again, NULL))
        abort();
    if (event.sequence != again.sequence || event.node.percent != again.node.percent)
        abort();
}

static void try_lists(const char *text)
{
    struct node_view *nodes;
    struct job_view *jobs;
    struct job_event *events;
    char *folded, *warning;
    size_t count;
    if (!node_list_decode(text, &nodes, &count, &folded, &warning, NULL)) {
        free(nodes);
        free(folded);
        free(warning);
    }
    if (!job_list_decode(text, &jobs, &count, NULL))
        job_list_free(jobs, count);
    if (!event_list_decode(text, &events, &count, NULL))
        free(events);
}

static void try_time(const char *text)
{
    int64_t ms, again;
    char formatted[TIME_TEXT_SIZE];
    if (time_parse(text, &ms))
        return;
    time_format(ms, formatted);
    if (time_parse(formatted, &again) || again != ms)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(freep) char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    struct problem problem;
    (void)problem_decode(text, &problem, NULL);
    try_request(text);
    try_job(text);
    try_event(text);
    try_lists(text);
    try_time(text);
    return 0;
}
