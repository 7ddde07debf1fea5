#include "drivers/host/lanes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <utlist.h>

#include "drivers/host/lanes_private.h"
#include "proto/cleanup.h"

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
    return lanes;
}

static struct lanes_device *find(struct lanes *lanes, const char *name)
{
    struct lanes_device *device;
    HASH_FIND_STR(lanes->by_name, name, device);
    return device;
}

static int lanes_add(void *engine, const char *name, const void *config,
                     const struct driver_credentials *credentials, struct err *err)
{
    struct lanes *lanes = engine;
    struct lanes_device *device = find(lanes, name);
    struct lanes_device *fresh = device ? NULL : calloc(1, sizeof *fresh);
    void *copy = malloc(driver.config_size);
    if ((!device && !fresh) || !copy) {
        free(fresh);
        free(copy);
        return err_set(err, ERR_SYSTEM, "%s: no memory for a device", name);
    }
    if (fresh) {
        device = fresh;
        (void)snprintf(device->name, sizeof device->name, "%s", name);
        HASH_ADD_STR(lanes->by_name, name, device);
    }
    lanes_replace(lanes, device);
    free(device->config);
    device->config = memcpy(copy, config, driver.config_size);
    device->has_credentials = credentials != NULL;
    device->credentials = credentials ? *credentials : (struct driver_credentials){0};
    device->outdated = device->state != NO_LANE;
    lanes->dirty = true;
    return 0;
}

void lanes_answer(struct lanes *lanes, const struct driver_request *request, const struct err *err)
{
    struct driver_reply reply = {.id = request->id, .op = request->op, .err = *err};
    lanes->host.reply(lanes->host.arg, &reply);
}

void lanes_list(struct lanes *lanes, struct lanes_device *device)
{
    if (!device->listed)
        DL_APPEND(lanes->busy, device);
    device->listed = true;
}

void lanes_unlist(struct lanes *lanes, struct lanes_device *device)
{
    if (device->listed)
        DL_DELETE(lanes->busy, device);
    device->listed = false;
}

static void lanes_submit(void *engine, const struct driver_request *request, uint64_t now_ms)
{
    struct lanes *lanes = engine;
    struct lanes_device *device = find(lanes, request->device);
    struct err err;
    if (!device)
        err_set(&err, ERR_CONFIG, "%s: no such device", request->device);
    if (!device || lanes_queue_add(&device->queue, request, now_ms, LANES_QUEUE_MAX, &err)) {
        lanes_answer(lanes, request, &err);
        return;
    }
    lanes_list(lanes, device);
    lanes->dirty = true;
}

static void lanes_turn(void *engine, uint64_t now_ms)
{
    struct lanes *lanes = engine;
    struct epoll_event events[2 * LANES_MAX];
    int count = epoll_wait(lanes->epoll, events, ARRAY_SIZE(events), 0);
    for (int i = 0; i < count; i++)
        lanes_moved(lanes, events[i].data.ptr, now_ms);
    struct lanes_device *device;
    DL_FOREACH(lanes->busy, device)
    {
        lanes_expire(lanes, device, now_ms);
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
    const struct lanes_device *device;
    DL_FOREACH(lanes->busy, device)
    {
        uint64_t own = lanes_queue_deadline(&device->queue);
        if (device->state != NO_LANE && device->until_ms < own)
            own = device->until_ms;
        if (own < deadline_ms)
            deadline_ms = own;
    }
    return deadline_ms;
}

int lanes_pid(void *engine, const char *name)
{
    const struct lanes_device *device = find(engine, name);
    return device && device->state != NO_LANE ? device->lane.pid : 0;
}

/* Lanes that were killed have nothing to wait for but the kernel. */
static void reap_now(struct lanes_device *device)
{
    int status;
    if (device->state == NO_LANE)
        return;
    lane_kill(&device->lane);
    for (int tries = 0; tries < 100 && !lane_reap(&device->lane, &status); tries++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void lanes_destroy(void *engine)
{
    struct lanes *lanes = engine;
    struct lanes_device *device, *next;
    struct waiting dropped;
    HASH_ITER(hh, lanes->by_name, device, next)
    {
        HASH_DEL(lanes->by_name, device);
        reap_now(device);
        while (lanes_queue_take(&device->queue, &dropped))
            continue;
        explicit_bzero(&device->credentials, sizeof device->credentials);
        free(device->config);
        free(device);
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
