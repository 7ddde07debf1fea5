#include "agent/core/pace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not memory.h: who asks for a plan gets an error, and the agent goes on. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define SECOND_US   UINT64_C(1000000)
#define IDLE_US     (3600 * SECOND_US) /* so long unused, and it is forgotten */
#define PATIENCE_US (5 * SECOND_US)    /* who waits longer than that is not overtaken any more */
#define NOT_URGENT  (UINT64_C(1) << 63)

enum { TICK_US = 1000, LINE_NAME_SIZE = 2 * NAME_SIZE + 1 };

struct kept_pacer {
    struct pacer pacer;
    UT_hash_handle hh;
};

struct pace_line {
    char name[LINE_NAME_SIZE]; /* what its pacers follow from */
    struct pacer *pacers[LINE_PACERS_MAX];
    size_t npacers;
    struct waiter *first, **last;
    uint64_t first_since_us; /* when its first became that */
    struct pace_line *next;
    UT_hash_handle hh;
};

static uint64_t cost_at(const struct pacer *pacer, const struct waiter *waiter)
{
    return pacer->by_current ? waiter->inrush_ma : 1;
}

static struct pacer *find_pacer(const struct pace *pace, const char *what, const char *name)
{
    struct kept_pacer *kept;
    char key[PACER_NAME_SIZE];
    (void)snprintf(key, sizeof key, "%s%s", what, name);
    HASH_FIND_STR(pace->pacers, key, kept);
    return kept ? &kept->pacer : NULL;
}

/* Its rate is this one, whatever it was. NULL: out of memory. */
static struct pacer *have_pacer(struct pace *pace, const char *what, const char *name,
                                struct rate rate)
{
    struct pacer *pacer = find_pacer(pace, what, name);
    if (pacer) {
        pacer->rate = rate;
        return pacer;
    }
    struct kept_pacer *kept = calloc(1, sizeof *kept);
    if (!kept)
        return NULL;
    pacer = &kept->pacer;
    (void)snprintf(pacer->name, sizeof pacer->name, "%s%s", what, name);
    pacer->rate = rate;
    pacer->free_us = pace->from_us + pacer_occupies_us(pacer, 1);
    HASH_ADD_STR(pace->pacers, pacer.name, kept);
    if (kept->hh.tbl)
        return pacer;
    free(kept);
    return NULL;
}

/* ---- the limits ---- */

static const char AGENT[] = "limits.power_on_per_second", DEVICE[] = "stagger of ",
                  CIRCUIT[] = "circuit ", CURRENT[] = "current of circuit ";

static struct rate per_second(uint32_t most)
{
    return (struct rate){.most = most, .span_us = most ? PACE_WITHIN_MS * UINT64_C(1000) : 0};
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

static void free_pacers(struct pace *pace, uint64_t idle_since_us)
{
    struct kept_pacer *kept, *next;
    HASH_ITER(hh, pace->pacers, kept, next)
    {
        if (kept->pacer.free_us > idle_since_us)
            continue;
        HASH_DEL(pace->pacers, kept);
        free(kept);
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
    bool known = pace_knows_current(pace, load->circuit);
    struct pacer *pacer = have_pacer(pace, CURRENT, load->circuit, per_second(load->milliamps));
    if (!pacer || known)
        return pacer;
    pacer->by_current = true;
    /* The dead agent may have used up the whole of a second with many small ones. */
    uint64_t dearest = load->dearest_ma > load->milliamps ? load->dearest_ma : load->milliamps;
    pacer->free_us = pace->from_us + pacer_occupies_us(pacer, dearest);
    return pacer;
}

static struct pace_line *line_new(struct pace *pace, const char name[LINE_NAME_SIZE])
{
    struct pace_line *line = calloc(1, sizeof *line);
    if (!line)
        return NULL;
    memcpy(line->name, name, sizeof line->name);
    line->last = &line->first;
    HASH_ADD(hh, pace->by_name, name, sizeof line->name, line);
    if (line->hh.tbl)
        return line;
    free(line);
    return NULL;
}

static struct pace_line *line_free(struct pace *pace, struct pace_line *line)
{
    HASH_DEL(pace->by_name, line);
    free(line);
    return NULL;
}

static int find_its_pacers(struct pace *pace, struct pace_line *line, const struct load *load)
{
    size_t count = 0;
    line->pacers[count++] = have_pacer(pace, AGENT, "", pace->agent);
    if (load->stagger_ms)
        line->pacers[count++] = have_pacer(pace, DEVICE, load->device, staggered(load->stagger_ms));
    if (load->per_second)
        line->pacers[count++] =
            have_pacer(pace, CIRCUIT, load->circuit, per_second(load->per_second));
    if (load->milliamps)
        line->pacers[count++] = have_current_pacer(pace, load);
    line->npacers = count;
    for (size_t i = 0; i < count; i++)
        if (!line->pacers[i])
            return -1;
    return 0;
}

static struct pace_line *have_line(struct pace *pace, const struct load *load)
{
    char name[LINE_NAME_SIZE] = "";
    struct pace_line *line;
    if (load->stagger_ms)
        (void)snprintf(name, NAME_SIZE, "%s", load->device);
    if (load->per_second || load->milliamps)
        (void)snprintf(name + NAME_SIZE, NAME_SIZE, "%s", load->circuit);
    name[LINE_NAME_SIZE - 1] = (char)((load->per_second ? 1 : 0) + (load->milliamps ? 2 : 0));
    HASH_FIND(hh, pace->by_name, name, sizeof name, line);
    if (line) /* who waits in it already has had all its pacers */
        return line;
    line = line_new(pace, name);
    return line && find_its_pacers(pace, line, load) ? line_free(pace, line) : line;
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

int pace_wait(struct pace *pace, struct waiter *waiter, const struct load *load, bool urgent,
              uint64_t now_us)
{
    if (!pace->lines && now_us > pace->swept_us + IDLE_US) {
        free_pacers(pace, now_us - IDLE_US);
        pace->swept_us = now_us;
    }
    struct pace_line *line = have_line(pace, load);
    if (!line)
        return -1;
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
        return 0;
    if (waiter->next)
        take_out(pace, line);
    put_in_order(pace, line, now_us);
    return 0;
}

/* The first of a line is gone: by its next one it belongs further back, or it is over. */
static void move_up(struct pace *pace, struct pace_line *line, uint64_t now_us)
{
    take_out(pace, line);
    if (line->first) {
        put_in_order(pace, line, now_us);
        return;
    }
    (void)line_free(pace, line);
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
        uint64_t free_us =
            pacer_earliest_us(line->pacers[i], cost_at(line->pacers[i], line->first));
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
            (pacer->by_current ||
             pacer_free_after_us(pacer, cost, now_us) > pacer->claimed_us + TICK_US))
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
        if (!long_enough && pacer_earliest_us(pacer, cost_at(pacer, line->first)) <= now_us)
            continue;
        pacer->scan = pace->scan;
        pacer->claimed_us = at_us;
    }
}

static struct waiter *go(struct pace *pace, struct pace_line *line, uint64_t now_us)
{
    struct waiter *waiter = line->first;
    for (size_t i = 0; i < line->npacers; i++)
        pacer_pass(line->pacers[i], cost_at(line->pacers[i], waiter), now_us);
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
