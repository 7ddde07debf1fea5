#include "agent/cli/report.h"

#include <stdlib.h>
#include <string.h>

#include "agent/cli/duration.h"
#include "agent/cli/fold.h"
#include "agent/cli/style.h"
#include "proto/cleanup.h"

/* Worst last: it stands nearest to the prompt. */
static const enum outcome reading_order[] = {OUTCOME_OK,        OUTCOME_PENDING, OUTCOME_UNVERIFIED,
                                             OUTCOME_CANCELLED, OUTCOME_FAILED,  OUTCOME_LEFT_OFF};

/* A job that goes on calls its rest running, not failed and not done. */
static const char *word_of(enum outcome outcome)
{
    return outcome == OUTCOME_PENDING ? "running" : outcome_word(outcome);
}

static void put_group(const struct render *render, const char *word, enum colour word_colour,
                      const char *folded)
{
    bool painted = render->colours && word_colour != COLOUR_NONE;
    (void)fprintf(render->out, "%s%s%s:%*s%s\n", colour(painted, word_colour), word,
                  colour(painted, COLOUR_NONE), (int)(strlen(word) < 11 ? 11 - strlen(word) : 1),
                  "", folded);
}

static void put_outcome_group(const struct render *render, const struct job_view *job,
                              enum outcome outcome)
{
    _cleanup_(freep) char *folded =
        fold_nodes(job->nodes, job->nnodes, node_has_outcome, (int)outcome, NULL);
    if (*folded)
        put_group(render, word_of(outcome), outcome_colour(outcome), folded);
}

static bool went_wrong(const struct node_view *node)
{
    return node->outcome == OUTCOME_FAILED || node->outcome == OUTCOME_LEFT_OFF ||
           node->outcome == OUTCOME_CANCELLED;
}

static bool is_metered(const struct job_view *job)
{
    for (size_t i = 0; i < job->nnodes; i++)
        if (job->nodes[i].has_watts)
            return true;
    return false;
}

static int width_of_names(const struct job_view *job)
{
    size_t width = strlen("NODE");
    for (size_t i = 0; i < job->nnodes; i++)
        if (job->nodes[i].has_watts && strlen(job->nodes[i].node) > width)
            width = strlen(job->nodes[i].node);
    return (int)width;
}

static void put_watts(const struct render *render, const struct job_view *job)
{
    char watts[WATTS_TEXT_SIZE];
    int width = width_of_names(job);
    if (!is_metered(job))
        return;
    (void)fprintf(render->out, "\n%-*s %-8s %8s\n", width, "NODE", "STATE", "WATTS");
    for (size_t i = 0; i < job->nnodes; i++) {
        const struct node_view *node = &job->nodes[i];
        if (!node->has_watts)
            continue;
        watts_format(node->milliwatts, watts);
        (void)fprintf(render->out, "%-*s %-8s %8s\n", width, node->node, power_name(node->power),
                      watts);
    }
}

/* Read, but there is more to say: a meter that contradicts, a feed that is off. */
static bool says_more(const struct node_view *node)
{
    return node->outcome == OUTCOME_OK && node->text[0] &&
           strcmp(node->text, power_name(node->power)) != 0;
}

void report_status(const struct render *render, const struct job_view *job)
{
    for (int i = POWERS - 1; i >= 0; i--) {
        _cleanup_(freep) char *folded =
            fold_nodes(job->nodes, job->nnodes, node_has_power, i, NULL);
        if (*folded)
            put_group(render, power_name((enum power)i), power_colour((enum power)i), folded);
    }
    for (size_t i = 0; i < job->nnodes; i++) {
        const struct node_view *node = &job->nodes[i];
        if (went_wrong(node))
            (void)fprintf(render->out, "%s: %s: %s\n", node->node, verdict_name(node->verdict),
                          node->text[0] ? node->text : verdict_explanation(node->verdict));
        else if (says_more(node))
            (void)fprintf(render->out, "%s: %s\n", node->node, node->text);
    }
    put_watts(render, job);
}

static void put_failure(const struct render *render, const struct node_view *node)
{
    (void)fprintf(render->out, "  %s", node->node);
    if (node->stage != STAGE_NONE)
        (void)fprintf(render->out, " after %s", stage_name(node->stage));
    if (node->percent >= 0)
        (void)fprintf(render->out, ", %s at %d %%", node->file[0] ? node->file : "a file",
                      node->percent);
    if (node->attempt > 1)
        (void)fprintf(render->out, ", %u tries", node->attempt);
    (void)fprintf(render->out, "%s%s\n", node->text[0] ? ": " : "", node->text);
}

