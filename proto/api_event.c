/* What changed: GET /v1/events, GET /v1/jobs/{id}/events, GET /v1/history.  The node's fields
 * stand in the event itself, so that a line of JSON reads {"kind":"stage","node":"n01",...}. */
#include <string.h>

#include "proto/api_views.h"
#include "proto/cleanup.h"

static const char *const kinds[EVENT_KINDS] = {
    [EVENT_JOB_STARTED] = "job-started",
    [EVENT_JOB_ENDED] = "job-ended",
    [EVENT_COMMAND] = "command",
    [EVENT_POWER] = "power",
    [EVENT_STAGE] = "stage",
    [EVENT_PROGRESS] = "progress",
    [EVENT_ATTEMPT] = "attempt",
    [EVENT_NOTE] = "note",
    [EVENT_OUTCOME] = "outcome",
    [EVENT_LOCK] = "lock",
};

const char *event_kind_name(enum event_kind kind)
{
    return kinds[kind];
}

const char *event_verb_name(const struct job_event *event)
{
    return event->verb == VERBS ? "" : verb_name(event->verb);
}

static int event_kind_parse(const char *word, enum event_kind *kind)
{
    for (int i = 0; i < EVENT_KINDS; i++)
        if (!strcmp(kinds[i], word)) {
            *kind = (enum event_kind)i;
            return 0;
        }
    return -1;
}

FIELD_WORDS(verb, enum verb);
FIELD_WORDS(event_kind, enum event_kind);

#define EVENT(member, type) FIELD(struct job_event, member, type)
static const struct field event_fields[] = {
    {EVENT(sequence, FIELD_U64), .flags = FIELD_ALWAYS},
    {FIELD_AS("time", struct job_event, unix_ms, FIELD_TIME)},
    {EVENT(kind, FIELD_WORD), .flags = FIELD_ALWAYS | FIELD_REQUIRED, .words = &event_kind_words},
    {EVENT(verb, FIELD_WORD), .words = &verb_words, .absent = VERBS},
    {EVENT(job, FIELD_TEXT)},
    {0},
};

static void event_write(struct json_text *text, const struct job_event *event)
{
    json_open(text, '{');
    fields_print(text, event_fields, event);
    fields_print(text, node_fields, &event->node);
    json_close(text, '}');
}

char *job_event_encode(const struct job_event *event)
{
    struct json_text text = {0};
    event_write(&text, event);
    return json_text_take(&text);
}

static int event_read(const json_t *object, struct job_event *event, struct err *err)
{
    if (!json_is_object(object))
        return err_set(err, ERR_PROTOCOL, "an event must be an object {...}");
    *event = (struct job_event){.verb = VERBS, .node = node_view_unknown()};
    if (fields_read(object, event_fields, LENIENT, event, err) ||
        fields_read(object, node_fields, LENIENT, &event->node, err))
        return -1;
    memcpy(event->node.job, event->job, sizeof event->node.job);
    return 0;
}

int job_event_decode(const char *json, struct job_event *out, struct err *err)
{
    _cleanup_(json_unrefp) json_t *object = object_parse(json, LENIENT, err);
    struct job_event event;
    if (!object || event_read(object, &event, err))
        return -1;
    *out = event;
    return 0;
}

char *event_list_encode(const struct job_event *events, size_t count)
{
    struct json_text text = {0};
    json_open(&text, '{');
    json_put_key(&text, "events");
    json_open(&text, '[');
    for (size_t i = 0; i < count; i++)
        event_write(&text, &events[i]);
    json_close(&text, ']');
    json_close(&text, '}');
    return json_text_take(&text);
}

int event_list_decode(const char *json, struct job_event **events, size_t *count, struct err *err)
{
    _cleanup_(json_unrefp) json_t *object = object_parse(json, LENIENT, err);
    const json_t *array = object ? array_get(object, "events", EVENTS_MAX, err) : NULL;
    if (!array)
        return -1;
    size_t size = json_array_size(array);
    _cleanup_(freep) struct job_event *list = calloc(size ? size : 1, sizeof *list);
    if (!list)
        return err_set(err, ERR_SYSTEM, "out of memory for %zu events", size);
    for (size_t i = 0; i < size; i++)
        if (event_read(json_array_get(array, i), &list[i], err))
            return err_prefix(err, "event %zu", i + 1);
    *events = TAKE(list);
    *count = size;
    return 0;
}
