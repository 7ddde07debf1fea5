/* What people read: results in every format, the picture on a terminal, the lines in a log.
 * Golden files in tests/golden/cli; GOLDEN=write rewrites them, the diff is the review. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/cli/command.h"
#include "agent/cli/confirm.h"
#include "agent/cli/duration.h"
#include "agent/cli/frame.h"
#include "agent/cli/nodes_argument.h"
#include "agent/cli/progress.h"
#include "proto/cleanup.h"

static void assert_golden(const char *name, const char *text)
{
    char path[128], *wanted = NULL;
    size_t size = 0;
    (void)snprintf(path, sizeof path, "tests/golden/cli/%s", name);
    if (getenv("GOLDEN")) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        (void)fputs(text, file);
        assert_int_equal(fclose(file), 0);
        return;
    }
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s is missing; GOLDEN=write makes it", path);
    if (getdelim(&wanted, &size, '\0', file) < 0)
        wanted = strdup("");
    (void)fclose(file);
    if (strcmp(wanted, text) != 0)
        fail_msg("%s differs; it is now:\n%s", path, text);
    free(wanted);
}

/* clang-format off */
static struct node_view nodes[] = {
    { .node = "n01", .outcome = OUTCOME_OK, .power = POWER_ON, .stage = STAGE_UP, .attempt = 1, .percent = -1, .text = "phoned home", .since_ms = 12000, .power_age_ms = 90000 },
    { .node = "n02", .outcome = OUTCOME_OK, .power = POWER_ON, .stage = STAGE_UP, .attempt = 2, .percent = -1, .text = "port 22 answers", .since_ms = 3000, .power_age_ms = 90000 },
    { .node = "n03", .outcome = OUTCOME_FAILED, .verdict = VERDICT_KERNEL_STALLED, .power = POWER_ON, .stage = STAGE_CONFIG, .attempt = 2, .percent = 43, .file = "vmlinuz", .text = "no block for 60 s", .since_ms = 60000, .power_age_ms = 90000 },
    { .node = "n04", .outcome = OUTCOME_FAILED, .verdict = VERDICT_KERNEL_STALLED, .power = POWER_ON, .stage = STAGE_CONFIG, .attempt = 1, .percent = -1, .text = "no block, \"none\" for 61 s", .since_ms = 61000, .power_age_ms = 90000 },
    { .node = "n05", .outcome = OUTCOME_FAILED, .verdict = VERDICT_UNREACHABLE, .power = POWER_UNKNOWN, .attempt = 1, .percent = -1, .text = "no answer from 10.1.0.15 in 5 s", .power_age_ms = UINT64_MAX },
    { .node = "n06", .outcome = OUTCOME_LEFT_OFF, .verdict = VERDICT_LEFT_OFF, .power = POWER_OFF, .attempt = 1, .percent = -1, .text = "three tries to power on, still off", .since_ms = 1000, .power_age_ms = 1000 },
    { .node = "n07", .outcome = OUTCOME_UNVERIFIED, .power = POWER_UNKNOWN, .attempt = 1, .percent = -1, .power_age_ms = UINT64_MAX, .has_next_boot = true, .next_boot = { .valid = true, .device = BOOT_NETWORK } },
    { .node = "n08", .outcome = OUTCOME_CANCELLED, .verdict = VERDICT_CANCELLED, .power = POWER_OFF, .attempt = 1, .percent = -1, .power_age_ms = 5000 },
};
/* clang-format on */

static struct job_view some_job(enum verb verb)
{
    return (struct job_view){.id = "J1a2b3c4-17",
                             .verb = verb,
                             .actor = "alice (uid 1000)",
                             .done = true,
                             .started_unix_ms = 1769903999123,
                             .ended_unix_ms = 1769904150123,
                             .elapsed_ms = 151000,
                             .nnodes = ARRAY_SIZE(nodes),
                             .nodes = nodes};
}

