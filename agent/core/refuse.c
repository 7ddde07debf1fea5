/* refuse.c - may a request be done, and now?  Nothing was done, and nothing changes, when it is not. */
#include <stdio.h>
#include <string.h>

#include "agent/core/job.h"
#include "agent/core/lock.h"
#include "agent/core/state.h"

static int refuse_protected(const struct core *core, const struct job_request *request,
                            const struct nodeset *set, struct err *err)
{
    if (!verb_switches_off(request->verb))
        return 0;
    for (size_t i = 0; i < nodeset_count(set); i++) {
        const struct node *node = inventory_node(core->inventory, nodeset_name(set, i));
        if (node->protect)
            return err_set(err, ERR_DENIED,
                           "%s is protected (protect: true in the config): nothing was done",
                           node->name);
    }
    return 0;
}

static int refuse_too_many(const struct core *core, const struct job_request *request,
                           const struct nodeset *set, const char *folded, struct problem *problem,
                           struct err *err)
{
    size_t count = nodeset_count(set);
    uint32_t limit = core->inventory->limits.confirm_above;
    if (request->max_nodes && count > request->max_nodes)
        return err_set(err, ERR_USAGE, "%zu nodes are more than --max-nodes %u: nothing was done",
                       count, request->max_nodes);
    if (count <= limit || request->yes || request->max_nodes ||
        !verb_changes_something(request->verb))
        return 0;
    char hash[17];
    nodeset_hash(set, hash);
    if (!strcmp(request->confirm, hash))
        return 0;
    problem->count = (uint32_t)count;
    memcpy(problem->confirm, hash, sizeof hash);
    (void)snprintf(problem->folded, sizeof problem->folded, "%s", folded);
    return err_set(err, ERR_CONFIRM,
                   "%s of %zu nodes needs confirmation (more than %u): --yes, or --max-nodes %zu",
                   verb_name(request->verb), count, limit, count);
}

/* For everybody, its holder too, who may be root, as cron is. The caller adds since and until. */
static int refuse_locked(const struct core *core, const struct job_request *request,
                         const struct nodeset *set, struct problem *problem, struct err *err)
{
    char who[LOCK_HOLDER_SIZE];
    if (!core->locks || !verb_changes_something(request->verb))
        return 0;
    lock_holder(request->actor, request->on_behalf, who);
    for (size_t i = 0; i < nodeset_count(set); i++) {
        const struct lock_view *lock = lock_of(core, nodeset_name(set, i), core->now_ms);
        bool own = lock && !strcmp(lock->holder, who);
        if (!lock || (own && request->with_lock))
            continue;
        problem->lock = *lock;
        return err_set(err, ERR_BUSY, "%s is locked by %s (%s): nothing was done", lock->node,
                       lock->holder, lock->reason);
    }
    return 0;
}

void job_describe(const struct core *core, const struct job *job, char text[JOB_DESCRIPTION_SIZE])
{
    uint64_t s = (core->now_ms - job->started_ms) / 1000;
    bool short_time = s < 120, long_time = s >= 7200;
    (void)snprintf(text, JOB_DESCRIPTION_SIZE, "job %s (%s by %s, running for %llu %s)", job->id,
                   verb_name(job->request.verb), job->request.actor,
                   (unsigned long long)(short_time  ? s
                                        : long_time ? s / 3600
                                                    : s / 60),
                   short_time  ? "s"
                   : long_time ? "h"
                               : "min");
}

static bool has_outlet(const struct node *node, const struct feed *feed)
{
    for (size_t i = 0; i < node->nfeeds; i++)
        if (node->feeds[i].device == feed->device && node->feeds[i].outlet == feed->outlet)
            return true;
    return false;
}

/* Also if its wave has not begun yet. */
static bool switches_feeds(const struct task *task)
{
    const struct job_request *request = &task->job->request;
    return task->by_feeds || plan_goes_by_feeds(&task->node, request->verb, &request->options);
}

/* Who shares an outlet with it, and is in a job that switches that outlet: it is not to have a job of
 * its own meanwhile, though its own part in that one is over. NULL: nobody. */
static const struct task *task_at_its_outlets(const struct core *core, const struct node *node)
{
    const struct inventory *inventory = core->inventory;
    for (size_t i = 0; node->shares_outlets && i < inventory->nmachines; i++) {
        struct node_state *other;
        bool shares = false;
        HASH_FIND_STR(core->nodes, inventory->nodes[i].name, other);
        for (size_t j = 0; j < node->nfeeds; j++)
            shares = shares || has_outlet(&inventory->nodes[i], &node->feeds[j]);
        if (shares && other && other->task && switches_feeds(other->task))
            return other->task;
    }
    return NULL;
}

static int refuse_busy(struct core *core, const struct job_request *request,
                       const struct nodeset *set, struct problem *problem, struct err *err)
{
    if (!verb_changes_something(request->verb))
        return 0;
    for (size_t i = 0; i < nodeset_count(set); i++) {
        struct node_state *state = core_node_state(core, nodeset_name(set, i));
        if (!state)
            return err_set(err, ERR_SYSTEM, "out of memory");
        const struct node *node = inventory_node(core->inventory, state->name);
        const struct task *task = state->task ? state->task : task_at_its_outlets(core, node);
        if (!task)
            continue;
        const struct job *job = task->job;
        memcpy(problem->job, job->id, sizeof problem->job);
        char text[JOB_DESCRIPTION_SIZE];
        job_describe(core, job, text);
        return err_set(err, ERR_BUSY, "%s is busy with %s: nothing was done", task->node.name,
                       text);
    }
    return 0;
}

enum { DAY_S = 86400 };

