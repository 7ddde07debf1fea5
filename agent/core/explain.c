/* explain.c - a plan for people: what would be sent, where, in which order, how long at most. */
#include <stdio.h>
#include <string.h>

#include "agent/core/forecast.h"
#include "agent/core/job.h"
#include "agent/core/state.h"
#include "proto/cleanup.h"

static const struct step *plan_of(const struct job_request *request, const struct node *node)
{
    return plan_for_node(node, request->verb, &request->options);
}

/* Of what goes by its feeds: until the slowest PDU lets one be switched on again. */
static uint32_t dwell_of(const struct inventory *inventory, const struct node *node, bool by_feeds)
{
    size_t count = by_feeds ? node->nfeeds : 1;
    uint32_t dwell_ms = 0;
    for (size_t i = 0; i < count; i++) {
        const struct feed *feed = by_feeds ? &node->feeds[i] : &node->control;
        uint32_t ms = inventory->devices[feed->device].dwell_ms;
        ms = ms ? ms : inventory->deadlines.dwell;
        dwell_ms = ms > dwell_ms ? ms : dwell_ms;
    }
    return dwell_ms;
}

/* A kind of node: those that have all this in common are told once. */
struct kind {
    const struct node *like;
    const struct step *plan;
    uint32_t dwell_ms;
    size_t nfeeds; /* 0: not by its feeds */
    bool both;     /* it has feeds and a BMC */
    bool by_feeds; /* so far in its plan */
};

static struct kind kind_of(const struct core *core, const struct job_request *request,
                           const struct node *node)
{
    bool feeds = plan_goes_by_feeds(node, request->verb, &request->options);
    return (struct kind){.like = node,
                         .plan = plan_of(request, node),
                         .dwell_ms = dwell_of(core->inventory, node, feeds),
                         .nfeeds = feeds ? node->nfeeds : 0,
                         .by_feeds = feeds,
                         .both = node->nfeeds && node->control.device != DEVICE_NONE};
}

/* Of a node with both: by which of them. */
static const char *means_of(const struct kind *kind, const struct step *step)
{
    bool feeds = step->via == VIA_FEEDS || (step->via == VIA_MEANS && kind->by_feeds);
    if (!kind->both)
        return "";
    return feeds ? " by its outlets" : " by its BMC";
}

static const char *otherwise(const struct step *step)
{
    return step->kind == STEP_READ ? "go on without" : "go on harder";
}

static void explain_step(FILE *out, unsigned number, const struct step *step,
                         const struct core *core, const struct job_request *request,
                         const struct kind *kind)
{
    const struct deadlines *deadlines = &core->inventory->deadlines;
    const struct limits *limits = &core->inventory->limits;
    uint32_t patience = step_patience(step, deadlines);

    (void)fprintf(out, "  %2u. %s", number, step_name(step->kind));
    if (step->kind == STEP_COMMAND)
        (void)fprintf(out, " %s%s", op_name(step->op), means_of(kind, step));
    if (step->kind == STEP_COMMAND && step->unless != POWER_UNKNOWN)
        (void)fprintf(out, ", unless it is %s already", power_name(step->unless));
    if (step->kind == STEP_SEE)
        (void)fprintf(out, " %s%s, twice, %.1f s apart", power_name(step->state),
                      means_of(kind, step), (double)deadlines->settle / 1000);
    if (step->kind == STEP_SET_BOOT)
        (void)fprintf(out, ": %s, once",
                      boot_device_name(verb_boots_network(request->verb, &request->options)
                                           ? BOOT_NETWORK
                                           : request->options.boot_device));
    if (step->kind == STEP_DWELL)
        (void)fprintf(out, " %.1f s, if we switched it off",
                      dwell_of(core->inventory, kind->like, kind->by_feeds) / 1000.0);
    if (step->kind == STEP_READ)
        (void)fputs(means_of(kind, step), out);
    if (step->kind == STEP_READ && step->again)
        (void)fprintf(out, " again, if it %s",
                      step->via == VIA_CONTROL ? "says off" : "had to wait");
    if (step->kind == STEP_PLACE)
        (void)fprintf(out, ": at most %u nodes boot at once", limits->booting_at_once);
    if (step->kind == STEP_TURN)
        (void)fprintf(out, ": at most %u power-ons a second", limits->power_on_per_second);
    if (step->kind == STEP_WATCH)
        (void)fprintf(out, ", at most %.0f s for everything", (double)deadlines->total / 1000);
    if (patience)
        (void)fprintf(out, " (within %.1f s)", (double)patience / 1000);
    if (step->soft)
        (void)fprintf(out, "; if not, %s", otherwise(step));
    (void)fputc('\n', out);
}

