/* pacer.h - one inrush limit: a rate, and the moment from which on the next load may pass.
 *
 * Passing a load occupies it for the load's cost at that rate.  Nothing is saved up while it is
 * idle.  Where loads differ in cost, what passed within the last span is remembered too: keeping
 * them apart is not enough for "no more within any span".
 *
 * Pure.  Times are microseconds, but a load passes at whole milliseconds: the tick of the core.
 * Pacers live in a struct pace (pace.h). */
#ifndef POWERCTL_PACER_H
#define POWERCTL_PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/driver_msg.h"

enum { PACER_NAME_SIZE = 2 * NAME_SIZE, PACER_TEXT_SIZE = 160, RECENT_MAX = 32 };

/* So much within any such span. span_us 0: no limit. */
struct rate {
    uint32_t most;
    uint64_t span_us;
};

struct passed {
    uint64_t at_us, cost;
};

struct pacer {
    char name[PACER_NAME_SIZE];
    struct rate rate;
    uint64_t free_us;
    bool by_current; /* loads differ in cost; else each costs 1 */
    size_t nrecent;
    struct passed recent[RECENT_MAX];
    /* pace.c: in this scan somebody further ahead has claimed it for `claimed_us`. */
    uint64_t scan, claimed_us;
};

uint64_t pacer_occupies_us(const struct pacer *pacer, uint64_t cost);

/* When such a load may pass. */
uint64_t pacer_earliest_us(const struct pacer *pacer, uint64_t cost);

/* From when on the next one may, if this one passes now. */
uint64_t pacer_free_after_us(const struct pacer *pacer, uint64_t cost, uint64_t now_us);

void pacer_pass(struct pacer *pacer, uint64_t cost, uint64_t now_us);

/* "circuit c1 (2 a second)" */
void pacer_describe(const struct pacer *pacer, char text[PACER_TEXT_SIZE]);

#endif
