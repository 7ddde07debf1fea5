/* Locks: GET, POST and DELETE /v1/locks. */
#include <string.h>

#include "proto/api_views.h"
#include "proto/cleanup.h"
#include "proto/lock.h"
#include "proto/nodeset.h"

#define LOCK(member, type) FIELD(struct lock_view, member, type)
static const struct field lock_fields[] = {
    {LOCK(node, FIELD_TEXT), .flags = FIELD_ALWAYS | FIELD_REQUIRED},
    {LOCK(holder, FIELD_TEXT), .flags = FIELD_ALWAYS | FIELD_REQUIRED},
    {LOCK(reason, FIELD_TEXT)},
    {FIELD_AS("since", struct lock_view, since_unix_ms, FIELD_TIME)},
    {FIELD_AS("until", struct lock_view, until_unix_ms, FIELD_TIME)},
    {0},
};

#define REQUEST(member, type) FIELD(struct lock_request, member, type)
static const struct field request_fields[] = {
    {.key = "nodes",
     .type = FIELD_LONG_TEXT,
     .flags = FIELD_ALWAYS | FIELD_REQUIRED,
     .offset = offsetof(struct lock_request, nodes),
     .size = NODES_TEXT_MAX + 1},
    {REQUEST(reason, FIELD_TEXT), .flags = FIELD_ALWAYS | FIELD_REQUIRED},
    {FIELD_AS("for", struct lock_request, on_behalf, FIELD_TEXT)},
    {FIELD_AS("until", struct lock_request, until_unix_ms, FIELD_TIME)},
    {REQUEST(steal, FIELD_BOOL)},
    {0},
};

void lock_request_clear(struct lock_request *request)
{
    free(request->nodes);
    memset(request, 0, sizeof *request);
}

char *lock_request_encode(const struct lock_request *request)
{
    struct json_text text = {0};
    json_open(&text, '{');
    fields_print(&text, request_fields, request);
    json_close(&text, '}');
    return json_text_take(&text);
}

/* Shown on terminals, in mails and in the log. */
static bool is_printable(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < ' ' || *c == 0x7f || (*c == 0xC2 && c[1] >= 0x80 && c[1] <= 0x9F))
            return false;
    return true;
}

int lock_check_for(const char *name, struct err *err)
{
    if (*name && strlen(name) < LOCK_FOR_SIZE && is_printable(name))
        return 0;
    return err_set(err, ERR_USAGE, "for whom: a name of 1 to %d characters, without control codes",
                   LOCK_FOR_SIZE - 1);
}

int lock_request_decode(const char *json, struct lock_request *out, struct err *err)
{
    _cleanup_(json_unrefp) json_t *object = object_parse(json, STRICT, err);
    if (!object)
        return -1;
    _cleanup_(lock_request_clear) struct lock_request request = {0};
    if (fields_read(object, request_fields, STRICT, &request, err))
        return -1;
    if (!is_printable(request.reason) ||
        request.reason[strspn(request.reason, " ")] == '\0') /* who comes next wants to know why */
        return err_set(err, ERR_USAGE, "'reason' must say why, without control codes");
    if (request.on_behalf[0] && lock_check_for(request.on_behalf, err))
        return -1;
    *out = request;
    request.nodes = NULL;
    return 0;
}

void lock_holder(const char *actor, const char *on_behalf, char holder[LOCK_HOLDER_SIZE])
{
    (void)snprintf(holder, LOCK_HOLDER_SIZE, "%s%s%s", actor, *on_behalf ? " for " : "", on_behalf);
}

static void lock_write(struct json_text *text, const struct lock_view *lock)
{
    json_open(text, '{');
    fields_print(text, lock_fields, lock);
    json_close(text, '}');
}

char *lock_view_encode(const struct lock_view *lock)
{
    struct json_text text = {0};
    lock_write(&text, lock);
    return json_text_take(&text);
}

char *lock_list_encode(const struct lock_view *locks, size_t count)
{
    struct json_text text = {0};
    json_open(&text, '{');
    json_put_key(&text, "locks");
    json_open(&text, '[');
    for (size_t i = 0; i < count; i++)
        lock_write(&text, &locks[i]);
    json_close(&text, ']');
    json_close(&text, '}');
    return json_text_take(&text);
}

int lock_list_decode(const char *json, struct lock_view **locks, size_t *count, struct err *err)
{
    _cleanup_(json_unrefp) json_t *object = object_parse(json, LENIENT, err);
    const json_t *array = object ? array_get(object, "locks", NODESET_MAX, err) : NULL;
    if (!array)
        return -1;
    size_t size = json_array_size(array);
    _cleanup_(freep) struct lock_view *list = calloc(size ? size : 1, sizeof *list);
    if (!list)
        return err_set(err, ERR_SYSTEM, "out of memory for %zu locks", size);
    for (size_t i = 0; i < size; i++) {
        const json_t *element = json_array_get(array, i);
        if (!json_is_object(element))
            return err_set(err, ERR_PROTOCOL, "lock %zu must be an object {...}", i + 1);
        if (fields_read(element, lock_fields, LENIENT, &list[i], err))
            return err_prefix(err, "lock %zu", i + 1);
    }
    *locks = TAKE(list);
    *count = size;
    return 0;
}
