/* table: for people. */
#include <string.h>

#include "agent/cli/duration.h"
#include "agent/cli/event_text.h"
#include "agent/cli/fold.h"
#include "agent/cli/memory.h"
#include "agent/cli/render.h"
#include "agent/cli/report.h"
#include "agent/cli/style.h"
#include "proto/cleanup.h"

static void table_job(const struct render *render, const struct job_view *job)
{
    if (job->verb == VERB_STATUS)
        report_status(render, job);
    else if (job->verb == VERB_CHECK)
        report_check(render, job);
    else
        report_job(render, job);
}

static void table_nodes(const struct render *render, const struct node_view *nodes, size_t count,
                        const char *folded)
{
    render_nodeset.nodes(render, nodes, count, folded);
}

enum { RESULT_SIZE = 160, BEFORE_RESULT = 77, NODES_LEAST = 16, NODES_MOST = 40 };

static void result_text(const struct job_view *job, char text[RESULT_SIZE])
{
    memset(text, 0, RESULT_SIZE);
    _cleanup_(fclosep) FILE *out = cli_needs(fmemopen(text, RESULT_SIZE, "w"));
    report_counts(out, job);
}

static int result_width(const struct job_view *jobs, size_t count)
{
    char text[RESULT_SIZE];
    size_t width = strlen("RESULT");
    for (size_t i = 0; i < count; i++) {
        result_text(&jobs[i], text);
        if (strlen(text) > width)
            width = strlen(text);
    }
    return (int)width;
}

static bool any_node(const struct node_view *node, int value)
{
    (void)node, (void)value;
    return true;
}

/* The nodes are cut to what the terminal has left, or to what a log bears. */
static void put_result_and_nodes(const struct render *render, const struct job_view *job, int width)
{
    char text[RESULT_SIZE];
    _cleanup_(freep) char *folded = fold_nodes(job->nodes, job->nnodes, any_node, 0, NULL);
    unsigned left = BEFORE_RESULT + (unsigned)width + 1;
    unsigned room = !render->columns                       ? NODES_MOST
                    : render->columns > left + NODES_LEAST ? render->columns - left
                                                           : NODES_LEAST;
    result_text(job, text);
    const char *nodes = *folded ? folded : "-";
    bool cut = strlen(nodes) > room;
    (void)fprintf(render->out, "%-*s %.*s%s\n", width, text, (int)(cut ? room - 3 : room), nodes,
                  cut ? "..." : "");
}

static void table_jobs(const struct render *render, const struct job_view *jobs, size_t count)
{
    if (!count) {
        (void)fputs("no jobs yet\n", render->out);
        return;
    }
    int result = result_width(jobs, count);
    (void)fprintf(render->out, "%-16s %-9s %-20s %-19s %-8s %-*s %s\n", "JOB", "VERB", "BY",
                  "STARTED", "TOOK", result, "RESULT", "NODES");
    for (size_t i = 0; i < count; i++) {
        char started[CLOCK_TEXT_SIZE], took[DURATION_TEXT_SIZE];
        local_date_format(jobs[i].started_unix_ms, started);
        duration_format_short(jobs[i].elapsed_ms, took);
        (void)fprintf(render->out, "%-16s %-9s %-20s %-19s %-8s ", jobs[i].id,
                      verb_name(jobs[i].verb), jobs[i].actor[0] ? jobs[i].actor : "-", started,
                      jobs[i].done ? took : "...");
        put_result_and_nodes(render, &jobs[i], result);
    }
}

static void put_event(const struct render *render, const struct job_event *event, enum power wanted)
{
    char when[CLOCK_TEXT_SIZE];
    local_date_format(event->unix_ms, when);
    (void)fprintf(render->out, "%s  %-14s  ", when, event->job[0] ? event->job : "-");
    event_put(render->out, render->colours, event, wanted);
    (void)fputc('\n', render->out);
}

/* One event of a stream: what came before it is not kept. */
static void table_event(const struct render *render, const struct job_event *event, bool first)
{
    (void)first;
    put_event(render, event, POWER_UNKNOWN);
}

/* What the last command to this node in this job was to bring. */
static enum power wanted_at(const struct job_event *events, size_t at)
{
    enum op op;
    if (events[at].kind != EVENT_POWER)
        return POWER_UNKNOWN;
    for (size_t i = at; i-- > 0;)
        if (events[i].kind == EVENT_COMMAND && !strcmp(events[i].job, events[at].job) &&
            !strcmp(events[i].node.node, events[at].node.node) && !event_command(&events[i], &op) &&
            op_changes_something(op))
            return op_wanted(op);
    return POWER_UNKNOWN;
}

static void table_events(const struct render *render, const struct job_event *events, size_t count)
{
    if (!count)
        (void)fputs("nothing is on record\n", render->out);
    for (size_t i = 0; i < count; i++)
        put_event(render, &events[i], wanted_at(events, i));
}

const struct renderer render_table = {table_job,   table_nodes, table_jobs,   table_events,
                                      table_event, table_locks, table_outlets};
