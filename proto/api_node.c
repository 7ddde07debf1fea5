/* One node's state or part of a job: in GET /v1/nodes, and within jobs and events. */
#include <string.h>

#include "proto/api_views.h"
#include "proto/cleanup.h"
#include "proto/nodeset.h"

FIELD_WORDS(outcome, enum outcome);
FIELD_WORDS(verdict, enum verdict);
FIELD_WORDS(power, enum power);
FIELD_WORDS(stage, enum stage);
FIELD_WORDS(boot_device, enum boot_device);

#define NEXT_BOOT(member, type) FIELD(struct next_boot, member, type), .flags = FIELD_ALWAYS
static const struct field next_boot_fields[] = {
    {NEXT_BOOT(valid, FIELD_BOOL)},
    {NEXT_BOOT(persistent, FIELD_BOOL)},
    {NEXT_BOOT(uefi, FIELD_BOOL)},
    {NEXT_BOOT(device, FIELD_WORD), .words = &boot_device_words},
    {0},
};

#define NODE(member, type) FIELD(struct node_view, member, type)
const struct field node_fields[] = {
    {NODE(node, FIELD_TEXT)},
    {NODE(outcome, FIELD_WORD), .flags = FIELD_ALWAYS, .words = &outcome_words},
    {NODE(verdict, FIELD_WORD), .words = &verdict_words, .absent = VERDICT_NONE},
    {NODE(power, FIELD_WORD), .flags = FIELD_ALWAYS, .words = &power_words},
    {NODE(stage, FIELD_WORD), .flags = FIELD_ALWAYS, .words = &stage_words},
    {NODE(attempt, FIELD_U32)},
    {NODE(percent, FIELD_I32), .absent = -1},
    {NODE(file, FIELD_TEXT)},
    {NODE(text, FIELD_TEXT)},
    {NODE(next_boot, FIELD_OBJECT), .flags = FIELD_HAS,
     .has = offsetof(struct node_view, has_next_boot), .fields = next_boot_fields},
    {FIELD_AS("since_s", struct node_view, since_ms, FIELD_DURATION)},
    {FIELD_AS("power_age_s", struct node_view, power_age_ms, FIELD_DURATION)},
    {NODE(locked, FIELD_BOOL)},
    {FIELD_AS("watts", struct node_view, milliwatts, FIELD_WATTS), .flags = FIELD_HAS,
     .has = offsetof(struct node_view, has_watts)},
    {0},
};

static const struct field node_job_fields[] = {{NODE(job, FIELD_TEXT)}, {0}};

struct node_view node_view_unknown(void)
{
    return (struct node_view){.percent = -1, .power_age_ms = UINT64_MAX};
}

json_t *object_with(json_t *object, const char *key, json_t *value)
{
    if (!object) {
        json_decref(value);
        return NULL;
    }
    if (!json_object_set_new(object, key, value)) /* takes over value, even when it fails */
        return object;
    json_decref(object);
    return NULL;
}

static void node_view_write(struct json_text *text, const struct node_view *view)
{
    json_open(text, '{');
    fields_print(text, node_fields, view);
    fields_print(text, node_job_fields, view);
    json_close(text, '}');
}

char *node_view_encode(const struct node_view *view)
{
    struct json_text text = {0};
    node_view_write(&text, view);
    return json_text_take(&text);
}

void node_views_write(struct json_text *text, const struct node_view *views, size_t count)
{
    json_open(text, '[');
    for (size_t i = 0; i < count; i++)
        node_view_write(text, &views[i]);
    json_close(text, ']');
}

static int node_view_read(const json_t *json, struct node_view *view, struct err *err)
{
    *view = node_view_unknown();
    if (!json_is_object(json))
        return err_set(err, ERR_PROTOCOL, "a node must be an object {...}");
    if (fields_read(json, node_fields, LENIENT, view, err))
        return -1;
    return fields_read(json, node_job_fields, LENIENT, view, err);
}

int node_views_from_json(const json_t *object, const char *key, struct node_view **views,
                         size_t *count, struct err *err)
{
    const json_t *array = array_get(object, key, NODESET_MAX, err);
    if (!array)
        return -1;
    size_t size = json_array_size(array);
    _cleanup_(freep) struct node_view *list = calloc(size ? size : 1, sizeof *list);
    if (!list)
        return err_set(err, ERR_SYSTEM, "out of memory for %zu nodes", size);
    for (size_t i = 0; i < size; i++)
        if (node_view_read(json_array_get(array, i), &list[i], err))
            return err_prefix(err, "node %zu", i + 1);
    *views = TAKE(list);
    *count = size;
    return 0;
}

char *node_list_encode(const struct node_view *views, size_t count, const char *folded,
                       const char *warning)
{
    struct json_text text = {0};
    json_open(&text, '{');
    json_put_key(&text, "nodes");
    node_views_write(&text, views, count);
    json_put_key(&text, "folded");
    json_put_string(&text, folded ? folded : "");
    if (warning && *warning) {
        json_put_key(&text, "warning");
        json_put_string(&text, warning);
    }
    json_close(&text, '}');
    return json_text_take(&text);
}

/* A copy of a text member, printable; "" if it is not there. */
static char *text_member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    char *copy = strdup(text ? text : "");
    if (copy)
        make_printable(copy, false);
    return copy;
}

int node_list_decode(const char *json, struct node_view **views, size_t *count, char **folded,
                     char **warning, struct err *err)
{
    _cleanup_(json_unrefp) json_t *object = object_parse(json, LENIENT, err);
    if (!object)
        return -1;
    _cleanup_(freep) char *set = text_member(object, "folded");
    _cleanup_(freep) char *words = text_member(object, "warning");
    if (!set || !words)
        return err_set(err, ERR_SYSTEM, "out of memory");
    if (node_views_from_json(object, "nodes", views, count, err))
        return -1;
    *folded = TAKE(set);
    *warning = TAKE(words);
    return 0;
}
