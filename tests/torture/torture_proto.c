/* Every family of functions in proto that allocates. */
#include <stdlib.h>
#include <string.h>

#include "proto/api.h"
#include "proto/cleanup.h"
#include "proto/driver_msg.h"
#include "proto/lock.h"
#include "proto/nodeset.h"
#include "proto/note.h"
#include "proto/option.h"
#include "proto/timers.h"
#include "tests/torture/torture.h"

const char *const torture_stops[] = {
    "note_encode",        /* a note cut short would be false evidence */
    "json_load_allocate", /* jansson reads another text without memory */
    NULL,
};

static int no_memory(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "out of memory");
}

/* Tells a text that an encoder made; NULL is its way to say that memory ran out. */
static int tell(FILE *told, char *text, struct err *err)
{
    if (!text)
        return no_memory(err);
    (void)fprintf(told, "%s\n", text);
    free(text);
    return 0;
}

/* --- nodesets ------------------------------------------------------------------------------- */

static const char *group(const void *arg, const char *name)
{
    (void)arg;
    return !strcmp(name, "rack1") ? "n[01-40]" : !strcmp(name, "odd") ? "@rack1!n[02-40/2]" : NULL;
}

static const char *each_name(const void *arg, size_t index)
{
    static const char *const names[] = {"n01", "n02", "gpu-1.dom", "n3-ib0", "N7"};
    (void)arg;
    return index < ARRAY_SIZE(names) ? names[index] : NULL;
}

static int run_nodeset(FILE *told, struct err *err)
{
    static const char *const texts[] = {"@rack1", "@odd^n[01-03]", "n*,x[1-2]-[3-4]&x1-3",
                                        "b,a,c!b"};
    static const struct nodeset_source source = {.group = group, .each = each_name};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_(nodeset_freep) struct nodeset *set = NULL;
        char warning[256], hash[17];
        if (nodeset_parse(texts[i], &source, &set, warning, err))
            return -1;
        nodeset_hash(set, hash);
        (void)fprintf(told, "%zu %s %s\n", nodeset_count(set), hash, warning);
        if (tell(told, nodeset_fold(set), err))
            return -1;
    }
    return 0;
}

static int run_expand(FILE *told, struct err *err)
{
    static const char *const texts[] = {"bmc-n[01-20,30]", "host.example.org"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        char **names = NULL;
        size_t count = 0;
        _cleanup_(nodeset_freep) struct nodeset *set = NULL;
        if (nodeset_expand(texts[i], &names, &count, err))
            return -1;
        int rc = nodeset_from_names((const char *const *)names, count, &set, err);
        if (!rc)
            rc = tell(told, nodeset_fold(set), err);
        nodeset_expand_free(names, count);
        if (rc)
            return -1;
    }
    return 0;
}

/* --- what clients and the agent say to each other ------------------------------------------- */

static struct node_view node_named(const char *name)
{
    struct node_view view = {.outcome = OUTCOME_FAILED,
                             .verdict = VERDICT_KERNEL_STALLED,
                             .power = POWER_ON,
                             .stage = STAGE_LOADER_UP,
                             .attempt = 2,
                             .percent = 43,
                             .file = "vmlinuz",
                             .text = "stood still at 43 % \xc3\xa4 \xff",
                             .has_next_boot = true,
                             .since_ms = 1500,
                             .power_age_ms = UINT64_MAX,
                             .job = "J1a2b3c4-17"};
    (void)snprintf(view.node, sizeof view.node, "%s", name);
    return view;
}

static int run_request(FILE *told, struct err *err)
{
    static char nodes[] = "n[01-16],@rack1";
    const struct job_request request = {
        .verb = VERB_REBOOT,
        .nodes = nodes,
        .key = "rack3-2026-11-22",
        .options = {.netboot = true, .has_retry = true, .retry = 2, .batch = 4}};
    _cleanup_(job_request_clear) struct job_request again = {0};
    _cleanup_(freep) char *json = job_request_encode(&request);
    if (!json)
        return no_memory(err);
    if (job_request_decode(json, &again, err))
        return -1;
    return tell(told, job_request_encode(&again), err);
}

