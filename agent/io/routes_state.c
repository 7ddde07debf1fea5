/* Routes that show what is. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/routes.h"
#include "proto/cleanup.h"

char *json_of_text(const char *key, const char *text)
{
    json_t *object = json_pack("{s:s}", key, text);
    char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return line;
}

void version_get(struct api *api, const struct routed *routed, struct answer *answer)
{
    (void)api;
    (void)routed;
    answer_json(answer, 200, version_encode(VERSION));
}

void nodes_get(struct api *api, const struct routed *routed, struct answer *answer)
{
    const char *expression = call_query(routed->call, "nodes");
    struct node_view *views = NULL;
    _cleanup_(freep) char *folded = NULL;
    size_t count = 0;
    char warning[256] = "";
    struct err err;
    if (core_nodes(api->core, expression ? expression : "*", routed->now_ms, &views, &count,
                   &folded, warning, &err)) {
        answer_err(answer, &err);
        return;
    }
    answer_json(answer, 200, node_list_encode(views, count, folded, warning));
    free(views);
}

static int read_limit(const char *text, size_t *limit, struct err *err)
{
    char *end;
    unsigned long value = text ? strtoul(text, &end, 10) : API_HISTORY_DEFAULT;
    if (text && (*text < '0' || *text > '9' || *end || value == 0 || value > API_HISTORY_MAX))
        return err_set(err, ERR_USAGE, "limit is '%.32s': must be 1 to %d", text, API_HISTORY_MAX);
    *limit = value;
    return 0;
}

void history_get(struct api *api, const struct routed *routed, struct answer *answer)
{
    const char *node = call_query(routed->call, "node");
    _cleanup_(freep) struct job_event *events = NULL;
    size_t limit = 0, count = 0;
    struct err err;
    if (read_limit(call_query(routed->call, "limit"), &limit, &err)) {
        answer_err(answer, &err);
        return;
    }
    if (node && !inventory_node(api->inventory, node)) {
        (void)err_set(&err, ERR_USAGE, "no node is called '%.64s'", node);
        answer_err(answer, &err);
        return;
    }
    if (journal_history(api->journal, node, limit, &events, &count, &err)) {
        answer_err(answer, &err);
        return;
    }
    answer_json(answer, 200, event_list_encode(events, count));
}

void metrics_get(struct api *api, const struct routed *routed, struct answer *answer)
{
    (void)routed;
    answer_json(answer, 200, api_metrics(api));
    if (answer->status == 200)
        answer->type = "text/plain; version=0.0.4; charset=utf-8";
}

/* 503 as long as no job that changes anything can be taken: for load balancers and monitors. */
void healthz_get(struct api *api, const struct routed *routed, struct answer *answer)
{
    (void)routed;
    struct err err = {0};
    bool writable = journal_writable(api->journal, &err) == 0;
    if (api->refresh_drivers)
        api->refresh_drivers(api, api->refresh_arg);
    json_t *drivers = json_object();
    for (size_t i = 0; i < api->ndrivers; i++)
        (void)json_object_set_new(drivers, api->drivers[i].name,
                                  json_string(api->drivers[i].up ? "up" : "down"));
    bool well = writable && api->ready;
    json_t *object =
        json_pack("{s:s, s:s, s:b, s:o}", "status", well ? "ok" : "degraded", "journal",
                  writable ? "ok" : err.text, "ready", api->ready, "drivers", drivers);
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    answer_json(answer, well ? 200 : 503, text);
}
