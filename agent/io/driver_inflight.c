#include "agent/io/driver_inflight.h"

#include <stdlib.h>

#include <uthash.h>

struct inflight_row {
    uint64_t id;
    struct inflight_request entry;
    UT_hash_handle hh;
};

struct inflight_answer {
    struct driver_reply reply;
    struct inflight_answer *next;
};

/* A request that cannot be answered would leave a job waiting for ever, with a node perhaps off:
 * an agent without memory ends here, and its journal tells the next one where it was. */
static void *must_have(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        abort();
    return memory;
}

static struct inflight_row *find(struct inflight *table, uint64_t id)
{
    struct inflight_row *row;
    HASH_FIND(hh, table->rows, &id, sizeof id, row);
    return row;
}

struct inflight_request *inflight_add(struct inflight *table, const struct driver_request *request,
                                      uint64_t deadline_ms)
{
    if (find(table, request->id))
        return NULL;
    struct inflight_row *row = must_have(sizeof *row);
    row->id = request->id;
    row->entry = (struct inflight_request){.request = *request, .deadline_ms = deadline_ms};
    HASH_ADD(hh, table->rows, id, sizeof row->id, row);
    table->count++;
    return &row->entry;
}

bool inflight_take(struct inflight *table, uint64_t id, struct driver_request *out)
{
    struct inflight_row *row = find(table, id);
    if (!row)
        return false;
    *out = row->entry.request;
    HASH_DEL(table->rows, row);
    free(row);
    table->count--;
    return true;
}

void inflight_answer(struct inflight *table, const struct driver_request *request,
                     const struct err *err)
{
    struct inflight_answer *answer = must_have(sizeof *answer);
    answer->reply = (struct driver_reply){.id = request->id, .op = request->op, .err = *err};
    if (!table->answers)
        table->answers = answer;
    else
        table->last->next = answer;
    table->last = answer;
    table->nanswers++;
}

bool inflight_next_answer(struct inflight *table, struct driver_reply *out)
{
    struct inflight_answer *answer = table->answers;
    if (!answer)
        return false;
    *out = answer->reply;
    table->answers = answer->next;
    table->nanswers--;
    free(answer);
    return true;
}

void inflight_each(struct inflight *table, inflight_fn each, void *arg)
{
    struct inflight_row *row, *next;
    HASH_ITER(hh, table->rows, row, next)
    {
        each(arg, &row->entry);
    }
}

size_t inflight_written(const struct inflight *table)
{
    size_t count = 0;
    struct inflight_row *row;
    for (row = table->rows; row; row = row->hh.next)
        count += row->entry.written;
    return count;
}

void inflight_clear(struct inflight *table)
{
    struct driver_reply dropped;
    struct inflight_row *row, *next;
    HASH_ITER(hh, table->rows, row, next)
    {
        HASH_DEL(table->rows, row);
        free(row);
    }
    table->count = 0;
    while (inflight_next_answer(table, &dropped))
        continue;
}
