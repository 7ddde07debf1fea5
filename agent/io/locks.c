#include "agent/io/locks.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/io/clock.h"
#include "agent/io/log.h"
#include "proto/cleanup.h"

struct locks {
    struct core *core;
    struct journal *journal;
    locks_tell_fn *tell;
    void *arg;
    uv_timer_t timer;
};

enum { MINUTE_TEXT_SIZE = 32 };

static void minute_format(int64_t unix_ms, char text[MINUTE_TEXT_SIZE])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm local;
    if (!localtime_r(&seconds, &local) ||
        !strftime(text, MINUTE_TEXT_SIZE, "%Y-%m-%d %H:%M", &local))
        (void)snprintf(text, MINUTE_TEXT_SIZE, "?");
}

/* ", until 2026-11-24 18:00", or "" for ever. */
static void until_format(const struct lock_view *lock, char text[MINUTE_TEXT_SIZE + 8])
{
    char until[MINUTE_TEXT_SIZE];
    minute_format(lock->until_unix_ms, until);
    (void)snprintf(text, MINUTE_TEXT_SIZE + 8, "%s%s", lock->until_unix_ms ? ", until " : "",
                   lock->until_unix_ms ? until : "");
}

void lock_explain(const struct lock_view *lock, struct err *err)
{
    char since[MINUTE_TEXT_SIZE], until[MINUTE_TEXT_SIZE + 8];
    minute_format(lock->since_unix_ms, since);
    until_format(lock, until);
    (void)err_set(err, ERR_BUSY,
                  "%s is locked by %s since %s%s: %.60s%s. Nothing was done. Its holder may say "
                  "--with-lock; others: powerctl unlock %s --steal",
                  lock->node, lock->holder, since, until, lock->reason,
                  strlen(lock->reason) > 60 ? "..." : "", lock->node);
}

/* ---- changes ---- */

static void change_text(const struct lock_change *change, char text[JOB_TEXT_SIZE])
{
    const struct lock_view *lock = &change->lock;
    char until[MINUTE_TEXT_SIZE + 8];
    until_format(lock, until);
    switch (change->kind) {
    case LOCK_TAKEN:
        (void)snprintf(text, JOB_TEXT_SIZE, "locked by %s%s: %s", lock->holder, until,
                       lock->reason);
        break;
    case LOCK_RENEWED:
        (void)snprintf(text, JOB_TEXT_SIZE, "lock renewed by %s%s: %s", lock->holder, until,
                       lock->reason);
        break;
    case LOCK_STOLEN:
        (void)snprintf(text, JOB_TEXT_SIZE, "lock stolen by %s from %s%s: %s", lock->holder,
                       change->whose, until, lock->reason);
        break;
    case LOCK_RELEASED:
        (void)snprintf(text, JOB_TEXT_SIZE, "unlocked by %s", lock->holder);
        break;
    case LOCK_BROKEN:
        (void)snprintf(text, JOB_TEXT_SIZE, "unlocked by %s, who took it from %s (%s)",
                       change->whose, lock->holder, lock->reason);
        break;
    case LOCK_EXPIRED:
        (void)snprintf(text, JOB_TEXT_SIZE, "the lock of %s is over (%s)", lock->holder,
                       lock->reason);
        break;
    }
}

static bool holds_afterwards(enum lock_change_kind kind)
{
    return kind == LOCK_TAKEN || kind == LOCK_RENEWED || kind == LOCK_STOLEN;
}

static struct job_event change_event(const struct lock_change *change)
{
    struct job_event event = {.unix_ms = clock_unix_ms(), .kind = EVENT_LOCK, .verb = VERBS};
    event.node.percent = -1;
    event.node.power_age_ms = UINT64_MAX;
    event.node.locked = holds_afterwards(change->kind);
    memcpy(event.node.node, change->lock.node, sizeof event.node.node);
    change_text(change, event.node.text);
    return event;
}

static int record(struct locks *locks, const struct lock_changes *plan, struct job_event *events,
                  struct err *err)
{
    journal_begin(locks->journal);
    for (size_t i = 0; i < plan->count; i++) {
        const struct lock_change *change = &plan->changes[i];
        events[i] = change_event(change);
        if (holds_afterwards(change->kind))
            journal_put_lock(locks->journal, &change->lock);
        else
            journal_drop_lock(locks->journal, change->lock.node);
        journal_add_event(locks->journal, &events[i]);
    }
    return journal_commit(locks->journal, err) ? -1 : 0;
}

static void on_time(uv_timer_t *timer);

static void arm(struct locks *locks)
{
    uint64_t deadline = core_locks_deadline(locks->core), now_ms = clock_now_ms();
    if (deadline == UINT64_MAX) {
        (void)uv_timer_stop(&locks->timer);
        return;
    }
    uv_update_time(locks->timer.loop); /* libuv counts from its cached time */
    (void)uv_timer_start(&locks->timer, on_time, deadline > now_ms ? deadline - now_ms : 0, 0);
}