/* clang-format off */
static const struct job_event events[] = {
    { .sequence = 1, .unix_ms = 1769903999123, .kind = EVENT_JOB_STARTED, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .percent = -1, .text = "netboot n[01-02] by alice (uid 1000)" } },
    { .sequence = 2, .unix_ms = 1769903999200, .kind = EVENT_COMMAND, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .node = "n01", .percent = -1, .text = "power-off bmc-n01" } },
    { .sequence = 3, .unix_ms = 1769904000900, .kind = EVENT_POWER, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .node = "n01", .percent = -1, .power = POWER_OFF } },
    { .sequence = 4, .unix_ms = 1769904013123, .kind = EVENT_STAGE, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .node = "n01", .percent = -1, .stage = STAGE_ADDRESSED, .text = "10.1.0.1" } },
    { .sequence = 5, .unix_ms = 1769904014123, .kind = EVENT_PROGRESS, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .node = "n01", .percent = 7, .stage = STAGE_CONFIG, .file = "vmlinuz" } },
    { .sequence = 6, .unix_ms = 1769904015123, .kind = EVENT_PROGRESS, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .node = "n01", .percent = 26, .stage = STAGE_CONFIG, .file = "vmlinuz" } },
    { .sequence = 7, .unix_ms = 1769904016123, .kind = EVENT_PROGRESS, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .node = "n01", .percent = 49, .stage = STAGE_CONFIG, .file = "vmlinuz" } },
    { .sequence = 8, .unix_ms = 1769904017123, .kind = EVENT_PROGRESS, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .node = "n01", .percent = 100, .stage = STAGE_CONFIG, .file = "vmlinuz" } },
    { .sequence = 9, .unix_ms = 1769904018123, .kind = EVENT_PROGRESS, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .node = "n01", .percent = 30, .stage = STAGE_KERNEL, .file = "initrd.img" } },
    { .sequence = 10, .unix_ms = 1769904020123, .kind = EVENT_NOTE, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .node = "n01", .percent = -1, .text = "10.1.0.9 offered an address too" } },
    { .sequence = 11, .unix_ms = 1769904083123, .kind = EVENT_ATTEMPT, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .node = "n02", .percent = -1, .attempt = 2, .verdict = VERDICT_NO_NETBOOT, .text = "no DHCP within 10 min" } },
    { .sequence = 12, .unix_ms = 1769904093123, .kind = EVENT_OUTCOME, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .node = "n01", .percent = -1, .outcome = OUTCOME_OK, .stage = STAGE_UP, .text = "phoned home" } },
    { .sequence = 13, .unix_ms = 1769904150123, .kind = EVENT_OUTCOME, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .node = "n02", .percent = -1, .outcome = OUTCOME_LEFT_OFF, .verdict = VERDICT_LEFT_OFF, .text = "three tries to power on, still off" } },
    { .sequence = 14, .unix_ms = 1769904150123, .kind = EVENT_JOB_ENDED, .verb = VERB_NETBOOT, .job = "J1a2b3c4-17", .node = { .percent = -1, .outcome = OUTCOME_FAILED, .text = "netboot n[01-02] by alice (uid 1000)" } },
};
/* clang-format on */

static const char *const format_names[FORMATS] = {"table", "json", "jsonl", "csv", "nodeset"};

