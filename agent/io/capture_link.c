#include "agent/io/capture_link.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"

enum {
    BACKOFF_MAX_MS = 60000,
    LONG_RUN_MS = 60000, /* a run as long as this starts the back-off anew */
    SETTLED_MS = 5000,   /* and one as long as this ends a problem */
    BAD_LINES_MAX = 100,
    KILL_MS = 2000,
    TEXT_MAX = 512,
    INTERFACE_SIZE = 32,
};

struct line_reader {
    char line[NOTE_LINE_SIZE];
    size_t held;
    bool too_long;
};

/* One life of the program. It outlives its link until its handles are closed. */
struct run {
    struct capture_link *link; /* NULL: the link is gone, or has given this run up */
    uv_process_t process;
    uv_pipe_t out, err;
    uv_timer_t killer;
    struct line_reader notes, complaints;
    int handles;
    unsigned bad_lines;
    uint64_t since_ms;
    bool killed, spoke;
};

struct capture_link {
    uv_loop_t *loop;
    struct evidence evidence;
    char *program;
    char interface[CAPTURE_INTERFACES_MAX][INTERFACE_SIZE];
    size_t interfaces;
    uv_timer_t timer; /* the next start, or "it has settled" */
    struct run *run;
    uint64_t backoff_ms;
    bool closed;
    bool gap;               /* a run that saw things is gone, and the next not begun */
    char problem[TEXT_MAX]; /* "": none */
};

static void start(struct capture_link *link);

static void tell_problem(struct capture_link *link, const char *text)
{
    if (link->closed || !strcmp(link->problem, text))
        return;
    char told[TEXT_MAX];
    (void)snprintf(told, sizeof told, "%s", *text ? text : link->problem);
    (void)snprintf(link->problem, sizeof link->problem, "%s", text);
    if (link->evidence.on_problem)
        link->evidence.on_problem(link->evidence.arg, told, !*text);
}

static void tell_gap(struct capture_link *link)
{
    if (link->evidence.on_gap)
        link->evidence.on_gap(link->evidence.arg);
}

static void run_handle_closed(uv_handle_t *handle)
{
    struct run *run = handle->data;
    if (--run->handles == 0)
        free(run);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, run_handle_closed);
}

static void on_killer(uv_timer_t *timer)
{
    struct run *run = timer->data;
    (void)uv_process_kill(&run->process, SIGKILL);
}

/* The link has no more to do with this run; the program is asked, then made, to end. */
static void run_give_up(struct run *run)
{
    if (run->link)
        run->link->gap = run->link->gap || run->spoke;
    run->link = NULL;
    close_handle((uv_handle_t *)&run->out);
    close_handle((uv_handle_t *)&run->err);
    if (!run->killed && uv_is_active((uv_handle_t *)&run->process)) {
        run->killed = true;
        (void)uv_process_kill(&run->process, SIGTERM);
        (void)uv_timer_start(&run->killer, on_killer, KILL_MS, 0);
    }
}

static void on_settled(uv_timer_t *timer)
{
    tell_problem(timer->data, "");
}

static void on_start_again(uv_timer_t *timer)
{
    struct capture_link *link = timer->data;
    if (!link->closed)
        start(link);
}

static void start_later(struct capture_link *link)
{
    if (link->gap)
        tell_gap(link);
    (void)uv_timer_start(&link->timer, on_start_again, link->backoff_ms, 0);
    link->backoff_ms *= 2;
    if (link->backoff_ms > BACKOFF_MAX_MS)
        link->backoff_ms = BACKOFF_MAX_MS;
}

/* Trouble of a program that runs is over when nothing is heard of it for a while. */
static void complain(struct run *run, const char *text)
{
    struct capture_link *link = run->link;
    (void)uv_timer_start(&link->timer, on_settled, SETTLED_MS, 0);
    tell_problem(link, text);
}

static void take_note(struct run *run, const char *line)
{
    struct capture_link *link = run->link;
    struct note note;
    struct err err = {0};
    if (note_decode(line, &note, &err)) {
        char text[TEXT_MAX];
        run->bad_lines++;
        (void)snprintf(text, sizeof text, "%s wrote what is no note: %s", link->program, err.text);
        complain(run, text);
        return;
    }
    note.at_ms = uv_now(link->loop);
    note.source = NOTE_CAPTURE;
    run->spoke = true;
    link->evidence.on_note(link->evidence.arg, &note);
}

static void take_complaint(struct run *run, const char *line)
{
    if (*line)
        complain(run, line);
}

static void take_line(struct run *run, struct line_reader *reader)
{
    bool notes = reader == &run->notes;
    reader->line[reader->held] = '\0';
    reader->held = 0;
    if (reader->too_long && notes)
        take_note(run, "too long");
    else if (notes)
        take_note(run, reader->line);
    else
        take_complaint(run, reader->line);
    reader->too_long = false;
}

static void take_bytes(struct run *run, struct line_reader *reader, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size && run->link; i++) {
        if (bytes[i] == '\n')
            take_line(run, reader);
        else if (reader->held < sizeof reader->line - 1)
            reader->line[reader->held++] = bytes[i] ? bytes[i] : '?';
        else
            reader->too_long = true;
    }
}