static int run_job(FILE *told, struct err *err)
{
    struct node_view nodes[] = {node_named("n01"), node_named("n02")};
    const struct job_view job = {.id = "J1a2b3c4-17",
                                 .verb = VERB_NETBOOT,
                                 .actor = "alice (uid 1000)",
                                 .done = true,
                                 .started_unix_ms = 1795359298856,
                                 .elapsed_ms = 20123,
                                 .nnodes = 2,
                                 .nodes = nodes};
    _cleanup_(job_view_clear) struct job_view again = {0};
    struct job_view *jobs = NULL;
    size_t count = 0;
    _cleanup_(freep) char *json = job_view_encode(&job), *list = job_list_encode(&job, 1);
    if (!json || !list)
        return no_memory(err);
    if (job_view_decode(json, &again, err) || job_list_decode(list, &jobs, &count, err))
        return -1;
    (void)fprintf(told, "%zu ", count);
    job_list_free(jobs, count);
    return tell(told, job_view_encode(&again), err);
}

static int run_nodes(FILE *told, struct err *err)
{
    const struct node_view nodes[] = {node_named("n01"), node_named("n02")};
    _cleanup_(freep) struct node_view *again = NULL;
    _cleanup_(freep) char *folded = NULL, *warning = NULL;
    size_t count = 0;
    _cleanup_(freep) char *json = node_list_encode(nodes, 2, "n[01-02]", "!x removed nothing");
    if (!json)
        return no_memory(err);
    if (node_list_decode(json, &again, &count, &folded, &warning, err))
        return -1;
    (void)fprintf(told, "%zu %s %s\n", count, folded, warning);
    return tell(told, node_view_encode(&again[1]), err);
}

static int run_events(FILE *told, struct err *err)
{
    const struct job_event event = {.sequence = 41,
                                    .unix_ms = 1795359298856,
                                    .kind = EVENT_ATTEMPT,
                                    .verb = VERB_NETBOOT,
                                    .job = "J1a2b3c4-17",
                                    .node = node_named("n01")};
    struct job_event again;
    _cleanup_(freep) struct job_event *events = NULL;
    size_t count = 0;
    _cleanup_(freep) char *json = job_event_encode(&event), *list = event_list_encode(&event, 1);
    if (!json || !list)
        return no_memory(err);
    if (job_event_decode(json, &again, err) || event_list_decode(list, &events, &count, err))
        return -1;
    (void)fprintf(told, "%zu ", count);
    return tell(told, job_event_encode(&again), err);
}

static int run_problem(FILE *told, struct err *err)
{
    const struct problem problem = {.kind = ERR_CONFIRM,
                                    .status = 409,
                                    .title = "reboot of 32 nodes needs confirmation",
                                    .count = 32,
                                    .confirm = "0123456789abcdef",
                                    .folded = "n[01-32]"};
    struct problem again;
    char version[32];
    _cleanup_(freep) char *plan = NULL;
    _cleanup_(freep) char *json = problem_encode(&problem), *said = version_encode("0.1.0");
    if (!json || !said)
        return no_memory(err);
    if (problem_decode(json, &again, err) || version_decode(said, version, err) ||
        plan_decode("{\"plan\":\"each node like n01:\\n  1. ask\\n\"}", &plan, err))
        return -1;
    (void)fprintf(told, "%s %s", version, plan);
    return tell(told, problem_encode(&again), err);
}

static int run_locks(FILE *told, struct err *err)
{
    static char nodes[] = "n[01-04]";
    const struct lock_request request = {.nodes = nodes, .reason = "memory is being replaced"};
    const struct lock_view lock = {.node = "n01", .holder = "root (uid 0)", .reason = "memory"};
    _cleanup_(lock_request_clear) struct lock_request again = {0};
    _cleanup_(freep) struct lock_view *locks = NULL;
    size_t count = 0;
    _cleanup_(freep) char *json = lock_request_encode(&request), *list = lock_list_encode(&lock, 1);
    if (!json || !list)
        return no_memory(err);
    if (lock_request_decode(json, &again, err) || lock_list_decode(list, &locks, &count, err))
        return -1;
    (void)fprintf(told, "%s %zu ", again.nodes, count);
    return tell(told, lock_view_encode(&locks[0]), err);
}

/* --- what agent and driver say to each other ------------------------------------------------ */

static int run_orders(FILE *told, struct err *err)
{
    const struct driver_device device = {
        .device = "bmc-n01", .nsettings = 2, .settings = {{"host", "10.1.0.11"}, {"port", "623"}}};
    const struct driver_request request = {.id = 7,
                                           .device = "bmc-n01",
                                           .op = OP_BOOT_SET,
                                           .boot_device = BOOT_NETWORK,
                                           .budget_ms = 5000};
    const struct driver_credentials credentials = {
        .name = "bmc", .user = "ops", .password = {"secret"}};
    struct driver_credentials secret;
    struct driver_order order;
    _cleanup_(freep) char *first = driver_device_encode(&device);
    _cleanup_(freep) char *second = driver_request_encode(&request);
    _cleanup_(freep) char *third = driver_credentials_encode(&credentials);
    if (!first || !second || !third)
        return no_memory(err);
    if (driver_order_decode(first, &order, err))
        return -1;
    (void)fprintf(told, "%s %zu\n", order.device.settings[1].value, order.device.nsettings);
    if (driver_order_decode(second, &order, err) || driver_credentials_decode(third, &secret, err))
        return -1;
    (void)fprintf(told, "%s %s\n", secret.user, op_name(order.request.op));
    return tell(told, driver_request_encode(&order.request), err);
}