static void put_heading(const struct render *render, enum verdict verdict)
{
    if (verdict == VERDICT_NONE)
        (void)fputs("\nno reason was given\n", render->out);
    else if (verdict == VERDICT_CANCELLED) /* explains itself */
        (void)fprintf(render->out, "\n%s\n", verdict_name(verdict));
    else
        (void)fprintf(render->out, "\n%s: %s\n", verdict_name(verdict),
                      verdict_explanation(verdict));
}

/* All nodes that broke at one link, under one heading. */
static void put_failures(const struct render *render, const struct job_view *job,
                         enum verdict verdict)
{
    bool heading = false;
    for (size_t i = 0; i < job->nnodes; i++) {
        const struct node_view *node = &job->nodes[i];
        if (!went_wrong(node) || node->verdict != verdict)
            continue;
        if (!heading)
            put_heading(render, verdict);
        heading = true;
        put_failure(render, node);
    }
}

static void put_unverified(const struct render *render, const struct job_view *job)
{
    if (!job_view_count(job, OUTCOME_UNVERIFIED))
        return;
    (void)fputs("\nunverified: sent and accepted, but there is no way to see what it did\n",
                render->out);
    for (size_t i = 0; i < job->nnodes; i++)
        if (job->nodes[i].outcome == OUTCOME_UNVERIFIED)
            put_failure(render, &job->nodes[i]);
}

void report_counts(FILE *out, const struct job_view *job)
{
    const char *between = "";
    for (size_t i = 0; i < ARRAY_SIZE(reading_order); i++) {
        size_t count = job_view_count(job, reading_order[i]);
        if (!count)
            continue;
        (void)fprintf(out, "%s%zu %s", between, count, word_of(reading_order[i]));
        between = ", ";
    }
}

static void put_total(const struct render *render, const struct job_view *job)
{
    char spent[DURATION_TEXT_SIZE];
    duration_format(job->elapsed_ms, spent);
    (void)fprintf(render->out, "\n%s %s %s: ", verb_name(job->verb),
                  job->done ? "took" : "has been running for", spent);
    report_counts(render->out, job);
    (void)fprintf(render->out, ". Job %s%s.\n", job->id,
                  job->cancelling && !job->done ? ", being cancelled" : "");
}

void report_alarm(const struct render *render, const struct job_view *job)
{
    _cleanup_(freep) char *folded =
        fold_nodes(job->nodes, job->nnodes, node_has_outcome, OUTCOME_LEFT_OFF, NULL);
    if (!*folded)
        return;
    (void)fprintf(render->out,
                  "\n%sLEFT OFF: %s%s\n"
                  "Running before this job, switched off by it, not seen on again.\n"
                  "See to it now: powerctl on %s\n",
                  colour(render->colours, COLOUR_ALARM), folded,
                  colour(render->colours, COLOUR_NONE), folded);
}

void report_failures(const struct render *render, const struct job_view *job)
{
    put_unverified(render, job);
    for (int i = 0; i < VERDICTS; i++)
        if (i != VERDICT_NOT_STARTED && i != VERDICT_CANCELLED)
            put_failures(render, job, (enum verdict)i);
}

/* As the agent says it of a node to which nothing was sent. */
static bool was_already(const struct node_view *node, int power)
{
    char text[JOB_TEXT_SIZE];
    (void)snprintf(text, sizeof text, "was %s already", power_name((enum power)power));
    return node->outcome == OUTCOME_OK && !strcmp(node->text, text);
}

static void put_untouched(const struct render *render, const struct job_view *job)
{
    for (int i = POWERS - 1; i > POWER_UNKNOWN; i--) {
        _cleanup_(freep) char *folded = fold_nodes(job->nodes, job->nnodes, was_already, i, NULL);
        if (*folded)
            (void)fprintf(render->out, "  was %s already: %s\n", power_name((enum power)i), folded);
    }
}

void report_job(const struct render *render, const struct job_view *job)
{
    for (size_t i = 0; i < ARRAY_SIZE(reading_order); i++) {
        put_outcome_group(render, job, reading_order[i]);
        if (reading_order[i] == OUTCOME_OK)
            put_untouched(render, job);
    }
    put_unverified(render, job);
    for (int i = 0; i < VERDICTS; i++)
        put_failures(render, job, (enum verdict)i);
    put_total(render, job);
    report_alarm(render, job);
}
