/* What happened to nodes, out of the journal: GET /v1/history. */
#include <stdlib.h>
#include <string.h>

#include "agent/io/routes.h"
#include "proto/api_time.h"
#include "proto/cleanup.h"

static int read_limit(const char *text, size_t *limit, struct err *err)
{
    char *end;
    unsigned long value = text ? strtoul(text, &end, 10) : API_HISTORY_DEFAULT;
    if (text && (*text < '0' || *text > '9' || *end || value == 0 || value > API_HISTORY_MAX))
        return err_set(err, ERR_USAGE, "limit is '%.32s': must be 1 to %d", text, API_HISTORY_MAX);
    *limit = value;
    return 0;
}

static int read_query(const struct api *api, const struct call *call, struct nodeset **nodes,
                      struct journal_query *query, struct err *err)
{
    const char *since = call_query(call, "since"), *all = call_query(call, "all");
    const char *expression = call_query(call, "nodes");
    struct nodeset_source source = inventory_source(api->inventory);
    if (read_limit(call_query(call, "limit"), &query->limit, err))
        return -1;
    if (since && time_parse(since, &query->since_unix_ms))
        return err_set(err, ERR_USAGE, "'since' must be a time like 2026-01-31T23:59:59.000Z");
    if (all && strcmp(all, "true") != 0 && strcmp(all, "false") != 0)
        return err_set(err, ERR_USAGE, "'all' must be true or false");
    query->questions = all && *all == 't';
    if (expression && nodeset_parse(expression, &source, nodes, NULL, err))
        return -1;
    query->nodes = *nodes;
    return 0;
}

void history_get(struct api *api, const struct routed *routed, struct answer *answer)
{
    _cleanup_(nodeset_freep) struct nodeset *nodes = NULL;
    _cleanup_(freep) struct job_event *events = NULL;
    struct journal_query query = {0};
    size_t count = 0;
    struct err err;
    if (read_query(api, routed->call, &nodes, &query, &err) ||
        journal_history(api->journal, &query, &events, &count, &err)) {
        answer_err(answer, &err);
        return;
    }
    answer_json(answer, 200, event_list_encode(events, count));
}
