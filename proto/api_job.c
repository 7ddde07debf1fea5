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

static json_t *counts_to_json(const struct job_view *view)
{
    json_t *counts = json_object();
    for (int i = 0; i < OUTCOMES; i++) {
        size_t count = job_view_count(view, (enum outcome)i);
        if (count)
            counts =
                object_with(counts, outcome_name((enum outcome)i), json_integer((json_int_t)count));
    }
    return counts;
}

/* All but the nodes themselves. */
static json_t *job_to_json(const struct job_view *view)
{
    json_t *object = json_object();
    if (object && fields_write(object, job_fields, view)) {
        json_decref(object);
        return NULL;
    }
    if (view->done)
        object = object_with(object, "exit_code", json_integer(job_view_exit_code(view)));
    object = object_with(object, "node_count", json_integer((json_int_t)view->nnodes));
    return object_with(object, "counts", counts_to_json(view));
}

char *job_view_encode(const struct job_view *view)
{
    if (!view->nodes && view->nnodes) /* out of a list: the nodes are not known here */
        return object_print(job_to_json(view));
    return object_print(
        object_with(job_to_json(view), "nodes", node_views_to_json(view->nodes, view->nnodes)));
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
    const json_t *counts = json_object_get(object, "counts");
    for (int i = 0; i < OUTCOMES; i++) {
        json_int_t count =
            json_integer_value(json_object_get(counts, outcome_name((enum outcome)i)));
        if (count < 0 || count > NODESET_MAX)
            return err_set(err, ERR_PROTOCOL, "'counts' has a number out of range");
        view->counts[i] = (size_t)count;
    }
    return 0;
}

static int job_read(const json_t *object, struct job_view *view, struct err *err)
{
    if (!json_is_object(object))
        return err_set(err, ERR_PROTOCOL, "a job must be an object {...}");
    if (fields_read(object, job_fields, LENIENT, view, err) || counts_read(object, view, err))
        return -1;
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
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++)
        if (json_array_append_new(array, job_to_json(&views[i]))) {
            json_decref(array);
            return NULL;
        }
    return object_print(object_with(json_object(), "jobs", array));
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
