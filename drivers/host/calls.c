#include "drivers/host/calls.h"

#include <stdlib.h>

#include <uthash.h>

struct call {
    uint64_t id, deadline_ms;
    char device[NAME_SIZE];
    enum op op;
    uint32_t budget_ms;
    UT_hash_handle hh;
};

void calls_init(struct calls *calls)
{
    *calls = (struct calls){.next = UINT64_MAX};
}

static struct call *find(struct calls *calls, uint64_t id)
{
    struct call *call;
    HASH_FIND(hh, calls->by_id, &id, sizeof id, call);
    return call;
}

int calls_add(struct calls *calls, const struct driver_request *request, uint64_t now_ms,
              struct err *err)
{
    if (find(calls, request->id))
        return err_set(err, ERR_USAGE, "request %llu is in flight already",
                       (unsigned long long)request->id);
    if (calls->count == CALLS_MAX)
        return err_set(err, ERR_LIMIT, "%s: %d requests are in flight in this driver",
                       request->device, CALLS_MAX);
    struct call *call = calloc(1, sizeof *call);
    if (!call)
        return err_set(err, ERR_SYSTEM, "%s: no memory for a request", request->device);
    call->id = request->id;
    call->deadline_ms = now_ms + request->budget_ms;
    call->op = request->op;
    call->budget_ms = request->budget_ms;
    memcpy(call->device, request->device, sizeof call->device);
    HASH_ADD(hh, calls->by_id, id, sizeof call->id, call);
    calls->count++;
    if (call->deadline_ms < calls->next)
        calls->next = call->deadline_ms;
    return 0;
}

static void drop(struct calls *calls, struct call *call)
{
    HASH_DEL(calls->by_id, call);
    free(call);
    calls->count--;
}

bool calls_take(struct calls *calls, uint64_t id)
{
    struct call *call = find(calls, id);
    if (call)
        drop(calls, call);
    return call != NULL;
}

bool calls_expire(struct calls *calls, uint64_t now_ms, struct driver_reply *reply)
{
    if (now_ms < calls->next)
        return false;
    struct call *call, *next;
    calls->next = UINT64_MAX;
    HASH_ITER(hh, calls->by_id, call, next)
    {
        if (call->deadline_ms > now_ms) {
            if (call->deadline_ms < calls->next)
                calls->next = call->deadline_ms;
            continue;
        }
        *reply = (struct driver_reply){.id = call->id, .op = call->op};
        err_set_sent(
            &reply->err, ERR_TIMEOUT, op_changes_something(call->op) ? SENT_MAYBE : SENT_NO,
            "%s: %s: no answer within %u ms", call->device, op_name(call->op), call->budget_ms);
        drop(calls, call);
        calls->next = now_ms; /* the rest was not looked at */
        return true;
    }
    return false;
}

void calls_clear(struct calls *calls)
{
    struct call *call, *next;
    HASH_ITER(hh, calls->by_id, call, next)
    drop(calls, call);
}
