#include "drivers/host/lanes_private.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "drivers/host/lanes.h"

/* A killed lane announces its death by its pidfd; should that not be watched, it is looked at. */
enum { REAP_MS = 200 };

/* Whether the command of the request in the lane may have reached the device. */
static enum sent may_be_sent(const struct lanes_bus *bus)
{
    return bus->opened && op_changes_something(bus->request.op) ? SENT_MAYBE : SENT_NO;
}

void lanes_end(struct lanes_bus *bus, uint64_t now_ms)
{
    lane_end(&bus->lane);
    bus->state = ENDING;
    bus->until_ms = now_ms + LANES_CLOSE_MS;
}

void lanes_kill(struct lanes_bus *bus, uint64_t now_ms)
{
    lane_kill(&bus->lane);
    bus->state = KILLED;
    bus->until_ms = now_ms + REAP_MS;
}

/* After these the session is not to be trusted: the next request gets a fresh one. */
static bool spoils_session(const struct driver_reply *reply)
{
    return !reply->ok && reply->err.kind != ERR_DEVICE && reply->err.kind != ERR_UNSUPPORTED;
}

/* The lanes for the silent are few: who answers again does not count as one of them. */
void lanes_heard(struct lanes *lanes, struct lanes_bus *bus, bool silent)
{
    bus->silent = silent;
    if (silent || !bus->cautious)
        return;
    bus->cautious = false;
    lanes->cautious--;
}

static bool is_silence(const struct driver_reply *reply)
{
    return !reply->ok && (reply->err.kind == ERR_TIMEOUT || reply->err.kind == ERR_UNREACHABLE);
}

/* Each would try the same again, and learn the same, one after the other. */
static void answer_those_before(struct lanes *lanes, struct lanes_bus *bus, const struct err *why)
{
    struct waiting waiting;
    while (lanes_queue_take_until(&bus->queue, bus->opening, &waiting)) {
        const struct driver_request *request = &waiting.request;
        struct err err = *why;
        if (strcmp(request->device, bus->request.device) != 0)
            err_prefix(&err, "%s: %s: no session on its bus", request->device,
                       op_name(request->op));
        err.sent = SENT_NO;
        lanes_answer(lanes, request, &err);
    }
}

static void take_reply(struct lanes *lanes, struct lanes_bus *bus, const struct driver_reply *reply,
                       uint64_t now_ms)
{
    if (bus->state != RUNNING || reply->id != bus->request.id)
        return; /* answered already: its lane is being killed */
    lanes->host.reply(lanes->host.arg, reply);
    lanes_heard(lanes, bus, is_silence(reply));
    bus->state = IDLE;
    bus->until_ms = now_ms + LANES_IDLE_MS;
    lanes->dirty = true;
    if (!bus->opened) {
        answer_those_before(lanes, bus, &reply->err);
        lanes_end(bus, now_ms);
    } else if (!bus->shared && spoils_session(reply)) {
        lanes_end(bus, now_ms);
    }
}

/* Not the device's doing: it may be asked again. */
static void answer_crash(struct lanes *lanes, const struct lanes_bus *bus, int status)
{
    const struct driver_request *request = &bus->request;
    struct err err;
    if (WIFSIGNALED(status))
        err_set_sent(&err, ERR_SYSTEM, may_be_sent(bus), "%s: %s: driver crashed: signal %d",
                     request->device, op_name(request->op), WTERMSIG(status));
    else
        err_set_sent(&err, ERR_SYSTEM, may_be_sent(bus),
                     "%s: %s: driver ended by itself: status %d", request->device,
                     op_name(request->op), WEXITSTATUS(status));
    lanes_answer(lanes, request, &err);
}

/* The session stands. The command goes to the lane only now, so that a request that is answered
 * "not sent" cannot be sent in the moment before its lane dies. */
static void send_command(struct lanes *lanes, struct lanes_bus *bus, uint64_t now_ms)
{
    struct err err;
    bus->opened = true;
    bus->killed = false;
    if (lane_send(&bus->lane, &bus->request, &err) == 0)
        return;
    lanes_kill(bus, now_ms);
    lanes_answer(lanes, &bus->request, &err);
}

