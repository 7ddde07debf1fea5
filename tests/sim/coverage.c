#include "tests/sim/coverage.h"

#include <inttypes.h>
#include <stdio.h>

#include "proto/cleanup.h"

static struct coverage nowhere;
struct coverage *coverage = &nowhere;

const char *fault_name(enum fault fault)
{
    static const char *const names[FAULTS] = {
#define FAULT_NAME(name, words) [FAULT_##name] = words,
        FAULT_LIST(FAULT_NAME)
#undef FAULT_NAME
    };
    return names[fault];
}

/* ---- the cells ---- */

/* The linker sends every call of boot_step() from another file here (--wrap), so that the product
 * needs no hook: what comes in is the sign, and the boot tells its stage. */
bool __real_boot_step(struct boot *boot, enum sign sign, const struct deadlines *deadlines,
                      uint64_t now_ms);
bool __wrap_boot_step(struct boot *boot, enum sign sign, const struct deadlines *deadlines,
                      uint64_t now_ms);

bool __wrap_boot_step(struct boot *boot, enum sign sign, const struct deadlines *deadlines,
                      uint64_t now_ms)
{
    if (boot->verdict == VERDICT_NONE)
        coverage->cells[boot->stage][sign]++;
    return __real_boot_step(boot, sign, deadlines, now_ms);
}

/* Cells that nothing can reach, and why. Reaching one is an error as well: then this is wrong. */
static const char *impossible(enum stage stage, enum sign sign)
{
    if (stage == STAGE_NONE && sign != SIGN_POWER && sign != SIGN_NOTHING)
        return "boot_see() drops every note before the power edge";
    if (stage != STAGE_NONE && sign == SIGN_POWER)
        return "watch.c gives the power edge only to a boot that has none yet";
    if (stage == STAGE_NONE && sign == SIGN_NOTHING)
        return "a boot is watched only after its power was seen on, which is its power edge";
    return NULL;
}

/* ---- adding up, printing ---- */

static void add(uint64_t *sum, const uint64_t *one, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] += one[i];
}

void coverage_add(struct coverage *sum, const struct coverage *one)
{
    _Static_assert(sizeof *sum % sizeof(uint64_t) == 0, "counts only");
    add((uint64_t *)sum, (const uint64_t *)one, sizeof *sum / sizeof(uint64_t));
}

static unsigned print_faults(const struct coverage *sum)
{
    unsigned missed = 0;
    puts("\nfaults, and how often each happened");
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        printf("  %12" PRIu64 "  %s%s\n", sum->faults[fault], fault_name(fault),
               sum->faults[fault] ? "" : "   NEVER");
        missed += !sum->faults[fault];
    }
    return missed;
}

static unsigned print_cells(const struct coverage *sum)
{
    unsigned missed = 0;
    printf("\nsigns fed to the stage machine at each stage (-: impossible)\n  %-10s", "");
    for (enum sign sign = 0; sign < SIGNS; sign++)
        printf("%9s", sign_name(sign));
    putchar('\n');
    for (enum stage stage = 0; stage < STAGES; stage++) {
        printf("  %-10s", stage_name(stage));
        for (enum sign sign = 0; sign < SIGNS; sign++) {
            uint64_t count = sum->cells[stage][sign];
            bool wrong = (impossible(stage, sign) != NULL) == (count != 0);
            missed += wrong;
            if (impossible(stage, sign) && !count)
                printf("%9s", "-");
            else
                printf("%8" PRIu64 "%c", count, wrong ? '!' : ' ');
        }
        putchar('\n');
    }
    return missed;
}

static void print_impossible(void)
{
    const char *last = NULL;
    puts("\nimpossible cells");
    for (enum sign sign = 0; sign < SIGNS; sign++)
        for (enum stage stage = 0; stage < STAGES; stage++) {
            const char *why = impossible(stage, sign);
            if (!why)
                continue;
            if (why != last)
                printf("%s  %s:", last ? "\n" : "", why);
            printf(" %s/%s", stage_name(stage), sign_name(sign));
            last = why;
        }
    putchar('\n');
}

static void print_ends(const struct coverage *sum)
{
    static const enum outcome shown[] = {OUTCOME_OK, OUTCOME_FAILED, OUTCOME_UNVERIFIED,
                                         OUTCOME_LEFT_OFF, OUTCOME_CANCELLED};
    printf("\nhow nodes ended\n  %-10s", "");
    for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
        printf("%12s", outcome_name(shown[i]));
    putchar('\n');
    for (enum verb verb = 0; verb < VERBS; verb++) {
        printf("  %-10s", verb_name(verb));
        for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
            printf("%12" PRIu64, sum->outcomes[verb][shown[i]]);
        putchar('\n');
    }
    printf("  verdicts:");
    for (enum verdict verdict = VERDICT_NONE + 1; verdict < VERDICTS; verdict++)
        printf(" %s %" PRIu64, verdict_name(verdict), sum->verdicts[verdict]);
    putchar('\n');
}

unsigned coverage_print(const struct coverage *sum)
{
    unsigned missed = print_faults(sum);
    missed += print_cells(sum);
    print_impossible();
    print_ends(sum);
    printf("\n%" PRIu64 " seeds: %" PRIu64 " events, %" PRIu64 " jobs, %" PRIu64
           " requests sent, %" PRIu64 " power edges, %" PRIu64
           " restarts of the agent with %" PRIu64
           " jobs taken over, %.1f days of virtual time; %" PRIu64 " seeds run twice\n",
           sum->seeds, sum->events, sum->jobs, sum->sends, sum->edges, sum->restarts, sum->resumed,
           (double)sum->virtual_ms / 86400000.0, sum->pairs);
    return missed;
}
