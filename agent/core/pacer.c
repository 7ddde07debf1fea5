#include "agent/core/pacer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/memory.h"
#include "proto/cleanup.h"

#define SECOND_US   UINT64_C(1000000)
#define IDLE_US     (3600 * SECOND_US) /* so long unused, and it is forgotten */
#define PATIENCE_US (5 * SECOND_US)    /* who waits longer than that is not overtaken any more */
#define NOT_URGENT  (UINT64_C(1) << 63)

enum { TICK_US = 1000, RECENT_MAX = 32, NAMES_SIZE = 2 * NAME_SIZE };

/* What passed within the last span, where loads differ in cost: then keeping them apart is not
 * enough for "no more within any span". */
struct passed {
    uint64_t at_us, cost;
};

struct pacer {
    char name[NAMES_SIZE];
    struct rate rate;
    uint64_t free_us;
    bool by_current;
    size_t nrecent;
    struct passed recent[RECENT_MAX];
    /* In this scan somebody further ahead has claimed it for `claimed_us`. */
    uint64_t scan, claimed_us;
    UT_hash_handle hh;
};

struct pace_line {
    char name[NAMES_SIZE]; /* device, NUL, circuit: what follows from them are its pacers */
    struct pacer *pacers[LINE_PACERS_MAX];
    size_t npacers;
    struct waiter *first, **last;
    uint64_t first_since_us; /* when its first became that */
    struct pace_line *next;
    UT_hash_handle hh;
};

/* ---- one pacer ---- */

static uint64_t occupies_us(const struct pacer *pacer, uint64_t cost)
{
    uint64_t most = pacer->rate.most ? pacer->rate.most : 1;
    return (cost * pacer->rate.span_us + most - 1) / most;
}

static uint64_t cost_at(const struct pacer *pacer, const struct waiter *waiter)
{
    return pacer->by_current ? waiter->inrush_ma : 1;
}

static void drop_old(struct pacer *pacer, uint64_t now_us)
{
    size_t gone = 0;
    while (gone < pacer->nrecent && pacer->recent[gone].at_us + pacer->rate.span_us <= now_us)
        gone++;
    pacer->nrecent -= gone;
    memmove(pacer->recent, pacer->recent + gone, pacer->nrecent * sizeof *pacer->recent);
}

/* When so much may pass, as far as what passed lately goes. A load that is more than fits into a
 * span at all passes alone. */
static uint64_t fits_us(const struct pacer *pacer, uint64_t cost)
{
    uint64_t sum = cost, at_us = 0;
    for (size_t i = pacer->nrecent; i--;) { /* newest first */
        sum += pacer->recent[i].cost;
        if (sum > pacer->rate.most)
            return pacer->recent[i].at_us + pacer->rate.span_us;
    }
    return at_us;
}

static uint64_t earliest_us(const struct pacer *pacer, uint64_t cost)
{
    uint64_t fits = pacer->by_current ? fits_us(pacer, cost) : 0;
    return fits > pacer->free_us ? fits : pacer->free_us;
}

/* The tick is a millisecond: what is lost by waiting for it is made up for, and not more. So two
 * loads are apart by what the first occupies, give or take less than a tick, which a window of
 * whole ticks does not see. */
static uint64_t free_after_us(const struct pacer *pacer, uint64_t cost, uint64_t now_us)
{
    uint64_t tick_began_us = now_us < TICK_US ? 0 : now_us - TICK_US + 1;
    uint64_t from_us = pacer->free_us > tick_began_us ? pacer->free_us : tick_began_us;
    return from_us + occupies_us(pacer, cost);
}

static void remember(struct pacer *pacer, uint64_t cost, uint64_t now_us)
{
    if (pacer->nrecent == RECENT_MAX) { /* two as if they were one, and that the later */
        pacer->recent[1].cost += pacer->recent[0].cost;
        pacer->nrecent--;
        memmove(pacer->recent, pacer->recent + 1, pacer->nrecent * sizeof *pacer->recent);
    }
    pacer->recent[pacer->nrecent++] = (struct passed){now_us, cost};
}

