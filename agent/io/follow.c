#include "agent/io/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/bootlog.h"
#include "proto/cleanup.h"

enum {
    LOOK_MS = 250,
    CHUNK = 16384,
    TURN_MAX = 256 << 10,
    OLD_KEPT_MS = 3000, /* a writer goes on in the renamed file until it is told to reopen */
    PATH_MAX_HERE = 1024,
};

/* One open file and what is not yet a line of it. */
struct stream {
    int fd; /* -1: none */
    dev_t device;
    ino_t inode;
    off_t at;
    size_t held;
    bool skipping; /* behind the cut of a line that was too long */
    char line[BOOTLOG_LINE_MAX];
};

struct follow {
    uv_loop_t *loop;
    char path[PATH_MAX_HERE];
    struct evidence evidence;
    struct stream now, old; /* old: rotated away, still read to its end */
    uint64_t old_until_ms;
    struct bootlog log;
    uv_timer_t timer;
    uv_fs_event_t event;
    bool watching, started, closed;
    char problem[256]; /* "" : none */
    int handles;
};

static void stream_close(struct stream *stream)
{
    if (stream->fd >= 0)
        (void)close(stream->fd);
    *stream = (struct stream){.fd = -1};
}

static void tell_problem(struct follow *follow, const char *what, int error)
{
    char text[sizeof follow->problem] = "";
    if (error)
        (void)snprintf(text, sizeof text, "%.128s %s: %s", follow->path, what, strerror(error));
    if (!strcmp(text, follow->problem))
        return;
    char told[sizeof text];
    memcpy(told, error ? text : follow->problem, sizeof told);
    memcpy(follow->problem, text, sizeof text);
    if (follow->evidence.on_problem)
        follow->evidence.on_problem(follow->evidence.arg, told, !error);
}

static void take_line(struct follow *follow, const char *line)
{
    struct note note;
    if (!bootlog_line(&follow->log, line, &note))
        return;
    note.at_ms = uv_now(follow->loop);
    note.source = NOTE_LOG;
    follow->evidence.on_note(follow->evidence.arg, &note);
}

static void end_line(struct follow *follow, struct stream *stream)
{
    stream->line[stream->held] = '\0';
    bool whole = !stream->skipping;
    stream->held = 0;
    stream->skipping = false;
    if (whole)
        take_line(follow, stream->line);
}

static void take_bytes(struct follow *follow, struct stream *stream, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size && !follow->closed; i++) {
        if (bytes[i] == '\n') {
            end_line(follow, stream);
        } else if (stream->held < sizeof stream->line - 1) {
            stream->line[stream->held++] = bytes[i] ? bytes[i] : ' ';
        } else if (!stream->skipping) {
            end_line(follow, stream); /* the first 4 KiB count as the line */
            stream->skipping = true;
        }
    }
}

/* Reads what is new, up to a bound. True if there may be more. */
static bool stream_read(struct follow *follow, struct stream *stream)
{
    char bytes[CHUNK];
    for (size_t total = 0; total < TURN_MAX && stream->fd >= 0 && !follow->closed;) {
        ssize_t n = pread(stream->fd, bytes, sizeof bytes, stream->at);
        if (n <= 0) {
            if (n < 0 && errno != EINTR)
                tell_problem(follow, "cannot be read", errno);
            return false;
        }
        stream->at += n;
        total += (size_t)n;
        take_bytes(follow, stream, bytes, (size_t)n);
    }
    return stream->fd >= 0;
}

