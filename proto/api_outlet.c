/* The outlets of PDUs: GET /v1/outlets. */
#include <string.h>

#include "proto/api.h"
#include "proto/api_fields.h"
#include "proto/cleanup.h"
#include "proto/nodeset.h"

FIELD_WORDS(power, enum power);

#define OUTLET(member, type) FIELD(struct outlet_view, member, type)
static const struct field outlet_fields[] = {
    {OUTLET(outlet, FIELD_TEXT), .flags = FIELD_ALWAYS | FIELD_REQUIRED},
    {OUTLET(node, FIELD_TEXT)},
    {OUTLET(circuit, FIELD_TEXT)},
    {OUTLET(power, FIELD_WORD), .flags = FIELD_HAS, .has = offsetof(struct outlet_view, asked),
     .words = &power_words},
    {FIELD_AS("watts", struct outlet_view, milliwatts, FIELD_WATTS), .flags = FIELD_HAS,
     .has = offsetof(struct outlet_view, has_watts)},
    {OUTLET(text, FIELD_TEXT)},
    {0},
};

static void outlet_write(struct json_text *text, const struct outlet_view *view)
{
    json_open(text, '{');
    fields_print(text, outlet_fields, view);
    json_close(text, '}');
}

char *outlet_view_encode(const struct outlet_view *view)
{
    struct json_text text = {0};
    outlet_write(&text, view);
    return json_text_take(&text);
}

char *outlet_list_encode(const struct outlet_view *views, size_t count)
{
    struct json_text text = {0};
    json_open(&text, '{');
    json_put_key(&text, "outlets");
    json_open(&text, '[');
    for (size_t i = 0; i < count; i++)
        outlet_write(&text, &views[i]);
    json_close(&text, ']');
    json_close(&text, '}');
    return json_text_take(&text);
}

int outlet_list_decode(const char *json, struct outlet_view **views, size_t *count, struct err *err)
{
    _cleanup_(json_unrefp) json_t *object = object_parse(json, LENIENT, err);
    const json_t *array = object ? array_get(object, "outlets", NODESET_MAX, err) : NULL;
    if (!array)
        return -1;
    size_t size = json_array_size(array);
    _cleanup_(freep) struct outlet_view *list = calloc(size ? size : 1, sizeof *list);
    if (!list)
        return err_set(err, ERR_SYSTEM, "out of memory for %zu outlets", size);
    for (size_t i = 0; i < size; i++) {
        const json_t *element = json_array_get(array, i);
        if (!json_is_object(element))
            return err_set(err, ERR_PROTOCOL, "outlet %zu must be an object {...}", i + 1);
        if (fields_read(element, outlet_fields, LENIENT, &list[i], err))
            return err_prefix(err, "outlet %zu", i + 1);
    }
    *views = TAKE(list);
    *count = size;
    return 0;
}