static void receive(struct lanes *lanes, struct lanes_bus *bus, uint64_t now_ms)
{
    struct driver_reply reply;
    enum lane_news news;
    while ((news = lane_receive(&bus->lane, &reply)) != LANE_SILENT) {
        if (news == LANE_BROKEN) {
            /* Dead or as good as dead; its end is level-triggered, so it must not be asked again. */
            (void)epoll_ctl(lanes->epoll, EPOLL_CTL_DEL, bus->lane.fd, NULL);
            lane_kill(&bus->lane);
            return;
        }
        if (news == LANE_OPENED && bus->state == RUNNING)
            send_command(lanes, bus, now_ms);
        if (news == LANE_REPLIED)
            take_reply(lanes, bus, &reply, now_ms);
    }
}

void lanes_moved(struct lanes *lanes, struct lanes_bus *bus, uint64_t now_ms)
{
    int status;
    if (bus->state == NO_LANE)
        return; /* both of its descriptors moved at once, and the first was enough */
    receive(lanes, bus, now_ms);
    if (!lane_reap(&bus->lane, &status))
        return;
    if (bus->state == RUNNING)
        answer_crash(lanes, bus, status);
    if (bus->opened)
        bus->killed = bus->state != ENDING;
    bus->state = NO_LANE;
    bus->outdated = false;
    lanes->cautious -= bus->cautious;
    bus->cautious = false;
    lanes->living--;
    lanes->dirty = true;
}

static void overrun(struct lanes *lanes, struct lanes_bus *bus, uint64_t now_ms)
{
    const struct driver_request *request = &bus->request;
    struct err err;
    err_set_sent(&err, ERR_TIMEOUT, may_be_sent(bus), "%s: %s: %s within %u ms", request->device,
                 op_name(request->op), bus->opened ? "no answer" : "no session",
                 request->budget_ms);
    lanes_heard(lanes, bus, true);
    lanes_kill(bus, now_ms); /* before the answer: nobody may think it free while it works */
    lanes_answer(lanes, request, &err);
}

static void answer_replaced(struct lanes *lanes, const struct driver_request *request,
                            enum sent sent)
{
    struct err err;
    err_set_sent(&err, ERR_DEVICE, sent, "%s: %s: its settings were replaced meanwhile",
                 request->device, op_name(request->op));
    lanes_answer(lanes, request, &err);
}

void lanes_replace(struct lanes *lanes, struct lanes_device *device)
{
    struct lanes_bus *bus = device->bus;
    struct waiting old;
    if (!bus)
        return; /* it is new */
    if (bus->state == RUNNING && !strcmp(bus->request.device, device->name)) {
        enum sent sent = may_be_sent(bus);
        lanes_kill(bus, 0); /* turn() looks for its death at once */
        answer_replaced(lanes, &bus->request, sent);
    }
    while (lanes_queue_take_of(&bus->queue, device->name, &old))
        answer_replaced(lanes, &old.request, SENT_NO);
}

static void answer_late(struct lanes *lanes, const struct lanes_bus *bus,
                        const struct driver_request *request)
{
    struct err err;
    const char *before = bus->state == NO_LANE ? "other devices"
                         : bus->shared         ? "other requests of its bus"
                                               : "its other requests";
    err_set(&err, ERR_TIMEOUT, "%s: %s: still in line after %u ms, behind %s", request->device,
            op_name(request->op), request->budget_ms, before);
    lanes_answer(lanes, request, &err);
}

void lanes_expire(struct lanes *lanes, struct lanes_bus *bus, uint64_t now_ms)
{
    struct waiting late;
    while (lanes_queue_expire(&bus->queue, now_ms, &late))
        answer_late(lanes, bus, &late.request);
    if (bus->state == NO_LANE || now_ms < bus->until_ms)
        return;
    if (bus->state == RUNNING) {
        overrun(lanes, bus, now_ms);
    } else if (bus->state == IDLE) {
        lanes_end(bus, now_ms);
    } else if (bus->state == ENDING) {
        lanes_kill(bus, now_ms);
    } else {
        bus->until_ms =
            now_ms + REAP_MS; /* stuck in the kernel, as a serial line's driver may be */
        lanes_moved(lanes, bus, now_ms);
    }
}
