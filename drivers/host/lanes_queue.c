#include "drivers/host/lanes_queue.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

int lanes_queue_add(struct lanes_queue *queue, const struct driver_request *request,
                    uint64_t now_ms, size_t max, struct err *err)
{
    if (queue->count >= max)
        return err_set(err, ERR_LIMIT, "%s: %s: %zu requests wait in its line already",
                       request->device, op_name(request->op), max);
    struct waiting *entry = malloc(sizeof *entry);
    if (!entry)
        return err_set(err, ERR_SYSTEM, "%s: no memory for a request", request->device);
    *entry = (struct waiting){
        .request = *request, .deadline_ms = now_ms + request->budget_ms, .place = ++queue->arrived};
    if (op_changes_something(request->op))
        DL_APPEND(queue->commands, entry);
    else
        DL_APPEND(queue->questions, entry);
    if (!queue->count++ || entry->deadline_ms < queue->next_ms)
        queue->next_ms = entry->deadline_ms;
    return 0;
}

static void take(struct lanes_queue *queue, struct waiting *entry, struct waiting *out)
{
    if (op_changes_something(entry->request.op))
        DL_DELETE(queue->commands, entry);
    else
        DL_DELETE(queue->questions, entry);
    queue->count--;
    *out = *entry;
    free(entry);
}

bool lanes_queue_take(struct lanes_queue *queue, struct waiting *out)
{
    struct waiting *first = queue->commands ? queue->commands : queue->questions;
    if (first)
        take(queue, first, out);
    return first != NULL;
}

/* What those who pick look for. */
struct wanted {
    uint64_t place, now_ms;
    const char *device;
};

static bool came_until(const struct waiting *entry, const struct wanted *wanted)
{
    return entry->place <= wanted->place;
}

static bool is_of(const struct waiting *entry, const struct wanted *wanted)
{
    return !strcmp(entry->request.device, wanted->device);
}

static bool is_over(const struct waiting *entry, const struct wanted *wanted)
{
    return entry->deadline_ms <= wanted->now_ms;
}

static bool pick(struct lanes_queue *queue,
                 bool (*fits)(const struct waiting *, const struct wanted *),
                 const struct wanted *wanted, struct waiting *out)
{
    struct waiting *lists[] = {queue->commands, queue->questions}, *entry;
    for (size_t i = 0; i < 2; i++)
        DL_FOREACH(lists[i], entry)
    if (fits(entry, wanted)) {
        take(queue, entry, out);
        return true;
    }
    return false;
}

bool lanes_queue_take_until(struct lanes_queue *queue, uint64_t place, struct waiting *out)
{
    return pick(queue, came_until, &(struct wanted){.place = place}, out);
}

bool lanes_queue_take_of(struct lanes_queue *queue, const char *device, struct waiting *out)
{
    return pick(queue, is_of, &(struct wanted){.device = device}, out);
}

static uint64_t earliest(const struct waiting *list)
{
    uint64_t deadline_ms = UINT64_MAX;
    const struct waiting *entry;
    DL_FOREACH(list, entry)
    if (entry->deadline_ms < deadline_ms)
        deadline_ms = entry->deadline_ms;
    return deadline_ms;
}

bool lanes_queue_expire(struct lanes_queue *queue, uint64_t now_ms, struct waiting *out)
{
    if (!queue->count || now_ms < queue->next_ms)
        return false;
    if (pick(queue, is_over, &(struct wanted){.now_ms = now_ms}, out))
        return true;
    uint64_t commands_ms = earliest(queue->commands), questions_ms = earliest(queue->questions);
    queue->next_ms = commands_ms < questions_ms ? commands_ms : questions_ms;
    return false;
}

uint64_t lanes_queue_deadline(const struct lanes_queue *queue)
{
    return queue->count ? queue->next_ms : UINT64_MAX;
}
