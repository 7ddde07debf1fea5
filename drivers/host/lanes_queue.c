#include "drivers/host/lanes_queue.h"

#include <stdlib.h>
#include <utlist.h>

int lanes_queue_add(struct lanes_queue *queue, const struct driver_request *request,
                    uint64_t now_ms, size_t max, struct err *err)
{
    if (queue->count >= max)
        return err_set(err, ERR_LIMIT, "%s: %zu requests wait for it already", request->device,
                       max);
    struct waiting *entry = malloc(sizeof *entry);
    if (!entry)
        return err_set(err, ERR_SYSTEM, "%s: no memory for a request", request->device);
    *entry = (struct waiting){.request = *request, .deadline_ms = now_ms + request->budget_ms};
    if (op_changes_something(request->op))
        DL_APPEND(queue->commands, entry);
    else
        DL_APPEND(queue->questions, entry);
    queue->count++;
    return 0;
}

static void take(struct lanes_queue *queue, struct waiting **list, struct waiting *entry,
                 struct waiting *out)
{
    DL_DELETE(*list, entry);
    queue->count--;
    *out = *entry;
    free(entry);
}

bool lanes_queue_take(struct lanes_queue *queue, struct waiting *out)
{
    struct waiting **list = queue->commands ? &queue->commands : &queue->questions;
    if (!*list)
        return false;
    take(queue, list, *list, out);
    return true;
}

static bool expire(struct lanes_queue *queue, struct waiting **list, uint64_t now_ms,
                   struct waiting *out)
{
    struct waiting *entry;
    DL_FOREACH(*list, entry)
    if (entry->deadline_ms <= now_ms) {
        take(queue, list, entry, out);
        return true;
    }
    return false;
}

bool lanes_queue_expire(struct lanes_queue *queue, uint64_t now_ms, struct waiting *out)
{
    return expire(queue, &queue->commands, now_ms, out) ||
           expire(queue, &queue->questions, now_ms, out);
}

uint64_t lanes_queue_deadline(const struct lanes_queue *queue)
{
    uint64_t deadline_ms = UINT64_MAX;
    const struct waiting *entry;
    DL_FOREACH(queue->commands, entry)
    if (entry->deadline_ms < deadline_ms)
        deadline_ms = entry->deadline_ms;
    DL_FOREACH(queue->questions, entry)
    if (entry->deadline_ms < deadline_ms)
        deadline_ms = entry->deadline_ms;
    return deadline_ms;
}
