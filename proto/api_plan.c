/* What a job would do, in lines for people: POST /v1/plan. */
#include <string.h>

#include "proto/api.h"
#include "proto/api_fields.h"
#include "proto/cleanup.h"

int plan_decode(const char *json, char **text, struct err *err)
{
    _cleanup_(json_unrefp) json_t *object = object_parse(json, LENIENT, err);
    const char *plan = json_string_value(json_object_get(object, "plan"));
    if (!object)
        return -1;
    if (!plan)
        return err_set(err, ERR_PROTOCOL, "'plan' must be a text");
    char *copy = strdup(plan);
    if (!copy)
        return err_set(err, ERR_SYSTEM, "out of memory");
    make_printable(copy, true);
    *text = copy;
    return 0;
}
