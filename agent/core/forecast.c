#include "agent/core/forecast.h"

#include <stdlib.h>
#include <string.h>

#include "agent/core/state.h"
#include "proto/cleanup.h"

#define START_US (UINT64_C(3600) * 1000000) /* long after the start of an agent */

/* One node that is to be switched on: its targets wait one after the other. */
struct imagined {
    struct waiter turn; /* first */
    struct forecast_node *node;
    const struct feed *targets;
    size_t ntargets, ndone;
    uint64_t since_us;
};

/* How long was waited for each limit. */
struct blame {
    const struct pacer *pacer;
    uint64_t waited_us;
};

enum { BLAMED_MAX = 256 };

struct rehearsal {
    const struct inventory *inventory;
    struct pace pace;
    struct imagined *imagined;
    struct blame blamed[BLAMED_MAX]; /* further ones are not counted */
    size_t nblamed;
};

static int wait_for_next(struct rehearsal *rehearsal, struct imagined *one, uint64_t now_us)
{
    struct target target;
    struct load load;
    const struct node *node = one->node->node;
    target_freeze(&target, rehearsal->inventory, &one->targets[one->ndone], node->inrush_ma,
                  (uint32_t)one->ntargets);
    admission_load(&rehearsal->pace, rehearsal->inventory, &target, false, &load);
    one->since_us = now_us;
    return pace_wait(&rehearsal->pace, &one->turn, &load, false, now_us);
}

static void blame(struct rehearsal *rehearsal, const struct pacer *pacer, uint64_t waited_us)
{
    size_t i = 0;
    while (i < rehearsal->nblamed && rehearsal->blamed[i].pacer != pacer)
        i++;
    if (i == BLAMED_MAX)
        return;
    rehearsal->nblamed = i == rehearsal->nblamed ? i + 1 : rehearsal->nblamed;
    rehearsal->blamed[i].pacer = pacer;
    rehearsal->blamed[i].waited_us += waited_us;
}

static void tell_blame(const struct rehearsal *rehearsal, char text[PACER_TEXT_SIZE])
{
    const struct blame *worst = NULL;
    for (size_t i = 0; i < rehearsal->nblamed; i++)
        if (rehearsal->blamed[i].waited_us > (worst ? worst->waited_us : 0))
            worst = &rehearsal->blamed[i];
    if (worst)
        pacer_describe(worst->pacer, text);
}

/* Its next target is on. 0 or -1. */
static int switched_on(struct rehearsal *rehearsal, struct forecast *forecast, struct imagined *one,
                       uint64_t now_us)
{
    uint64_t at_ms = (now_us - START_US) / 1000;
    if (!one->ndone)
        one->node->first_ms = at_ms;
    one->node->last_ms = forecast->last_ms = at_ms;
    forecast->switch_ons++;
    return ++one->ndone < one->ntargets ? wait_for_next(rehearsal, one, now_us) : 0;
}

static int run(struct rehearsal *rehearsal, struct forecast *forecast)
{
    uint64_t now_us = START_US, due_us = 0;
    for (;;) {
        const struct pacer *last;
        struct waiter *turn = pace_next(&rehearsal->pace, now_us, &due_us, &last);
        struct imagined *one = (struct imagined *)turn;
        if (!turn && due_us == UINT64_MAX)
            return 0;
        if (!turn) {
            now_us = (due_us + 999) / 1000 * 1000;
            continue;
        }
        if (now_us > one->since_us)
            blame(rehearsal, last, now_us - one->since_us);
        if (switched_on(rehearsal, forecast, one, now_us))
            return -1;
    }
}

static int rehearse(struct rehearsal *rehearsal, struct forecast *forecast,
                    const struct job_request *request)
{
    for (size_t i = 0; i < forecast->count; i++) {
        struct imagined *one = &rehearsal->imagined[i];
        const struct node *node = forecast->nodes[i].node;
        bool by_feeds = plan_goes_by_feeds(node, request->verb, &request->options);
        one->node = &forecast->nodes[i];
        one->targets = by_feeds ? node->feeds : &node->control;
        one->ntargets = by_feeds ? node->nfeeds : 1;
        if (wait_for_next(rehearsal, one, START_US))
            return -1;
    }
    return run(rehearsal, forecast);
}

/* Nodes of one moment stay as they were: in their natural order. */
static int by_power(const void *a, const void *b)
{
    const struct forecast_node *x = a, *y = b;
    if (x->first_ms != y->first_ms)
        return x->first_ms < y->first_ms ? -1 : 1;
    return x->node < y->node ? -1 : 1;
}

struct forecast *forecast_new(const struct inventory *inventory, const struct nodeset *set,
                              const struct job_request *request)
{
    struct forecast *forecast = calloc(1, sizeof *forecast);
    if (!forecast)
        return NULL;
    struct rehearsal rehearsal = {.inventory = inventory};
    pace_begin(&rehearsal.pace, inventory->limits.power_on_per_second, 0);
    forecast->count = nodeset_count(set);
    forecast->nodes = calloc(forecast->count + 1, sizeof *forecast->nodes);
    rehearsal.imagined = calloc(forecast->count + 1, sizeof *rehearsal.imagined);
    bool failed = !forecast->nodes || !rehearsal.imagined;
    for (size_t i = 0; i < forecast->count && !failed; i++)
        forecast->nodes[i].node = inventory_node(inventory, nodeset_name(set, i));
    failed = failed || rehearse(&rehearsal, forecast, request);
    if (!failed) {
        tell_blame(&rehearsal, forecast->limited_by);
        qsort(forecast->nodes, forecast->count, sizeof *forecast->nodes, by_power);
    }
    pace_clear(&rehearsal.pace);
    free(rehearsal.imagined);
    return failed ? forecast_free(forecast) : forecast;
}

struct forecast *forecast_free(struct forecast *forecast)
{
    if (!forecast)
        return NULL;
    free(forecast->nodes);
    free(forecast);
    return NULL;
}

void forecast_freep(struct forecast **forecast)
{
    *forecast = forecast_free(*forecast);
}