/* clang-format off */
static struct node_view metered[] = {
    { .node = "n01", .outcome = OUTCOME_OK, .power = POWER_ON, .percent = -1, .text = "on", .power_age_ms = 10 },
    { .node = "n20", .outcome = OUTCOME_OK, .power = POWER_ON, .percent = -1, .text = "on", .power_age_ms = 10, .has_watts = true, .milliwatts = 210450 },
    { .node = "storage-21", .outcome = OUTCOME_OK, .power = POWER_OFF, .percent = -1, .text = "reads off, but its outlets draw 86 W", .power_age_ms = 10, .has_watts = true, .milliwatts = 86000 },
};
static struct node_view checked[] = {
    { .node = "n01", .outcome = OUTCOME_OK, .power = POWER_ON, .percent = -1, .text = "bmc-n01: on, suite 17, operator, next boot none; pdu-a outlet 3: on, 120.0 W, NETIO 4All" },
    { .node = "n02", .outcome = OUTCOME_OK, .power = POWER_ON, .percent = -1, .text = "bmc-n02: on, next boot network" },
    { .node = "n03", .outcome = OUTCOME_FAILED, .verdict = VERDICT_WRONG_PASSWORD, .percent = -1, .text = "bmc-n03: wrong password" },
    { .node = "storage-21", .outcome = OUTCOME_FAILED, .verdict = VERDICT_UNREACHABLE, .percent = -1, .text = "bmc-s21: no answer; 1 more finding" },
};
static const struct job_event found[] = {
    { .kind = EVENT_NOTE, .verb = VERB_CHECK, .node = { .node = "storage-21", .verdict = VERDICT_UNREACHABLE, .text = "bmc-s21: no answer" } },
    { .kind = EVENT_NOTE, .verb = VERB_CHECK, .node = { .node = "n02", .text = "bmc-n02 waits to boot from network" } },
    { .kind = EVENT_NOTE, .verb = VERB_CHECK, .node = { .node = "n03", .verdict = VERDICT_WRONG_PASSWORD, .text = "bmc-n03: wrong password" } },
    { .kind = EVENT_OUTCOME, .verb = VERB_CHECK, .node = { .node = "n03", .text = "is no note" } },
    { .kind = EVENT_NOTE, .verb = VERB_CHECK, .node = { .node = "storage-21", .verdict = VERDICT_BAD_REPLY, .text = "pdu-b outlet 1: short frame" } },
};
static const struct outlet_view outlets[] = {
    { .outlet = "pdu-a/1", .node = "n20", .circuit = "row-1", .asked = true, .power = POWER_ON, .has_watts = true, .milliwatts = 120500 },
    { .outlet = "pdu-a/2", .asked = true, .power = POWER_OFF, .has_watts = true },
    { .outlet = "pdu-b/1", .node = "storage-node-21", .asked = true, .text = "UNREACHABLE: no answer from 10.1.0.6 in 1 s" },
    { .outlet = "pdu-b/2", .asked = true, .text = "UNREACHABLE: no answer from 10.1.0.6 in 1 s" },
    { .outlet = "pdu-b/3", .asked = true, .text = "BAD_REPLY: short frame" },
};
/* clang-format on */

enum what {
    WHAT_JOB,
    WHAT_STATUS,
    WHAT_METERED,
    WHAT_CHECK,
    WHAT_NODES,
    WHAT_JOBS,
    WHAT_EVENTS,
    WHAT_OUTLETS,
    WHATS
};

static char *reported(struct job_view *job)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct render render = {.out = out};
    render_table.job(&render, job);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void test_nodes_that_were_there_already(void **state)
{
    (void)state;
    struct node_view some[] = {
        {.node = "n1", .outcome = OUTCOME_OK, .percent = -1, .text = "was on already"},
        {.node = "n2", .outcome = OUTCOME_OK, .percent = -1, .text = "on, seen twice"},
        {.node = "n3", .outcome = OUTCOME_OK, .percent = -1, .text = "was on already"},
    };
    struct job_view job = {.id = "J1", .verb = VERB_ON, .done = true, .nnodes = 3, .nodes = some};
    _cleanup_(freep) char *text = reported(&job);
    assert_non_null(strstr(text, "ok:         n[1-3]\n  was on already: n[1,3]\n"));
}

static struct job_event event_of(enum event_kind kind, const char *text, enum power power)
{
    struct job_event event = {
        .kind = kind, .verb = VERB_CYCLE, .job = "J1", .node = {.node = "n7", .percent = -1}};
    event.node.power = power;
    (void)snprintf(event.node.text, sizeof event.node.text, "%s", text);
    return event;
}

