#include "agent/cli/summary.h"

#include <string.h>

#include "agent/cli/duration.h"
#include "agent/cli/fold.h"
#include "agent/cli/report.h"
#include "agent/cli/style.h"
#include "proto/cleanup.h"

static bool is_any(const struct node_view *node, int unused)
{
    (void)node, (void)unused;
    return true;
}

static bool is_dropped(const struct node_view *node, int verdict)
{
    return node->outcome == OUTCOME_CANCELLED && (int)node->verdict == verdict;
}

static char *fold(const struct job_view *job, node_choice_fn *choose, int value, size_t *count)
{
    return fold_nodes(job->nodes, job->nnodes, choose, value, count);
}

static size_t count_dropped(const struct job_view *job, enum verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < job->nnodes; i++)
        count += is_dropped(&job->nodes[i], (int)verdict);
    return count;
}

/* Worst first, of how many: a node of a rack must not read as the rack. */
static void put_subject(FILE *out, const struct job_view *job)
{
    const struct {
        size_t count;
        const char *word;
    } parts[] = {
        {job_view_count(job, OUTCOME_LEFT_OFF), "LEFT OFF"},
        {job_view_count(job, OUTCOME_FAILED), "failed"},
        {job_view_count(job, OUTCOME_UNVERIFIED), "unverified"},
        {count_dropped(job, VERDICT_NOT_STARTED), "not started"},
        {count_dropped(job, VERDICT_CANCELLED), "cancelled"},
        {job_view_count(job, OUTCOME_PENDING), "still running"},
    };
    _cleanup_(freep) char *folded = fold(job, is_any, 0, NULL);
    (void)fprintf(out, "powerctl: %s %s: ", verb_name(job->verb), folded);
    const char *between = "";
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (!parts[i].count)
            continue;
        (void)fprintf(out, "%s%zu", between, parts[i].count);
        if (!*between)
            (void)fprintf(out, " of %zu", job->nnodes);
        (void)fprintf(out, " %s", parts[i].word);
        between = ", ";
    }
    (void)fprintf(out, " (%s%s%sjob %s)\n", job->key[0] ? "key " : "", job->key,
                  job->key[0] ? ", " : "", job->id);
}

static void put_who(FILE *out, const struct job_view *job)
{
    char started[CLOCK_TEXT_SIZE], took[DURATION_TEXT_SIZE];
    local_date_format(job->started_unix_ms, started);
    duration_format(job->elapsed_ms, took);
    (void)fprintf(out, "\nAsked by %s, started %s, took %s: ", job->actor, started, took);
    report_counts(out, job);
    (void)fputs(".\n", out);
}

static void put_group(FILE *out, const char *heading, char *folded)
{
    if (*folded)
        (void)fprintf(out, "\n%s: %s\n", heading, folded);
    free(folded);
}

static const char *first_failure(const struct job_view *job)
{
    static const enum outcome worst_first[] = {OUTCOME_LEFT_OFF, OUTCOME_FAILED,
                                               OUTCOME_UNVERIFIED};
    for (size_t i = 0; i < ARRAY_SIZE(worst_first); i++)
        for (size_t j = 0; j < job->nnodes; j++)
            if (job->nodes[j].outcome == worst_first[i])
                return job->nodes[j].node;
    return NULL;
}

void summary_put(FILE *out, const struct job_view *job)
{
    const struct render render = {.out = out};
    put_subject(out, job);
    put_who(out, job);
    report_alarm(&render, job);
    report_failures(&render, job);
    put_group(out, "Not started, because the line was stopped after too many failures",
              fold(job, is_dropped, VERDICT_NOT_STARTED, NULL));
    put_group(out, "Cancelled", fold(job, is_dropped, VERDICT_CANCELLED, NULL));
    put_group(out, "All is well with", fold(job, node_has_outcome, OUTCOME_OK, NULL));
    (void)fprintf(out, "\nMore: powerctl job %s\n", job->id);
    const char *node = first_failure(job);
    if (node && job->verb != VERB_STATUS && job->verb != VERB_CHECK) /* these leave no trace */
        (void)fprintf(out, "      powerctl history %s\n", node);
}
