#include "agent/io/driver_link.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/driver_link_private.h"
#include "proto/cleanup.h"

enum { WATCHDOG_MS = 250 };

static const char *const states[DRIVER_LINK_STATES] = {
    [DRIVER_LINK_WAITING] = "waiting",
    [DRIVER_LINK_UP] = "up",
    [DRIVER_LINK_DOWN] = "down",
};

const char *driver_link_state_name(enum driver_link_state state)
{
    return states[state];
}

enum driver_link_state driver_link_state(const struct driver_link *link)
{
    return link->state;
}

size_t driver_link_in_flight(const struct driver_link *link)
{
    return link->inflight.count;
}

void driver_link_problem(struct driver_link *link, enum err_kind kind, const char *format, ...)
{
    char text[sizeof((struct err *)0)->text];
    struct err err;
    va_list args;
    if (link->closing)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err_set(&err, kind, "driver %s %s", link->driver, text);
    link->events.on_problem(link->events.arg, link->driver, &err);
}

/* --- answers --- */

/* Only those that are there now: a caller that asks again from on_reply, and fails again, must
 * not keep the loop from turning. */
static void hand_over_answers(uv_timer_t *timer)
{
    struct driver_link *link = timer->data;
    struct driver_reply reply;
    for (size_t left = link->inflight.nanswers; left; left--)
        if (inflight_next_answer(&link->inflight, &reply))
            link->events.on_reply(link->events.arg, &reply);
    if (link->inflight.nanswers)
        (void)uv_timer_start(timer, hand_over_answers, 0, 0);
    driver_link_close_if_done(link);
}

void driver_link_answer(struct driver_link *link, const struct driver_request *request,
                        const struct err *err)
{
    inflight_answer(&link->inflight, request, err);
    if (!uv_is_active((uv_handle_t *)&link->soon))
        (void)uv_timer_start(&link->soon, hand_over_answers, 0, 0);
}

static enum sent may_be_sent(const struct inflight_request *entry)
{
    return entry->written && op_changes_something(entry->request.op) ? SENT_MAYBE : SENT_NO;
}

static void fail_one(struct driver_link *link, const struct inflight_request *entry,
                     enum err_kind kind, const char *why)
{
    struct err err;
    struct driver_request request;
    err_set_sent(&err, kind, may_be_sent(entry), "%s: %s: %s", entry->request.device,
                 op_name(entry->request.op), why);
    if (inflight_take(&link->inflight, entry->request.id, &request))
        driver_link_answer(link, &request, &err);
}

struct failing {
    struct driver_link *link;
    const char *why;
};

static void fail_each(void *arg, struct inflight_request *entry)
{
    const struct failing *failing = arg;
    fail_one(failing->link, entry, ERR_SYSTEM, failing->why);
}

void driver_link_fail_all(struct driver_link *link, const char *why)
{
    struct failing failing = {link, why};
    inflight_each(&link->inflight, fail_each, &failing);
}

static void take_reply(struct driver_link *link, struct driver_reply *reply)
{
    struct driver_request request;
    if (!inflight_take(&link->inflight, reply->id, &request))
        return; /* late: the watchdog answered for it */
    reply->op = request.op;
    link->events.on_reply(link->events.arg, reply);
    driver_link_restart_if_quiet(link);
}

void driver_link_take_line(void *arg, const char *line)
{
    struct driver_link *link = arg;
    struct driver_answer answer;
    struct err err;
    link->heard_ms = uv_now(link->loop);
    if (!line)
        driver_link_problem(link, ERR_PROTOCOL, "wrote a line longer than %d bytes; skipped",
                            DRIVER_LINE_SIZE - 1);
    else if (driver_answer_decode(line, &answer, &err))
        driver_link_problem(link, ERR_PROTOCOL, "wrote a line that makes no sense: %s", err.text);
    else if (answer.kind == DRIVER_ANSWER_REFUSAL)
        driver_link_problem(link, answer.refusal.kind, "cannot use a device: %s",
                            answer.refusal.text);
    else
        take_reply(link, &answer.reply);
}

/* --- late answers --- */

