#include "agent/cli/board.h"

#include <stdlib.h>
#include <string.h>

#include "agent/cli/event_text.h"
#include "agent/cli/memory.h"
#include "proto/nodeset.h"

void board_clear(struct board *board)
{
    free(board->rows);
    board->rows = NULL;
    board->count = 0;
}

/* Where the node is, or would be. */
static size_t find_place(const struct board *board, const char *node)
{
    size_t low = 0, high = board->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(board->rows[middle].view.node, node) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct board_row *board_row(struct board *board, const char *node, uint64_t now_ms)
{
    size_t place = find_place(board, node);
    if (place < board->count && !strcmp(board->rows[place].view.node, node))
        return &board->rows[place];
    if (board->count == NODESET_MAX)
        return NULL;
    struct board_row *rows = cli_needs(reallocarray(board->rows, board->count + 1, sizeof *rows));
    board->rows = rows;
    memmove(&rows[place + 1], &rows[place], (board->count - place) * sizeof *rows);
    board->count++;
    rows[place] = (struct board_row){.reached_ms = now_ms, .told_percent = -1};
    rows[place].view.percent = -1;
    rows[place].view.power_age_ms = UINT64_MAX;
    (void)strncpy(rows[place].view.node, node, NAME_SIZE - 1);
    return &rows[place];
}

bool board_differs(const struct board_row *row, const struct node_view *view)
{
    return row->view.stage != view->stage || row->view.outcome != view->outcome ||
           row->view.attempt != view->attempt || row->view.power != view->power;
}

static void note_command(struct board_row *row, const struct job_event *event)
{
    enum op op;
    if (event->kind == EVENT_ATTEMPT)
        row->commanded = false;
    if (event->kind != EVENT_COMMAND || event_command(event, &op) || !op_changes_something(op))
        return;
    row->commanded = true;
    row->command = op;
}

enum power board_wanted(const struct board_row *row)
{
    return row->commanded ? op_wanted(row->command) : POWER_UNKNOWN;
}

int board_take(struct board *board, const struct job_event *event, uint64_t now_ms)
{
    const struct node_view *view = &event->node;
    if (!view->node[0])
        return 0;
    struct board_row *row = board_row(board, view->node, now_ms);
    if (!row)
        return -1;
    if (row->view.stage != view->stage || row->view.outcome != view->outcome)
        row->reached_ms = now_ms - (view->since_ms < now_ms ? view->since_ms : now_ms);
    if (row->view.attempt != view->attempt || strcmp(row->view.file, view->file))
        row->told_percent = -1;
    note_command(row, event);
    /* A command or a note says something, but it is not the state of the node. */
    if (event->kind == EVENT_NOTE && !view->text[0])
        return 0;
    row->view = *view;
    return 0;
}