/* A reading that is not yet what the command is to bring is no failure. */
static const struct {
    enum event_kind kind;
    const char *text;
    enum power power;
    const char *says;
} switching[] = {
    {EVENT_POWER, "on", POWER_ON, "n7 power is on"},
    {EVENT_COMMAND, "power-off to bmc", POWER_ON, "n7 -> power-off to bmc"},
    {EVENT_POWER, "on", POWER_ON, "n7 still on"},
    {EVENT_POWER, "off", POWER_OFF, "n7 power is off"},
    {EVENT_COMMAND, "power-on to bmc", POWER_OFF, "n7 -> power-on to bmc"},
    {EVENT_POWER, "off", POWER_OFF, "n7 still off"},
    {EVENT_POWER, "on", POWER_ON, "n7 power is on"},
    {EVENT_COMMAND, "power-cycle to bmc", POWER_ON, "n7 -> power-cycle to bmc"},
    {EVENT_POWER, "off", POWER_OFF, "n7 power is off"},
};

static void test_readings_during_a_command(void **state)
{
    (void)state;
    char *text = NULL, *history = NULL;
    size_t size;
    struct job_event all[ARRAY_SIZE(switching)];
    FILE *out = open_memstream(&text, &size);
    struct progress progress = {.ops = &progress_plain, .out = out};
    struct board board = {.verb = VERB_CYCLE};
    for (size_t i = 0; i < ARRAY_SIZE(switching); i++) {
        all[i] = event_of(switching[i].kind, switching[i].text, switching[i].power);
        assert_int_equal(board_take(&board, &all[i], 1000), 0);
        progress.ops->event(&progress, &board, &all[i]);
    }
    assert_int_equal(fclose(out), 0);
    out = open_memstream(&history, &size);
    render_table.events(&(struct render){.out = out}, all, ARRAY_SIZE(all));
    assert_int_equal(fclose(out), 0);
    const char *line = text, *row = history;
    for (size_t i = 0; i < ARRAY_SIZE(switching); i++) {
        size_t length = strlen(switching[i].says);
        assert_int_equal(strncmp(strstr(line, "n7"), switching[i].says, length), 0);
        assert_int_equal(strncmp(strstr(row, "n7"), switching[i].says, length), 0);
        line = strchr(line, '\n') + 1;
        row = strchr(row, '\n') + 1;
    }
    free(text);
    free(history);
    board_clear(&board);
}

/* Its end is known, and something is still done about it. */
static void test_a_note_that_names_the_end(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    struct job_event note = event_of(EVENT_NOTE, "no answer from bmc", POWER_UNKNOWN);
    note.node.verdict = VERDICT_BMC_LOST;
    FILE *out = open_memstream(&text, &size);
    render_table.events(&(struct render){.out = out}, &note, 1);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "n7 note: BMC_LOST: no answer from bmc"));
    free(text);
}

static void test_whom_a_status_waits_for(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct progress progress = {.ops = &progress_patient, .out = out};
    struct board board = {.verb = VERB_STATUS, .started_ms = 1000};
    assert_non_null(board_row(&board, "n03", 1000));
    assert_non_null(board_row(&board, "n06", 1000));
    board_row(&board, "n01", 1000)->view.outcome = OUTCOME_OK;
    progress.ops->tick(&progress, &board, 3999);
    (void)fflush(out);
    assert_int_equal(size, 0);
    progress.ops->tick(&progress, &board, 4000);
    progress.ops->tick(&progress, &board, 9000);
    progress.ops->end(&progress);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text,
                        "waiting for n[03,06] (20 s at most, if deadlines.command is as usual)\n");
    free(text);
    board_clear(&board);
}

