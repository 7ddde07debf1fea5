/* powerctl's own work: command lines, and showing what the agent answers, in every format. */
#include <stdlib.h>
#include <string.h>

#include "agent/cli/board.h"
#include "agent/cli/confirm.h"
#include "agent/cli/duration.h"
#include "agent/cli/frame.h"
#include "agent/cli/nodes_argument.h"
#include "agent/cli/progress.h"
#include "agent/cli/render.h"
#include "agent/cli/summary.h"
#include "agent/client/sse.h"
#include "proto/cleanup.h"
#include "tests/torture/torture.h"

const char *const torture_stops[] = {
    "cli_no_memory", /* a result that is half shown would be believed */
    NULL,
};

enum { NODES = 5 };

static void make_nodes(struct node_view nodes[NODES])
{
    static const enum outcome outcomes[NODES] = {OUTCOME_OK, OUTCOME_OK, OUTCOME_FAILED,
                                                 OUTCOME_LEFT_OFF, OUTCOME_UNVERIFIED};
    for (int i = 0; i < NODES; i++) {
        nodes[i] = (struct node_view){.outcome = outcomes[i],
                                      .power = i % 2 ? POWER_ON : POWER_OFF,
                                      .stage = STAGE_LOADER,
                                      .attempt = 1,
                                      .percent = -1,
                                      .since_ms = 1500};
        if (outcomes[i] == OUTCOME_FAILED)
            nodes[i].verdict = VERDICT_KERNEL_STALLED;
        if (outcomes[i] == OUTCOME_LEFT_OFF)
            nodes[i].verdict = VERDICT_LEFT_OFF;
        (void)snprintf(nodes[i].node, sizeof nodes[i].node, "n%02d", i + 1);
        (void)snprintf(nodes[i].text, sizeof nodes[i].text, "text, \"%d\"", i);
    }
}

static struct job_view make_job(struct node_view nodes[NODES], enum verb verb)
{
    make_nodes(nodes);
    return (struct job_view){.id = "J1a2b3c4-17",
                             .verb = verb,
                             .key = "night",
                             .actor = "root (uid 0)",
                             .done = true,
                             .elapsed_ms = 20123,
                             .nnodes = NODES,
                             .nodes = nodes};
}

static struct job_event make_event(enum event_kind kind, const struct node_view *node)
{
    return (struct job_event){
        .sequence = 41, .kind = kind, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = *node};
}

/* --- results ------------------------------------------------------------------------------- */

static int show_jobs(FILE *told, struct err *err)
{
    struct node_view nodes[NODES];
    const struct job_view jobs[] = {make_job(nodes, VERB_NETBOOT), make_job(nodes, VERB_STATUS),
                                    make_job(nodes, VERB_CHECK)};
    const struct render render = {.out = told, .columns = 100};
    (void)err;
    for (int i = 0; i < FORMATS; i++) {
        renderer_of((enum format)i)->job(&render, &jobs[0]);
        renderer_of((enum format)i)->job(&render, &jobs[1]);
        renderer_of((enum format)i)->job(&render, &jobs[2]);
        renderer_of((enum format)i)->jobs(&render, jobs, 2);
    }
    summary_put(told, &jobs[0]);
    return 0;
}

static int show_nodes(FILE *told, struct err *err)
{
    struct node_view nodes[NODES];
    const struct lock_view locks[] = {{.node = "n01", .holder = "root (uid 0)", .reason = "memory"},
                                      {.node = "n02", .holder = "root (uid 0)", .reason = "memory"},
                                      {.node = "n05", .holder = "alice", .reason = "test"}};
    const struct outlet_view outlets[] = {{.outlet = "pdu-a/1", .text = "BAD_REPLY: short frame"},
                                          {.outlet = "pdu-a/2", .node = "n01"}};
    const struct render render = {.out = told};
    (void)err;
    make_nodes(nodes);
    for (int i = 0; i < FORMATS; i++) {
        renderer_of((enum format)i)->nodes(&render, nodes, NODES, "n[01-05]");
        renderer_of((enum format)i)->locks(&render, locks, ARRAY_SIZE(locks));
        renderer_of((enum format)i)->outlets(&render, outlets, ARRAY_SIZE(outlets));
    }
    return 0;
}