/* One buffer for all: libuv reads into it and hands it over before the next read. */
static void give_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
    static char bytes[65536];
    (void)handle;
    (void)wanted;
    *buffer = uv_buf_init(bytes, sizeof bytes);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct run *run = stream->data;
    if (size < 0) {
        close_handle((uv_handle_t *)stream); /* its end is told by on_exit */
        return;
    }
    take_bytes(run, stream == (uv_stream_t *)&run->out ? &run->notes : &run->complaints,
               buffer->base, (size_t)size);
    if (run->link && run->bad_lines > BAD_LINES_MAX) {
        struct capture_link *link = run->link;
        link->run = NULL;
        run_give_up(run);
        start_later(link);
    }
}

static void on_exit_(uv_process_t *process, int64_t status, int signal)
{
    struct run *run = process->data;
    struct capture_link *link = run->link;
    close_handle((uv_handle_t *)process);
    close_handle((uv_handle_t *)&run->killer);
    if (!link)
        return;
    char text[TEXT_MAX];
    if (signal)
        (void)snprintf(text, sizeof text, "%s was killed by signal %d", link->program, signal);
    else
        (void)snprintf(text, sizeof text, "%s ended with status %d", link->program, (int)status);
    if (!*link->problem) /* what it said itself, on stderr, says more */
        tell_problem(link, text);
    if (!run->link)
        return;
    if (uv_now(link->loop) - run->since_ms >= LONG_RUN_MS)
        link->backoff_ms = 1000;
    link->run = NULL;
    run_give_up(run);
    start_later(link);
}

static int spawn(struct capture_link *link, struct run *run)
{
    char *args[2 * CAPTURE_INTERFACES_MAX + 2] = {link->program};
    static char option[] = "--interface";
    for (size_t i = 0; i < link->interfaces; i++) {
        args[1 + 2 * i] = option;
        args[2 + 2 * i] = link->interface[i];
    }
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&run->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&run->err},
    };
    char *no_environment[] = {NULL};
    uv_process_options_t options = {
        .file = link->program,
        .args = args,
        .env = no_environment,
        .exit_cb = on_exit_,
        .stdio = stdio,
        .stdio_count = 3,
    };
    return uv_spawn(link->loop, &run->process, &options);
}

static void start(struct capture_link *link)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run) {
        start_later(link);
        return;
    }
    run->link = link;
    run->handles = 4;
    run->since_ms = uv_now(link->loop);
    run->process.data = run->out.data = run->err.data = run->killer.data = run;
    (void)uv_pipe_init(link->loop, &run->out, 0);
    (void)uv_pipe_init(link->loop, &run->err, 0);
    (void)uv_timer_init(link->loop, &run->killer);
    int error = spawn(link, run);
    if (error) {
        char text[TEXT_MAX];
        (void)snprintf(text, sizeof text, "%s cannot be started: %s", link->program,
                       uv_strerror(error));
        close_handle((uv_handle_t *)&run->process);
        close_handle((uv_handle_t *)&run->killer);
        run_give_up(run);
        start_later(link);
        tell_problem(link, text);
        return;
    }
    link->run = run;
    if (link->gap)
        tell_gap(link);
    link->gap = false;
    (void)uv_read_start((uv_stream_t *)&run->out, give_buffer, on_read);
    (void)uv_read_start((uv_stream_t *)&run->err, give_buffer, on_read);
    (void)uv_timer_start(&link->timer, on_settled, SETTLED_MS, 0);
}

struct capture_link *capture_link_new(uv_loop_t *loop, const char *program,
                                      const char *const *interfaces, size_t count,
                                      const struct evidence *evidence, struct err *err)
{
    if (count > CAPTURE_INTERFACES_MAX) {
        (void)err_set(err, ERR_CONFIG, "capture: %zu interfaces, at most %d", count,
                      CAPTURE_INTERFACES_MAX);
        return NULL;
    }
    struct capture_link *link = calloc(1, sizeof *link);
    if (!link || !(link->program = strdup(program))) {
        free(link);
        (void)err_set(err, ERR_SYSTEM, "capture: out of memory");
        return NULL;
    }
    link->loop = loop;
    link->evidence = *evidence;
    link->interfaces = count;
    for (size_t i = 0; i < count; i++)
        (void)snprintf(link->interface[i], INTERFACE_SIZE, "%s", interfaces[i]);
    link->backoff_ms = 1000;
    link->timer.data = link;
    (void)uv_timer_init(loop, &link->timer);
    (void)uv_timer_start(&link->timer, on_start_again, 0, 0);
    return link;
}

bool capture_link_is_up(const struct capture_link *link)
{
    return link && link->run;
}

static void link_closed(uv_handle_t *handle)
{
    struct capture_link *link = handle->data;
    free(link->program);
    free(link);
}

struct capture_link *capture_link_close(struct capture_link *link)
{
    if (!link || link->closed)
        return NULL;
    link->closed = true;
    if (link->run)
        run_give_up(link->run);
    link->run = NULL;
    uv_close((uv_handle_t *)&link->timer, link_closed);
    return NULL;
}
