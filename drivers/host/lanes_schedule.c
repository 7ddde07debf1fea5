#include "drivers/host/lanes_private.h"

#include <sys/epoll.h>
#include <utlist.h>

#include "drivers/host/lanes.h"

static int watch(struct lanes *lanes, struct lanes_device *device)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = device};
    return epoll_ctl(lanes->epoll, EPOLL_CTL_ADD, device->lane.fd, &event) ||
           epoll_ctl(lanes->epoll, EPOLL_CTL_ADD, device->lane.pidfd, &event);
}

static void start_lane(struct lanes *lanes, struct lanes_device *device, uint64_t now_ms)
{
    struct lane_device what = {device->name, device->config,
                               device->has_credentials ? &device->credentials : NULL};
    struct err err;
    struct waiting first;
    if (lane_start(&device->lane, &what, &err)) {
        if (lanes_queue_take(&device->queue, &first))
            lanes_answer(lanes, &first.request, &err);
        return;
    }
    lanes->living++;
    device->state = IDLE;
    device->since_ms = now_ms;
    device->outdated = false;
    device->opened = false;
    if (watch(lanes, device))
        lanes_kill(device, now_ms);
}

/* The first request of a lane goes there twice: to open the session, then to be run in it. */
static void run_next(struct lanes *lanes, struct lanes_device *device, uint64_t now_ms)
{
    struct waiting next;
    struct err err;
    if (!lanes_queue_take(&device->queue, &next))
        return;
    lanes_unlist(lanes, device); /* to the end of the line: others wait longer now */
    lanes_list(lanes, device);
    if (lane_send(&device->lane, &next.request, &err)) {
        lanes_kill(device, now_ms);
        lanes_answer(lanes, &next.request, &err);
        return;
    }
    device->request = next.request;
    device->until_ms = next.deadline_ms;
    device->state = RUNNING;
}

/* How many devices with work find every lane taken, less those lanes that are ending already. */
static size_t lanes_missing(const struct lanes *lanes)
{
    const struct lanes_device *device;
    size_t waiting = 0, ending = 0;
    DL_FOREACH(lanes->busy, device)
    {
        waiting += device->state == NO_LANE && device->queue.count > 0;
        ending += device->state == ENDING || device->state == KILLED;
    }
    size_t coming = LANES_MAX - lanes->living + ending;
    return waiting > coming ? waiting - coming : 0;
}

/* A session with work waiting for it gives way too, but not after each request: 200 PDUs of 50
 * outlets would be 10,000 log-ins. */
static bool may_give_way(const struct lanes_device *device, uint64_t now_ms, bool idle_only)
{
    if (device->state != IDLE)
        return false;
    return !device->queue.count || (!idle_only && now_ms - device->since_ms >= LANES_SLICE_MS);
}

/* Sessions nobody uses now make room first. */
static void make_room(struct lanes *lanes, uint64_t now_ms)
{
    size_t missing = lanes_missing(lanes);
    struct lanes_device *device;
    for (int idle_only = 1; idle_only >= 0; idle_only--)
        DL_FOREACH(lanes->busy, device)
    if (missing && may_give_way(device, now_ms, idle_only)) {
        lanes_end(device, now_ms);
        missing--;
    }
}

void lanes_schedule(struct lanes *lanes, uint64_t now_ms)
{
    struct lanes_device *device, *next;
    lanes->dirty = false;
    make_room(lanes, now_ms);
    DL_FOREACH_SAFE(lanes->busy, device, next)
    {
        if (device->state == IDLE && device->outdated)
            lanes_end(device, now_ms);
        if (device->state == NO_LANE && device->queue.count && lanes->living < LANES_MAX)
            start_lane(lanes, device, now_ms);
        if (device->state == IDLE)
            run_next(lanes, device, now_ms);
        if (device->state == NO_LANE && !device->queue.count)
            lanes_unlist(lanes, device);
        /* A process that could not be started answered one request; the others try again. */
        if (device->state == NO_LANE && device->queue.count && lanes->living < LANES_MAX)
            lanes->dirty = true;
    }
}