static bool sets_boot(const struct node *node)
{
    return node->next_boot != DEVICE_NONE;
}

/* Where nobody can set the next boot, these steps go by. */
static bool is_left_out(const struct step *step, const struct job_request *request,
                        const struct node *node)
{
    bool about_boot = step->kind == STEP_SET_BOOT || step->kind == STEP_FLAG;
    return about_boot && !sets_boot(node) && verb_boots_network(request->verb, &request->options);
}

static void explain_kind(FILE *out, const struct core *core, const struct job_request *request,
                         const struct kind *kind)
{
    unsigned number = 0;
    (void)fprintf(out, "each node like %s:\n", kind->like->name);
    struct kind so_far = *kind;
    for (const struct step *step = kind->plan; step->kind != STEP_END; step++) {
        if (!is_left_out(step, request, kind->like))
            explain_step(out, ++number, step, core, request, &so_far);
        so_far.by_feeds = so_far.by_feeds && step->kind != STEP_BMC_BACK;
    }
    if (kind->nfeeds > 1)
        (void)fprintf(out,
                      "      by %zu outlets: all off, each read back, before any is switched on; "
                      "then one after the other\n",
                      kind->nfeeds);
}

static void explain_kinds(FILE *out, const struct core *core, const struct job_request *request,
                          const struct nodeset *set)
{
    struct kind told[8];
    size_t ntold = 0;
    for (size_t i = 0; i < nodeset_count(set) && ntold < ARRAY_SIZE(told); i++) {
        const struct node *node = inventory_node(core->inventory, nodeset_name(set, i));
        struct kind kind = kind_of(core, request, node);
        bool known = false;
        for (size_t j = 0; j < ntold; j++)
            known = known || (told[j].plan == kind.plan && told[j].dwell_ms == kind.dwell_ms &&
                              told[j].nfeeds == kind.nfeeds && told[j].both == kind.both &&
                              sets_boot(told[j].like) == sets_boot(kind.like));
        if (known)
            continue;
        told[ntold++] = kind;
        explain_kind(out, core, request, &kind);
    }
}

/* ---- inrush ---- */

static bool switches_on(const struct core *core, const struct job_request *request,
                        const struct nodeset *set)
{
    const struct node *first = inventory_node(core->inventory, nodeset_name(set, 0));
    const struct step *step = plan_of(request, first);
    while (step->kind != STEP_END && step->kind != STEP_TURN)
        step++;
    return step->kind == STEP_TURN;
}

static void explain_inrush(FILE *out, const struct forecast *forecast)
{
    enum { SHOWN = 16, SHOWN_OF_MANY = 3 };
    const struct forecast_node *nodes = forecast->nodes;
    size_t count = forecast->count, shown = count > SHOWN ? SHOWN_OF_MANY : count;
    if (!forecast->last_ms)
        return;
    (void)fputs("inrush: ", out);
    for (size_t i = 0; i < shown; i++)
        (void)fprintf(out, "%s%s after %.1f s", i ? ", " : "", nodes[i].node->name,
                      (double)nodes[i].first_ms / 1000);
    if (shown < count)
        (void)fprintf(out, ", ... %s after %.1f s", nodes[count - 1].node->name,
                      (double)nodes[count - 1].first_ms / 1000);
    (void)fprintf(out, "\n  %zu power-ons, the last after %.1f s at the earliest",
                  forecast->switch_ons, (double)forecast->last_ms / 1000);
    if (forecast->limited_by[0])
        (void)fprintf(out, "; limited most by %s", forecast->limited_by);
    (void)fputc('\n', out);
}

/* ---- by what ---- */

static void explain_feed(FILE *out, const struct core *core, const struct feed *feed, bool outlet)
{
    const struct device *device = &core->inventory->devices[feed->device];
    (void)fputs(device->config.device, out);
    if (outlet)
        (void)fprintf(out, "/%u", feed->outlet);
    (void)fprintf(out, " (%s", device->driver);
    if (feed->circuit < core->inventory->ncircuits)
        (void)fprintf(out, ", circuit %s", core->inventory->circuits[feed->circuit].name);
    (void)fputc(')', out);
    if (feed->outlet && !outlet)
        (void)fprintf(out, " outlet %u", feed->outlet);
}

