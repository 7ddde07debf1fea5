/* One line for each change, for pipes, logs and cron mails: "12:00:03 n01 ADDRESSED 10.1.0.1
 * (+14s)".  The span is since the job began.  Percents are told at 25, 50, 75 and 100. */
#include "agent/cli/duration.h"
#include "agent/cli/event_text.h"
#include "agent/cli/progress.h"
#include "agent/cli/style.h"

static bool worth_a_line(struct board *board, const struct job_event *event)
{
    if (event->kind != EVENT_PROGRESS)
        return true;
    struct board_row *row = board_row(board, event->node.node, 0);
    int32_t quarter = event->node.percent / 25 * 25;
    if (!row || quarter <= 0 || quarter <= row->told_percent)
        return false;
    row->told_percent = quarter;
    return true;
}

static void plain_event(struct progress *progress, struct board *board,
                        const struct job_event *event)
{
    if (!worth_a_line(board, event))
        return;
    char when[CLOCK_TEXT_SIZE], since[DURATION_TEXT_SIZE];
    local_time_format(event->unix_ms, when);
    (void)fprintf(progress->out, "%s ", when);
    const struct board_row *row =
        event->node.node[0] ? board_row(board, event->node.node, 0) : NULL;
    event_put(progress->out, progress->colours, event, row ? board_wanted(row) : POWER_UNKNOWN);
    /* Wall clocks can be set back in between. */
    if (board->started_unix_ms && event->unix_ms >= board->started_unix_ms &&
        event->kind != EVENT_JOB_STARTED) {
        duration_format_short((uint64_t)(event->unix_ms - board->started_unix_ms), since);
        (void)fprintf(progress->out, " (+%s)", since);
    }
    (void)fputc('\n', progress->out);
    (void)fflush(progress->out);
}

static void plain_tick(struct progress *progress, struct board *board, uint64_t now_ms)
{
    (void)progress, (void)board, (void)now_ms;
}

static void plain_end(struct progress *progress)
{
    (void)fflush(progress->out);
}

const struct progress_style_ops progress_plain = {plain_event, plain_tick, plain_end};
