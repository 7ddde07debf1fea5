#include "drivers/host/lanes_private.h"

#include <sys/epoll.h>
#include <utlist.h>

#include "drivers/host/lanes.h"

static int watch(struct lanes *lanes, struct lanes_bus *bus)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = bus};
    return epoll_ctl(lanes->epoll, EPOLL_CTL_ADD, bus->lane.fd, &event) ||
           epoll_ctl(lanes->epoll, EPOLL_CTL_ADD, bus->lane.pidfd, &event);
}

/* Called in the lane: what it was forked with. */
static bool find_device(const void *arg, const char *name, struct lane_device *out)
{
    const struct lanes_device *device = lanes_find(arg, name);
    if (!device)
        return false;
    *out = (struct lane_device){
        .name = device->name,
        .config = device->config,
        .credentials = device->has_credentials ? &device->credentials : NULL,
    };
    return true;
}

static void start_lane(struct lanes *lanes, struct lanes_bus *bus, uint64_t now_ms)
{
    const struct lane_devices devices = {find_device, lanes, bus->killed};
    struct err err;
    struct waiting first;
    if (lane_start(&bus->lane, bus->key, &devices, &err)) {
        if (lanes_queue_take(&bus->queue, &first)) {
            err_prefix(&err, "%s: %s", first.request.device, op_name(first.request.op));
            lanes_answer(lanes, &first.request, &err);
        }
        return;
    }
    lanes->living++;
    bus->cautious = bus->silent;
    lanes->cautious += bus->cautious;
    bus->state = IDLE;
    bus->since_ms = now_ms;
    bus->outdated = false;
    bus->opened = false;
    if (watch(lanes, bus))
        lanes_kill(bus, now_ms);
}

/* The first request of a lane goes there twice: to open the session, then to be run in it. */
static void run_next(struct lanes *lanes, struct lanes_bus *bus, uint64_t now_ms)
{
    struct waiting next;
    struct err err;
    if (!lanes_queue_take(&bus->queue, &next))
        return;
    lanes_unlist(lanes, bus); /* to the end of the line: others wait longer now */
    lanes_list(lanes, bus);
    if (lane_send(&bus->lane, &next.request, &err)) {
        lanes_kill(bus, now_ms);
        lanes_answer(lanes, &next.request, &err);
        return;
    }
    if (!bus->opened)
        bus->opening = bus->queue.arrived;
    bus->request = next.request;
    bus->until_ms = next.deadline_ms;
    bus->state = RUNNING;
}

static bool waits_for_lane(const struct lanes_bus *bus)
{
    return bus->state == NO_LANE && bus->queue.count;
}

/* Half of the lanes are for those that answer: were there more dead devices than lanes, each would
 * hold one for its whole budget, and the living would have none. */
static bool may_start(const struct lanes *lanes, const struct lanes_bus *bus)
{
    return lanes->living < lanes->max && (!bus->silent || lanes->cautious < lanes->max / 2);
}

/* How many buses with work find every lane taken, less those lanes that are ending already. */
static size_t lanes_missing(const struct lanes *lanes)
{
    const struct lanes_bus *bus;
    size_t waiting = 0, ending = 0;
    DL_FOREACH(lanes->busy, bus)
    {
        waiting += waits_for_lane(bus) && (!bus->silent || lanes->cautious < lanes->max / 2);
        ending += bus->state == ENDING || bus->state == KILLED;
    }
    size_t coming = lanes->max - lanes->living + ending;
    return waiting > coming ? waiting - coming : 0;
}

/* A session with work waiting for it gives way too, but not after each request: 200 PDUs of 50
 * outlets would be 10,000 log-ins. */
static bool may_give_way(const struct lanes_bus *bus, uint64_t now_ms, bool idle_only)
{
    if (bus->state != IDLE)
        return false;
    return !bus->queue.count || (!idle_only && now_ms - bus->since_ms >= LANES_SLICE_MS);
}

/* Sessions nobody uses now make room first. */
static void make_room(struct lanes *lanes, uint64_t now_ms)
{
    size_t missing = lanes_missing(lanes);
    struct lanes_bus *bus;
    for (int idle_only = 1; idle_only >= 0; idle_only--)
        DL_FOREACH(lanes->busy, bus)
    if (missing && may_give_way(bus, now_ms, idle_only)) {
        lanes_end(bus, now_ms);
        missing--;
    }
}

/* Of the silent, who was tried longest ago: so each has its turn, and one that is back is seen. */
static struct lanes_bus *next_silent(const struct lanes *lanes)
{
    struct lanes_bus *bus, *first = NULL;
    DL_FOREACH(lanes->busy, bus)
    if (bus->silent && waits_for_lane(bus) && (!first || bus->since_ms < first->since_ms))
        first = bus;
    return first && may_start(lanes, first) ? first : NULL;
}

static void try_the_silent(struct lanes *lanes, uint64_t now_ms)
{
    struct lanes_bus *bus;
    while ((bus = next_silent(lanes))) {
        start_lane(lanes, bus, now_ms);
        if (bus->state != IDLE) /* no process, or it is not watched: again at the next turn */
            return;
        run_next(lanes, bus, now_ms);
    }
}

void lanes_schedule(struct lanes *lanes, uint64_t now_ms)
{
    struct lanes_bus *bus, *next;
    lanes->dirty = false;
    make_room(lanes, now_ms);
    DL_FOREACH(lanes->busy, bus)
    if (bus->state == IDLE && bus->outdated)
        lanes_end(bus, now_ms);
    DL_FOREACH_SAFE(lanes->busy, bus, next)
    {
        if (!bus->silent && waits_for_lane(bus) && may_start(lanes, bus))
            start_lane(lanes, bus, now_ms);
        if (bus->state == IDLE)
            run_next(lanes, bus, now_ms);
    }
    try_the_silent(lanes, now_ms);
    DL_FOREACH_SAFE(lanes->busy, bus, next)
    {
        /* A process that could not be started answered one request; the others try again. */
        lanes->dirty |= waits_for_lane(bus) && may_start(lanes, bus);
        if (bus->state == NO_LANE && !bus->queue.count) {
            lanes_unlist(lanes, bus);
            lanes_free_if_unused(lanes, bus);
        }
    }
}
