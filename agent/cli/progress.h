/* progress.h - how a job that is being followed is shown while it runs.  One file a style. */
#ifndef POWERCTL_PROGRESS_H
#define POWERCTL_PROGRESS_H

#include <stdio.h>

#include "agent/cli/board.h"
#include "agent/cli/options.h"

struct progress;

struct progress_style_ops {
    /* After the board took the event in. */
    void (*event)(struct progress *progress, struct board *board, const struct job_event *event);
    /* A few times a second. */
    void (*tick)(struct progress *progress, struct board *board, uint64_t now_ms);
    /* Before anything else is printed; leaves the terminal as it was. */
    void (*end)(struct progress *progress);
};

struct progress {
    const struct progress_style_ops *ops;
    FILE *out;
    bool colours;
    unsigned lines;       /* tty: of the picture that stands */
    uint64_t drawn_ms;    /* tty: when; 0: not yet */
    uint64_t patience_ms; /* tty: show nothing before the job is this old */
    bool told;            /* patient: whom it waits for */
};

extern const struct progress_style_ops progress_tty, progress_plain, progress_json, progress_none,
    progress_patient;

/* Picks a style; PROGRESS_AUTO is tty on a terminal that is not dumb, else plain. */
struct progress progress_new(enum progress_style style, FILE *out, bool no_color);

#endif
