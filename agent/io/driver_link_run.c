/* The life of a link's program: wait for the lock, start, die, start again. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/io/driver_link_private.h"
#include "proto/cleanup.h"

enum {
    LOCK_POLL_MS = 100,
    BACKOFF_MIN_MS = 1000,
    STABLE_MS = 60000,   /* after so long the next death is a new story */
    COMPLAINTS_MAX = 20, /* lines of stderr passed on in each .. */
    COMPLAINTS_WINDOW_MS = 10000,
};

static void enter(struct driver_link *link, enum driver_link_state state, const char *why)
{
    bool changed = state != link->state;
    link->state = state;
    (void)snprintf(link->why, sizeof link->why, "%s", why);
    if (changed && link->events.on_state && !link->closing)
        link->events.on_state(link->events.arg, link->driver, state);
}

static uint64_t next_backoff(struct driver_link *link)
{
    uint64_t delay_ms = link->backoff_ms ? link->backoff_ms : BACKOFF_MIN_MS;
    link->backoff_ms = 2 * delay_ms;
    if (link->backoff_ms > DRIVER_LINK_BACKOFF_MAX_MS)
        link->backoff_ms = DRIVER_LINK_BACKOFF_MAX_MS;
    return delay_ms;
}

static void start_later(struct driver_link *link, const char *why)
{
    uint64_t delay_ms = next_backoff(link);
    link->restart = false;
    enter(link, DRIVER_LINK_DOWN, why);
    driver_link_fail_all(link, why);
    driver_link_problem(link, ERR_SYSTEM, "%s; again in %llu s", why,
                        (unsigned long long)delay_ms / 1000);
    driver_link_run_soon(link, delay_ms);
}

static void describe_death(int64_t status, int signal, char *text, size_t size)
{
    if (signal)
        (void)snprintf(text, size, "died (signal %d)", signal);
    else
        (void)snprintf(text, size, "ended by itself (status %d)", (int)status);
}

static void on_gone(void *arg, int64_t status, int signal)
{
    struct driver_link *link = arg;
    char why[64], full[128];
    bool wanted = link->restart && !inflight_written(&link->inflight);
    link->process = NULL;
    if (link->closing) {
        driver_link_close_if_done(link);
        return;
    }
    if (wanted) {
        driver_link_run_soon(link, 0);
        return;
    }
    link->restart = false;
    describe_death(status, signal, why, sizeof why);
    (void)snprintf(full, sizeof full, "driver %s %s", link->driver, why);
    if (uv_now(link->loop) - link->up_since_ms >= STABLE_MS)
        link->backoff_ms = 0;
    enter(link, DRIVER_LINK_DOWN, why);
    driver_link_fail_all(link, full);
    start_later(link, why);
}

static void on_complaint(void *arg, const char *line)
{
    struct driver_link *link = arg;
    uint64_t now_ms = uv_now(link->loop);
    if (now_ms - link->complaints_from_ms >= COMPLAINTS_WINDOW_MS) {
        link->complaints_from_ms = now_ms;
        link->complaints = 0;
    }
    link->complaints++;
    if (link->complaints <= COMPLAINTS_MAX)
        driver_link_problem(link, ERR_DEVICE, "says: %.180s", line ? line : "(a very long line)");
    if (link->complaints == COMPLAINTS_MAX)
        driver_link_problem(link, ERR_LIMIT, "says more; not shown for 10 s");
}

/* Not a byte-range lock: flock() belongs to the open file, which the driver and its children
 * inherit, and ends when the last of them is gone. It needs no right to write. Returns a
 * descriptor, or -1. */
static int take_lock(struct driver_link *link, struct err *err)
{
    int fd = open(link->lock, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(err, ERR_SYSTEM, "cannot open %s: %s", link->lock, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        err_set(err, ERR_BUSY, "waits for an older driver to end, which holds %s", link->lock);
    else
        err_set(err, ERR_SYSTEM, "cannot lock %s: %s", link->lock, strerror(errno));
    (void)close(fd);
    return -1;
}

/* On a disk that cannot be written: where there is no lock file, no older driver holds it. This one
 * may answer questions; check_request() lets nothing else through. Returns a descriptor, or -1. */
static int go_without_lock(struct driver_link *link, const struct err *why)
{
    struct stat status;
    if (lstat(link->lock, &status) == 0 || errno != ENOENT)
        return -1;
    if (!link->unlocked)
        driver_link_problem(link, ERR_SYSTEM, "is only asked questions: %s", why->text);
    link->unlocked = true;
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void wait_for_lock(struct driver_link *link, const char *why)
{
    bool first = link->state != DRIVER_LINK_WAITING || strcmp(link->why, why) != 0;
    if (first)
        driver_link_problem(link, ERR_BUSY, "%s", why);
    enter(link, DRIVER_LINK_WAITING, why);
    driver_link_run_soon(link, LOCK_POLL_MS);
}

static void tell_devices(struct driver_link *link)
{
    for (size_t i = 0; i < link->lines->count; i++) {
        char *line = strdup(link->lines->rows[i].text);
        if (!line || driver_process_write(link->process, line))
            driver_link_problem(link, ERR_SYSTEM, "could not be told of device %s",
                                link->lines->rows[i].device);
    }
}

static void send_held(void *arg, struct inflight_request *entry)
{
    if (!entry->written)
        driver_link_send(arg, entry);
}

static void on_start(uv_timer_t *timer)
{
    struct driver_link *link = timer->data;
    const struct driver_process_events events = {
        .line = driver_link_take_line,
        .complaint = on_complaint,
        .gone = on_gone,
        .arg = link,
    };
    struct err err;
    _cleanup_(closep) int lock = take_lock(link, &err);
    if (lock < 0 && err.kind == ERR_BUSY) {
        wait_for_lock(link, err.text);
        return;
    }
    link->unlocked = link->unlocked && lock < 0;
    if (lock < 0)
        lock = go_without_lock(link, &err);
    if (lock >= 0)
        link->process = driver_process_start(link->loop, link->program, lock, link->lines->secrets,
                                             &events, &err);
    if (!link->process) {
        start_later(link, err.text);
        return;
    }
    link->restart = false;
    link->up_since_ms = uv_now(link->loop);
    link->heard_ms = 0;
    tell_devices(link);
    inflight_each(&link->inflight, send_held, link);
    enter(link, DRIVER_LINK_UP, "");
}

void driver_link_run_soon(struct driver_link *link, uint64_t delay_ms)
{
    if (!link->closing)
        (void)uv_timer_start(&link->start, on_start, delay_ms, 0);
}

void driver_link_restart_if_quiet(struct driver_link *link)
{
    if (link->restart && !link->closing && link->process && !inflight_written(&link->inflight))
        driver_process_stop(link->process);
}
