#include "agent/cli/progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli/style.h"

static void no_event(struct progress *progress, struct board *board, const struct job_event *event)
{
    (void)progress, (void)board, (void)event;
}

static void no_tick(struct progress *progress, struct board *board, uint64_t now_ms)
{
    (void)progress, (void)board, (void)now_ms;
}

static void no_end(struct progress *progress)
{
    (void)progress;
}

const struct progress_style_ops progress_none = {no_event, no_tick, no_end};

static bool can_redraw(FILE *out)
{
    const char *term = getenv("TERM");
    return isatty(fileno(out)) == 1 && term && strcmp(term, "dumb") != 0;
}

static const struct progress_style_ops *pick(enum progress_style style, FILE *out)
{
    switch (style) {
    case PROGRESS_TTY:
        return &progress_tty;
    case PROGRESS_PLAIN:
        return &progress_plain;
    case PROGRESS_JSON:
        return &progress_json;
    case PROGRESS_NONE:
        return &progress_none;
    case PROGRESS_AUTO:
    case PROGRESS_STYLES:
        break;
    }
    return can_redraw(out) ? &progress_tty : &progress_plain;
}

struct progress progress_new(enum progress_style style, FILE *out, bool no_color)
{
    return (struct progress){.ops = pick(style, out),
                             .out = out,
                             .colours = colours_wanted(out, no_color),
                             .patience_ms = 300};
}
