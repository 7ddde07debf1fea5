/* admission.c - who may go on now: places among the booting, and the inrush limit.
 *
 * A place is taken before anything is done to a node, so that none waits switched off for it, and
 * given back when the node is up.  A token is taken right before each power-on, out of one bucket
 * for the whole agent, over all jobs.  It starts empty, so that an agent restarted again and again
 * cannot exceed the limit either. */
#include <stdio.h>
#include <string.h>

#include "agent/core/state.h"

enum { TOKEN = 1000 };

static bool waits_for_place(const struct task *task)
{
    return task->step->kind == STEP_PLACE;
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

/* The first in the queue that may go now; NULL: none. */
static struct task **first_admissible(struct core *core)
{
    bool place = core->booting < core->inventory->limits.booting_at_once;
    bool token = core->tokens_milli >= TOKEN;
    struct task **link = &core->queue_head;
    while (*link && !(waits_for_place(*link) ? place : token))
        link = &(*link)->next_in_queue;
    return *link ? link : NULL;
}

static bool waits_for_token(const struct core *core)
{
    const struct task *task = core->queue_head;
    while (task && waits_for_place(task))
        task = task->next_in_queue;
    return task != NULL;
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
    struct task **link;
    refill(core);
    while ((link = first_admissible(core))) {
        struct task *task = unlink_task(core, link);
        if (waits_for_place(task)) {
            task->has_place = true;
            core->booting++;
        } else {
            core->tokens_milli -= TOKEN;
        }
        task_on_turn(core, task);
    }
    uint64_t next_ms = waits_for_token(core) ? next_token(core) : UINT64_MAX;
    /* One that had its turn may have ended at once: the next wave is not to wait for another end. */
    timer_set(&core->timers, &core->turn, core->releases ? core->now_ms : next_ms);
}

void admission_queue(struct core *core, struct task *task)
{
    task->phase = TASK_QUEUES;
    task->queued_ms = core->now_ms;
    (void)snprintf(task->text, sizeof task->text, "waits for %s",
                   waits_for_place(task) ? "a place among the booting"
                                         : "its turn to be switched on");
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
    if (task->has_place) {
        task->has_place = false;
        core->booting--;
        if (core->queue_head)
            timer_set(&core->timers, &core->turn, core->now_ms);
    }
}