static void test_jobs_are_cut_to_the_terminal(void **state)
{
    (void)state;
    struct node_view some[20];
    memset(some, 0, sizeof some);
    for (size_t i = 0; i < ARRAY_SIZE(some); i++)
        (void)snprintf(some[i].node, NAME_SIZE, "rack%zu-n%zu", i, i * 7);
    struct job_view job = {.id = "J1", .nnodes = ARRAY_SIZE(some), .nodes = some};
    static const struct {
        unsigned columns, width;
    } cases[] = {{0, 77 + 10 + 1 + 40}, {120, 120}, {80, 77 + 10 + 1 + 16}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        render_table.jobs(&(struct render){.out = out, .columns = cases[i].columns}, &job, 1);
        assert_int_equal(fclose(out), 0);
        assert_int_equal(strcspn(strchr(text, '\n') + 1, "\n"), cases[i].width);
        assert_non_null(strstr(text, "...\n"));
        free(text);
    }
}

static char *rendered(enum format format, enum what what, bool colours)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct render render = {.out = out, .colours = colours};
    struct findings findings = {0};
    const struct renderer *renderer = renderer_of(format);
    struct job_view job = some_job(what == WHAT_STATUS ? VERB_STATUS : VERB_NETBOOT);
    struct job_view running = {.id = "J1a2b3c4-18", .verb = VERB_OFF, .nnodes = 3, .elapsed_ms = 2};
    running.counts[OUTCOME_PENDING] = 3;
    struct job_view jobs[] = {job, running}, draws = {.id = "J1a2b3c4-19", .done = true};
    draws.nodes = metered;
    draws.nnodes = ARRAY_SIZE(metered);
    switch (what) {
    case WHAT_METERED:
        renderer->job(&render, &draws);
        break;
    case WHAT_CHECK:
        for (size_t i = 0; i < ARRAY_SIZE(found); i++)
            findings_take(&findings, &found[i]);
        findings_sort(&findings);
        render.findings = &findings;
        draws = (struct job_view){.id = "J1a2b3c4-20", .verb = VERB_CHECK, .done = true};
        draws.nodes = checked;
        draws.nnodes = ARRAY_SIZE(checked);
        renderer->job(&render, &draws);
        findings_clear(&findings);
        break;
    case WHAT_OUTLETS:
        renderer->outlets(&render, outlets, ARRAY_SIZE(outlets));
        break;
    case WHAT_JOB:
    case WHAT_STATUS:
        renderer->job(&render, &job);
        break;
    case WHAT_NODES:
        renderer->nodes(&render, nodes, 2, "n[01-02]");
        break;
    case WHAT_JOBS:
        renderer->jobs(&render, jobs, 2);
        break;
    case WHAT_EVENTS:
        renderer->events(&render, events, ARRAY_SIZE(events));
        break;
    case WHATS:
        break;
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

static void test_every_format(void **state)
{
    (void)state;
    static const char *const whats[WHATS] = {"job",   "status", "metered", "check",
                                             "nodes", "jobs",   "history", "outlets"};
    for (int format = 0; format < FORMATS; format++)
        for (int what = 0; what < WHATS; what++) {
            char name[64];
            (void)snprintf(name, sizeof name, "%s.%s", whats[what], format_names[format]);
            _cleanup_(freep) char *text = rendered((enum format)format, (enum what)what, false);
            assert_null(strchr(text, '\033'));
            assert_golden(name, text);
        }
    _cleanup_(freep) char *loud = rendered(FORMAT_TABLE, WHAT_JOB, true);
    assert_golden("job-coloured.table", loud);
}

static void test_lines_in_a_log(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct progress progress = {.ops = &progress_plain, .out = out};
    struct board board = {.verb = VERB_NETBOOT, .started_unix_ms = events[0].unix_ms};
    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        assert_int_equal(board_take(&board, &events[i], 1000 + i), 0);
        progress.ops->event(&progress, &board, &events[i]);
        progress.ops->tick(&progress, &board, 1000 + i); /* never a line per tick */
    }
    progress.ops->end(&progress);
    assert_int_equal(fclose(out), 0);
    assert_golden("progress.plain", text);
    free(text);
    board_clear(&board);
}