static void pass(struct pacer *pacer, uint64_t cost, uint64_t now_us)
{
    pacer->free_us = free_after_us(pacer, cost, now_us);
    if (!pacer->by_current)
        return;
    drop_old(pacer, now_us);
    remember(pacer, cost, now_us);
}

static struct pacer *find_pacer(const struct pace *pace, const char *what, const char *name)
{
    struct pacer *pacer;
    char key[NAMES_SIZE];
    (void)snprintf(key, sizeof key, "%s%s", what, name);
    HASH_FIND_STR(pace->pacers, key, pacer);
    return pacer;
}

/* `fresh`: its rate is to be this one, whatever it was. */
static struct pacer *have_pacer(struct pace *pace, const char *what, const char *name,
                                struct rate rate, bool fresh)
{
    struct pacer *pacer = find_pacer(pace, what, name);
    if (pacer && fresh)
        pacer->rate = rate;
    if (pacer)
        return pacer;
    pacer = core_allocate(sizeof *pacer);
    (void)snprintf(pacer->name, sizeof pacer->name, "%s%s", what, name);
    pacer->rate = rate;
    pacer->free_us = pace->from_us + occupies_us(pacer, 1);
    HASH_ADD_STR(pace->pacers, name, pacer);
    return pacer;
}

/* ---- all of them ---- */

static const char AGENT[] = "limits.power_on_per_second", DEVICE[] = "stagger of ",
                  CIRCUIT[] = "circuit ", CURRENT[] = "current of circuit ";

static struct rate per_second(uint32_t most)
{
    return (struct rate){.most = most, .span_us = most ? SECOND_US : 0};
}

static struct rate staggered(uint32_t stagger_ms)
{
    return (struct rate){.most = 1, .span_us = stagger_ms * UINT64_C(1000)};
}

void pace_begin(struct pace *pace, uint32_t power_on_per_second, uint64_t now_us)
{
    *pace = (struct pace){
        .agent = per_second(power_on_per_second), .from_us = now_us, .swept_us = now_us};
}

void pacer_describe(const struct pacer *pacer, char text[PACER_TEXT_SIZE])
{
    const struct rate *rate = &pacer->rate;
    if (pacer->by_current)
        (void)snprintf(text, PACER_TEXT_SIZE, "%s (%.1f A a second)", pacer->name,
                       (double)rate->most / 1000);
    else if (rate->most == 1)
        (void)snprintf(text, PACER_TEXT_SIZE, "%s (one each %.1f s)", pacer->name,
                       (double)rate->span_us / (double)SECOND_US);
    else
        (void)snprintf(text, PACER_TEXT_SIZE, "%s (%u a second)", pacer->name, rate->most);
}

static void free_pacers(struct pace *pace, uint64_t idle_since_us)
{
    struct pacer *pacer, *next;
    HASH_ITER(hh, pace->pacers, pacer, next)
    {
        if (pacer->free_us > idle_since_us)
            continue;
        HASH_DEL(pace->pacers, pacer);
        free(pacer);
    }
}

void pace_clear(struct pace *pace)
{
    struct pace_line *line, *next;
    HASH_ITER(hh, pace->by_name, line, next)
    {
        HASH_DEL(pace->by_name, line);
        free(line);
    }
    pace->lines = NULL;
    free_pacers(pace, UINT64_MAX);
}

void pace_limit_agent(struct pace *pace, uint32_t power_on_per_second, uint64_t now_us)
{
    struct pacer *pacer = find_pacer(pace, AGENT, "");
    pace->from_us = now_us;
    pace->agent = per_second(power_on_per_second);
    if (pacer)
        pacer->rate = pace->agent;
}

