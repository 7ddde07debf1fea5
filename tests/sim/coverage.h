/* coverage.h - what the runs have reached: faults that happened, cells of the stage matrix that
 * were fed, verdicts, outcomes. Plain counts: each worker process fills one, main adds them up. */
#ifndef POWERCTL_SIM_COVERAGE_H
#define POWERCTL_SIM_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/boot.h"
#include "proto/words.h"
#include "tests/sim/faults.h"

struct coverage {
    uint64_t faults[FAULTS];
    uint64_t cells[STAGES][SIGNS];
    uint64_t outcomes[VERBS][OUTCOMES], verdicts[VERDICTS];
    uint64_t seeds, events, sends, jobs, restarts, resumed, edges, virtual_ms, pairs;
};

extern struct coverage *coverage; /* of this process */

static inline void fault_happened(enum fault fault)
{
    coverage->faults[fault]++;
}

void coverage_add(struct coverage *sum, const struct coverage *one);
/* Prints the tables; the number of faults and possible cells that were never reached. */
unsigned coverage_print(const struct coverage *sum);

#endif
