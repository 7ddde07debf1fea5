/* json: one document, as the agent gives it.  jsonl: one object a line. */
#include "agent/cli/memory.h"
#include "agent/cli/render.h"
#include "proto/cleanup.h"

static void put(const struct render *render, char *json)
{
    (void)fprintf(render->out, "%s\n", (char *)cli_needs(json));
    free(json);
}

static void json_job(const struct render *render, const struct job_view *job)
{
    put(render, job_view_encode(job));
}

static void json_nodes(const struct render *render, const struct node_view *nodes, size_t count,
                       const char *folded)
{
    put(render, node_list_encode(nodes, count, folded, NULL));
}

static void json_jobs(const struct render *render, const struct job_view *jobs, size_t count)
{
    put(render, job_list_encode(jobs, count));
}

static void json_events(const struct render *render, const struct job_event *events, size_t count)
{
    put(render, event_list_encode(events, count));
}

static void jsonl_event(const struct render *render, const struct job_event *event, bool first)
{
    (void)first;
    put(render, job_event_encode(event));
}

static void json_locks(const struct render *render, const struct lock_view *locks, size_t count)
{
    put(render, lock_list_encode(locks, count));
}

static void json_outlets(const struct render *render, const struct outlet_view *outlets,
                         size_t count)
{
    put(render, outlet_list_encode(outlets, count));
}

const struct renderer render_json = {json_job,    json_nodes, json_jobs,   json_events,
                                     jsonl_event, json_locks, json_outlets};

static void jsonl_nodes(const struct render *render, const struct node_view *nodes, size_t count,
                        const char *folded)
{
    (void)folded;
    for (size_t i = 0; i < count; i++)
        put(render, node_view_encode(&nodes[i]));
}

static void jsonl_job(const struct render *render, const struct job_view *job)
{
    jsonl_nodes(render, job->nodes, job->nnodes, NULL);
}

static void jsonl_jobs(const struct render *render, const struct job_view *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put(render, job_view_encode(&jobs[i]));
}

static void jsonl_events(const struct render *render, const struct job_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        jsonl_event(render, &events[i], i == 0);
}

static void jsonl_locks(const struct render *render, const struct lock_view *locks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put(render, lock_view_encode(&locks[i]));
}

static void jsonl_outlets(const struct render *render, const struct outlet_view *outlets,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        put(render, outlet_view_encode(&outlets[i]));
}

const struct renderer render_jsonl = {jsonl_job,   jsonl_nodes, jsonl_jobs,   jsonl_events,
                                      jsonl_event, jsonl_locks, jsonl_outlets};