void pace_limit_device(struct pace *pace, const char *device, uint32_t stagger_ms)
{
    struct pacer *pacer = find_pacer(pace, DEVICE, device);
    if (pacer)
        pacer->rate = staggered(stagger_ms);
}

void pace_limit_circuit(struct pace *pace, const char *circuit, uint32_t most_per_second,
                        uint32_t milliamps)
{
    struct pacer *number = find_pacer(pace, CIRCUIT, circuit);
    struct pacer *current = find_pacer(pace, CURRENT, circuit);
    if (number)
        number->rate = per_second(most_per_second);
    if (current)
        current->rate = per_second(milliamps);
}

bool pace_knows_current(const struct pace *pace, const char *circuit)
{
    return find_pacer(pace, CURRENT, circuit) != NULL;
}

/* ---- lines ---- */

static struct pacer *have_current_pacer(struct pace *pace, const struct load *load)
{
    struct rate rate = per_second(load->milliamps);
    struct pacer *pacer = find_pacer(pace, CURRENT, load->circuit);
    if (pacer)
        return have_pacer(pace, CURRENT, load->circuit, rate, load->fresh);
    pacer = have_pacer(pace, CURRENT, load->circuit, rate, true);
    pacer->by_current = true;
    /* The dead agent may have used up the whole of a second with many small ones. */
    uint64_t dearest = load->dearest_ma > load->milliamps ? load->dearest_ma : load->milliamps;
    pacer->free_us = pace->from_us + occupies_us(pacer, dearest);
    return pacer;
}

static struct pace_line *have_line(struct pace *pace, const struct load *load)
{
    char name[NAMES_SIZE] = "";
    struct pace_line *line;
    if (load->stagger_ms)
        (void)snprintf(name, NAME_SIZE, "%s", load->device);
    if (load->per_second || load->milliamps)
        (void)snprintf(name + NAME_SIZE, NAME_SIZE, "%s", load->circuit);
    HASH_FIND(hh, pace->by_name, name, sizeof name, line);
    if (!line) {
        line = core_allocate(sizeof *line);
        memcpy(line->name, name, sizeof name);
        line->last = &line->first;
        HASH_ADD(hh, pace->by_name, name, sizeof name, line);
    }
    line->npacers = 0; /* anew: after a reload there may be more */
    line->pacers[line->npacers++] = have_pacer(pace, AGENT, "", pace->agent, true);
    if (load->stagger_ms)
        line->pacers[line->npacers++] =
            have_pacer(pace, DEVICE, load->device, staggered(load->stagger_ms), load->fresh);
    if (load->per_second)
        line->pacers[line->npacers++] =
            have_pacer(pace, CIRCUIT, load->circuit, per_second(load->per_second), load->fresh);
    if (load->milliamps)
        line->pacers[line->npacers++] = have_current_pacer(pace, load);
    return line;
}

/* Lines are in the order of those who are first in them. */
static void put_in_order(struct pace *pace, struct pace_line *line, uint64_t now_us)
{
    struct pace_line **link = &pace->lines;
    while (*link && (*link)->first->order < line->first->order)
        link = &(*link)->next;
    line->next = *link;
    line->first_since_us = now_us;
    *link = line;
}

static void take_out(struct pace *pace, struct pace_line *line)
{
    struct pace_line **link = &pace->lines;
    while (*link != line)
        link = &(*link)->next;
    *link = line->next;
}

void pace_wait(struct pace *pace, struct waiter *waiter, const struct load *load, bool urgent,
               uint64_t now_us)
{
    if (!pace->lines && now_us > pace->swept_us + IDLE_US) {
        free_pacers(pace, now_us - IDLE_US);
        pace->swept_us = now_us;
    }
    struct pace_line *line = have_line(pace, load);
    waiter->line = line;
    waiter->inrush_ma = load->inrush_ma;
    waiter->order = ++pace->last_order | (urgent ? 0 : NOT_URGENT);
    struct waiter **link = line->last;
    if (urgent)
        for (link = &line->first; *link && (*link)->order < waiter->order;)
            link = &(*link)->next;
    waiter->next = *link;
    *link = waiter;
    if (!waiter->next)
        line->last = &waiter->next;
    if (line->first != waiter)
        return;
    if (waiter->next)
        take_out(pace, line);
    put_in_order(pace, line, now_us);
}

