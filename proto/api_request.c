/* The request for a job: POST /v1/jobs, POST /v1/plan. */
#include <string.h>

#include "proto/api.h"
#include "proto/api_fields.h"
#include "proto/cleanup.h"

FIELD_WORDS(verb, enum verb);
FIELD_WORDS(boot_device, enum boot_device);

#define OPTION(member, type) FIELD(struct job_options, member, type)
static const struct field option_fields[] = {
    {OPTION(boot_device, FIELD_WORD), .words = &boot_device_words},
    {OPTION(netboot, FIELD_BOOL)},
    {OPTION(force, FIELD_BOOL)},
    {OPTION(retry, FIELD_U32), .flags = FIELD_HAS, .has = offsetof(struct job_options, has_retry)},
    {OPTION(timeout_s, FIELD_U32)},
    {OPTION(grace_s, FIELD_U32)},
    {OPTION(batch, FIELD_U32)},
    {OPTION(max_failures, FIELD_U32), .flags = FIELD_HAS,
     .has = offsetof(struct job_options, has_max_failures)},
    {FIELD_AS("identify_s", struct job_options, seconds, FIELD_U32)},
    {OPTION(native, FIELD_BOOL)},
    {OPTION(feeds, FIELD_BOOL)},
    {0},
};

#define REQUEST(member, type) FIELD(struct job_request, member, type)
static const struct field request_fields[] = {
    {REQUEST(verb, FIELD_WORD), .flags = FIELD_ALWAYS | FIELD_REQUIRED, .words = &verb_words},
    {.key = "nodes",
     .type = FIELD_LONG_TEXT,
     .flags = FIELD_ALWAYS | FIELD_REQUIRED,
     .offset = offsetof(struct job_request, nodes),
     .size = NODES_TEXT_MAX + 1},
    {REQUEST(key, FIELD_TEXT)},
    {REQUEST(confirm, FIELD_TEXT)},
    {REQUEST(yes, FIELD_BOOL)},
    {REQUEST(with_lock, FIELD_BOOL)},
    {FIELD_AS("for", struct job_request, on_behalf, FIELD_TEXT)},
    {REQUEST(max_nodes, FIELD_U32)},
    {REQUEST(options, FIELD_OBJECT), .fields = option_fields},
    {0},
};

void job_request_clear(struct job_request *request)
{
    free(request->nodes);
    memset(request, 0, sizeof *request);
}

char *job_request_encode(const struct job_request *request)
{
    json_t *object = json_object();
    if (object && fields_write(object, request_fields, request)) {
        json_decref(object);
        return NULL;
    }
    return object_print(object);
}

int job_request_decode(const char *json, struct job_request *out, struct err *err)
{
    _cleanup_(json_unrefp) json_t *object = object_parse(json, STRICT, err);
    if (!object)
        return -1;
    _cleanup_(job_request_clear) struct job_request request = {0};
    if (fields_read(object, request_fields, STRICT, &request, err) ||
        (request.on_behalf[0] && lock_check_for(request.on_behalf, err)))
        return -1;
    *out = request;
    request.nodes = NULL;
    return 0;
}

/* By what goes over the wire, so that no option is ever forgotten here. */
bool job_options_same(const struct job_options *a, const struct job_options *b, char name[32])
{
    memset(name, 0, 32);
    for (const struct field *field = option_fields; field->key; field++)
        if (!field_is_same(field, a, b)) {
            (void)snprintf(name, 32, "%s", field->key);
            return false;
        }
    return true;
}
