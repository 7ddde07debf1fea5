#include "agent/core/pacer.h"

#include <stdio.h>
#include <string.h>

enum { TICK_US = 1000 };

uint64_t pacer_occupies_us(const struct pacer *pacer, uint64_t cost)
{
    uint64_t most = pacer->rate.most ? pacer->rate.most : 1;
    return (cost * pacer->rate.span_us + most - 1) / most;
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
    uint64_t sum = cost;
    for (size_t i = pacer->nrecent; i--;) { /* newest first */
        sum += pacer->recent[i].cost;
        if (sum > pacer->rate.most)
            return pacer->recent[i].at_us + pacer->rate.span_us;
    }
    return 0;
}

uint64_t pacer_earliest_us(const struct pacer *pacer, uint64_t cost)
{
    uint64_t fits = pacer->by_current ? fits_us(pacer, cost) : 0;
    return fits > pacer->free_us ? fits : pacer->free_us;
}

/* The tick is a millisecond: what is lost by waiting for it is made up for, and not more. So two
 * loads are apart by what the first occupies, give or take less than a tick, which a window of
 * whole ticks does not see. */
uint64_t pacer_free_after_us(const struct pacer *pacer, uint64_t cost, uint64_t now_us)
{
    uint64_t tick_began_us = now_us < TICK_US ? 0 : now_us - TICK_US + 1;
    uint64_t from_us = pacer->free_us > tick_began_us ? pacer->free_us : tick_began_us;
    return from_us + pacer_occupies_us(pacer, cost);
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

void pacer_pass(struct pacer *pacer, uint64_t cost, uint64_t now_us)
{
    pacer->free_us = pacer_free_after_us(pacer, cost, now_us);
    if (!pacer->by_current)
        return;
    drop_old(pacer, now_us);
    remember(pacer, cost, now_us);
}

void pacer_describe(const struct pacer *pacer, char text[PACER_TEXT_SIZE])
{
    const struct rate *rate = &pacer->rate;
    if (pacer->by_current)
        (void)snprintf(text, PACER_TEXT_SIZE, "%s (%.1f A a second)", pacer->name,
                       (double)rate->most / 1000);
    else if (rate->most == 1)
        (void)snprintf(text, PACER_TEXT_SIZE, "%s (one each %.1f s)", pacer->name,
                       (double)rate->span_us / 1e6);
    else
        (void)snprintf(text, PACER_TEXT_SIZE, "%s (%u a second)", pacer->name, rate->most);
}
