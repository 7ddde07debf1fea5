/* Every event as the agent sent it, one JSON object a line. */
#include "agent/cli/memory.h"
#include "agent/cli/progress.h"
#include "proto/cleanup.h"

static void json_event(struct progress *progress, struct board *board,
                       const struct job_event *event)
{
    (void)board;
    _cleanup_(freep) char *json = cli_needs(job_event_encode(event));
    (void)fprintf(progress->out, "%s\n", json);
    (void)fflush(progress->out);
}

static void json_tick(struct progress *progress, struct board *board, uint64_t now_ms)
{
    (void)progress, (void)board, (void)now_ms;
}

static void json_end(struct progress *progress)
{
    (void)fflush(progress->out);
}

const struct progress_style_ops progress_json = {json_event, json_tick, json_end};
