/* The calls about locks. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/client/client.h"
#include "agent/client/http.h"
#include "proto/cleanup.h"

static int take_list(struct http_answer *answer, struct lock_view **locks, size_t *count,
                     struct err *err)
{
    if (lock_list_decode(answer->body, locks, count, err))
        return err_prefix(err, "cannot read the agent's answer about locks");
    return 0;
}

static int exchange(struct client *client, const char *method, char *path, const char *json,
                    struct lock_view **locks, size_t *count, struct err *err)
{
    _cleanup_(http_answer_clear) struct http_answer answer = {0};
    if (!path)
        return err_set(err, ERR_SYSTEM, "out of memory");
    if (http_exchange(client, method, path, json, &answer, err) || http_refusal(&answer, NULL, err))
        return -1;
    return take_list(&answer, locks, count, err);
}

int client_locks(struct client *client, const char *nodes, struct lock_view **locks, size_t *count,
                 struct err *err)
{
    _cleanup_(freep) char *path =
        http_path(nodes ? "/v1/locks?nodes=" : "/v1/locks", nodes ? nodes : "");
    return exchange(client, "GET", path, NULL, locks, count, err);
}

int client_lock(struct client *client, const struct lock_request *request, struct lock_view **taken,
                size_t *count, struct err *err)
{
    _cleanup_(freep) char *path = http_path("/v1/locks", "");
    _cleanup_(freep) char *json = lock_request_encode(request);
    if (!json)
        return err_set(err, ERR_SYSTEM, "out of memory");
    return exchange(client, "POST", path, json, taken, count, err);
}

int client_unlock(struct client *client, const struct lock_request *request,
                  struct lock_view **released, size_t *count, struct err *err)
{
    _cleanup_(freep) char *nodes = http_path("/v1/locks?nodes=", request->nodes);
    _cleanup_(freep) char *on_behalf =
        http_path(*request->on_behalf ? "&for=" : "", request->on_behalf);
    char *whole = NULL;
    if (!nodes || !on_behalf ||
        asprintf(&whole, "%s%s%s", nodes, on_behalf, request->steal ? "&steal=true" : "") < 0)
        whole = NULL;
    _cleanup_(freep) char *path = whole;
    return exchange(client, "DELETE", path, NULL, released, count, err);
}
