/* table: for people. */
#include <string.h>

#include "agent/cli/duration.h"
#include "agent/cli/event_text.h"
#include "agent/cli/render.h"
#include "agent/cli/report.h"
#include "agent/cli/style.h"

static void table_job(const struct render *render, const struct job_view *job)
{
    if (job->verb == VERB_STATUS)
        report_status(render, job);
    else
        report_job(render, job);
}

static void table_nodes(const struct render *render, const struct node_view *nodes, size_t count,
                        const char *folded)
{
    render_nodeset.nodes(render, nodes, count, folded);
}

static void table_jobs(const struct render *render, const struct job_view *jobs, size_t count)
{
    if (!count) {
        (void)fputs("no jobs yet\n", render->out);
        return;
    }
    (void)fprintf(render->out, "%-16s %-9s %-20s %-19s %-8s %s\n", "JOB", "VERB", "BY", "STARTED",
                  "TOOK", "NODES");
    for (size_t i = 0; i < count; i++) {
        char started[CLOCK_TEXT_SIZE], took[DURATION_TEXT_SIZE];
        local_date_format(jobs[i].started_unix_ms, started);
        duration_format_short(jobs[i].elapsed_ms, took);
        (void)fprintf(render->out, "%-16s %-9s %-20s %-19s %-8s ", jobs[i].id,
                      verb_name(jobs[i].verb), jobs[i].actor[0] ? jobs[i].actor : "-", started,
                      jobs[i].done ? took : "...");
        report_counts(render->out, &jobs[i]);
        (void)fputc('\n', render->out);
    }
}

static void table_event(const struct render *render, const struct job_event *event, bool first)
{
    char when[CLOCK_TEXT_SIZE];
    (void)first;
    local_date_format(event->unix_ms, when);
    (void)fprintf(render->out, "%s  %-14s  ", when, event->job[0] ? event->job : "-");
    event_put(render->out, render->colours, event);
    (void)fputc('\n', render->out);
}

static void table_events(const struct render *render, const struct job_event *events, size_t count)
{
    if (!count)
        (void)fputs("nothing is on record\n", render->out);
    for (size_t i = 0; i < count; i++)
        table_event(render, &events[i], i == 0);
}

const struct renderer render_table = {table_job, table_nodes, table_jobs, table_events,
                                      table_event};