static void apply(struct locks *locks, struct lock_changes *plan, const struct job_event *events,
                  bool journaled)
{
    core_locks_apply(locks->core, plan);
    for (size_t i = 0; i < plan->count; i++)
        locks->tell(locks->arg, &events[i], journaled);
    arm(locks);
}

static int carry_out(struct locks *locks, struct lock_changes *plan, struct lock_view **changed,
                     size_t *count, struct err *err)
{
    _cleanup_(freep) struct job_event *events = calloc(plan->count + 1, sizeof *events);
    _cleanup_(freep) struct lock_view *views = calloc(plan->count + 1, sizeof *views);
    if (!events || !views)
        return err_set(err, ERR_SYSTEM, "out of memory for %zu locks", plan->count);
    if (plan->count && record(locks, plan, events, err))
        return err_prefix(err, "no lock is changed that is not journaled");
    for (size_t i = 0; i < plan->count; i++)
        views[i] = plan->changes[i].lock;
    apply(locks, plan, events, true);
    *changed = TAKE(views);
    *count = plan->count;
    return 0;
}

/* What is over is swept away even if that cannot be journaled: it refuses nothing any more. */
static void on_time(uv_timer_t *timer)
{
    struct locks *locks = timer->data;
    _cleanup_(lock_changes_clear) struct lock_changes plan = {0};
    struct err err;
    if (core_locks_expired(locks->core, clock_now_ms(), &plan, &err))
        return;
    _cleanup_(freep) struct job_event *events = calloc(plan.count + 1, sizeof *events);
    if (!events)
        return;
    bool journaled = !plan.count || !record(locks, &plan, events, &err);
    for (size_t i = 0; !journaled && i < plan.count; i++)
        events[i].sequence = journal_last_sequence(locks->journal);
    if (!journaled)
        log_error("locks=expired journal=failed text=\"%s\"", err.text);
    apply(locks, &plan, events, journaled);
}

static uint64_t monotonic(int64_t until_unix_ms)
{
    int64_t left = until_unix_ms - clock_unix_ms();
    if (!until_unix_ms)
        return UINT64_MAX;
    return left > 0 ? clock_now_ms() + (uint64_t)left : 0;
}

int locks_take(struct locks *locks, const struct lock_request *request, struct lock_view **taken,
               size_t *count, struct problem *problem, struct err *err)
{
    _cleanup_(lock_changes_clear) struct lock_changes plan = {0};
    if (journal_writable(locks->journal, err))
        return err_prefix(err, "no lock is changed that is not journaled");
    if (core_lock_plan(locks->core, request, clock_now_ms(), monotonic(request->until_unix_ms),
                       clock_unix_ms(), &plan, problem, err))
        return -1;
    return carry_out(locks, &plan, taken, count, err);
}

int locks_release(struct locks *locks, const struct lock_request *request,
                  struct lock_view **released, size_t *count, struct problem *problem,
                  struct err *err)
{
    _cleanup_(lock_changes_clear) struct lock_changes plan = {0};
    if (journal_writable(locks->journal, err))
        return err_prefix(err, "no lock is changed that is not journaled");
    if (core_unlock_plan(locks->core, request, clock_now_ms(), &plan, problem, err))
        return -1;
    return carry_out(locks, &plan, released, count, err);
}

/* ---- life ---- */

struct recall {
    struct locks *locks;
    struct err err;
    size_t count;
};

static void recall_one(void *arg, const struct lock_view *lock)
{
    struct recall *recall = arg;
    recall->count++;
    if (core_remember_lock(recall->locks->core, lock, monotonic(lock->until_unix_ms), &recall->err))
        recall->err.kind = ERR_SYSTEM;
}

int locks_recall(struct locks *locks, struct err *err)
{
    struct recall recall = {.locks = locks};
    if (journal_locks(locks->journal, recall_one, &recall, err))
        return -1;
    if (recall.err.kind != ERR_NONE) {
        *err = recall.err;
        return -1;
    }
    if (recall.count)
        log_info("locks=%zu", recall.count);
    arm(locks);
    return 0;
}

int locks_restore(struct locks *locks, struct err *err)
{
    _cleanup_(freep) struct lock_view *held = NULL;
    size_t count = 0;
    if (core_locks(locks->core, NULL, clock_now_ms(), &held, &count, err))
        return -1;
    journal_begin(locks->journal);
    for (size_t i = 0; i < count; i++)
        journal_put_lock(locks->journal, &held[i]);
    return journal_commit(locks->journal, err) ? -1 : 0;
}

struct locks *locks_new(uv_loop_t *loop, struct core *core, struct journal *journal,
                        locks_tell_fn *tell, void *arg, struct err *err)
{
    struct locks *locks = calloc(1, sizeof *locks);
    if (!locks) {
        (void)err_set(err, ERR_SYSTEM, "out of memory for the locks");
        return NULL;
    }
    *locks = (struct locks){.core = core, .journal = journal, .tell = tell, .arg = arg};
    (void)uv_timer_init(loop, &locks->timer);
    locks->timer.data = locks;
    return locks;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void locks_close(struct locks *locks)
{
    if (locks)
        uv_close((uv_handle_t *)&locks->timer, on_closed);
}