static void fill_board(struct board *board)
{
    static const struct {
        const char *node;
        enum outcome outcome;
        enum verdict verdict;
        enum stage stage;
        int32_t percent;
        uint64_t since_ms;
        uint32_t attempt;
        const char *file, *text;
    } rows[] = {
        {"n1", OUTCOME_OK, VERDICT_NONE, STAGE_UP, -1, 10, 1, "", ""},
        {"n2", OUTCOME_PENDING, VERDICT_NONE, STAGE_POST, -1, 58000, 1, "", ""},
        {"n3", OUTCOME_PENDING, VERDICT_NONE, STAGE_CONFIG, 43, 12000, 1, "vmlinuz", ""},
        {"n4", OUTCOME_PENDING, VERDICT_NONE, STAGE_NONE, -1, 0, 1, "", ""},
        {"n5", OUTCOME_PENDING, VERDICT_NONE, STAGE_NONE, -1, 4000, 1, "", "power-off to bmc-n5"},
        {"n10", OUTCOME_FAILED, VERDICT_LOADER_MISSING, STAGE_ADDRESSED, -1, 9000, 1, "",
         "pxelinux.0: file not found"},
        {"n11", OUTCOME_LEFT_OFF, VERDICT_LEFT_OFF, STAGE_NONE, -1, 1000, 2, "",
         "three tries to power on, still off, and this line is far too long for a terminal"},
    };
    memcpy(board->job, "J1a2b3c4-17", sizeof "J1a2b3c4-17");
    board->verb = VERB_NETBOOT;
    board->started_ms = 100000;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool command = strstr(rows[i].text, " to bmc") != NULL;
        struct job_event event = {.kind = command ? EVENT_COMMAND : EVENT_STAGE};
        (void)snprintf(event.node.node, NAME_SIZE, "%s", rows[i].node);
        (void)snprintf(event.node.file, sizeof event.node.file, "%s", rows[i].file);
        (void)snprintf(event.node.text, sizeof event.node.text, "%s", rows[i].text);
        event.node.outcome = rows[i].outcome;
        event.node.verdict = rows[i].verdict;
        event.node.stage = rows[i].stage;
        event.node.percent = rows[i].percent;
        event.node.since_ms = rows[i].since_ms;
        event.node.attempt = rows[i].attempt;
        assert_int_equal(board_take(board, &event, 172000), 0);
    }
}

static void test_the_picture_on_a_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct screen screen;
    } cases[] = {{"frame-24x80.txt", {24, 80, false}},
                 {"frame-7x60.txt", {7, 60, false}},
                 {"frame-3x20.txt", {3, 20, false}},
                 {"frame-coloured.txt", {24, 80, true}}};
    struct board board = {0};
    fill_board(&board);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned lines = 0, newlines = 0;
        _cleanup_(freep) char *picture = frame_draw(&board, cases[i].screen, 172000, &lines);
        for (const char *c = picture; *c; c++)
            newlines += *c == '\n';
        assert_int_equal(lines, newlines);
        assert_true(lines < cases[i].screen.rows);
        assert_golden(cases[i].name, picture);
    }
    board_clear(&board);
}

static void test_no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    struct board board = {0};
    fill_board(&board);
    for (unsigned columns = 1; columns < 120; columns++) {
        unsigned lines;
        _cleanup_(freep) char *picture =
            frame_draw(&board, (struct screen){24, columns, false}, 172000, &lines);
        for (const char *line = picture; *line; line = strchr(line, '\n') + 1)
            assert_true(strcspn(line, "\n") < columns || columns == 1);
    }
    board_clear(&board);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"30", 30000},    {"30s", 30000},     {"5m", 300000},
                {"1h", 3600000},  {"1h30m", 5400000}, {"250ms", 250},
                {"1m30s", 90000}, {"0", 0},           {"720h", 2592000000}};
    static const char *const bad[] = {
        "",   "s", "5x", "-1", "1.5h", "5m1h", "5m5m", "1h30", " 5", "721h", "99999999999999999999",
        "5 m"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        uint64_t ms = 1;
        assert_int_equal(duration_parse(good[i].text, &ms, NULL), 0);
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        uint64_t ms;
        struct err err = {0};
        if (!duration_parse(bad[i], &ms, &err))
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(err.kind, ERR_USAGE);
    }
}

