/* Any bytes at every decoder of the control API; what is taken must survive encoding. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/api.h"
#include "proto/api_time.h"
#include "proto/cleanup.h"
#include "proto/lock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken says the same when it is said again. */
static void check_same(char *json, char *again)
{
    if (!json || !again || strchr(json, '\n') || strcmp(json, again) != 0)
        abort();
    free(json);
    free(again);
}

static void check_refusal(const struct err *err)
{
    if ((err->kind != ERR_USAGE && err->kind != ERR_PROTOCOL && err->kind != ERR_LIMIT) ||
        !err->text[0])
        abort();
    for (const char *c = err->text; *c; c++)
        if (((unsigned char)*c < ' ' && *c != '\n') || *c == 0x7f)
            abort();
}

static void try_request(const char *text)
{
    _cleanup_(job_request_clear) struct job_request request = {0}, again = {0};
    struct err err = {0};
    if (job_request_decode(text, &request, &err)) {
        check_refusal(&err);
        return;
    }
    if (*request.actor || request.unix_ms)
        abort(); /* who asks is never taken from what is asked */
    char *json = job_request_encode(&request);
    if (!json || job_request_decode(json, &again, NULL) || strcmp(request.nodes, again.nodes) != 0)
        abort();
    check_same(json, job_request_encode(&again));
}

static void try_locks(const char *text)
{
    _cleanup_(lock_request_clear) struct lock_request request = {0}, again = {0};
    struct lock_view *locks = NULL, *locks_again = NULL;
    size_t count = 0, as_many = 0;
    if (!lock_request_decode(text, &request, NULL)) {
        if (*request.actor)
            abort();
        char *json = lock_request_encode(&request);
        if (!json || lock_request_decode(json, &again, NULL))
            abort();
        check_same(json, lock_request_encode(&again));
    }
    if (lock_list_decode(text, &locks, &count, NULL))
        return;
    char *json = lock_list_encode(locks, count);
    if (!json || lock_list_decode(json, &locks_again, &as_many, NULL) || as_many != count)
        abort();
    check_same(json, lock_list_encode(locks_again, count));
    free(locks);
    free(locks_again);
}

static void try_outlets(const char *text)
{
    struct outlet_view *outlets = NULL, *again = NULL;
    size_t count = 0, as_many = 0;
    struct err err = {0};
    if (outlet_list_decode(text, &outlets, &count, &err)) {
        check_refusal(&err);
        return;
    }
    char *json = outlet_list_encode(outlets, count);
    if (!json || outlet_list_decode(json, &again, &as_many, NULL) || as_many != count)
        abort();
    check_same(json, outlet_list_encode(again, count));
    free(outlets);
    free(again);
}

static void try_job(const char *text)
{
    _cleanup_(job_view_clear) struct job_view job = {0}, again = {0};
    struct err err = {0};
    if (job_view_decode(text, &job, &err)) {
        check_refusal(&err);
        return;
    }
    (void)job_view_exit_code(&job);
    char *json = job_view_encode(&job);
    if (!json || job_view_decode(json, &again, NULL) || again.nnodes != job.nnodes)
        abort();
    check_same(json, job_view_encode(&again));
}

static void try_event(const char *text)
{
    struct job_event event, again;
    struct err err = {0};
    if (job_event_decode(text, &event, &err)) {
        check_refusal(&err);
        return;
    }
    char *json = job_event_encode(&event);
    if (!json || job_event_decode(json, &again, NULL))
        abort();
    check_same(json, job_event_encode(&again));
}

static void try_node_list(const char *text)
{
    struct node_view *nodes = NULL;
    char *folded = NULL, *warning = NULL;
    size_t count = 0;
    if (node_list_decode(text, &nodes, &count, &folded, &warning, NULL))
        return;
    struct node_view *again = NULL;
    char *folded_again = NULL, *warning_again = NULL, *json = NULL;
    json = node_list_encode(nodes, count, folded, warning);
    if (!json || node_list_decode(json, &again, &count, &folded_again, &warning_again, NULL))
        abort();
    check_same(json, node_list_encode(again, count, folded_again, warning_again));
    free(nodes);
    free(folded);
    free(warning);
    free(again);
    free(folded_again);
    free(warning_again);
}

static void try_job_list(const char *text)
{
    struct job_view *jobs = NULL, *again = NULL;
    size_t count = 0, as_many = 0;
    if (job_list_decode(text, &jobs, &count, NULL))
        return;
    char *json = job_list_encode(jobs, count);
    if (!json || job_list_decode(json, &again, &as_many, NULL) || as_many != count)
        abort();
    check_same(json, job_list_encode(again, count));
    job_list_free(jobs, count);
    job_list_free(again, count);
}

static void try_event_list(const char *text)
{
    struct job_event *events = NULL, *again = NULL;
    size_t count = 0, as_many = 0;
    if (event_list_decode(text, &events, &count, NULL))
        return;
    char *json = event_list_encode(events, count);
    if (!json || event_list_decode(json, &again, &as_many, NULL) || as_many != count)
        abort();
    check_same(json, event_list_encode(again, count));
    free(events);
    free(again);
}

static void try_problem(const char *text)
{
    struct problem problem, again;
    if (problem_decode(text, &problem, NULL))
        return;
    char *json = problem_encode(&problem);
    if (!json || problem_decode(json, &again, NULL))
        abort();
    check_same(json, problem_encode(&again));
    (void)problem_exit_code(problem.kind);
}

static void try_texts(const char *text)
{
    char version[32], *plan = NULL;
    if (!version_decode(text, version, NULL) && strnlen(version, sizeof version) == sizeof version)
        abort();
    if (!plan_decode(text, &plan, NULL))
        for (const char *c = plan; *c; c++)
            if ((unsigned char)*c < ' ' && *c != '\n')
                abort();
    free(plan);
}

static void try_time(const char *text)
{
    int64_t ms, again;
    char formatted[TIME_TEXT_SIZE];
    if (time_parse(text, &ms))
        return;
    time_format(ms, formatted);
    if (time_parse(formatted, &again) || again != ms)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(freep) char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    try_request(text);
    try_job(text);
    try_locks(text);
    try_outlets(text);
    try_event(text);
    try_node_list(text);
    try_job_list(text);
    try_event_list(text);
    try_problem(text);
    try_texts(text);
    try_time(text);
    return 0;
}
