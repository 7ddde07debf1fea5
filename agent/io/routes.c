#include <string.h>
#include <strings.h>

#include "agent/io/api.h"
#include "agent/io/clock.h"
#include "agent/io/routes.h"
#include "proto/cleanup.h"

/* clang-format off */
static const struct route routes[] = {
    {"GET",    "/v1/version",          version_get,    false, {0}},
    {"GET",    "/v1/nodes",            nodes_get,      false, {"nodes"}},
    {"GET",    "/v1/outlets",          outlets_get,    false, {"pdu"}},
    {"GET",    "/v1/jobs",             jobs_get,       false, {0}},
    {"POST",   "/v1/jobs",             jobs_post,      true,  {0}},
    {"GET",    "/v1/jobs/{id}",        job_get,        false, {0}},
    {"DELETE", "/v1/jobs/{id}",        job_delete,     true,  {0}},
    {"GET",    "/v1/jobs/{id}/events", job_events_get, false, {"after"}},
    {"GET",    "/v1/events",           events_get,     false, {"nodes", "after"}},
    {"POST",   "/v1/plan",             plan_post,      false, {0}},
    {"GET",    "/v1/history",          history_get,    false, {"nodes", "since", "limit", "all"}},
    {"GET",    "/v1/locks",            locks_get,      false, {"nodes"}},
    {"POST",   "/v1/locks",            locks_post,     true,  {0}},
    {"DELETE", "/v1/locks",            locks_delete,   true,  {"nodes", "steal", "for"}},
    {"GET",    "/metrics",             metrics_get,    false, {0}},
    {"GET",    "/healthz",             healthz_get,    false, {0}},
};
/* clang-format on */

/* "/v1/jobs/{id}/events" against a path; what stands for {id} goes to `id`. */
static bool path_matches(const char *pattern, const char *path, char id[JOB_ID_SIZE])
{
    for (; *pattern; pattern++, path++) {
        if (!strncmp(pattern, "{id}", 4)) {
            size_t length = strcspn(path, "/");
            if (length == 0 || length >= JOB_ID_SIZE)
                return false;
            memcpy(id, path, length);
            id[length] = '\0';
            path += length;
            pattern += 4;
            if (!*pattern)
                break;
        }
        if (*pattern != *path)
            return false;
    }
    return !*path;
}

void answer_json(struct answer *answer, int status, char *json)
{
    if (!json) {
        struct err err;
        (void)err_set(&err, ERR_SYSTEM, "out of memory for the answer");
        answer_err(answer, &err);
        return;
    }
    answer->status = status;
    answer->type = "application/json";
    answer->body = json;
    answer->size = strlen(json);
}

void answer_problem(struct answer *answer, const struct problem *problem)
{
    char *json = problem_encode(problem);
    answer->status = problem->status;
    answer->type = "application/problem+json";
    answer->body = json;
    answer->size = json ? strlen(json) : 0;
}

void answer_err(struct answer *answer, const struct err *err)
{
    struct problem problem = {.kind = err->kind, .status = problem_status(err->kind)};
    (void)snprintf(problem.title, sizeof problem.title, "%s", err->text);
    answer_problem(answer, &problem);
}

static void answer_status(struct answer *answer, enum err_kind kind, int status, const char *title)
{
    struct problem problem = {.kind = kind, .status = status};
    (void)snprintf(problem.title, sizeof problem.title, "%s", title);
    answer_problem(answer, &problem);
}

const char *call_query(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->nqueries; i++)
        if (!strcmp(call->queries[i].name, name))
            return call->queries[i].value;
    return NULL;
}

static bool queries_known(const struct route *route, const struct call *call, struct err *err)
{
    for (size_t i = 0; i < call->nqueries; i++) {
        const char *name = call->queries[i].name;
        bool known = false;
        for (size_t k = 0; k < ARRAY_SIZE(route->queries) && route->queries[k]; k++)
            known = known || !strcmp(name, route->queries[k]);
        if (!known)
            return err_set(err, ERR_USAGE, "%s takes no parameter '%s'", route->path, name) == 0;
    }
    return true;
}

static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    return type && !strncasecmp(type, json, sizeof json - 1) &&
           (type[sizeof json - 1] == '\0' || strchr("; \t", type[sizeof json - 1]));
}

static void run_route(struct api *api, const struct route *route, struct routed *routed,
                      struct answer *answer)
{
    const struct call *call = routed->call;
    struct err err;
    if (route->changes && !call->peer->may_change) {
        (void)err_set(&err, ERR_DENIED, "%s may not do that: root and the agent's group may",
                      call->peer->actor);
        answer_err(answer, &err);
    } else if (!strcmp(call->method, "POST") && !is_json(call->content_type)) {
        answer_status(answer, ERR_USAGE, 415, "the body must be Content-Type: application/json");
    } else if (strlen(call->body) != call->body_size) {
        answer_status(answer, ERR_USAGE, 400, "the body holds a NUL");
    } else if (!queries_known(route, call, &err)) {
        answer_err(answer, &err);
    } else {
        route->run(api, routed, answer);
    }
}

void api_handle(void *arg, const struct call *call, struct answer *answer)
{
    struct api *api = arg;
    struct routed routed = {.call = call, .now_ms = clock_now_ms()};
    static const char *const with_get[] = {"GET", "GET, POST", "GET, DELETE", "GET, POST, DELETE"};
    const char *allow = NULL;
    unsigned methods = 0; /* beside GET, which comes first where there is one */
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
        if (!path_matches(routes[i].path, call->path, routed.id))
            continue;
        if (!strcmp(routes[i].method, call->method)) {
            run_route(api, &routes[i], &routed, answer);
            return;
        }
        methods |= !strcmp(routes[i].method, "POST")     ? 1U
                   : !strcmp(routes[i].method, "DELETE") ? 2U
                                                         : 0;
        allow = !strcmp(routes[i].method, "GET") || allow ? with_get[methods] : routes[i].method;
    }
    answer->allow = allow;
    if (allow)
        answer_status(answer, ERR_USAGE, 405, "this path does not take that method");
    else
        answer_status(answer, ERR_NOT_FOUND, 404, "there is no such path");
}
