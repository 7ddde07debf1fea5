/* Any text as the agent's answer to powerctl: what is taken is shown in every format, and as a
 * picture of a job. Nothing that is shown may move a cursor or forge a line on a terminal. The same
 * text, its lines as words, as a command line. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/board.h"
#include "agent/cli/duration.h"
#include "agent/cli/frame.h"
#include "agent/cli/nodes_argument.h"
#include "agent/cli/progress.h"
#include "agent/cli/render.h"
#include "proto/cleanup.h"
#include "proto/nodeset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(const char *text, bool carriage_returns)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if ((*c < ' ' && *c != '\n' && !(carriage_returns && *c == '\r')) || *c == 0x7f ||
            (*c == 0xC2 && c[1] >= 0x80 && c[1] <= 0x9F))
            abort();
}

struct shown {
    char *text;
    size_t size;
    struct render render;
};

static void open_shown(struct shown *shown)
{
    *shown = (struct shown){0};
    shown->render.out = open_memstream(&shown->text, &shown->size);
    if (!shown->render.out)
        abort();
}

static void check_and_close(struct shown *shown, enum format format)
{
    (void)fclose(shown->render.out);
    check_shown(shown->text, format == FORMAT_CSV);
    free(shown->text);
}

static void show_job(const struct job_view *job)
{
    struct shown shown;
    for (int i = 0; i < FORMATS; i++) {
        open_shown(&shown);
        renderer_of((enum format)i)->job(&shown.render, job);
        check_and_close(&shown, (enum format)i);
    }
}

static void show_nodes(const struct node_view *nodes, size_t count, const char *folded)
{
    struct shown shown;
    for (int i = 0; i < FORMATS; i++) {
        open_shown(&shown);
        shown.render.expand = i % 2;
        renderer_of((enum format)i)->nodes(&shown.render, nodes, count, folded);
        check_and_close(&shown, (enum format)i);
    }
}

static void show_locks(const struct lock_view *locks, size_t count)
{
    struct shown shown;
    for (int i = 0; i < FORMATS; i++) {
        open_shown(&shown);
        renderer_of((enum format)i)->locks(&shown.render, locks, count);
        check_and_close(&shown, (enum format)i);
    }
}

static void show_outlets(const struct outlet_view *outlets, size_t count)
{
    struct shown shown;
    for (int i = 0; i < FORMATS; i++) {
        open_shown(&shown);
        renderer_of((enum format)i)->outlets(&shown.render, outlets, count);
        check_and_close(&shown, (enum format)i);
    }
}

static void show_jobs(const struct job_view *jobs, size_t count)
{
    struct shown shown;
    for (int i = 0; i < FORMATS; i++) {
        open_shown(&shown);
        shown.render.columns = i % 2 ? 80 : 0;
        renderer_of((enum format)i)->jobs(&shown.render, jobs, count);
        check_and_close(&shown, (enum format)i);
    }
}

/* As they come by, and as one picture at the end. */
static void show_progress(const struct job_event *events, size_t count)
{
    struct board board = {0};
    struct shown shown;
    unsigned lines;
    open_shown(&shown);
    struct progress progress = progress_new(PROGRESS_PLAIN, shown.render.out, true);
    for (size_t i = 0; i < count; i++)
        if (!board_take(&board, &events[i], 1000 + i))
            progress.ops->event(&progress, &board, &events[i]);
    progress.ops->end(&progress);
    check_and_close(&shown, FORMAT_TABLE);
    char *picture = frame_draw(&board, (struct screen){.rows = 10, .columns = 80}, 5000, &lines);
    if (!picture || lines > 9)
        abort();
    check_shown(picture, false);
    free(picture);
    board_clear(&board);
}

static void show_events(const struct job_event *events, size_t count)
{
    struct shown shown;
    for (int i = 0; i < FORMATS; i++) {
        open_shown(&shown);
        renderer_of((enum format)i)->events(&shown.render, events, count);
        check_and_close(&shown, (enum format)i);
    }
    show_progress(events, count);
}

static void try_answer(const char *text)
{
    _cleanup_(job_view_clear) struct job_view job = {0};
    _cleanup_(freep) struct node_view *nodes = NULL;
    _cleanup_(freep) char *folded = NULL, *warning = NULL, *plan = NULL;
    struct job_view *jobs = NULL;
    _cleanup_(freep) struct job_event *events = NULL;
    size_t count;
    if (!job_view_decode(text, &job, NULL) && (job.nodes || !job.nnodes))
        show_job(&job);
    if (!node_list_decode(text, &nodes, &count, &folded, &warning, NULL)) {
        show_nodes(nodes, count, folded);
        check_shown(warning, false);
    }
    if (!job_list_decode(text, &jobs, &count, NULL)) {
        show_jobs(jobs, count);
        job_list_free(jobs, count);
    }
    if (!event_list_decode(text, &events, &count, NULL))
        show_events(events, count);
    _cleanup_(freep) struct lock_view *locks = NULL;
    if (!lock_list_decode(text, &locks, &count, NULL))
        show_locks(locks, count);
    _cleanup_(freep) struct outlet_view *outlets = NULL;
    if (!outlet_list_decode(text, &outlets, &count, NULL))
        show_outlets(outlets, count);
    if (!plan_decode(text, &plan, NULL))
        check_shown(plan, false);
}

static void try_words(char *text)
{
    char program[] = "powerctl", *words[16] = {program}, *rest = text;
    int count = 1, first = 0;
    struct options options = {0};
    struct err err;
    uint64_t ms;
    for (char *word; count < 15 && (word = strsep(&rest, "\n"));)
        words[count++] = word;
    if (options_parse(count, words, UINT32_MAX, false, "powerctl status", &options, &first, &err))
        return;
    if (first < 1 || first > count || options.progress >= PROGRESS_STYLES ||
        options.format >= FORMATS)
        abort();
    _cleanup_(freep) char *expression = NULL;
    _cleanup_(fclosep) FILE *in = fopen("/dev/null", "re");
    if (!nodes_argument(words + first, count - first, options.exclude, in, &expression, &err) &&
        expression && strlen(expression) > NODES_TEXT_MAX)
        abort();
    if (first < count && !duration_parse(words[first], &ms, &err) && ms > 30ULL * 86400000)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(freep) char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    if (*text == '{')
        try_answer(text);
    else
        try_words(text);
    return 0;
}
