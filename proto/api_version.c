/* Which agent is this: GET /v1/version. */
#include <string.h>

#include "proto/api_views.h"
#include "proto/cleanup.h"

enum { VERSION_SIZE = 32 };

static const struct field version_fields[] = {
    {.key = "version", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .size = VERSION_SIZE},
    {0},
};

char *version_encode(const char *version)
{
    return object_print(object_with(json_object(), "version", text_to_json(version)));
}

int version_decode(const char *json, char version[VERSION_SIZE], struct err *err)
{
    _cleanup_(json_unrefp) json_t *object = object_parse(json, LENIENT, err);
    char found[VERSION_SIZE];
    if (!object || fields_read(object, version_fields, LENIENT, found, err))
        return -1;
    memcpy(version, found, VERSION_SIZE);
    return 0;
}
