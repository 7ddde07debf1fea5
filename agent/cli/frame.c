#include "agent/cli/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/duration.h"
#include "agent/cli/memory.h"
#include "agent/cli/style.h"
#include "proto/cleanup.h"

enum { LINE_SIZE = 1024, BAR_WIDTH = 10, ROWS_LEAST = 4 };

/* Prints a line cut to the screen: an escape in the middle would be cut too, so a line has one
 * colour.  Bytes that continue a UTF-8 character take no column. */
static void put_line(FILE *out, struct screen screen, enum colour line_colour, const char *line)
{
    unsigned column = 0;
    size_t size = 0;
    for (; line[size]; size++) {
        bool begins = ((unsigned char)line[size] & 0xC0) != 0x80;
        if (begins && column + 1 >= screen.columns)
            break;
        column += begins;
    }
    while (size && line[size - 1] == ' ')
        size--;
    bool painted = line_colour != COLOUR_NONE;
    (void)fprintf(out, "%s%.*s%s\n", painted ? colour(screen.colours, line_colour) : "", (int)size,
                  line, painted ? colour(screen.colours, COLOUR_NONE) : "");
}

static void put_count(FILE *out, const char **between, size_t count, const char *word)
{
    if (!count)
        return;
    (void)fprintf(out, "%s%zu %s", *between, count, word);
    *between = ", ";
}

static void put_header(FILE *out, const struct board *board, struct screen screen, uint64_t now_ms)
{
    size_t outcomes[OUTCOMES] = {0}, stages[STAGES] = {0}, commanded = 0;
    for (size_t i = 0; i < board->count; i++) {
        outcomes[board->rows[i].view.outcome]++;
        if (board->rows[i].view.outcome != OUTCOME_PENDING)
            continue;
        if (board->rows[i].view.stage == STAGE_NONE && board->rows[i].commanded)
            commanded++;
        else
            stages[board->rows[i].view.stage]++;
    }
    char spent[DURATION_TEXT_SIZE], line[LINE_SIZE] = "";
    duration_format((now_ms - board->started_ms) / 1000 * 1000, spent);
    _cleanup_(fclosep) FILE *text = cli_needs(fmemopen(line, sizeof line, "w"));
    (void)fprintf(text, "%s %s %zu node%s, %s: ", board->job, verb_name(board->verb), board->count,
                  board->count == 1 ? "" : "s", spent);
    const char *between = "";
    put_count(text, &between, outcomes[OUTCOME_LEFT_OFF], "LEFT OFF");
    put_count(text, &between, outcomes[OUTCOME_FAILED], "failed");
    put_count(text, &between, outcomes[OUTCOME_CANCELLED], "cancelled");
    put_count(text, &between, outcomes[OUTCOME_UNVERIFIED], "unverified");
    put_count(text, &between, outcomes[OUTCOME_OK], "ok");
    for (int i = STAGES - 1; i > STAGE_NONE; i--)
        put_count(text, &between, stages[i], stage_name((enum stage)i));
    put_count(text, &between, commanded, "at work");
    put_count(text, &between, stages[STAGE_NONE], "waiting");
    (void)fflush(text);
    put_line(out, screen, outcomes[OUTCOME_LEFT_OFF] ? COLOUR_ALARM : COLOUR_NONE, line);
}

/* A node that shows no stage yet: what it is being told, by the last command. */
static const char *doing(const struct board_row *row)
{
    if (!row->commanded)
        return "waiting";
    switch (row->command) {
    case OP_OFF:
    case OP_SOFT:
        return "going off";
    case OP_ON:
        return "going on";
    case OP_RESET:
        return "resetting";
    case OP_CYCLE:
        return "cycling";
    case OP_BOOT_SET:
        return "next boot";
    case OP_DIAG:
    case OP_IDENTIFY:
        return "sending";
    case OP_STATUS:
    case OP_BOOT_GET:
    case OP_EVIDENCE:
    case OP_INFO:
        return "asking";
    case OPS:
        break;
    }
    return "waiting";
}