static int stream_open(struct follow *follow, struct stream *stream, bool at_end)
{
    /* O_NONBLOCK: a FIFO or device in the log's place must not hang the agent. */
    _cleanup_(closep) int fd = open(follow->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    if (fd < 0 || fstat(fd, &status))
        return errno;
    if (!S_ISREG(status.st_mode))
        return EINVAL;
    stream_close(stream);
    stream->fd = fd;
    fd = -1;
    stream->device = status.st_dev;
    stream->inode = status.st_ino;
    stream->at = at_end ? status.st_size : 0;
    return 0;
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status);

static void watch_again(struct follow *follow)
{
    if (follow->watching)
        (void)uv_fs_event_stop(&follow->event);
    follow->watching = !uv_fs_event_start(&follow->event, on_event, follow->path, 0);
}

static bool is_same_file(const struct follow *follow, const struct stat *status)
{
    return follow->now.fd >= 0 && status->st_dev == follow->now.device &&
           status->st_ino == follow->now.inode;
}

static void set_old_aside(struct follow *follow)
{
    if (follow->old.fd >= 0) { /* rotated twice within 3 s */
        (void)stream_read(follow, &follow->old);
        stream_close(&follow->old);
    }
    follow->old = follow->now;
    follow->now = (struct stream){.fd = -1};
    follow->old_until_ms = uv_now(follow->loop) + OLD_KEPT_MS;
}

/* Looks whether the path is still the file that is open. */
static void look_at_path(struct follow *follow)
{
    struct stat status;
    int missing = stat(follow->path, &status) ? errno : 0;
    if (!missing && is_same_file(follow, &status)) {
        if (status.st_size < follow->now.at) { /* copytruncate */
            follow->now.at = 0;
            follow->now.held = 0;
            follow->now.skipping = false;
        }
        return;
    }
    if (follow->now.fd >= 0)
        set_old_aside(follow);
    if (!missing)
        missing = stream_open(follow, &follow->now, !follow->started);
    if (!missing)
        watch_again(follow);
    follow->started = follow->started || !missing || missing == ENOENT;
    tell_problem(follow, "cannot be read", missing);
}

static void free_when_closed(uv_handle_t *handle)
{
    struct follow *follow = handle->data;
    if (--follow->handles == 0)
        free(follow);
}

static bool look(struct follow *follow)
{
    bool more = stream_read(follow, &follow->now);
    if (!more && !follow->closed)
        look_at_path(follow);
    if (!more && !follow->closed && follow->now.fd >= 0)
        more = stream_read(follow, &follow->now);
    if (!follow->closed && follow->old.fd >= 0) {
        bool old_more = stream_read(follow, &follow->old);
        if (!old_more && uv_now(follow->loop) >= follow->old_until_ms)
            stream_close(&follow->old);
        more = more || old_more;
    }
    return more;
}

static void on_timer(uv_timer_t *timer)
{
    struct follow *follow = timer->data;
    bool more = look(follow);
    /* More: let the loop turn once, then go on.  Not 0 ms: libuv 1.44 runs a timer that is due
     * again in the same turn, for ever. */
    if (!follow->closed)
        (void)uv_timer_start(timer, on_timer, more ? 1 : LOOK_MS, 0);
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
    (void)name;
    (void)events;
    struct follow *follow = event->data;
    if (!status && !follow->closed)
        on_timer(&follow->timer);
}

struct follow *follow_new(uv_loop_t *loop, const char *path, const struct evidence *evidence,
                          struct err *err)
{
    if (strlen(path) >= PATH_MAX_HERE) {
        (void)err_set(err, ERR_CONFIG, "log %.200s: its path is too long", path);
        return NULL;
    }
    struct follow *follow = calloc(1, sizeof *follow);
    if (!follow) {
        (void)err_set(err, ERR_SYSTEM, "log %.200s: out of memory", path);
        return NULL;
    }
    follow->loop = loop;
    follow->evidence = *evidence;
    memcpy(follow->path, path, strlen(path));
    follow->now.fd = follow->old.fd = -1;
    follow->handles = 2;
    follow->timer.data = follow->event.data = follow;
    (void)uv_timer_init(loop, &follow->timer);
    (void)uv_fs_event_init(loop, &follow->event);
    int missing = stream_open(follow, &follow->now, true);
    if (!missing)
        watch_again(follow);
    /* One that comes later is read from its beginning, one that could not be read from its end. */
    follow->started = !missing || missing == ENOENT;
    (void)uv_timer_start(&follow->timer, on_timer, 0, 0);
    return follow;
}

struct follow *follow_close(struct follow *follow)
{
    if (!follow || follow->closed)
        return NULL;
    follow->closed = true;
    stream_close(&follow->now);
    stream_close(&follow->old);
    uv_close((uv_handle_t *)&follow->timer, free_when_closed);
    uv_close((uv_handle_t *)&follow->event, free_when_closed);
    return NULL;
}