/* The first of a line is gone: by its next one it belongs further back, or it is over. */
static void move_up(struct pace *pace, struct pace_line *line, uint64_t now_us)
{
    take_out(pace, line);
    if (line->first) {
        put_in_order(pace, line, now_us);
        return;
    }
    HASH_DEL(pace->by_name, line);
    free(line);
}

void pace_leave(struct pace *pace, struct waiter *waiter)
{
    struct pace_line *line = waiter->line;
    if (!line)
        return;
    struct waiter **link = &line->first;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    if (!waiter->next)
        line->last = link;
    waiter->next = NULL;
    waiter->line = NULL;
    if (link == &line->first)
        move_up(pace, line, line->first_since_us);
}

/* ---- whose turn it is ---- */

static uint64_t line_earliest_us(const struct pace_line *line, const struct pacer **last)
{
    uint64_t at_us = 0;
    for (size_t i = 0; i < line->npacers; i++) {
        uint64_t free_us = earliest_us(line->pacers[i], cost_at(line->pacers[i], line->first));
        if (free_us > at_us) {
            at_us = free_us;
            *last = line->pacers[i];
        }
    }
    return at_us;
}

/* Would somebody further ahead, who has to wait, have to wait longer for it? */
static bool delays_another(const struct pace *pace, const struct pace_line *line, uint64_t now_us)
{
    for (size_t i = 0; i < line->npacers; i++) {
        const struct pacer *pacer = line->pacers[i];
        uint64_t cost = cost_at(pacer, line->first);
        if (pacer->scan == pace->scan &&
            (pacer->by_current || free_after_us(pacer, cost, now_us) > pacer->claimed_us + TICK_US))
            return true;
    }
    return false;
}

/* A dear load must not be overtaken again and again by cheap ones; nor one with two pacers for ever
 * by those who each need one of them. The agent's own (pacers[0]) is not claimed: who waits for a
 * circuit stops nobody of another. */
static void claim(const struct pace *pace, const struct pace_line *line, uint64_t at_us,
                  uint64_t now_us)
{
    bool long_enough = now_us - line->first_since_us > PATIENCE_US;
    for (size_t i = 1; i < line->npacers; i++) {
        struct pacer *pacer = line->pacers[i];
        if (pacer->scan == pace->scan)
            continue;
        if (!long_enough && earliest_us(pacer, cost_at(pacer, line->first)) <= now_us)
            continue;
        pacer->scan = pace->scan;
        pacer->claimed_us = at_us;
    }
}

static struct waiter *go(struct pace *pace, struct pace_line *line, uint64_t now_us)
{
    struct waiter *waiter = line->first;
    for (size_t i = 0; i < line->npacers; i++)
        pass(line->pacers[i], cost_at(line->pacers[i], waiter), now_us);
    line->first_since_us = now_us;
    pace_leave(pace, waiter);
    return waiter;
}

struct waiter *pace_next(struct pace *pace, uint64_t now_us, uint64_t *due_us,
                         const struct pacer **last)
{
    pace->scan++;
    *due_us = UINT64_MAX;
    for (struct pace_line *line = pace->lines; line; line = line->next) {
        const struct pacer *free_last = line->pacers[0];
        uint64_t at_us = line_earliest_us(line, &free_last);
        if (at_us <= now_us && !delays_another(pace, line, now_us)) {
            if (last)
                *last = free_last;
            return go(pace, line, now_us);
        }
        claim(pace, line, at_us, now_us);
        if (at_us > now_us && at_us < *due_us)
            *due_us = at_us;
    }
    return NULL;
}
