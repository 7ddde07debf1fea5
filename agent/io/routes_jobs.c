/* Routes that take or show jobs. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/core/plan.h"
#include "agent/io/clock.h"
#include "agent/io/locks.h"
#include "agent/io/log.h"
#include "agent/io/routes.h"
#include "proto/cleanup.h"

/* Of this run, or as the journal of an earlier one tells it. */
static int job_find(struct api *api, const struct routed *routed, const char *id,
                    struct job_view *view, struct err *err)
{
    struct err from_journal;
    if (!core_job(api->core, id, routed->now_ms, view, err))
        return 0;
    return journal_job(api->journal, id, view, &from_journal);
}

/* RFC 7240: a client that knows what it asked for need not be told 10,000 nodes. */
static bool wants_minimum(const struct call *call)
{
    return call->prefer && !strcasecmp(call->prefer, "return=minimal");
}

static void answer_job(struct api *api, const struct routed *routed, const char *id, int status,
                       struct answer *answer)
{
    _cleanup_(job_view_clear) struct job_view view = {0};
    struct err err;
    if (job_find(api, routed, id, &view, &err)) {
        answer_err(answer, &err);
        return;
    }
    if (wants_minimum(routed->call)) {
        free(view.nodes); /* its counts say enough */
        view.nodes = NULL;
    }
    answer_json(answer, status, job_view_encode(&view));
}

static int request_read(const struct call *call, struct job_request *request, struct err *err)
{
    if (job_request_decode(call->body, request, err))
        return -1;
    request->unix_ms = clock_unix_ms();
    (void)snprintf(request->actor, sizeof request->actor, "%s", call->peer->actor);
    return 0;
}

static void answer_refusal(const struct job_request *request, struct problem *problem,
                           struct err *err, struct answer *answer)
{
    if (problem->lock.node[0])
        lock_explain(&problem->lock, err);
    log_info("job=refused verb=%s nodes=\"%.200s\" actor=\"%s\" reason=\"%s\"",
             verb_name(request->verb), request->nodes, request->actor, err->text);
    problem->kind = err->kind;
    problem->status = problem_status(err->kind);
    (void)snprintf(problem->title, sizeof problem->title, "%s", err->text);
    answer_problem(answer, problem);
}

void jobs_post(struct api *api, const struct routed *routed, struct answer *answer)
{
    _cleanup_(job_request_clear) struct job_request request = {0};
    struct problem problem = {0};
    struct err err;
    char id[JOB_ID_SIZE];
    bool existing = false;
    if (request_read(routed->call, &request, &err)) {
        answer_err(answer, &err);
        return;
    }
    if (!api->ready && verb_changes_something(request.verb)) {
        (void)err_set(&err, ERR_BUSY,
                      "the agent has just started and waits for the drivers of the "
                      "one before; try again in a few seconds");
        answer_refusal(&request, &problem, &err, answer);
        return;
    }
    if (turn_submit(api->turn, &request, id, &existing, &problem, &err)) {
        answer_refusal(&request, &problem, &err, answer);
        return;
    }
    log_info("job=%s verb=%s nodes=\"%.200s\" actor=\"%s\"%s", id, verb_name(request.verb),
             request.nodes, request.actor, existing ? " key=known" : "");
    answer_job(api, routed, id, existing ? 200 : 202, answer);
    (void)snprintf(answer->location, sizeof answer->location, "/v1/jobs/%s", id);
}

void jobs_get(struct api *api, const struct routed *routed, struct answer *answer)
{
    struct job_view *views = NULL;
    size_t count = core_jobs(api->core, routed->now_ms, &views);
    if (!views) {
        answer_json(answer, 200, NULL); /* no memory; "no jobs" would be believed */
        return;
    }
    answer_json(answer, 200, job_list_encode(views, count));
    job_list_free(views, count);
}

void job_get(struct api *api, const struct routed *routed, struct answer *answer)
{
    answer_job(api, routed, routed->id, 200, answer);
}

void job_delete(struct api *api, const struct routed *routed, struct answer *answer)
{
    struct err err;
    if (turn_cancel(api->turn, routed->id, &err)) {
        answer_err(answer, &err);
        return;
    }
    log_info("job=%s cancel=asked actor=\"%s\"", routed->id, routed->call->peer->actor);
    answer_job(api, routed, routed->id, 202, answer);
}

void plan_post(struct api *api, const struct routed *routed, struct answer *answer)
{
    _cleanup_(job_request_clear) struct job_request request = {0};
    _cleanup_(freep) char *text = NULL;
    struct err err;
    if (request_read(routed->call, &request, &err) || core_plan(api->core, &request, &text, &err)) {
        answer_err(answer, &err);
        return;
    }
    answer_json(answer, 200, json_of_text("plan", text));
}

/* "4711" -> *id. 0 or -1. */
static int read_sequence(const char *text, uint64_t *id, struct err *err)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || value > INT64_MAX)
        return err_set(err, ERR_USAGE, "'%.32s' is no event id", text);
    *id = value;
    return 0;
}

/* The header of a browser that comes back wins over the parameter it began with. */
static int read_start(const struct call *call, struct stream_filter *filter, struct err *err)
{
    const char *text = call->last_event_id ? call->last_event_id : call_query(call, "after");
    if (!text)
        return 0;
    filter->replay = true;
    return read_sequence(text, &filter->after, err);
}

static void answer_stream(struct api *api, const struct routed *routed,
                          struct stream_filter *filter, struct answer *answer)
{
    struct err err;
    struct stream *stream = stream_new(api->hub, filter, routed->now_ms);
    if (!stream) {
        (void)nodeset_free(filter->nodes);
        (void)err_set(&err, ERR_SYSTEM, "out of memory for a stream of events");
        answer_err(answer, &err);
        return;
    }
    answer->status = 200;
    answer->type = "text/event-stream";
    answer->stream = stream;
}

void job_events_get(struct api *api, const struct routed *routed, struct answer *answer)
{
    _cleanup_(job_view_clear) struct job_view view = {0};
    struct stream_filter filter = {0};
    struct err err;
    if (job_find(api, routed, routed->id, &view, &err) || read_start(routed->call, &filter, &err)) {
        answer_err(answer, &err);
        return;
    }
    filter.replay = true; /* from the job's start, if the client does not say more */
    filter.question = !verb_changes_something(view.verb);
    filter.job_ended = view.done;
    memcpy(filter.job, view.id, sizeof filter.job);
    answer_stream(api, routed, &filter, answer);
}

void events_get(struct api *api, const struct routed *routed, struct answer *answer)
{
    struct stream_filter filter = {0};
    struct err err;
    const char *nodes = call_query(routed->call, "nodes");
    struct nodeset_source source = inventory_source(api->inventory);
    if (read_start(routed->call, &filter, &err) ||
        (nodes && nodeset_parse(nodes, &source, &filter.nodes, NULL, &err))) {
        answer_err(answer, &err);
        return;
    }
    answer_stream(api, routed, &filter, answer);
}
