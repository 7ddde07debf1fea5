/* board.h - what is known about the nodes of a job while it is followed: one row a node, moved by
 * events and by whole views.  Pure; time is an argument. */
#ifndef POWERCTL_BOARD_H
#define POWERCTL_BOARD_H

#include <stddef.h>
#include <stdint.h>

#include "proto/api.h"

struct board_row {
    struct node_view view;
    uint64_t reached_ms;  /* monotonic: when its stage or outcome was reached */
    int32_t told_percent; /* progress_plain: the last quarter that was told */
    bool commanded;       /* in this try */
    enum op command;      /* the last, with `commanded` */
};

struct board {
    char job[JOB_ID_SIZE];
    enum verb verb;
    int64_t started_unix_ms; /* wall clock, for display */
    uint64_t started_ms;     /* monotonic */
    size_t count;
    struct board_row *rows; /* in natural order of names */
};
void board_clear(struct board *board);

/* The row of a node, made if there is none; NULL if there are as many as there may be. */
struct board_row *board_row(struct board *board, const char *node, uint64_t now_ms);

/* Takes an event in. What an event of progress does not say stays. -1: no more rows. */
int board_take(struct board *board, const struct job_event *event, uint64_t now_ms);

/* The state that the last command is to bring; POWER_UNKNOWN: none does. */
enum power board_wanted(const struct board_row *row);

/* Does the row differ from this view in what people are told (stage, outcome, attempt, power)? */
bool board_differs(const struct board_row *row, const struct node_view *view);

#endif