struct lateness {
    struct driver_link *link;
    uint64_t now_ms;
    bool silent; /* nothing at all was heard since a late request was written */
};

static void fail_if_late(void *arg, struct inflight_request *entry)
{
    struct lateness *lateness = arg;
    if (entry->deadline_ms > lateness->now_ms)
        return;
    lateness->silent |= entry->written && lateness->link->heard_ms < entry->written_ms;
    fail_one(lateness->link, entry, ERR_TIMEOUT,
             entry->written ? "its driver did not answer in time"
                            : "its driver was being restarted");
}

static void watch(uv_timer_t *timer)
{
    struct driver_link *link = timer->data;
    struct lateness lateness = {link, uv_now(link->loop), false};
    size_t before = link->inflight.count;
    inflight_each(&link->inflight, fail_if_late, &lateness);
    if (link->inflight.count == 0)
        (void)uv_timer_stop(timer);
    if (link->inflight.count == before)
        return;
    driver_link_problem(link, ERR_TIMEOUT, "left %zu requests without an answer%s",
                        before - link->inflight.count, lateness.silent ? "; killed" : "");
    /* It answers nobody: a host that turns still answers for its slowest device. */
    if (lateness.silent && link->process)
        driver_process_kill(link->process);
    driver_link_restart_if_quiet(link);
}

/* --- requests --- */

void driver_link_send(struct driver_link *link, struct inflight_request *entry)
{
    char *line = driver_request_encode(&entry->request);
    size_t queued = driver_process_queued(link->process);
    entry->written_ms = uv_now(link->loop);
    if (line && queued + strlen(line) > DRIVER_LINK_QUEUE_MAX) {
        free(line);
        fail_one(link, entry, ERR_LIMIT, "its driver reads too slowly; 8 MB wait for it");
    } else if (!line || driver_process_write(link->process, line))
        fail_one(link, entry, ERR_SYSTEM, "cannot be written to its driver");
    else
        entry->written = true;
}

/* Held ones would all go out together when the driver is up again, past the inrush limit: whoever
 * counts them is told at once that it was not sent. */
static bool must_not_wait(enum op op)
{
    return op == OP_ON || op == OP_RESET || op == OP_CYCLE;
}

/* A lock may be had by now. */
static int refuse_unlocked(struct driver_link *link, const struct driver_request *request,
                           struct err *err)
{
    link->restart = true;
    driver_link_restart_if_quiet(link);
    return err_set(err, ERR_BUSY, "%s: driver %s has no lock on %s and starts again to get it",
                   request->device, link->driver, link->lock);
}

static int check_request(struct driver_link *link, const struct driver_request *request,
                         struct err *err)
{
    if (link->closing)
        return err_set(err, ERR_SYSTEM, "%s: driver %s is being ended", request->device,
                       link->driver);
    if (link->state != DRIVER_LINK_UP && !link->restart)
        return err_set(err, ERR_SYSTEM, "%s: driver %s is %s: %s", request->device, link->driver,
                       driver_link_state_name(link->state), link->why);
    if (link->unlocked && op_changes_something(request->op))
        return refuse_unlocked(link, request, err);
    if (link->restart && must_not_wait(request->op))
        return err_set(err, ERR_BUSY, "%s: driver %s is being restarted", request->device,
                       link->driver);
    if (link->inflight.count >= DRIVER_LINK_REQUESTS_MAX)
        return err_set(err, ERR_LIMIT, "%s: %d requests are in flight at driver %s",
                       request->device, DRIVER_LINK_REQUESTS_MAX, link->driver);
    return 0;
}

void driver_link_request(struct driver_link *link, const struct driver_request *request)
{
    struct err err;
    if (check_request(link, request, &err)) {
        driver_link_answer(link, request, &err);
        return;
    }
    uv_update_time(link->loop);
    uint64_t deadline_ms = uv_now(link->loop) + request->budget_ms + DRIVER_LINK_GRACE_MS;
    struct inflight_request *entry = inflight_add(&link->inflight, request, deadline_ms);
    if (!entry) {
        err_set(&err, ERR_USAGE, "%s: request %llu is in flight already", request->device,
                (unsigned long long)request->id);
        driver_link_answer(link, request, &err);
        return;
    }
    if (!uv_is_active((uv_handle_t *)&link->watchdog))
        (void)uv_timer_start(&link->watchdog, watch, WATCHDOG_MS, WATCHDOG_MS);
    if (!link->restart)
        driver_link_send(link, entry);
}

