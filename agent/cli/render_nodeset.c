/* nodeset: "WORD NODES" a line, for `while read word nodes`.  Of `nodes`, only the set itself. */
#include <string.h>

#include "agent/cli/fold.h"
#include "agent/cli/memory.h"
#include "agent/cli/render.h"
#include "proto/cleanup.h"

static void put_set(const struct render *render, const struct job_view *job, node_choice_fn *choose,
                    int value, const char *word)
{
    _cleanup_(freep) char *folded = fold_nodes(job->nodes, job->nnodes, choose, value, NULL);
    if (*folded)
        (void)fprintf(render->out, "%s %s\n", word, folded);
}

static void nodeset_job(const struct render *render, const struct job_view *job)
{
    if (job->verb == VERB_STATUS)
        for (int i = POWERS - 1; i >= 0; i--)
            put_set(render, job, node_has_power, i, power_name((enum power)i));
    else
        for (int i = 0; i < OUTCOMES; i++)
            put_set(render, job, node_has_outcome, i, outcome_name((enum outcome)i));
}

static void nodeset_nodes(const struct render *render, const struct node_view *nodes, size_t count,
                          const char *folded)
{
    if (!render->expand)
        (void)fprintf(render->out, "%s\n", folded);
    for (size_t i = 0; render->expand && i < count; i++)
        (void)fprintf(render->out, "%s\n", nodes[i].node);
}

static void nodeset_jobs(const struct render *render, const struct job_view *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)fprintf(render->out, "%s\n", jobs[i].id);
}

static void nodeset_event(const struct render *render, const struct job_event *event, bool first)
{
    (void)first;
    if (event->node.node[0])
        (void)fprintf(render->out, "%s %s\n", event_kind_name(event->kind), event->node.node);
}

static void nodeset_events(const struct render *render, const struct job_event *events,
                           size_t count)
{
    for (size_t i = 0; i < count; i++)
        nodeset_event(render, &events[i], i == 0);
}

/* The set itself, so that it can be given to another command. */
static void nodeset_locks(const struct render *render, const struct lock_view *locks, size_t count)
{
    _cleanup_(freep) const char **names = cli_needs(calloc(count + 1, sizeof *names));
    for (size_t i = 0; i < count; i++)
        names[i] = locks[i].node;
    _cleanup_(freep) char *folded = fold_names(names, count);
    if (*folded)
        (void)fprintf(render->out, "%s\n", folded);
}

/* As of `status`. */
static void nodeset_outlets(const struct render *render, const struct outlet_view *outlets,
                            size_t count)
{
    _cleanup_(freep) const char **names = cli_needs(calloc(count + 1, sizeof *names));
    for (int i = POWERS - 1; i >= 0; i--) {
        size_t n = 0;
        for (size_t j = 0; j < count; j++)
            if ((int)outlets[j].power == i)
                names[n++] = outlets[j].outlet;
        _cleanup_(freep) char *folded = fold_names(names, n);
        if (*folded)
            (void)fprintf(render->out, "%s %s\n", power_name((enum power)i), folded);
    }
}

const struct renderer render_nodeset = {nodeset_job,    nodeset_nodes, nodeset_jobs,
                                        nodeset_events, nodeset_event, nodeset_locks,
                                        nodeset_outlets};
