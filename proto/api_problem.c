/* Errors on the wire: application/problem+json (RFC 9457), and what each kind means as an HTTP
 * status and as an exit code. */
#include <stdio.h>
#include <string.h>

#include "proto/api.h"
#include "proto/api_fields.h"
#include "proto/cleanup.h"

/* clang-format off */
static const struct {
    int status;
    enum exit_code exit_code;
} meanings[ERR_KINDS] = {
    [ERR_NONE]        = { 200, EXIT_OK },
    [ERR_USAGE]       = { 400, EXIT_USAGE },
    [ERR_CONFIG]      = { 500, EXIT_USAGE },
    [ERR_DENIED]      = { 403, EXIT_DENIED },
    [ERR_CONFIRM]     = { 409, EXIT_USAGE },
    [ERR_BUSY]        = { 409, EXIT_BUSY },
    [ERR_NOT_FOUND]   = { 404, EXIT_USAGE },
    [ERR_UNREACHABLE] = { 502, EXIT_NO_AGENT },
    [ERR_TIMEOUT]     = { 504, EXIT_NO_AGENT },
    [ERR_AUTH]        = { 502, EXIT_DENIED },
    [ERR_PROTOCOL]    = { 502, EXIT_NO_AGENT },
    [ERR_UNSUPPORTED] = { 501, EXIT_USAGE },
    [ERR_DEVICE]      = { 502, EXIT_SOME_FAILED },
    [ERR_LIMIT]       = { 429, EXIT_BUSY },
    [ERR_SYSTEM]      = { 503, EXIT_NO_AGENT },
};
/* clang-format on */

int problem_status(enum err_kind kind)
{
    return meanings[kind].status;
}

enum exit_code problem_exit_code(enum err_kind kind)
{
    return meanings[kind].exit_code;
}

FIELD_WORDS(err_kind, enum err_kind);

/* As lock_fields, but nothing is required: most problems have none. */
#define LOCK(member, type) FIELD(struct lock_view, member, type)
static const struct field problem_lock_fields[] = {
    {LOCK(node, FIELD_TEXT)},
    {LOCK(holder, FIELD_TEXT)},
    {LOCK(reason, FIELD_TEXT)},
    {FIELD_AS("since", struct lock_view, since_unix_ms, FIELD_TIME)},
    {FIELD_AS("until", struct lock_view, until_unix_ms, FIELD_TIME)},
    {0},
};

#define PROBLEM(member, type) FIELD(struct problem, member, type)
static const struct field problem_fields[] = {
    {FIELD_AS("type", struct problem, kind, FIELD_WORD), .flags = FIELD_ALWAYS | FIELD_REQUIRED,
     .words = &err_kind_words},
    {PROBLEM(title, FIELD_TEXT), .flags = FIELD_ALWAYS},
    {PROBLEM(status, FIELD_I32), .flags = FIELD_ALWAYS},
    {PROBLEM(job, FIELD_TEXT)},
    {PROBLEM(count, FIELD_U32)},
    {PROBLEM(confirm, FIELD_TEXT)},
    {PROBLEM(folded, FIELD_TEXT)},
    {PROBLEM(lock, FIELD_OBJECT), .fields = problem_lock_fields},
    {0},
};

char *problem_encode(const struct problem *problem)
{
    json_t *object = json_object();
    if (object && fields_write(object, problem_fields, problem)) {
        json_decref(object);
        return NULL;
    }
    return object_print(object);
}

int problem_decode(const char *json, struct problem *out, struct err *err)
{
    _cleanup_(json_unrefp) json_t *object = object_parse(json, LENIENT, err);
    struct problem problem = {0};
    if (!object || fields_read(object, problem_fields, LENIENT, &problem, err))
        return -1;
    *out = problem;
    return 0;
}
