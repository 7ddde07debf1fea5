/* metrics.c - /metrics in Prometheus' text format 0.0.4. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/io/api.h"
#include "agent/io/clock.h"

static void family(FILE *out, const char *name, const char *type, const char *help)
{
    (void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
    family(out, name, type, help);
    (void)fprintf(out, "%s %llu\n", name, (unsigned long long)value);
}

/* One row per label value; all words are ours and need no escaping. */
static void row(FILE *out, const char *name, const char *label, const char *word, uint64_t value)
{
    (void)fprintf(out, "%s{%s=\"%s\"} %llu\n", name, label, word, (unsigned long long)value);
}

static void put_jobs(FILE *out, const struct core_counts *counts)
{
    single(out, "powerctl_jobs_running", "gauge", "Jobs that have not ended.",
           counts->jobs_running);
    single(out, "powerctl_jobs_total", "counter", "Jobs admitted since start.", counts->jobs_total);
    family(out, "powerctl_node_outcomes_total", "counter",
           "Nodes' parts of jobs, by how they ended.");
    for (int i = OUTCOME_OK; i < OUTCOMES; i++)
        row(out, "powerctl_node_outcomes_total", "outcome", outcome_name((enum outcome)i),
            counts->outcomes[i]);
    family(out, "powerctl_verdicts_total", "counter", "Broken links found, by name.");
    for (int i = VERDICT_NONE + 1; i < VERDICTS; i++)
        row(out, "powerctl_verdicts_total", "verdict", verdict_name((enum verdict)i),
            counts->verdicts[i]);
}

static void put_nodes(FILE *out, const struct core_counts *counts)
{
    family(out, "powerctl_nodes", "gauge", "Nodes, by power state as last read.");
    row(out, "powerctl_nodes", "power", power_name(POWER_ON), counts->nodes_on);
    row(out, "powerctl_nodes", "power", power_name(POWER_OFF), counts->nodes_off);
    row(out, "powerctl_nodes", "power", power_name(POWER_UNKNOWN), counts->nodes_unknown);
    single(out, "powerctl_nodes_booting", "gauge", "Nodes between power-on and up.",
           counts->booting);
}

static void put_requests(FILE *out, const struct core_counts *counts)
{
    family(out, "powerctl_requests_total", "counter", "Requests to devices, by operation.");
    for (int i = 0; i < OPS; i++)
        row(out, "powerctl_requests_total", "op", op_name((enum op)i), counts->requests[i]);
    family(out, "powerctl_request_failures_total", "counter", "Requests that failed, by kind.");
    for (int i = ERR_NONE + 1; i < ERR_KINDS; i++)
        row(out, "powerctl_request_failures_total", "kind", err_kind_name((enum err_kind)i),
            counts->failures[i]);
}

static void put_notes(FILE *out, const struct core_counts *counts)
{
    family(out, "powerctl_notes_total", "counter", "Boot notes taken, by source.");
    for (int i = 0; i < NOTE_SOURCES; i++)
        row(out, "powerctl_notes_total", "source", note_source_name((enum note_source)i),
            counts->notes[i]);
    single(out, "powerctl_notes_unmatched_total", "counter", "Boot notes that belong to no node.",
           counts->notes_unmatched);
}

static void put_drivers(FILE *out, const struct api *api)
{
    family(out, "powerctl_driver_up", "gauge", "1 while the driver's program runs.");
    for (size_t i = 0; i < api->ndrivers; i++)
        row(out, "powerctl_driver_up", "driver", api->drivers[i].name, api->drivers[i].up);
    family(out, "powerctl_driver_requests_in_flight", "gauge",
           "Requests the driver has not answered.");
    for (size_t i = 0; i < api->ndrivers; i++)
        row(out, "powerctl_driver_requests_in_flight", "driver", api->drivers[i].name,
            api->drivers[i].in_flight);
}

static void put_agent(FILE *out, const struct api *api)
{
    struct server_counts server = {0};
    if (api->server)
        server_count(api->server, &server);
    family(out, "powerctl_build_info", "gauge", "Always 1; the version is a label.");
    (void)fprintf(out, "powerctl_build_info{version=\"%s\"} 1\n", VERSION);
    single(out, "powerctl_uptime_seconds", "gauge", "Since the agent started.",
           (clock_now_ms() - api->started_ms) / 1000);
    single(out, "powerctl_journal_writable", "gauge",
           "0: no job that changes anything is taken; see the log.",
           journal_writable(api->journal, NULL) == 0);
    single(out, "powerctl_journal_commits_total", "counter", "Transactions on disk since start.",
           journal_commits(api->journal));
    single(out, "powerctl_events_sequence", "gauge", "Sequence of the newest event in the journal.",
           journal_last_sequence(api->journal));
    single(out, "powerctl_event_resyncs_total", "counter",
           "Times a reader of events was too slow or asked for what is gone.",
           event_hub_overruns(api->hub));
    single(out, "powerctl_api_requests_total", "counter", "Requests to the control API.",
           server.requests);
    single(out, "powerctl_api_refused_total", "counter", "Clients refused: too many, or unknown.",
           server.refused);
    single(out, "powerctl_api_cut_off_total", "counter", "Clients cut off: too slow.",
           server.cut_off);
    single(out, "powerctl_api_clients", "gauge", "Clients connected now.", server.clients);
    single(out, "powerctl_api_streams", "gauge", "Streams of events open now.", server.streams);
}

char *api_metrics(struct api *api)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    struct core_counts counts;
    core_count(api->core, &counts);
    if (api->refresh_drivers)
        api->refresh_drivers(api, api->refresh_arg);
    put_jobs(out, &counts);
    put_nodes(out, &counts);
    put_requests(out, &counts);
    put_notes(out, &counts);
    put_drivers(out, api);
    put_agent(out, api);
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}