static int show_events(FILE *told, struct err *err)
{
    struct node_view nodes[NODES];
    struct job_event events[EVENT_KINDS];
    const struct render render = {.out = told};
    (void)err;
    make_nodes(nodes);
    for (int i = 0; i < EVENT_KINDS; i++)
        events[i] = make_event((enum event_kind)i, &nodes[i % NODES]);
    for (int i = 0; i < FORMATS; i++)
        renderer_of((enum format)i)->events(&render, events, EVENT_KINDS);
    return 0;
}

/* --- while it runs ------------------------------------------------------------------------- */

static int follow(FILE *told, struct err *err)
{
    static const enum progress_style styles[] = {PROGRESS_PLAIN, PROGRESS_JSON};
    struct node_view nodes[NODES];
    struct board board = {.job = "J1a2b3c4-17", .verb = VERB_NETBOOT, .started_ms = 1000};
    unsigned lines = 0;
    make_nodes(nodes);
    nodes[0].outcome = OUTCOME_PENDING;
    for (size_t i = 0; i < ARRAY_SIZE(styles); i++) {
        struct progress progress = progress_new(styles[i], told, true);
        for (int k = 0; k < NODES; k++) {
            const struct job_event event = make_event(EVENT_STAGE, &nodes[k]);
            if (board_take(&board, &event, 2000 + (uint64_t)k))
                return err_set(err, ERR_SYSTEM, "no more rows");
            progress.ops->event(&progress, &board, &event);
        }
        progress.ops->end(&progress);
    }
    struct progress patient = {.ops = &progress_patient, .out = told};
    patient.ops->tick(&patient, &board, 60000);
    char *picture = frame_draw(&board, (struct screen){.rows = 20, .columns = 80}, 9000, &lines);
    (void)fprintf(told, "%u lines:\n%s", lines, picture);
    free(picture);
    board_clear(&board);
    return 0;
}

static void hear(void *arg, const struct sse_message *message)
{
    (void)fprintf(arg, "%s %s %s\n", message->event, message->id, message->data);
}

static int listen_to(FILE *told, struct err *err)
{
    static const char stream[] = "id: 41\nevent: stage\ndata: {}\n\nid: 42\ndata: x\ndata: y\n\n";
    struct sse_parser parser;
    if (sse_init(&parser, err))
        return -1;
    int rc = sse_feed(&parser, stream, sizeof stream - 1, hear, told, err);
    sse_clear(&parser);
    return rc;
}

/* --- command lines ------------------------------------------------------------------------- */

static int read_command_line(FILE *told, struct err *err)
{
    char words[][24] = {"powerctl", "n[01-16]", "--format=json", "-x", "n03,n04", "--timeout",
                        "1h30m",    "-",        "@rack1!n07"};
    char *argv[ARRAY_SIZE(words) + 1] = {NULL}, input[] = "n20 n21\nn22\n";
    struct options options = {0};
    uint64_t ms = 0;
    int first = 0;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        argv[i] = words[i];
    if (options_parse((int)ARRAY_SIZE(words), argv, UINT32_MAX, false, "powerctl status", &options,
                      &first, err) ||
        duration_parse("1h30m", &ms, err))
        return -1;
    _cleanup_(fclosep) FILE *in = fmemopen(input, sizeof input - 1, "r");
    _cleanup_(freep) char *expression = NULL;
    if (nodes_argument(argv + first, (int)ARRAY_SIZE(words) - first, options.exclude, in,
                       &expression, err))
        return -1;
    (void)fprintf(told, "%s %d %llu\n", expression, (int)options.format,
                  (unsigned long long)options.timeout_ms);
    return 0;
}

int main(void)
{
    static const struct torture_case cases[] = {
        {"jobs", show_jobs}, {"nodes", show_nodes}, {"events", show_events},
        {"follow", follow},  {"listen", listen_to}, {"command-line", read_command_line},
    };
    return torture_main("cli", cases, ARRAY_SIZE(cases));
}
