/* Routes that show, take and release locks. */
#include <stdlib.h>
#include <string.h>

#include "agent/io/locks.h"
#include "agent/io/log.h"
#include "agent/io/routes.h"
#include "proto/cleanup.h"

void locks_get(struct api *api, const struct routed *routed, struct answer *answer)
{
    _cleanup_(freep) struct lock_view *locks = NULL;
    size_t count = 0;
    struct err err;
    if (core_locks(api->core, call_query(routed->call, "nodes"), routed->now_ms, &locks, &count,
                   &err)) {
        answer_err(answer, &err);
        return;
    }
    answer_json(answer, 200, lock_list_encode(locks, count));
}

static void answer_refused(const struct lock_request *request, struct problem *problem,
                           const struct err *err, struct answer *answer)
{
    log_info("locks=refused nodes=\"%.200s\" actor=\"%s\" reason=\"%s\"",
             request->nodes ? request->nodes : "", request->actor, err->text);
    problem->kind = err->kind;
    problem->status = problem_status(err->kind);
    (void)snprintf(problem->title, sizeof problem->title, "%s", err->text);
    answer_problem(answer, problem);
}

/* Before the agent is ready, jobs of the run before may not be known yet. */
static int refuse_early(const struct api *api, struct err *err)
{
    if (api->ready)
        return 0;
    return err_set(err, ERR_BUSY,
                   "the agent has just started and looks after what the one before "
                   "left; try again in a few seconds");
}

void locks_post(struct api *api, const struct routed *routed, struct answer *answer)
{
    _cleanup_(lock_request_clear) struct lock_request request = {0};
    _cleanup_(freep) struct lock_view *locks = NULL;
    struct problem problem = {0};
    size_t count = 0;
    struct err err;
    if (lock_request_decode(routed->call->body, &request, &err)) {
        answer_err(answer, &err);
        return;
    }
    (void)snprintf(request.actor, sizeof request.actor, "%s", routed->call->peer->actor);
    if (refuse_early(api, &err) ||
        locks_take(api->locks, &request, &locks, &count, &problem, &err)) {
        answer_refused(&request, &problem, &err, answer);
        return;
    }
    answer_json(answer, 200, lock_list_encode(locks, count));
}

static int read_release(const struct call *call, struct lock_request *request, struct err *err)
{
    const char *nodes = call_query(call, "nodes"), *steal = call_query(call, "steal");
    const char *on_behalf = call_query(call, "for");
    if (!nodes || !*nodes)
        return err_set(err, ERR_USAGE, "'nodes' is missing: which are to be unlocked");
    if (steal && strcmp(steal, "true") != 0 && strcmp(steal, "false") != 0)
        return err_set(err, ERR_USAGE, "'steal' must be true or false");
    if (on_behalf && lock_check_for(on_behalf, err))
        return -1;
    if (on_behalf)
        memcpy(request->on_behalf, on_behalf, strlen(on_behalf));
    (void)snprintf(request->actor, sizeof request->actor, "%s", call->peer->actor);
    request->steal = steal && *steal == 't';
    request->nodes = strdup(nodes);
    return request->nodes ? 0 : err_set(err, ERR_SYSTEM, "out of memory");
}

void locks_delete(struct api *api, const struct routed *routed, struct answer *answer)
{
    _cleanup_(lock_request_clear) struct lock_request request = {0};
    _cleanup_(freep) struct lock_view *locks = NULL;
    struct problem problem = {0};
    size_t count = 0;
    struct err err;
    if (read_release(routed->call, &request, &err) || refuse_early(api, &err) ||
        locks_release(api->locks, &request, &locks, &count, &problem, &err)) {
        answer_refused(&request, &problem, &err, answer);
        return;
    }
    answer_json(answer, 200, lock_list_encode(locks, count));
}
