#include "drivers/ipmi/queue.h"

bool queue_put(struct queue *queue, struct operation *operation)
{
    if (queue->count == QUEUE_MAX)
        return false;
    bool command = op_changes_something(operation->request.op);
    struct operation **place = &queue->first;
    while (*place && (!command || op_changes_something((*place)->request.op)))
        place = &(*place)->next;
    operation->next = *place;
    *place = operation;
    queue->count++;
    return true;
}

static struct operation *take(struct queue *queue, struct operation **place)
{
    struct operation *operation = *place;
    *place = operation->next;
    operation->next = NULL;
    queue->count--;
    return operation;
}

struct operation *queue_take(struct queue *queue)
{
    return queue->first ? take(queue, &queue->first) : NULL;
}

uint64_t queue_deadline(const struct queue *queue)
{
    uint64_t first = UINT64_MAX;
    for (const struct operation *o = queue->first; o; o = o->next)
        if (o->deadline_ms < first)
            first = o->deadline_ms;
    return first;
}

struct operation *queue_take_late(struct queue *queue, uint64_t now_ms)
{
    for (struct operation **place = &queue->first; *place; place = &(*place)->next)
        if ((*place)->deadline_ms <= now_ms)
            return take(queue, place);
    return NULL;
}