/* --- birth, reload, death --- */

struct driver_link *driver_link_new(uv_loop_t *loop, const char *driver, const char *driver_dir,
                                    const char *state_dir, const struct driver_link_events *events,
                                    struct err *err)
{
    _cleanup_(freep) struct driver_link *link = calloc(1, sizeof *link);
    if (!link) {
        err_set(err, ERR_SYSTEM, "driver %s: no memory", driver);
        return NULL;
    }
    int name = snprintf(link->driver, sizeof link->driver, "%s", driver);
    int program =
        snprintf(link->program, sizeof link->program, "%s/powerctl-driver-%s", driver_dir, driver);
    int lock = snprintf(link->lock, sizeof link->lock, "%s/driver-%s.lock", state_dir, driver);
    if (name >= (int)sizeof link->driver || program >= (int)sizeof link->program ||
        lock >= (int)sizeof link->lock) {
        err_set(err, ERR_CONFIG, "driver %.60s: its name or a directory's is too long", driver);
        return NULL;
    }
    link->loop = loop;
    link->events = *events;
    link->state = DRIVER_LINK_WAITING;
    (void)snprintf(link->why, sizeof link->why, "not started yet");
    uv_timer_t *timers[] = {&link->start, &link->watchdog, &link->soon};
    for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
        (void)uv_timer_init(loop, timers[i]);
        timers[i]->data = link;
    }
    return TAKE(link);
}

static void send_changes(struct driver_link *link, const struct driver_lines *now)
{
    for (size_t i = 0; i < now->count; i++) {
        if (driver_lines_has(link->lines, &now->rows[i]))
            continue;
        char *line = strdup(now->rows[i].text);
        if (!line || driver_process_write(link->process, line))
            driver_link_problem(link, ERR_SYSTEM, "could not be told of device %s",
                                now->rows[i].device);
    }
}

int driver_link_configure(struct driver_link *link, const struct driver_link_config *config,
                          struct err *err)
{
    struct driver_lines *now = driver_lines_new(config, err);
    if (!now)
        return err_prefix(err, "driver %s", link->driver);
    struct driver_lines *old = link->lines;
    bool runs = link->process && link->state == DRIVER_LINK_UP;
    if (!old)
        driver_link_run_soon(link, 0);
    else if (runs && !driver_lines_can_follow(old, now))
        link->restart = true;
    else if (runs)
        send_changes(link, now);
    link->lines = now;
    driver_lines_free(old);
    driver_link_restart_if_quiet(link);
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct driver_link *link = handle->data;
    if (--link->handles)
        return;
    void (*closed)(void *) = link->closed;
    void *arg = link->closed_arg;
    inflight_clear(&link->inflight);
    driver_lines_free(link->lines);
    free(link);
    if (closed)
        closed(arg);
}

void driver_link_close_if_done(struct driver_link *link)
{
    if (!link->closing || link->process || link->inflight.nanswers || link->handles)
        return;
    uv_handle_t *handles[] = {(uv_handle_t *)&link->start, (uv_handle_t *)&link->watchdog,
                              (uv_handle_t *)&link->soon};
    link->handles = ARRAY_SIZE(handles);
    for (size_t i = 0; i < ARRAY_SIZE(handles); i++)
        uv_close(handles[i], on_timer_closed);
}

void driver_link_close(struct driver_link *link, void (*closed)(void *arg), void *arg)
{
    if (link->closing)
        return;
    driver_link_fail_all(link, "the agent ends its driver");
    link->closing = true;
    link->closed = closed;
    link->closed_arg = arg;
    (void)uv_timer_stop(&link->start);
    if (link->process)
        driver_process_stop(link->process);
    driver_link_close_if_done(link);
}
