/* admission.c - who may go on now: places among the booting, and the inrush limits.
 *
 * A place is taken before anything is done to a node, so that none waits switched off for it, and
 * given back when the node is up.  Right before each power-on its pacers are occupied: that of the
 * agent, over all jobs, of the device and of the circuit (pacer.h). */
#include <stdio.h>
#include <string.h>

#include "agent/core/state.h"

static bool waits_for_place(const struct task *task)
{
    return task->step->kind == STEP_PLACE;
}

static struct task *task_of(struct waiter *turn)
{
    return (struct task *)((char *)turn - offsetof(struct task, turn));
}

/* ---- what a power-on loads ---- */

/* The share of a node's inrush that one of its feeds has. */
static uint32_t share_of(const struct node *node, const struct feed *feed)
{
    size_t shares = feed == &node->control || !node->nfeeds ? 1 : node->nfeeds;
    return (uint32_t)((node->inrush_ma + shares - 1) / shares);
}

static void find_dearest(uint32_t *dearest_ma, const struct node *node, const struct feed *feed,
                         size_t circuit)
{
    uint32_t cost = feed->circuit == circuit ? share_of(node, feed) : 0;
    if (cost > *dearest_ma)
        *dearest_ma = cost;
}

static uint32_t dearest_of(const struct inventory *inventory, const char *circuit)
{
    size_t at = 0;
    uint32_t dearest_ma = 0;
    while (at < inventory->ncircuits && strcmp(inventory->circuits[at].name, circuit) != 0)
        at++;
    for (size_t i = 0; at < inventory->ncircuits && i < inventory->nnodes; i++) {
        const struct node *node = &inventory->nodes[i];
        find_dearest(&dearest_ma, node, &node->control, at);
        for (size_t j = 0; j < node->nfeeds; j++)
            find_dearest(&dearest_ma, node, &node->feeds[j], at);
    }
    return dearest_ma;
}

/* The target is frozen, its circuit's limits are not: what a reload made of them since holds for all.
 * Of one that is gone the old ones hold. The stagger is a setting of its device, which no reload
 * changes under a job (core_may_reload()). */
static void take_limits_of_today(const struct inventory *inventory, struct load *load)
{
    for (size_t i = 0; load->circuit[0] && i < inventory->ncircuits; i++)
        if (!strcmp(inventory->circuits[i].name, load->circuit)) {
            load->per_second = inventory->circuits[i].per_second;
            load->milliamps = inventory->circuits[i].milliamps;
        }
}

void admission_load(const struct pace *pace, const struct inventory *inventory,
                    const struct target *target, bool reloaded, struct load *load)
{
    *load = (struct load){.stagger_ms = target->stagger_ms,
                          .per_second = target->circuit_per_second,
                          .milliamps = target->circuit_milliamps,
                          .inrush_ma = target->inrush_ma};
    memcpy(load->device, target->device, NAME_SIZE);
    memcpy(load->circuit, target->circuit, NAME_SIZE);
    if (reloaded)
        take_limits_of_today(inventory, load);
    if (load->milliamps && !pace_knows_current(pace, load->circuit))
        load->dearest_ma = dearest_of(inventory, load->circuit);
}

void admission_reload(struct core *core)
{
    const struct inventory *inventory = core->inventory;
    pace_limit_agent(&core->pace, inventory->limits.power_on_per_second, 1000 * core->now_ms);
    for (size_t i = 0; i < inventory->ndevices; i++)
        pace_limit_device(&core->pace, inventory->devices[i].config.device,
                          inventory->devices[i].stagger_ms);
    for (size_t i = 0; i < inventory->ncircuits; i++)
        pace_limit_circuit(&core->pace, inventory->circuits[i].name,
                           inventory->circuits[i].per_second, inventory->circuits[i].milliamps);
}

/* ---- the queues ---- */

static void queue_for_place(struct core *core, struct task *task)
{
    task->next_in_queue = NULL;
    *core->queue_tail = task;
    core->queue_tail = &task->next_in_queue;
}

static void queue_for_turn(struct core *core, struct task *task)
{
    struct load load;
    uint64_t now_us = 1000 * core->now_ms;
    bool reloaded = task->job->reloads != core->reloads;
    admission_load(&core->pace, core->inventory, task_next_on(task), reloaded, &load);
    bool dark = task->bringing_on;
    if (pace_wait(&core->pace, &task->turn, &load, dark, now_us))
        core_no_memory();
}

static void leave_places(struct core *core, struct task **link)
{
    struct task *task = *link;
    *link = task->next_in_queue;
    if (core->queue_tail == &task->next_in_queue)
        core->queue_tail = link;
    task->next_in_queue = NULL;
}

/* NULL: nobody may now, and *due_us is when to look again. */
static struct task *next_to_go(struct core *core, uint64_t *due_us)
{
    struct task *task = core->queue_head;
    if (task && core->booting < core->inventory->limits.booting_at_once) {
        leave_places(core, &core->queue_head);
        task->has_place = true;
        core->booting++;
        return task;
    }
    struct waiter *turn = pace_next(&core->pace, 1000 * core->now_ms, due_us, NULL);
    return turn ? task_of(turn) : NULL;
}

void admission_run(struct core *core)
{
    struct task *task;
    uint64_t due_us;
    while ((task = next_to_go(core, &due_us)))
        task_on_turn(core, task);
    uint64_t due_ms = due_us == UINT64_MAX ? UINT64_MAX : (due_us + 999) / 1000;
    /* One that had its turn may have ended at once: the next wave is not to wait for another end. */
    timer_set(&core->timers, &core->turn, core->releases ? core->now_ms : due_ms);
}

void admission_queue(struct core *core, struct task *task)
{
    task->phase = TASK_QUEUES;
    task->queued_ms = core->now_ms;
    (void)snprintf(task->text, sizeof task->text, "waits for %s",
                   waits_for_place(task) ? "a place among the booting"
                                         : "its turn to be switched on");
    timer_set(&core->timers, &task->timer, UINT64_MAX);
    if (waits_for_place(task))
        queue_for_place(core, task);
    else
        queue_for_turn(core, task);
    /* At the next tick, not here: a task may be in the middle of its step. */
    timer_set(&core->timers, &core->turn, core->now_ms);
}

void admission_leave(struct core *core, struct task *task)
{
    pace_leave(&core->pace, &task->turn);
    if (task->phase == TASK_QUEUES)
        for (struct task **link = &core->queue_head; *link; link = &(*link)->next_in_queue)
            if (*link == task) {
                leave_places(core, link);
                break;
            }
    if (task->has_place) {
        task->has_place = false;
        core->booting--;
        if (core->queue_head)
            timer_set(&core->timers, &core->turn, core->now_ms);
    }
}
