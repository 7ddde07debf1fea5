/* main.c - seeds, many or one: run, judged, counted. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/coverage.h"
#include "tests/sim/sim.h"

enum { PAIRS_EVERY = 8, FAILURES_MAX = 5, JOBS_MAX = 64 };

struct options {
    uint64_t first, count;
    unsigned jobs;
    bool trace, alone, require_coverage, until_caught, quiet;
};

/* What one worker process has found; shared with main. */
struct worker {
    struct coverage coverage;
    unsigned failures;
};

static void usage(void)
{
    fputs("usage: sim [--seeds N] [--first N] [--jobs N] [--require-coverage] [--quiet]\n"
          "       sim --seed N [--trace] [--alone]   one seed, with every line of its trace;\n"
          "                                  without the notes of strangers\n"
          "       sim --until-caught ...     end at the first violation: CAUGHT seed invariant\n",
          stderr);
    exit(2);
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 0);
    if (end == text || *end)
        usage();
    return value;
}

static struct options parse(int argc, char **argv)
{
    static const struct option longs[] = {{"seeds", required_argument, NULL, 'n'},
                                          {"first", required_argument, NULL, 'f'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"jobs", required_argument, NULL, 'j'},
                                          {"trace", no_argument, NULL, 't'},
                                          {"alone", no_argument, NULL, 'a'},
                                          {"require-coverage", no_argument, NULL, 'c'},
                                          {"until-caught", no_argument, NULL, 'u'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {.first = 1, .count = 200, .jobs = 1};
    int option;
    while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (option == 'n')
            options.count = number(optarg);
        else if (option == 'f')
            options.first = number(optarg);
        else if (option == 's')
            options.first = number(optarg), options.count = 1;
        else if (option == 'j')
            options.jobs = (unsigned)number(optarg);
        else if (option == 't')
            options.trace = true;
        else if (option == 'a')
            options.alone = true;
        else if (option == 'c')
            options.require_coverage = true;
        else if (option == 'u')
            options.until_caught = true;
        else if (option == 'q')
            options.quiet = true;
        else
            usage();
    }
    if (optind != argc || !options.jobs)
        usage();
    if (options.jobs > JOBS_MAX) /* more processors than that are not needed */
        options.jobs = JOBS_MAX;
    return options;
}

/* ---- one seed ---- */

/* The same seed gives the same trace; and without the notes of strangers it gives the same
 * commands (S16): no note ever makes a power action. */
static bool run_again(uint64_t seed, const struct sim_result *first)
{
    struct sim_result same = sim_run(seed, true, SHOW_NOTHING);
    struct sim_result alone = sim_run(seed, false, SHOW_NOTHING);
    coverage->pairs++;
    if (same.trace_hash != first->trace_hash)
        printf("seed %" PRIu64 ": a second run went another way\n", seed);
    if (alone.commands_hash != first->commands_hash)
        printf("seed %" PRIu64 ": S16: without the notes of strangers other commands were sent\n",
               seed);
    return same.trace_hash == first->trace_hash && alone.commands_hash == first->commands_hash;
}

/* True if it is as it should be. */
static bool run_seed(uint64_t seed, const struct options *options)
{
    struct sim_result result =
        sim_run(seed, !options->alone, options->trace ? SHOW_TRACE : SHOW_NOTHING);
    coverage->seeds++;
    if (options->trace)
        printf("seed %" PRIu64 " trace %016" PRIx64 " commands %016" PRIx64 "\n", seed,
               result.trace_hash, result.commands_hash);
    if (result.violated && options->until_caught) {
        printf("CAUGHT %" PRIu64 " %s\n", seed, result.invariant);
    } else if (result.violated) {
        printf("seed %" PRIu64 " violates %s at event %" PRIu64 "; its trace ends:\n", seed,
               result.invariant, result.event);
        if (!options->trace)
            (void)sim_run(seed, true, SHOW_VIOLATION);
        printf("again: sim --seed %" PRIu64 " --trace\n", seed);
    }
    if (result.violated)
        return false;
    if (seed % PAIRS_EVERY == 0 && !run_again(seed, &result)) {
        if (options->until_caught)
            printf("CAUGHT %" PRIu64 " S16\n", seed);
        return false;
    }
    return true;
}

/* ---- many ---- */

/* What all have found so far: one who has caught a mutant is enough. */
static unsigned failures_of(const struct worker *workers, unsigned count)
{
    unsigned failures = 0;
    for (unsigned i = 0; i < count; i++)
        failures += workers[i].failures;
    return failures;
}

static void run_share(const struct options *options, unsigned share, struct worker *workers)
{
    struct worker *worker = &workers[share];
    coverage = &worker->coverage;
    unsigned most = options->until_caught ? 1 : FAILURES_MAX;
    for (uint64_t i = share; i < options->count && failures_of(workers, options->jobs) < most;
         i += options->jobs)
        worker->failures += !run_seed(options->first + i, options);
    fflush(stdout);
}

static struct worker *run_all(const struct options *options)
{
    struct worker *workers = mmap(NULL, options->jobs * sizeof *workers, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (workers == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    fflush(stdout);
    for (unsigned share = 1; share < options->jobs; share++)
        if (fork() == 0) {
            run_share(options, share, workers);
            _exit(0);
        }
    run_share(options, 0, workers);
    int status;
    while (wait(&status) > 0)
        if (!WIFEXITED(status) || WEXITSTATUS(status)) {
            fputs("a worker died\n", stderr);
            workers[0].failures++;
        }
    return workers;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    struct worker *workers = run_all(&options);
    struct coverage sum = {0};
    unsigned failures = 0, missed = 0;
    for (unsigned i = 0; i < options.jobs; i++)
        coverage_add(&sum, &workers[i].coverage);
    failures = failures_of(workers, options.jobs);
    if (!options.quiet && !options.trace && !options.until_caught)
        missed = coverage_print(&sum);
    if (missed)
        printf("%u faults or cells were not as listed\n", missed);
    if (!options.trace && !options.until_caught)
        printf("%" PRIu64 " seeds, %u violations\n", sum.seeds, failures);
    return failures || (missed && options.require_coverage) ? 1 : 0;
}
