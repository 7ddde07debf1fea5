/* CSV as RFC 4180 has it: a header, CRLF, quotes around what needs them.  What is not known is
 * empty. */
#include <inttypes.h>
#include <string.h>

#include "agent/cli/render.h"
#include "proto/api_time.h"

static void put_text(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        (void)fputs(text, out);
        return;
    }
    (void)fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            (void)fputc('"', out);
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

static void put_next(FILE *out, const char *text)
{
    (void)fputc(',', out);
    put_text(out, text);
}

static void put_seconds(FILE *out, uint64_t ms)
{
    if (ms == UINT64_MAX)
        (void)fputc(',', out);
    else
        (void)fprintf(out, ",%" PRIu64 ".%03" PRIu64, ms / 1000, ms % 1000);
}

static void put_watts(FILE *out, bool known, uint32_t milliwatts)
{
    if (known)
        (void)fprintf(out, ",%u.%03u", milliwatts / 1000, milliwatts % 1000);
    else
        (void)fputc(',', out);
}

static void put_time(FILE *out, int64_t unix_ms)
{
    char text[TIME_TEXT_SIZE] = "";
    if (unix_ms)
        time_format(unix_ms, text);
    put_next(out, text);
}

#define NODE_COLUMNS                                                                               \
    "node,outcome,verdict,power,stage,attempt,percent,file,text,next_boot,since_s,power_age_s,"    \
    "locked,watts"

static void put_node(FILE *out, const struct node_view *node)
{
    put_text(out, node->node);
    put_next(out, outcome_name(node->outcome));
    put_next(out, node->verdict == VERDICT_NONE ? "" : verdict_name(node->verdict));
    put_next(out, power_name(node->power));
    put_next(out, stage_name(node->stage));
    (void)fprintf(out, ",%u,", node->attempt);
    if (node->percent >= 0)
        (void)fprintf(out, "%d", node->percent);
    put_next(out, node->file);
    put_next(out, node->text);
    put_next(out, node->has_next_boot && node->next_boot.valid
                      ? boot_device_name(node->next_boot.device)
                      : "");
    put_seconds(out, node->since_ms);
    put_seconds(out, node->power_age_ms);
    put_next(out, node->locked ? "true" : "false");
    put_watts(out, node->has_watts, node->milliwatts);
}

static void csv_nodes(const struct render *render, const struct node_view *nodes, size_t count,
                      const char *folded)
{
    (void)folded;
    (void)fputs(NODE_COLUMNS ",job\r\n", render->out);
    for (size_t i = 0; i < count; i++) {
        put_node(render->out, &nodes[i]);
        put_next(render->out, nodes[i].job);
        (void)fputs("\r\n", render->out);
    }
}

static void csv_job(const struct render *render, const struct job_view *job)
{
    csv_nodes(render, job->nodes, job->nnodes, NULL);
}

static void csv_jobs(const struct render *render, const struct job_view *jobs, size_t count)
{
    (void)fputs("job,verb,actor,key,done,started,ended,elapsed_s,nodes", render->out);
    for (int i = 0; i < OUTCOMES; i++)
        put_next(render->out, outcome_name((enum outcome)i));
    (void)fputs("\r\n", render->out);
    for (size_t i = 0; i < count; i++) {
        put_text(render->out, jobs[i].id);
        put_next(render->out, verb_name(jobs[i].verb));
        put_next(render->out, jobs[i].actor);
        put_next(render->out, jobs[i].key);
        put_next(render->out, jobs[i].done ? "true" : "false");
        put_time(render->out, jobs[i].started_unix_ms);
        put_time(render->out, jobs[i].ended_unix_ms);
        put_seconds(render->out, jobs[i].elapsed_ms);
        (void)fprintf(render->out, ",%zu", jobs[i].nnodes);
        for (int j = 0; j < OUTCOMES; j++)
            (void)fprintf(render->out, ",%zu", job_view_count(&jobs[i], (enum outcome)j));
        (void)fputs("\r\n", render->out);
    }
}

static void csv_event(const struct render *render, const struct job_event *event, bool first)
{
    if (first)
        (void)fputs("sequence,time,kind,verb,job," NODE_COLUMNS "\r\n", render->out);
    (void)fprintf(render->out, "%" PRIu64, event->sequence);
    put_time(render->out, event->unix_ms);
    put_next(render->out, event_kind_name(event->kind));
    put_next(render->out, event_verb_name(event));
    put_next(render->out, event->job);
    (void)fputc(',', render->out);
    put_node(render->out, &event->node);
    (void)fputs("\r\n", render->out);
}

static void csv_events(const struct render *render, const struct job_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        csv_event(render, &events[i], i == 0);
}

static void csv_locks(const struct render *render, const struct lock_view *locks, size_t count)
{
    (void)fputs("node,holder,since,until,reason\r\n", render->out);
    for (size_t i = 0; i < count; i++) {
        put_text(render->out, locks[i].node);
        put_next(render->out, locks[i].holder);
        put_time(render->out, locks[i].since_unix_ms);
        put_time(render->out, locks[i].until_unix_ms);
        put_next(render->out, locks[i].reason);
        (void)fputs("\r\n", render->out);
    }
}

static void csv_outlets(const struct render *render, const struct outlet_view *outlets,
                        size_t count)
{
    (void)fputs("outlet,power,watts,node,circuit,text\r\n", render->out);
    for (size_t i = 0; i < count; i++) {
        put_text(render->out, outlets[i].outlet);
        put_next(render->out, power_name(outlets[i].power));
        put_watts(render->out, outlets[i].has_watts, outlets[i].milliwatts);
        put_next(render->out, outlets[i].node);
        put_next(render->out, outlets[i].circuit);
        put_next(render->out, outlets[i].text);
        (void)fputs("\r\n", render->out);
    }
}

const struct renderer render_csv = {csv_job,   csv_nodes, csv_jobs,   csv_events,
                                    csv_event, csv_locks, csv_outlets};
