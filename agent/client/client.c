/* The calls that ask once and get one answer. */
#include "agent/client/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/client/http.h"
#include "proto/api_time.h"
#include "proto/cleanup.h"

static int post(struct client *client, const char *path, const struct job_request *request,
                struct http_answer *answer, struct problem *problem, struct err *err)
{
    *problem = (struct problem){0};
    _cleanup_(freep) char *json = job_request_encode(request);
    if (!json)
        return err_set(err, ERR_SYSTEM, "out of memory");
    if (http_exchange(client, "POST", path, json, answer, err))
        return -1;
    return http_refusal(answer, problem, err);
}

/* Every document that cannot be read is the agent's fault, whatever was wrong with it. */
static int misread(const char *what, struct err *err)
{
    return err_prefix(err, "cannot read the agent's answer about %s", what);
}

int client_submit(struct client *client, const struct job_request *request, char id[JOB_ID_SIZE],
                  bool *existing, struct problem *problem, struct err *err)
{
    _cleanup_(http_answer_clear) struct http_answer answer = {0};
    _cleanup_(job_view_clear) struct job_view view = {0};
    if (post(client, "/v1/jobs", request, &answer, problem, err))
        return -1;
    if (job_view_decode(answer.body, &view, err))
        return misread("the new job", err);
    memcpy(id, view.id, JOB_ID_SIZE);
    *existing = answer.status == 200;
    return 0;
}

int client_plan(struct client *client, const struct job_request *request, char **text,
                struct problem *problem, struct err *err)
{
    _cleanup_(http_answer_clear) struct http_answer answer = {0};
    if (post(client, "/v1/plan", request, &answer, problem, err))
        return -1;
    return plan_decode(answer.body, text, err) ? misread("the plan", err) : 0;
}

/* GET or DELETE of path + escaped text. */
static int ask(struct client *client, const char *method, const char *path, const char *text,
               struct http_answer *answer, struct err *err)
{
    _cleanup_(freep) char *whole = http_path(path, text);
    if (!whole)
        return err_set(err, ERR_SYSTEM, "out of memory");
    if (http_exchange(client, method, whole, NULL, answer, err))
        return -1;
    return http_refusal(answer, NULL, err);
}

int client_job(struct client *client, const char *id, struct job_view *view, struct err *err)
{
    _cleanup_(http_answer_clear) struct http_answer answer = {0};
    if (ask(client, "GET", "/v1/jobs/", id, &answer, err))
        return -1;
    if (job_view_decode(answer.body, view, err))
        return misread("a job", err);
    if (view->nodes || !view->nnodes)
        return 0;
    job_view_clear(view);
    (void)err_set(err, ERR_PROTOCOL, "its nodes are missing");
    return misread("a job", err);
}

int client_cancel(struct client *client, const char *id, bool *too_late, struct err *err)
{
    _cleanup_(http_answer_clear) struct http_answer answer = {0};
    _cleanup_(job_view_clear) struct job_view view = {0};
    if (ask(client, "DELETE", "/v1/jobs/", id, &answer, err))
        return -1;
    if (job_view_decode(answer.body, &view, err))
        return misread("the job", err);
    /* A job without a node that was running ends in the same moment; it is marked. */
    *too_late = view.done && !job_view_count(&view, OUTCOME_CANCELLED) && !view.cancelling;
    return 0;
}

int client_jobs(struct client *client, struct job_view **views, size_t *count, struct err *err)
{
    _cleanup_(http_answer_clear) struct http_answer answer = {0};
    if (ask(client, "GET", "/v1/jobs", "", &answer, err))
        return -1;
    return job_list_decode(answer.body, views, count, err) ? misread("jobs", err) : 0;
}

int client_nodes(struct client *client, const char *expression, struct node_view **views,
                 size_t *count, char **folded, char **warning, struct err *err)
{
    _cleanup_(http_answer_clear) struct http_answer answer = {0};
    if (ask(client, "GET", "/v1/nodes?nodes=", expression, &answer, err))
        return -1;
    if (node_list_decode(answer.body, views, count, folded, warning, err))
        return misread("nodes", err);
    return 0;
}

int client_outlets(struct client *client, const char *pdu, struct outlet_view **views,
                   size_t *count, struct err *err)
{
    _cleanup_(http_answer_clear) struct http_answer answer = {0};
    if (ask(client, "GET", pdu ? "/v1/outlets?pdu=" : "/v1/outlets", pdu ? pdu : "", &answer, err))
        return -1;
    return outlet_list_decode(answer.body, views, count, err) ? misread("outlets", err) : 0;
}

int client_history(struct client *client, const struct history_query *query,
                   struct job_event **events, size_t *count, struct err *err)
{
    char since[TIME_TEXT_SIZE] = "", path[128];
    if (query->since_unix_ms)
        time_format(query->since_unix_ms, since);
    (void)snprintf(path, sizeof path, "/v1/history?limit=%u%s%s%s&nodes=", query->limit,
                   *since ? "&since=" : "", since, query->all ? "&all=true" : "");
    _cleanup_(http_answer_clear) struct http_answer answer = {0};
    if (ask(client, "GET", path, query->nodes, &answer, err))
        return -1;
    return event_list_decode(answer.body, events, count, err) ? misread("history", err) : 0;
}

int client_version(struct client *client, char version[32], struct err *err)
{
    _cleanup_(http_answer_clear) struct http_answer answer = {0};
    if (ask(client, "GET", "/v1/version", "", &answer, err))
        return -1;
    return version_decode(answer.body, version, err) ? misread("its version", err) : 0;
}
