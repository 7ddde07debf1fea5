/* A job with its nodes: GET /v1/jobs/{id}; and many without: GET /v1/jobs. */
#include <string.h>

#include "proto/api_views.h"
#include "proto/cleanup.h"
#include "proto/nodeset.h"

FIELD_WORDS(verb, enum verb);

#define JOB(member, type) FIELD(struct job_view, member, type)
static const struct field job_fields[] = {
    {JOB(id, FIELD_TEXT), .flags = FIELD_ALWAYS | FIELD_REQUIRED},
    {JOB(verb, FIELD_WORD), .flags = FIELD_ALWAYS | FIELD_REQUIRED, .words = &verb_words},
    {JOB(key, FIELD_TEXT)},
    {JOB(actor, FIELD_TEXT)},
    {JOB(done, FIELD_BOOL), .flags = FIELD_ALWAYS},
    {JOB(cancelling, FIELD_BOOL)},
    {FIELD_AS("started", struct job_view, started_unix_ms, FIELD_TIME)},
    {FIELD_AS("ended", struct job_view, ended_unix_ms, FIELD_TIME)},
    {FIELD_AS("elapsed_s", struct job_view, elapsed_ms, FIELD_DURATION)},
    {0},
};

void job_view_clear(struct job_view *view)
{
    free(view->nodes);
    memset(view, 0, sizeof *view);
}

size_t job_view_count(const struct job_view *view, enum outcome outcome)
{
    if (!view->nodes)
        return view->counts[outcome];
    size_t count = 0;
    for (size_t i = 0; i < view->nnodes; i++)
        count += view->nodes[i].outcome == outcome;
    return count;
}

int job_view_exit_code(const struct job_view *view)
{
    if (view->has_exit_code)
        return view->exit_code;
    if (job_view_count(view, OUTCOME_LEFT_OFF))
        return EXIT_LEFT_OFF;
    /* Pending in a job that is done would be a defect: never called a success. */
    if (job_view_count(view, OUTCOME_FAILED) || job_view_count(view, OUTCOME_CANCELLED) ||
        job_view_count(view, OUTCOME_PENDING))
        return EXIT_SOME_FAILED;
    if (job_view_count(view, OUTCOME_UNVERIFIED))
        return EXIT_UNVERIFIED;
    return EXIT_OK;
}

static void counts_write(struct json_text *text, const struct job_view *view)
{
    json_open(text, '{');
    for (int i = 0; i < OUTCOMES; i++) {
        size_t count = job_view_count(view, (enum outcome)i);
        if (!count)
            continue;
        json_put_key(text, outcome_name((enum outcome)i));
        json_put_integer(text, (int64_t)count);
    }
    json_close(text, '}');
}

/* Out of a list the nodes are not known: then there is no "nodes". */
static void job_write(struct json_text *text, const struct job_view *view, bool with_nodes)
{
    json_open(text, '{');
    fields_print(text, job_fields, view);
    if (view->done) {
        json_put_key(text, "exit_code");
        json_put_integer(text, job_view_exit_code(view));
    }
    json_put_key(text, "node_count");
    json_put_integer(text, (int64_t)view->nnodes);
    json_put_key(text, "counts");
    counts_write(text, view);
    if (with_nodes && (view->nodes || !view->nnodes)) {
        json_put_key(text, "nodes");
        node_views_write(text, view->nodes, view->nnodes);
    }
    json_close(text, '}');
}

char *job_view_encode(const struct job_view *view)
{
    struct json_text text = {0};
    job_write(&text, view, true);
    return json_text_take(&text);
}

static int counts_read(const json_t *object, struct job_view *view, struct err *err)
{
    static const struct field count_field[] = {
        {.key = "node_count", .type = FIELD_U64, .size = sizeof(uint64_t)}, {0}};
    uint64_t total = 0;
    if (fields_read(object, count_field, LENIENT, &total, err))
        return -1;
    if (total > NODESET_MAX)
        return err_set(err, ERR_PROTOCOL, "'node_count' is more than %d", NODESET_MAX);
    view->nnodes = (size_t)total;
    size_t counted = 0;
    const json_t *counts = json_object_get(object, "counts");
    for (int i = 0; i < OUTCOMES; i++) {
        json_int_t count =
            json_integer_value(json_object_get(counts, outcome_name((enum outcome)i)));
        if (count < 0 || count > NODESET_MAX)
            return err_set(err, ERR_PROTOCOL, "'counts' has a number out of range");
        view->counts[i] = (size_t)count;
        counted += (size_t)count;
    }
    if (counted > view->nnodes) /* fewer: outcomes that only a newer agent knows */
        return err_set(err, ERR_PROTOCOL, "'counts' are of %zu nodes, 'node_count' is %zu", counted,
                       view->nnodes);
    return 0;
}

static void exit_code_read(const json_t *object, struct job_view *view)
{
    const json_t *code = json_object_get(object, "exit_code");
    view->has_exit_code = view->done && json_is_integer(code) && json_integer_value(code) >= 0 &&
                          json_integer_value(code) <= EXIT_INTERRUPTED;
    if (view->has_exit_code)
        view->exit_code = (int)json_integer_value(code);
}

static int job_read(const json_t *object, struct job_view *view, struct err *err)
{
    if (!json_is_object(object))
        return err_set(err, ERR_PROTOCOL, "a job must be an object {...}");
    if (fields_read(object, job_fields, LENIENT, view, err) || counts_read(object, view, err))
        return -1;
    exit_code_read(object, view);
    if (!json_object_get(object, "nodes"))
        return 0;
    return node_views_from_json(object, "nodes", &view->nodes, &view->nnodes, err);
}

int job_view_decode(const char *json, struct job_view *out, struct err *err)
{
    _cleanup_(json_unrefp) json_t *object = object_parse(json, LENIENT, err);
    if (!object)
        return -1;
    _cleanup_(job_view_clear) struct job_view view = {0};
    if (job_read(object, &view, err))
        return -1;
    *out = view;
    view.nodes = NULL;
    return 0;
}

char *job_list_encode(const struct job_view *views, size_t count)
{
    struct json_text text = {0};
    json_open(&text, '{');
    json_put_key(&text, "jobs");
    json_open(&text, '[');
    for (size_t i = 0; i < count; i++)
        job_write(&text, &views[i], false);
    json_close(&text, ']');
    json_close(&text, '}');
    return json_text_take(&text);
}

void job_list_free(struct job_view *views, size_t count)
{
    for (size_t i = 0; views && i < count; i++)
        job_view_clear(&views[i]);
    free(views);
}

int job_list_decode(const char *json, struct job_view **views, size_t *count, struct err *err)
{
    _cleanup_(json_unrefp) json_t *object = object_parse(json, LENIENT, err);
    const json_t *array = object ? array_get(object, "jobs", JOBS_MAX, err) : NULL;
    if (!array)
        return -1;
    size_t size = json_array_size(array);
    struct job_view *list = calloc(size ? size : 1, sizeof *list);
    if (!list)
        return err_set(err, ERR_SYSTEM, "out of memory for %zu jobs", size);
    for (size_t i = 0; i < size; i++)
        if (job_read(json_array_get(array, i), &list[i], err)) {
            job_list_free(list, size);
            return err_prefix(err, "job %zu", i + 1);
        }
    *views = list;
    *count = size;
    return 0;
}
