/* lock.c - locks: a table by node, and what may be done to it. */
#include "agent/core/lock.h"

#include <stdio.h>
#include <string.h>

#include "agent/core/state.h"
#include "proto/cleanup.h"

struct held_lock {
    struct lock_view view;
    uint64_t until_ms;
    UT_hash_handle hh;
};

static struct held_lock *find(const struct core *core, const char *node)
{
    struct held_lock *held = NULL;
    if (core->locks)
        HASH_FIND_STR(core->locks, node, held);
    return held;
}

const struct lock_view *lock_of(const struct core *core, const char *node, uint64_t now_ms)
{
    const struct held_lock *held = find(core, node);
    return held && held->until_ms > now_ms ? &held->view : NULL;
}

static void drop(struct core *core, const char *node)
{
    struct held_lock *held = find(core, node);
    if (!held)
        return;
    HASH_DEL(core->locks, held);
    free(held);
}

static void put(struct core *core, struct held_lock *held)
{
    drop(core, held->view.node);
    HASH_ADD_STR(core->locks, view.node, held);
}

void core_locks_free(struct core *core)
{
    while (core->locks)
        drop(core, core->locks->view.node);
}

static struct held_lock *make(const struct lock_view *view, uint64_t until_ms)
{
    struct held_lock *held = calloc(1, sizeof *held);
    if (held)
        *held = (struct held_lock){.view = *view, .until_ms = until_ms};
    return held;
}

int core_remember_lock(struct core *core, const struct lock_view *lock, uint64_t until_ms,
                       struct err *err)
{
    struct held_lock *held = make(lock, until_ms);
    if (!held)
        return err_set(err, ERR_SYSTEM, "out of memory for the locks");
    put(core, held);
    return 0;
}

/* ---- plans ---- */

void lock_changes_clear(struct lock_changes *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        free(plan->changes[i].made);
    free(plan->changes);
    *plan = (struct lock_changes){0};
}

static int plan_room(struct lock_changes *plan, size_t count, struct err *err)
{
    plan->changes = calloc(count + 1, sizeof *plan->changes);
    return plan->changes ? 0 : err_set(err, ERR_SYSTEM, "out of memory for %zu locks", count);
}

static struct lock_change *add(struct lock_changes *plan, enum lock_change_kind kind,
                               const struct lock_view *lock, const char *whose)
{
    struct lock_change *change = &plan->changes[plan->count++];
    *change = (struct lock_change){.kind = kind, .lock = *lock};
    (void)snprintf(change->whose, sizeof change->whose, "%s", whose);
    return change;
}

/* Somebody else's, and not to be taken: whose, and how it is done all the same. */
static int refuse_foreign(const struct lock_view *lock, const char *doing, struct problem *problem,
                          struct err *err)
{
    problem->lock = *lock;
    return err_set(err, ERR_BUSY,
                   "%s is locked by %s (%s): nothing was %s; --steal does it all the same",
                   lock->node, lock->holder, lock->reason, doing);
}

static int refuse_running(const struct core *core, const char *node, struct problem *problem,
                          struct err *err)
{
    struct node_state *state;
    HASH_FIND_STR(core->nodes, node, state);
    if (!state || !state->task)
        return 0;
    (void)snprintf(problem->job, sizeof problem->job, "%s", state->task->job->id);
    char text[JOB_DESCRIPTION_SIZE];
    job_describe(core, state->task->job, text);
    return err_set(err, ERR_BUSY, "%s is busy with %s: nothing was locked", node, text);
}

static int plan_one(struct core *core, const struct lock_request *request,
                    const struct lock_view *wanted, uint64_t now_ms, uint64_t until_ms,
                    struct lock_changes *plan, struct problem *problem, struct err *err)
{
    const struct lock_view *is = lock_of(core, wanted->node, now_ms);
    bool own = is && !strcmp(is->holder, wanted->holder);
    if (is && !own && !request->steal)
        return refuse_foreign(is, "locked", problem, err);
    /* Its holder may go on with it while their own job runs under it. */
    if (!own && refuse_running(core, wanted->node, problem, err))
        return -1;
    struct lock_view lock = *wanted;
    if (own)
        lock.since_unix_ms = is->since_unix_ms;
    struct held_lock *made = make(&lock, until_ms);
    if (!made)
        return err_set(err, ERR_SYSTEM, "out of memory for a lock");
    add(plan,
        own  ? LOCK_RENEWED
        : is ? LOCK_STOLEN
             : LOCK_TAKEN,
        &lock, is && !own ? is->holder : "")
        ->made = made;
    return 0;
}

