#include "drivers/host/lanes_private.h"

#include <sys/epoll.h>
#include <sys/wait.h>

#include "drivers/host/lanes.h"

/* A killed lane announces its death by its pidfd; should that not be watched, it is looked at. */
enum { REAP_MS = 200 };

/* Whether the command of the request in the lane may have reached the device. */
static enum sent may_be_sent(const struct lanes_device *device)
{
    return device->opened && op_changes_something(device->request.op) ? SENT_MAYBE : SENT_NO;
}

void lanes_end(struct lanes_device *device, uint64_t now_ms)
{
    lane_end(&device->lane);
    device->state = ENDING;
    device->until_ms = now_ms + LANES_CLOSE_MS;
}

void lanes_kill(struct lanes_device *device, uint64_t now_ms)
{
    lane_kill(&device->lane);
    device->state = KILLED;
    device->until_ms = now_ms + REAP_MS;
}

/* After these the session is not to be trusted: the next request gets a fresh one. */
static bool spoils_session(const struct driver_reply *reply)
{
    return !reply->ok && reply->err.kind != ERR_DEVICE && reply->err.kind != ERR_UNSUPPORTED;
}

static void take_reply(struct lanes *lanes, struct lanes_device *device,
                       const struct driver_reply *reply, uint64_t now_ms)
{
    if (device->state != RUNNING || reply->id != device->request.id)
        return; /* answered already: its lane is being killed */
    lanes->host.reply(lanes->host.arg, reply);
    device->state = IDLE;
    device->until_ms = now_ms + LANES_IDLE_MS;
    lanes->dirty = true;
    if (spoils_session(reply))
        lanes_end(device, now_ms);
}

static void answer_crash(struct lanes *lanes, const struct lanes_device *device, int status)
{
    struct err err;
    if (WIFSIGNALED(status))
        err_set_sent(&err, ERR_DEVICE, may_be_sent(device), "%s: %s: driver crashed: signal %d",
                     device->name, op_name(device->request.op), WTERMSIG(status));
    else
        err_set_sent(&err, ERR_DEVICE, may_be_sent(device),
                     "%s: %s: driver ended by itself: status %d", device->name,
                     op_name(device->request.op), WEXITSTATUS(status));
    lanes_answer(lanes, &device->request, &err);
}

/* The session stands. The command goes to the lane only now, so that a request that is answered
 * "not sent" cannot be sent in the moment before its lane dies. */
static void send_command(struct lanes *lanes, struct lanes_device *device, uint64_t now_ms)
{
    struct err err;
    device->opened = true;
    if (lane_send(&device->lane, &device->request, &err) == 0)
        return;
    lanes_kill(device, now_ms);
    lanes_answer(lanes, &device->request, &err);
}

static void receive(struct lanes *lanes, struct lanes_device *device, uint64_t now_ms)
{
    struct driver_reply reply;
    enum lane_news news;
    while ((news = lane_receive(&device->lane, &reply)) != LANE_SILENT) {
        if (news == LANE_BROKEN) {
            /* Dead or as good as dead; its end is level-triggered, so it must not be asked again. */
            (void)epoll_ctl(lanes->epoll, EPOLL_CTL_DEL, device->lane.fd, NULL);
            lane_kill(&device->lane);
            return;
        }
        if (news == LANE_OPENED && device->state == RUNNING)
            send_command(lanes, device, now_ms);
        if (news == LANE_REPLIED)
            take_reply(lanes, device, &reply, now_ms);
    }
}

void lanes_moved(struct lanes *lanes, struct lanes_device *device, uint64_t now_ms)
{
    int status;
    if (device->state == NO_LANE)
        return; /* both of its descriptors moved at once, and the first was enough */
    receive(lanes, device, now_ms);
    if (!lane_reap(&device->lane, &status))
        return;
    if (device->state == RUNNING)
        answer_crash(lanes, device, status);
    device->state = NO_LANE;
    device->outdated = false;
    lanes->living--;
    lanes->dirty = true;
}

static void overrun(struct lanes *lanes, struct lanes_device *device, uint64_t now_ms)
{
    struct err err;
    const char *where = device->opened ? "no answer" : "no session";
    err_set_sent(&err, ERR_TIMEOUT, may_be_sent(device), "%s: %s: %s within %u ms", device->name,
                 op_name(device->request.op), where, device->request.budget_ms);
    lanes_kill(device, now_ms); /* before the answer: nobody may think it free while it works */
    lanes_answer(lanes, &device->request, &err);
}

void lanes_replace(struct lanes *lanes, struct lanes_device *device)
{
    struct waiting old;
    struct err err;
    if (device->state == RUNNING) {
        err_set_sent(&err, ERR_DEVICE, may_be_sent(device),
                     "%s: %s: its settings were replaced meanwhile", device->name,
                     op_name(device->request.op));
        lanes_kill(device, 0); /* turn() looks for its death at once */
        lanes_answer(lanes, &device->request, &err);
    }
    while (lanes_queue_take(&device->queue, &old)) {
        err_set(&err, ERR_DEVICE, "%s: %s: its settings were replaced meanwhile", device->name,
                op_name(old.request.op));
        lanes_answer(lanes, &old.request, &err);
    }
}

void lanes_expire(struct lanes *lanes, struct lanes_device *device, uint64_t now_ms)
{
    struct waiting late;
    while (lanes_queue_expire(&device->queue, now_ms, &late)) {
        struct err err;
        err_set(&err, ERR_TIMEOUT, "%s: %s: still in line after %u ms, behind %s", device->name,
                op_name(late.request.op), late.request.budget_ms,
                device->state == NO_LANE ? "other devices" : "its other requests");
        lanes_answer(lanes, &late.request, &err);
    }
    if (device->state == NO_LANE || now_ms < device->until_ms)
        return;
    if (device->state == RUNNING)
        overrun(lanes, device, now_ms);
    else if (device->state == IDLE)
        lanes_end(device, now_ms);
    else if (device->state == ENDING)
        lanes_kill(device, now_ms);
    else
        lanes_moved(lanes, device, now_ms);
}
