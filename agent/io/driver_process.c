#include "agent/io/driver_process.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "proto/lines.h"

/* A child of the driver's may hold its stdout open; so long the last answers are waited for. */
enum { LAST_WORDS_MS = 500 };
enum { STDIN, STDOUT, STDERR, SECRETS, PIPES };

struct driver_process {
    struct driver_process_events events;
    uv_process_t process;
    uv_pipe_t pipes[PIPES];
    uv_timer_t timer; /* kill after stop; then end of the last words */
    uv_timer_t flush; /* what was written in this round of the loop goes out together */
    size_t handles;   /* not yet closed */
    bool exited, answers_ended, gone;
    int64_t status;
    int signal;
    struct lines lines[STDERR + 1]; /* of STDOUT and STDERR */
    char buffer[65536];
    char *unsent; /* lines for STDIN, until the flush */
    size_t unsent_size, unsent_room;
};

struct outgoing {
    uv_write_t write;
    char *bytes;
    size_t size;
};

static void on_closed(uv_handle_t *handle)
{
    struct driver_process *process = handle->data;
    if (--process->handles)
        return;
    free(process->unsent);
    free(process);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

static void close_pipe(struct driver_process *process, int which)
{
    close_handle((uv_handle_t *)&process->pipes[which]);
}

static void close_all(struct driver_process *process)
{
    for (int i = 0; i < PIPES; i++)
        close_pipe(process, i);
    close_handle((uv_handle_t *)&process->timer);
    close_handle((uv_handle_t *)&process->flush);
    close_handle((uv_handle_t *)&process->process);
}

static void finish(struct driver_process *process)
{
    if (process->gone || !process->exited || !process->answers_ended)
        return;
    process->gone = true;
    close_all(process);
    process->events.gone(process->events.arg, process->status, process->signal);
}

static void on_last_words_over(uv_timer_t *timer)
{
    struct driver_process *process = timer->data;
    process->answers_ended = true;
    finish(process);
}

static void on_exit_(uv_process_t *handle, int64_t status, int signal)
{
    struct driver_process *process = handle->data;
    process->exited = true;
    process->status = status;
    process->signal = signal;
    (void)uv_timer_start(&process->timer, on_last_words_over, LAST_WORDS_MS, 0);
    finish(process);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct driver_process *process = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(process->buffer, sizeof process->buffer);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct driver_process *process = stream->data;
    int which = stream == (uv_stream_t *)&process->pipes[STDOUT] ? STDOUT : STDERR;
    line_fn take = which == STDOUT ? process->events.line : process->events.complaint;
    if (count > 0)
        lines_feed(&process->lines[which], buffer->base, (size_t)count, take, process->events.arg);
    if (count >= 0)
        return;
    lines_end(&process->lines[which], take, process->events.arg);
    close_pipe(process, which);
    if (which == STDOUT)
        process->answers_ended = true;
    finish(process);
}

static void on_written(uv_write_t *write, int status)
{
    struct outgoing *outgoing = (struct outgoing *)write;
    uv_stream_t *stream = write->handle;
    struct driver_process *process = stream->data;
    (void)status; /* a driver that does not read is dying: its exit is what counts */
    if (stream == (uv_stream_t *)&process->pipes[SECRETS]) {
        explicit_bzero(outgoing->bytes, outgoing->size);
        close_pipe(process, SECRETS);
    }
    free(outgoing->bytes);
    free(outgoing);
}

void driver_process_kill(struct driver_process *process)
{
    if (!process->exited)
        (void)uv_process_kill(&process->process, SIGKILL);
}

/* Takes `bytes`. */
static int write_to(struct driver_process *process, int which, char *bytes, size_t size)
{
    struct outgoing *outgoing = malloc(sizeof *outgoing);
    uv_stream_t *stream = (uv_stream_t *)&process->pipes[which];
    if (outgoing && !uv_is_closing((uv_handle_t *)stream)) {
        outgoing->bytes = bytes;
        outgoing->size = size;
        uv_buf_t buffer = uv_buf_init(bytes, (unsigned)size);
        if (uv_write(&outgoing->write, stream, &buffer, 1, on_written) == 0)
            return 0;
    }
    free(outgoing);
    free(bytes);
    return -1;
}

static void flush(struct driver_process *process)
{
    char *bytes = process->unsent;
    size_t size = process->unsent_size;
    process->unsent = NULL;
    process->unsent_size = process->unsent_room = 0;
    /* If that fails the driver is dying, and who waits for answers is told when it is dead. */
    if (size && write_to(process, STDIN, bytes, size))
        driver_process_kill(process);
}

static void on_flush(uv_timer_t *timer)
{
    flush(timer->data);
}

/* Not one write a line: 10,000 nodes asked at once are 10,000 lines. */
int driver_process_write(struct driver_process *process, char *line)
{
    size_t length = strlen(line), size = process->unsent_size + length;
    bool closing = uv_is_closing((uv_handle_t *)&process->pipes[STDIN]);
    if (!closing && size > process->unsent_room) {
        char *more = realloc(process->unsent, 2 * size);
        if (more) {
            process->unsent = more;
            process->unsent_room = 2 * size;
        }
    }
    bool fits = !closing && size <= process->unsent_room;
    if (fits) {
        memcpy(process->unsent + process->unsent_size, line, length);
        process->unsent_size = size;
        if (!uv_is_active((uv_handle_t *)&process->flush))
            (void)uv_timer_start(&process->flush, on_flush, 0, 0);
    }
    free(line);
    return fits ? 0 : -1;
}

size_t driver_process_queued(const struct driver_process *process)
{
    return process->unsent_size +
           uv_stream_get_write_queue_size((const uv_stream_t *)&process->pipes[STDIN]);
}

static void on_stop_overdue(uv_timer_t *timer)
{
    driver_process_kill(timer->data);
}

void driver_process_stop(struct driver_process *process)
{
    if (process->exited || uv_is_closing((uv_handle_t *)&process->pipes[STDIN]))
        return;
    flush(process);
    close_pipe(process, STDIN);
    (void)uv_timer_start(&process->timer, on_stop_overdue, DRIVER_PROCESS_END_MS, 0);
}

static int spawn(struct driver_process *process, const char *program, int lock_fd)
{
    /* Nothing of the agent's environment is the driver's business. */
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
    char *env[] = {path, locale, NULL};
    char *args[] = {(char *)(uintptr_t)program, NULL};
    uv_stdio_container_t stdio[DRIVER_LOCK_FD + 1] = {
        [DRIVER_LOCK_FD] = {.flags = UV_INHERIT_FD, .data.fd = lock_fd},
    };
    for (int i = 0; i < PIPES; i++) {
        bool reads = i == STDIN || i == SECRETS;
        unsigned direction = reads ? UV_READABLE_PIPE : UV_WRITABLE_PIPE;
        stdio[i].flags = (uv_stdio_flags)(UV_CREATE_PIPE | direction);
        stdio[i].data.stream = (uv_stream_t *)&process->pipes[i];
    }
    const uv_process_options_t options = {
        .exit_cb = on_exit_,
        .file = program,
        .args = args,
        .env = env,
        .stdio = stdio,
        .stdio_count = DRIVER_LOCK_FD + 1,
    };
    return uv_spawn(process->process.loop, &process->process, &options);
}

static void init_handles(struct driver_process *process, uv_loop_t *loop)
{
    for (int i = 0; i < PIPES; i++) {
        (void)uv_pipe_init(loop, &process->pipes[i], 0);
        process->pipes[i].data = process;
    }
    (void)uv_timer_init(loop, &process->timer);
    (void)uv_timer_init(loop, &process->flush);
    process->timer.data = process->flush.data = process;
    process->process.data = process;
    process->process.loop = loop;
    process->handles = PIPES + 3;
}

struct driver_process *driver_process_start(uv_loop_t *loop, const char *program, int lock_fd,
                                            const char *secrets,
                                            const struct driver_process_events *events,
                                            struct err *err)
{
    _Static_assert((int)SECRETS == (int)DRIVER_SECRETS_FD, "pipes are in the order of descriptors");
    struct driver_process *process = calloc(1, sizeof *process);
    if (!process) {
        err_set(err, ERR_SYSTEM, "%s: no memory", program);
        return NULL;
    }
    process->events = *events;
    init_handles(process, loop);
    int failed = spawn(process, program, lock_fd);
    if (failed) {
        err_set(err, ERR_SYSTEM, "cannot start %s: %s", program, uv_strerror(failed));
        close_all(process);
        return NULL;
    }
    (void)uv_read_start((uv_stream_t *)&process->pipes[STDOUT], on_alloc, on_read);
    (void)uv_read_start((uv_stream_t *)&process->pipes[STDERR], on_alloc, on_read);
    char *copy = strdup(secrets);
    if (!copy || write_to(process, SECRETS, copy, strlen(copy)))
        close_pipe(process, SECRETS); /* the driver then refuses the devices that need them */
    return process;
}