static void explain_feeds(FILE *out, const struct core *core, const struct node *node)
{
    for (size_t i = 0; i < node->nfeeds; i++) {
        (void)fputs(i ? ", " : "", out);
        explain_feed(out, core, &node->feeds[i], true);
    }
}

static bool share_an_outlet(const struct node *a, const struct node *b)
{
    for (size_t i = 0; i < a->nfeeds; i++)
        for (size_t j = 0; j < b->nfeeds; j++)
            if (a->feeds[i].device == b->feeds[j].device &&
                a->feeds[i].outlet == b->feeds[j].outlet)
                return true;
    return false;
}

static void explain_sharers(FILE *out, const struct core *core, const struct node *node)
{
    const char *comma = ", on one outlet with ";
    if (!node->shares_outlets)
        return;
    for (size_t i = 0; i < core->inventory->nmachines; i++) {
        const struct node *other = &core->inventory->nodes[i];
        if (other == node || !share_an_outlet(node, other))
            continue;
        (void)fprintf(out, "%s%s", comma, other->name);
        comma = ", ";
    }
}

static void explain_power(FILE *out, const struct core *core, const struct node *node,
                          bool by_feeds)
{
    bool has_control = node->control.device != DEVICE_NONE;
    if (by_feeds) {
        explain_feeds(out, core, node);
        if (has_control)
            (void)fprintf(out, ", and by %s",
                          core->inventory->devices[node->control.device].config.device);
        return;
    }
    explain_feed(out, core, &node->control, false);
    if (node->nfeeds) {
        (void)fputs(", fed by ", out);
        explain_feeds(out, core, node);
    }
    if (node->nfeeds && node->feeds_after)
        (void)fprintf(out, " (cycled after %u power-ons in vain)", node->feeds_after);
}

static void explain_devices(FILE *out, const struct core *core, const struct job_request *request,
                            const struct nodeset *set)
{
    for (size_t i = 0; i < nodeset_count(set); i++) {
        const struct node *node = inventory_node(core->inventory, nodeset_name(set, i));
        (void)fprintf(out, "  %s: power by ", node->name);
        explain_power(out, core, node, plan_goes_by_feeds(node, request->verb, &request->options));
        explain_sharers(out, core, node);
        if (node->next_boot != DEVICE_NONE)
            (void)fprintf(out, ", next boot by %s, %s",
                          core->inventory->devices[node->next_boot].config.device,
                          firmware_name(node->firmware));
        else if (verb_boots_network(request->verb, &request->options))
            (void)fputs(", next boot: nobody sets it, its firmware's boot order decides", out);
        (void)fprintf(out, "%s\n", node->protect ? ", PROTECTED" : "");
    }
}

/* 0, or -1: out of memory. */
static int explain(FILE *out, const struct core *core, const struct job_request *request,
                   const struct nodeset *set, const char *folded)
{
    _cleanup_(forecast_freep) struct forecast *forecast = NULL;
    (void)fprintf(out, "%s %s: %zu nodes; nothing is sent by asking\n", verb_name(request->verb),
                  folded, nodeset_count(set));
    if (request->options.batch)
        (void)fprintf(out, "in waves of %u%s\n", request->options.batch,
                      request->options.has_max_failures ? ", stopped by failures" : "");
    explain_kinds(out, core, request, set);
    if (switches_on(core, request, set)) {
        forecast = forecast_new(core->inventory, set, request);
        if (!forecast)
            return -1;
        explain_inrush(out, forecast);
    }
    (void)fputs("nodes:\n", out);
    explain_devices(out, core, request, set);
    return 0;
}

int core_plan(const struct core *core, const struct job_request *request, char **text,
              struct err *err)
{
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    _cleanup_(freep) char *folded = NULL, *made = NULL;
    size_t size = 0;
    if (job_resolve(core, request, &set, err))
        return -1;
    folded = nodeset_fold(set);
    FILE *out = open_memstream(&made, &size);
    if (!folded || !out) {
        if (out)
            (void)fclose(out);
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    int failed = explain(out, core, request, set, folded);
    if (fclose(out) || failed)
        return err_set(err, ERR_SYSTEM, "out of memory");
    *text = TAKE(made);
    return 0;
}