static void test_durations_are_read_aloud(void **state)
{
    (void)state;
    static const struct {
        uint64_t ms;
        const char *text, *shorter;
    } cases[] = {{0, "0 s", "0s"},
                 {1500, "1.5 s", "1s"},
                 {14999, "14 s", "14s"},
                 {151000, "2 min 31 s", "2m31s"},
                 {3720000, "1 h 2 min", "1h02m"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[DURATION_TEXT_SIZE];
        duration_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
        duration_format_short(cases[i].ms, text);
        assert_string_equal(text, cases[i].shorter);
    }
}

static bool answered(const char *answer)
{
    char asked[512] = "";
    struct problem problem = {.count = 32, .folded = "n[01-32]"};
    FILE *in = tmpfile(), *out = fmemopen(asked, sizeof asked, "w");
    (void)fputs(answer, in);
    rewind(in);
    bool yes = confirm_ask(in, out, VERB_OFF, &problem);
    (void)fclose(in);
    (void)fclose(out);
    assert_non_null(strstr(asked, "power off 32 nodes (n[01-32])? type 32 to go on: "));
    return yes;
}

static void test_only_the_number_confirms(void **state)
{
    (void)state;
    assert_true(answered("32\n"));
    assert_false(answered("y\n"));
    assert_false(answered("yes\n"));
    assert_false(answered("31\n"));
    assert_false(answered("320\n"));
    assert_false(answered("\n"));
    assert_false(answered(""));
}

static void test_help(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct invocation invocation = {.out = out, .err = out};
    assert_int_equal(run_help(&invocation), 0);
    const struct command *command;
    for (unsigned i = 0; (command = command_at(i)); i++) {
        (void)fprintf(out, "\n--------\n");
        command_help(out, "powerctl", command);
    }
    assert_int_equal(fclose(out), 0);
    assert_golden("help.txt", text);
    free(text);
}

/* The completion is written by hand; this keeps it whole. */
static void test_completion_knows_every_command_and_option(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen("config/completion/powerctl.bash", "r");
    assert_non_null(file);
    assert_true(getdelim(&text, &size, '\0', file) > 0);
    (void)fclose(file);
    const struct command *command;
    const char *option;
    for (unsigned i = 0; (command = command_at(i)); i++)
        if (!strstr(text, command->name))
            fail_msg("command %s is missing", command->name);
    for (unsigned i = 0; (option = option_name(i)); i++) {
        char wanted[40];
        (void)snprintf(wanted, sizeof wanted, "--%s", option);
        if (!strstr(text, wanted))
            fail_msg("option %s is missing", wanted);
    }
    free(text);
}

int main(void)
{
    (void)setenv("TZ", "UTC", 1);
    tzset();
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format),
        cmocka_unit_test(test_nodes_that_were_there_already),
        cmocka_unit_test(test_readings_during_a_command),
        cmocka_unit_test(test_a_note_that_names_the_end),
        cmocka_unit_test(test_whom_a_status_waits_for),
        cmocka_unit_test(test_jobs_are_cut_to_the_terminal),
        cmocka_unit_test(test_lines_in_a_log),
        cmocka_unit_test(test_the_picture_on_a_terminal),
        cmocka_unit_test(test_no_line_is_wider_than_the_terminal),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_durations_are_read_aloud),
        cmocka_unit_test(test_only_the_number_confirms),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_completion_knows_every_command_and_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