static int check_options(const struct job_request *request, struct err *err)
{
    const struct job_options *options = &request->options;
    if (request->verb == VERB_NEXT_BOOT && options->boot_device == BOOT_OTHER)
        return err_set(err, ERR_USAGE, "the next boot can be network, disk, bios or none");
    if (options->has_max_failures && !options->max_failures)
        return err_set(err, ERR_USAGE, "--max-failures 0 would stop before the first node");
    if (options->grace_s > DAY_S || options->timeout_s > DAY_S)
        return err_set(err, ERR_USAGE, "--grace and --timeout are at most one day (%d s)", DAY_S);
    return 0;
}

int job_resolve(const struct core *core, const struct job_request *request, struct nodeset **set,
                struct err *err)
{
    struct nodeset_source source = inventory_source(core->inventory);
    char warning[256];
    if (check_options(request, err))
        return -1;
    return nodeset_parse(request->nodes ? request->nodes : "", &source, set, warning, err);
}

/* Without eyes a boot would be power cycled, waited for, and blamed on the machine. */
static int refuse_blind(const struct core *core, const struct job_request *request, struct err *err)
{
    if (core->inventory->sees_boots || !verb_boots_network(request->verb, &request->options))
        return 0;
    return err_set(err, ERR_USAGE,
                   "no boot server is configured (bootserver: interfaces or logs), so nothing of a "
                   "network boot could be seen: nothing was done");
}

/* ---- outlets ---- */

/* A node by its outlets, or one that is one: what makes no sense there. */
static bool is_for_outlets(enum verb verb)
{
    return verb == VERB_ON || verb == VERB_OFF || verb == VERB_CYCLE ||
           !verb_changes_something(verb);
}

static int refuse_outlet(const struct job_request *request, const struct node *node,
                         struct err *err)
{
    enum verb verb = request->verb;
    if (!node->is_outlet || !verb_changes_something(verb))
        return 0;
    if (!is_for_outlets(verb))
        return err_set(err, ERR_USAGE, "%s is an outlet, which %s says nothing to: on, off, cycle",
                       node->name, verb_name(verb));
    if (node->feeds_node[0])
        return err_set(err, ERR_DENIED, "%s feeds %s: powerctl %s %s", node->name, node->feeds_node,
                       verb_name(verb), node->feeds_node);
    return 0;
}

static int refuse_means(const struct job_request *request, const struct node *node, struct err *err)
{
    const struct job_options *options = &request->options;
    bool feeds = node_uses_feeds(node, options->feeds);
    bool both = node->nfeeds && node->control.device != DEVICE_NONE;
    if (options->feeds && verb_goes_by_means(request->verb) && !feeds)
        return err_set(err, ERR_USAGE, "%s has no outlets in its power: --feeds cannot be done",
                       node->name);
    if (request->verb != VERB_CYCLE || !options->native || !feeds)
        return 0;
    if (node->nfeeds > 1)
        return err_set(err, ERR_USAGE,
                       "%s has %zu feeds: by their own cycle they would not be off together; "
                       "cycle it without --native",
                       node->name, node->nfeeds);
    if (both)
        return err_set(err, ERR_USAGE,
                       "%s has a BMC behind its feed, which is waited for only without --native",
                       node->name);
    return 0;
}

/* That hangs on an outlet of this node and is not in the set; NULL: none. */
static const struct node *sharer_left_out(const struct inventory *inventory,
                                          const struct node *node, const struct nodeset *set)
{
    for (size_t i = 0; i < inventory->nmachines; i++) {
        const struct node *other = &inventory->nodes[i];
        if (other == node || nodeset_has(set, other->name))
            continue;
        for (size_t j = 0; j < node->nfeeds; j++)
            if (has_outlet(other, &node->feeds[j]))
                return other;
    }
    return NULL;
}

static int refuse_shared(const struct core *core, const struct job_request *request,
                         const struct node *node, const struct nodeset *set, struct err *err)
{
    enum verb verb = request->verb;
    if (!node->shares_outlets || !verb_changes_something(verb) || verb == VERB_NEXT_BOOT ||
        !plan_goes_by_feeds(node, verb, &request->options))
        return 0;
    if (verb != VERB_ON && verb != VERB_OFF)
        return err_set(err, ERR_DENIED,
                       "%s shares its outlets with other nodes: off, then on, of all of them "
                       "together; nothing was done",
                       node->name);
    if (request->options.batch) /* of who was not begun it would be said that nothing was done */
        return err_set(err, ERR_USAGE,
                       "%s shares its outlets with other nodes: all of them together, not in waves "
                       "(--batch); nothing was done",
                       node->name);
    const struct node *other = sharer_left_out(core->inventory, node, set);
    if (other)
        return err_set(err, ERR_DENIED,
                       "%s shares an outlet with %s, which would be switched too: name both; "
                       "nothing was done",
                       node->name, other->name);
    return 0;
}

static int refuse_feeds(const struct core *core, const struct job_request *request,
                        const struct nodeset *set, struct err *err)
{
    for (size_t i = 0; i < nodeset_count(set); i++) {
        const struct node *node = inventory_node(core->inventory, nodeset_name(set, i));
        if (refuse_outlet(request, node, err) || refuse_means(request, node, err) ||
            refuse_shared(core, request, node, set, err))
            return -1;
    }
    return 0;
}

int job_admit(struct core *core, const struct job_request *request, const struct nodeset *set,
              const char *folded, struct problem *problem, struct err *err)
{
    if (refuse_blind(core, request, err) || refuse_protected(core, request, set, err) ||
        refuse_feeds(core, request, set, err) ||
        refuse_too_many(core, request, set, folded, problem, err))
        return -1;
    if (refuse_locked(core, request, set, problem, err))
        return -1;
    return refuse_busy(core, request, set, problem, err);
}
