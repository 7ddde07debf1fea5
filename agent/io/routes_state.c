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

void outlets_get(struct api *api, const struct routed *routed, struct answer *answer)
{
    _cleanup_(freep) struct outlet_view *views = NULL;
    size_t count = 0;
    struct err err;
    if (core_outlets(api->core, call_query(routed->call, "pdu"), &views, &count, &err)) {
        answer_err(answer, &err);
        return;
    }
    answer_json(answer, 200, outlet_list_encode(views, count));
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