int core_lock_plan(struct core *core, const struct lock_request *request, uint64_t now_ms,
                   uint64_t until_ms, int64_t unix_ms, struct lock_changes *plan,
                   struct problem *problem, struct err *err)
{
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    struct nodeset_source source = inventory_source(core->inventory);
    struct lock_view wanted = {.since_unix_ms = unix_ms, .until_unix_ms = request->until_unix_ms};
    lock_holder(request->actor, request->on_behalf, wanted.holder);
    memcpy(wanted.reason, request->reason, sizeof wanted.reason);
    *plan = (struct lock_changes){0};
    if (until_ms <= now_ms)
        return err_set(err, ERR_USAGE, "--until is over already: nothing was locked");
    if (nodeset_parse(request->nodes, &source, &set, NULL, err) ||
        plan_room(plan, nodeset_count(set), err))
        return -1;
    for (size_t i = 0; i < nodeset_count(set); i++) {
        (void)snprintf(wanted.node, sizeof wanted.node, "%s", nodeset_name(set, i));
        if (plan_one(core, request, &wanted, now_ms, until_ms, plan, problem, err)) {
            lock_changes_clear(plan);
            return -1;
        }
    }
    return 0;
}

/* A node may be locked and gone from the inventory: it can be unlocked all the same. */
static bool known_or_locked(const void *arg, const char *name)
{
    const struct core *core = arg;
    return inventory_node(core->inventory, name) || find(core, name);
}

static const char *group_of(const void *arg, const char *name)
{
    const struct core *core = arg;
    return inventory_group(core->inventory, name);
}

static const char *each_node(const void *arg, size_t index)
{
    const struct core *core = arg;
    return index < core->inventory->nnodes ? core->inventory->nodes[index].name : NULL;
}

static bool explain_unknown(const void *arg, const char *name, char *text, size_t size)
{
    const struct core *core = arg;
    return inventory_explain(core->inventory, name, text, size);
}

static struct nodeset_source source_with_locked(const struct core *core)
{
    return (struct nodeset_source){group_of, known_or_locked, each_node, core, explain_unknown};
}

int core_unlock_plan(struct core *core, const struct lock_request *request, uint64_t now_ms,
                     struct lock_changes *plan, struct problem *problem, struct err *err)
{
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    struct nodeset_source source = source_with_locked(core);
    char who[LOCK_HOLDER_SIZE];
    lock_holder(request->actor, request->on_behalf, who);
    *plan = (struct lock_changes){0};
    if (nodeset_parse(request->nodes, &source, &set, NULL, err) ||
        plan_room(plan, nodeset_count(set), err))
        return -1;
    for (size_t i = 0; i < nodeset_count(set); i++) {
        const struct lock_view *is = lock_of(core, nodeset_name(set, i), now_ms);
        bool own = is && !strcmp(is->holder, who);
        if (is && !own && !request->steal) {
            lock_changes_clear(plan);
            return refuse_foreign(is, "unlocked", problem, err);
        }
        if (is)
            (void)add(plan, own ? LOCK_RELEASED : LOCK_BROKEN, is, own ? "" : who);
    }
    return 0;
}

int core_locks_expired(struct core *core, uint64_t now_ms, struct lock_changes *plan,
                       struct err *err)
{
    *plan = (struct lock_changes){0};
    if (plan_room(plan, HASH_COUNT(core->locks), err))
        return -1;
    for (const struct held_lock *held = core->locks; held; held = held->hh.next)
        if (held->until_ms <= now_ms)
            (void)add(plan, LOCK_EXPIRED, &held->view, "");
    return 0;
}

void core_locks_apply(struct core *core, struct lock_changes *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct lock_change *change = &plan->changes[i];
        if (change->made)
            put(core, TAKE(change->made));
        else
            drop(core, change->lock.node);
    }
}

uint64_t core_locks_deadline(const struct core *core)
{
    uint64_t deadline = UINT64_MAX;
    for (const struct held_lock *held = core->locks; held; held = held->hh.next)
        if (held->until_ms < deadline)
            deadline = held->until_ms;
    return deadline;
}

/* ---- views ---- */

static int by_node(const void *a, const void *b)
{
    return name_compare(((const struct lock_view *)a)->node, ((const struct lock_view *)b)->node);
}

int core_locks(const struct core *core, const char *nodes, uint64_t now_ms,
               struct lock_view **locks, size_t *count, struct err *err)
{
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    struct nodeset_source source = source_with_locked(core);
    if (nodes && nodeset_parse(nodes, &source, &set, NULL, err))
        return -1;
    struct lock_view *found = calloc(HASH_COUNT(core->locks) + 1, sizeof *found);
    size_t n = 0;
    if (!found)
        return err_set(err, ERR_SYSTEM, "out of memory for the locks");
    for (const struct held_lock *held = core->locks; held; held = held->hh.next)
        if (held->until_ms > now_ms && (!set || nodeset_has(set, held->view.node)))
            found[n++] = held->view;
    qsort(found, n, sizeof *found, by_node);
    *locks = found;
    *count = n;
    return 0;
}
