/* admission.c - who may switch on now: the inrush limit, and the places among the booting.
 *
 * One bucket of power-on tokens for the whole agent, over all jobs.  It starts empty, so that an
 * agent restarted again and again cannot exceed the limit either. */
#include <stdio.h>
#include <string.h>

#include "agent/core/state.h"

enum { TOKEN = 1000 };

static bool needs_place(const struct task *task)
{
    return !task->bringing_on && !task->has_turn &&
           verb_boots_network(task->job->request.verb, &task->job->request.options);
}

static void refill(struct core *core)
{
    uint64_t rate = core->inventory->limits.power_on_per_second;
    /* No more than one is saved up (or a millisecond's worth): a full bucket let twice the limit
     * go within its first second. */
    uint64_t most = rate > TOKEN ? rate : TOKEN;
    core->tokens_milli += (core->now_ms - core->tokens_ms) * rate;
    core->tokens_ms = core->now_ms;
    if (core->tokens_milli > most)
        core->tokens_milli = most;
}

static uint64_t next_token(const struct core *core)
{
    uint64_t rate = core->inventory->limits.power_on_per_second;
    return core->now_ms + (TOKEN - core->tokens_milli + rate - 1) / rate;
}

/* The first in the queue that may go: those that boot from the network wait for a place. */
static struct task **first_admissible(struct core *core)
{
    bool place = core->booting < core->inventory->limits.booting_at_once;
    struct task **link = &core->queue_head;
    while (*link && !place && needs_place(*link))
        link = &(*link)->next_in_queue;
    return *link ? link : NULL;
}

static struct task *unlink_task(struct core *core, struct task **link)
{
    struct task *task = *link;
    *link = task->next_in_queue;
    if (core->queue_tail == &task->next_in_queue)
        core->queue_tail = link;
    task->next_in_queue = NULL;
    return task;
}

void admission_run(struct core *core)
{
    refill(core);
    for (;;) {
        struct task **link = first_admissible(core);
        if (!link) {
            timer_set(&core->timers, &core->turn, UINT64_MAX);
            return;
        }
        if (core->tokens_milli < TOKEN) {
            timer_set(&core->timers, &core->turn, next_token(core));
            return;
        }
        core->tokens_milli -= TOKEN;
        struct task *task = unlink_task(core, link);
        if (needs_place(task)) {
            task->has_turn = true;
            core->booting++;
        }
        task_on_turn(core, task);
    }
}

void admission_queue(struct core *core, struct task *task)
{
    task->phase = TASK_QUEUES;
    task->queued_ms = core->now_ms;
    (void)snprintf(task->text, sizeof task->text, "waits for its turn to be switched on");
    timer_set(&core->timers, &task->timer, UINT64_MAX);
    if (task->bringing_on) { /* a dark node goes first */
        task->next_in_queue = core->queue_head;
        if (!core->queue_head)
            core->queue_tail = &task->next_in_queue;
        core->queue_head = task;
    } else {
        task->next_in_queue = NULL;
        *core->queue_tail = task;
        core->queue_tail = &task->next_in_queue;
    }
    /* At the next tick, not here: a task may be in the middle of its step. */
    timer_set(&core->timers, &core->turn, core->now_ms);
}

void admission_leave(struct core *core, struct task *task)
{
    if (task->phase == TASK_QUEUES)
        for (struct task **link = &core->queue_head; *link; link = &(*link)->next_in_queue)
            if (*link == task) {
                (void)unlink_task(core, link);
                break;
            }
    if (task->has_turn) {
        task->has_turn = false;
        core->booting--;
        if (core->queue_head)
            timer_set(&core->timers, &core->turn, core->now_ms);
    }
}
