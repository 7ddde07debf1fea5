#include "drivers/host/lanes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <utlist.h>

#include "drivers/host/lanes_private.h"
#include "proto/cleanup.h"

/* The host's own: stdin, stdout, stderr, secrets, lock, epoll, and some to spare. */
enum { OWN_DESCRIPTORS = 32, DESCRIPTORS_PER_LANE = 2 };

/* 1,024 is what shells and systemd give; up to the hard limit they may be had for the asking. */
static size_t lanes_that_fit(void)
{
    const rlim_t wanted = OWN_DESCRIPTORS + DESCRIPTORS_PER_LANE * LANES_MAX;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files))
        return 1;
    if (files.rlim_cur < wanted) {
        files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &files);
        (void)getrlimit(RLIMIT_NOFILE, &files);
    }
    if (files.rlim_cur >= wanted)
        return LANES_MAX;
    if (files.rlim_cur < OWN_DESCRIPTORS + 2 * DESCRIPTORS_PER_LANE)
        return 1; /* and if even that does not fit, its request says so */
    return (files.rlim_cur - OWN_DESCRIPTORS) / DESCRIPTORS_PER_LANE;
}

static void *lanes_create(const struct driver_host *host, struct err *err)
{
    struct lanes *lanes = calloc(1, sizeof *lanes);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!lanes || epoll < 0) {
        err_set(err, ERR_SYSTEM, "no lanes: %s", strerror(errno));
        closep(&epoll);
        free(lanes);
        return NULL;
    }
    lanes->host = *host;
    lanes->epoll = epoll;
    lanes->max = lanes_that_fit();
    return lanes;
}

static struct lanes_device *find_or_add(struct lanes *lanes, const char *name)
{
    struct lanes_device *device = lanes_find(lanes, name);
    if (device || !(device = calloc(1, sizeof *device)))
        return device;
    (void)snprintf(device->name, sizeof device->name, "%s", name);
    HASH_ADD_STR(lanes->by_name, name, device);
    return device;
}

static int lanes_add(void *engine, const char *name, const void *config,
                     const struct driver_credentials *credentials, struct err *err)
{
    struct lanes *lanes = engine;
    struct lanes_device *device = find_or_add(lanes, name);
    _cleanup_(freep) void *copy = malloc(driver.config_size);
    if (device)
        lanes_replace(lanes, device);
    if (!device || !copy || lanes_join(lanes, device, config))
        return err_set(err, ERR_SYSTEM, "%s: no memory for a device", name);
    free(device->config);
    device->config = memcpy(TAKE(copy), config, driver.config_size);
    device->has_credentials = credentials != NULL;
    device->credentials = credentials ? *credentials : (struct driver_credentials){0};
    lanes->dirty = true;
    return 0;
}

void lanes_answer(struct lanes *lanes, const struct driver_request *request, const struct err *err)
{
    struct driver_reply reply = {.id = request->id, .op = request->op, .err = *err};
    lanes->host.reply(lanes->host.arg, &reply);
}

static void lanes_submit(void *engine, const struct driver_request *request, uint64_t now_ms)
{
    struct lanes *lanes = engine;
    struct lanes_device *device = lanes_find(lanes, request->device);
    struct err err;
    bool known = device && device->config;
    if (!known)
        err_set(&err, ERR_CONFIG, "%s: no such device", request->device);
    if (!known || lanes_queue_add(&device->bus->queue, request, now_ms, LANES_QUEUE_MAX, &err)) {
        lanes_answer(lanes, request, &err);
        return;
    }
    lanes_list(lanes, device->bus);
    lanes->dirty = true;
}

static void lanes_turn(void *engine, uint64_t now_ms)
{
    struct lanes *lanes = engine;
    struct epoll_event events[DESCRIPTORS_PER_LANE * LANES_MAX];
    int count = epoll_wait(lanes->epoll, events, ARRAY_SIZE(events), 0);
    for (int i = 0; i < count; i++)
        lanes_moved(lanes, events[i].data.ptr, now_ms);
    struct lanes_bus *bus;
    DL_FOREACH(lanes->busy, bus)
    {
        lanes_expire(lanes, bus, now_ms);
    }
    lanes_schedule(lanes, now_ms);
}

static int lanes_fd(void *engine)
{
    return ((struct lanes *)engine)->epoll;
}

static uint64_t lanes_deadline(void *engine)
{
    const struct lanes *lanes = engine;
    uint64_t deadline_ms = UINT64_MAX;
    if (lanes->dirty)
        return 0;
    const struct lanes_bus *bus;
    DL_FOREACH(lanes->busy, bus)
    {
        uint64_t own = lanes_queue_deadline(&bus->queue);
        if (bus->state != NO_LANE && bus->until_ms < own)
            own = bus->until_ms;
        if (own < deadline_ms)
            deadline_ms = own;
    }
    return deadline_ms;
}

int lanes_pid(void *engine, const char *name)
{
    const struct lanes_device *device = lanes_find(engine, name);
    return device && device->bus->state != NO_LANE ? device->bus->lane.pid : 0;
}

void lanes_limit(void *engine, size_t max)
{
    ((struct lanes *)engine)->max = max;
}

/* Lanes that were killed have nothing to wait for but the kernel. */
static void reap_now(struct lanes_bus *bus)
{
    int status;
    if (bus->state == NO_LANE)
        return;
    for (int tries = 0; tries < 1000 && !lane_reap(&bus->lane, &status); tries++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void lanes_destroy(void *engine)
{
    struct lanes *lanes = engine;
    struct lanes_device *device, *next_device;
    struct lanes_bus *bus, *next_bus;
    struct waiting dropped;
    HASH_ITER(hh, lanes->by_name, device, next_device)
    {
        HASH_DEL(lanes->by_name, device);
        explicit_bzero(&device->credentials, sizeof device->credentials);
        free(device->config);
        free(device);
    }
    for (bus = lanes->by_key; bus; bus = bus->hh.next)
        if (bus->state != NO_LANE)
            lane_kill(&bus->lane);
    HASH_ITER(hh, lanes->by_key, bus, next_bus)
    {
        HASH_DEL(lanes->by_key, bus);
        reap_now(bus);
        while (lanes_queue_take(&bus->queue, &dropped))
            continue;
        free(bus);
    }
    (void)close(lanes->epoll);
    free(lanes);
}

const struct driver_engine lanes_engine = {
    .create = lanes_create,
    .add = lanes_add,
    .submit = lanes_submit,
    .fd = lanes_fd,
    .deadline = lanes_deadline,
    .turn = lanes_turn,
    .destroy = lanes_destroy,
};
