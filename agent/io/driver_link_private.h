/* driver_link_private.h - what driver_link.c (requests and answers) and driver_link_run.c (the
 * program's life) share. */
#ifndef POWERCTL_AGENT_IO_DRIVER_LINK_PRIVATE_H
#define POWERCTL_AGENT_IO_DRIVER_LINK_PRIVATE_H

#include "agent/io/driver_inflight.h"
#include "agent/io/driver_lines.h"
#include "agent/io/driver_link.h"
#include "agent/io/driver_process.h"

struct driver_link {
    uv_loop_t *loop;
    char driver[NAME_SIZE], program[512], lock[512];
    struct driver_link_events events;
    enum driver_link_state state;
    char why[160]; /* DOWN, WAITING: for people */
    struct driver_lines *lines;
    struct driver_process *process; /* NULL: none runs */
    struct inflight inflight;
    uv_timer_t start, watchdog, soon; /* spawn; late answers; hand over answers */
    uint64_t heard_ms, up_since_ms, backoff_ms;
    size_t complaints; /* of this window of stderr */
    uint64_t complaints_from_ms;
    bool restart;  /* a reload needs a fresh program: requests are held */
    bool unlocked; /* its lock file cannot be made: it may only be asked questions */
    bool closing;
    size_t handles;
    void (*closed)(void *arg);
    void *closed_arg;
};

void driver_link_problem(struct driver_link *link, enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void driver_link_answer(struct driver_link *link, const struct driver_request *request,
                        const struct err *err);

/* Sends a request to the program, or fails it. */
void driver_link_send(struct driver_link *link, struct inflight_request *entry);
/* A line from the program. */
void driver_link_take_line(void *arg, const char *line);
/* Answers everything in flight: the program is gone, or will be. */
void driver_link_fail_all(struct driver_link *link, const char *why);

void driver_link_run_soon(struct driver_link *link, uint64_t delay_ms);
/* A restart that waits for quiet: now, if nothing is in flight. */
void driver_link_restart_if_quiet(struct driver_link *link);
/* Frees the link once nothing of it runs any more. */
void driver_link_close_if_done(struct driver_link *link);

#endif