static int run_answers(FILE *told, struct err *err)
{
    const struct driver_reply replies[] = {
        {.id = 7, .ok = true, .power = POWER_ON, .has_next_boot = true, .has_info = true},
        {.id = 8, .err = {.kind = ERR_UNREACHABLE, .text = "no answer from 10.1.0.11"}},
        {.id = 9, .ok = true, .has_evidence = true, .evidence = {.has_cause = true, .cause = 1}}};
    struct driver_answer answer;
    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        _cleanup_(freep) char *line = driver_reply_encode(&replies[i]);
        if (!line)
            return no_memory(err);
        if (driver_answer_decode(line, &answer, err) ||
            tell(told, driver_reply_encode(&answer.reply), err))
            return -1;
    }
    _cleanup_(freep) char *refusal = driver_refusal_encode("bmc-n01", &replies[1].err);
    if (!refusal)
        return no_memory(err);
    if (driver_answer_decode(refusal, &answer, err))
        return -1;
    (void)fprintf(told, "%s: %s\n", answer.device, answer.refusal.text);
    return 0;
}

static int run_options(FILE *told, struct err *err)
{
    struct config {
        char host[64];
        uint32_t port, privilege;
    } config;
    static const char *const privileges[] = {"user", "operator", NULL};
    static const struct option rows[] = {
        OPTION(OPTION_TEXT, struct config, host, .required = true, .help = "its address"),
        OPTION(OPTION_UINT, struct config, port, .fallback = "623", .min = 1, .max = 65535),
        OPTION(OPTION_CHOICE, struct config, privilege, .fallback = "user", .choices = privileges),
    };
    static const struct option_table table = {rows, ARRAY_SIZE(rows)};
    struct option_schema *schema = NULL;
    options_init(table, &config);
    if (option_set(table, &config, "privilege", "operator", err))
        return -1;
    _cleanup_(freep) char *json = option_schema_encode("ipmi", "BMCs", table);
    if (!json)
        return no_memory(err);
    if (option_schema_decode(json, &schema, err))
        return -1;
    int rc = tell(told, option_schema_encode(schema->driver, schema->help, schema->table), err);
    option_schema_free(schema);
    return rc;
}

/* --- evidence and time ---------------------------------------------------------------------- */

static int run_note(FILE *told, struct err *err)
{
    const struct note note = {.kind = NOTE_FILE_PROGRESS,
                              .mac = {{0x52, 0x54, 0, 0xaa, 0, 1}},
                              .ip = {0x0a4d000b},
                              .port = 2070,
                              .bytes = 4096,
                              .total = 8192,
                              .file = "vmlinuz",
                              .reason = "why \"not\""};
    char line[NOTE_LINE_SIZE];
    struct note again;
    (void)note_encode(&note, line);
    if (note_decode(line, &again, err))
        return -1;
    (void)fprintf(told, "%s%s %llu\n", line, again.file, (unsigned long long)again.total);
    return 0;
}

static int run_timers(FILE *told, struct err *err)
{
    struct timers timers = {0};
    struct timer timer[200] = {0};
    int rc = 0;
    for (size_t i = 0; i < ARRAY_SIZE(timer) && !rc; i++) {
        rc = timers_reserve(&timers, i + 1);
        if (!rc)
            timer_set(&timers, &timer[i], 1000 - i);
    }
    (void)fprintf(told, "%llu\n", (unsigned long long)timers_next(&timers));
    timers_clear(&timers);
    return rc ? no_memory(err) : 0;
}

int main(void)
{
    static const struct torture_case cases[] = {
        {"nodeset", run_nodeset}, {"expand", run_expand},   {"request", run_request},
        {"job", run_job},         {"nodes", run_nodes},     {"events", run_events},
        {"problem", run_problem}, {"locks", run_locks},     {"orders", run_orders},
        {"answers", run_answers}, {"options", run_options}, {"note", run_note},
        {"timers", run_timers},
    };
    return torture_main("proto", cases, ARRAY_SIZE(cases));
}
