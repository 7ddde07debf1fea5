/* frame.h - one picture of a job for a terminal: a line of counts, then the failed and the
 * slowest nodes.  Pure: time and size are arguments. */
#ifndef POWERCTL_FRAME_H
#define POWERCTL_FRAME_H

#include "agent/cli/board.h"

struct screen {
    unsigned rows, columns;
    bool colours;
};

/* Lines, each with its '\n', none wider than the screen, at most rows - 1. malloc'd,
 * never NULL. *lines is how many. */
char *frame_draw(const struct board *board, struct screen screen, uint64_t now_ms, unsigned *lines);

#endif
