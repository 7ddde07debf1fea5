/* A picture on a terminal, drawn over the one before, at most five times a second.  The cursor
 * stays below it, so that whatever ends us leaves a terminal that can be used. */
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/cli/frame.h"
#include "agent/cli/progress.h"
#include "agent/cli/signals.h"
#include "proto/cleanup.h"

enum { REDRAW_MS = 200 };

#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"

static struct screen screen_now(const struct progress *progress)
{
    struct winsize size = {0};
    if (ioctl(fileno(progress->out), TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
        size = (struct winsize){.ws_row = 24, .ws_col = 80};
    return (struct screen){size.ws_row, size.ws_col, progress->colours};
}

/* Back to where the picture began, and clears from there on. */
static void wipe(struct progress *progress)
{
    if (progress->lines)
        (void)fprintf(progress->out, "\033[%uA\r\033[J", progress->lines);
    progress->lines = 0;
}

static void tty_tick(struct progress *progress, struct board *board, uint64_t now_ms)
{
    bool resized = signals_resized();
    if (now_ms - board->started_ms < progress->patience_ms)
        return;
    if (progress->drawn_ms && !resized && now_ms - progress->drawn_ms < REDRAW_MS)
        return;
    unsigned lines = 0;
    _cleanup_(freep) char *picture = frame_draw(board, screen_now(progress), now_ms, &lines);
    (void)fputs(HIDE_CURSOR, progress->out);
    wipe(progress);
    (void)fputs(picture, progress->out);
    (void)fputs(SHOW_CURSOR, progress->out);
    (void)fflush(progress->out);
    progress->lines = lines;
    progress->drawn_ms = now_ms;
}

static void tty_event(struct progress *progress, struct board *board, const struct job_event *event)
{
    (void)progress, (void)board, (void)event; /* the next tick shows it */
}

static void tty_end(struct progress *progress)
{
    if (!progress->drawn_ms)
        return;
    wipe(progress); /* the results say it better */
    (void)fputs(SHOW_CURSOR, progress->out);
    (void)fflush(progress->out);
}

const struct progress_style_ops progress_tty = {tty_event, tty_tick, tty_end};