/* Alarms first, then failures, then whoever has waited longest. */
static int rank(const struct board_row *row)
{
    switch (row->view.outcome) {
    case OUTCOME_LEFT_OFF:
        return 0;
    case OUTCOME_FAILED:
        return 1;
    case OUTCOME_PENDING:
        return row->view.stage != STAGE_NONE || row->view.text[0] ? 2 : 3;
    case OUTCOME_OK:
    case OUTCOME_UNVERIFIED:
    case OUTCOME_CANCELLED:
    case OUTCOMES:
        break;
    }
    return 4; /* not shown: nothing is the matter with them */
}

static int compare_rows(const void *one, const void *other)
{
    const struct board_row *a = *(const struct board_row *const *)one;
    const struct board_row *b = *(const struct board_row *const *)other;
    if (rank(a) != rank(b))
        return rank(a) - rank(b);
    if (a->reached_ms != b->reached_ms)
        return a->reached_ms < b->reached_ms ? -1 : 1;
    return a < b ? -1 : 1; /* rows stand in the order of their names */
}

static void put_bar(FILE *text, const struct node_view *view)
{
    int full = view->percent < 100 ? view->percent * BAR_WIDTH / 100 : BAR_WIDTH;
    (void)fprintf(text, "%s [%.*s%.*s] %d %%", view->file[0] ? view->file : "file", full,
                  "##########", BAR_WIDTH - full, "..........", view->percent);
}

static void put_row(FILE *out, const struct board_row *row, int width, struct screen screen,
                    uint64_t now_ms)
{
    const struct node_view *view = &row->view;
    char age[DURATION_TEXT_SIZE], line[LINE_SIZE] = "";
    duration_format((now_ms - row->reached_ms) / 1000 * 1000, age);
    _cleanup_(fclosep) FILE *text = cli_needs(fmemopen(line, sizeof line, "w"));
    (void)fprintf(text, "  %-*s  ", width, view->node);
    if (view->outcome == OUTCOME_PENDING)
        (void)fprintf(text, "%-10s %-12s ",
                      view->stage == STAGE_NONE ? doing(row) : stage_name(view->stage), age);
    else
        (void)fprintf(text, "%-10s %s: ", view->outcome == OUTCOME_LEFT_OFF ? "LEFT OFF" : "FAILED",
                      verdict_name(view->verdict));
    if (view->attempt > 1)
        (void)fprintf(text, "try %u  ", view->attempt);
    if (view->outcome == OUTCOME_PENDING && view->percent >= 0)
        put_bar(text, view);
    else
        (void)fputs(view->text, text);
    (void)fflush(text);
    put_line(out, screen, outcome_colour(view->outcome), line);
}

static int name_width(const struct board_row **rows, size_t count)
{
    size_t width = 4;
    for (size_t i = 0; i < count; i++)
        if (strlen(rows[i]->view.node) > width)
            width = strlen(rows[i]->view.node);
    return width > 24 ? 24 : (int)width;
}

/* The rows worth a line, the most urgent first. */
static size_t choose_rows(const struct board *board, const struct board_row **chosen)
{
    size_t count = 0;
    for (size_t i = 0; i < board->count; i++)
        if (rank(&board->rows[i]) < 4)
            chosen[count++] = &board->rows[i];
    qsort(chosen, count, sizeof *chosen, compare_rows);
    return count;
}

char *frame_draw(const struct board *board, struct screen screen, uint64_t now_ms, unsigned *lines)
{
    _cleanup_(freep) const struct board_row **rows =
        cli_needs(calloc(board->count ? board->count : 1, sizeof *rows));
    char *text = NULL;
    size_t size;
    FILE *out = cli_needs(open_memstream(&text, &size));
    size_t count = choose_rows(board, rows);
    /* The header, "and 5 more", the cursor's line, and one to spare. */
    size_t room = screen.rows > ROWS_LEAST ? screen.rows - ROWS_LEAST : 0;
    size_t shown = count < room ? count : room;
    put_header(out, board, screen, now_ms);
    int width = name_width(rows, shown);
    for (size_t i = 0; i < shown; i++)
        put_row(out, rows[i], width, screen, now_ms);
    if (shown < count) {
        char more[64];
        (void)snprintf(more, sizeof more, "  and %zu more", count - shown);
        put_line(out, screen, COLOUR_NONE, more);
    }
    *lines = (unsigned)(1 + shown + (shown < count));
    if (fclose(out))
        cli_no_memory();
    return text;
}
