/* What a check found, for people. */
#include <string.h>

#include "agent/cli/report.h"
#include "agent/cli/style.h"

static int width_of_names(const struct job_view *job)
{
    size_t width = strlen("NODE");
    for (size_t i = 0; i < job->nnodes; i++)
        if (strlen(job->nodes[i].node) > width)
            width = strlen(job->nodes[i].node);
    return (int)width;
}

static void put_row(const struct render *render, const struct node_view *node, int width)
{
    enum colour chosen = outcome_colour(node->outcome);
    bool painted = render->colours && chosen != COLOUR_NONE;
    bool named = node->verdict != VERDICT_NONE && node->verdict != VERDICT_CANCELLED;
    const char *word = node->outcome == OUTCOME_PENDING ? "running" : outcome_word(node->outcome);
    const char *text = node->text[0] ? node->text : verdict_explanation(node->verdict);
    (void)fprintf(render->out, "%-*s %s%-9s%s %s%s%s\n", width, node->node, colour(painted, chosen),
                  word, colour(painted, COLOUR_NONE), named ? verdict_name(node->verdict) : "",
                  named ? ": " : "", text);
}

/* One that is wrong and alone stands in its node's line. */
static bool is_said(const struct findings *findings, size_t index)
{
    return findings->list[index].verdict != VERDICT_NONE && finding_is_alone(findings, index);
}

void report_findings(const struct render *render)
{
    const struct findings *findings = render->findings;
    const char *between = "\n";
    for (size_t i = 0; findings && i < findings->count; i++) {
        const struct finding *finding = &findings->list[i];
        bool named = finding->verdict != VERDICT_NONE;
        if (is_said(findings, i))
            continue;
        (void)fprintf(render->out, "%s%s: %s%s%s\n", between, finding->node,
                      named ? verdict_name(finding->verdict) : "", named ? ": " : "",
                      finding->text);
        between = "";
    }
}

void report_check(const struct render *render, const struct job_view *job)
{
    int width = width_of_names(job);
    (void)fprintf(render->out, "%-*s %-9s %s\n", width, "NODE", "RESULT", "TEXT");
    for (size_t i = 0; i < job->nnodes; i++)
        put_row(render, &job->nodes[i], width);
    report_findings(render);
}
