#include "agent/io/drivers.h"

#include <stdlib.h>
#include <string.h>

#include "agent/io/log.h"
#include "proto/cleanup.h"

struct drivers {
    uv_loop_t *loop;
    struct drivers_events events;
    uv_timer_t settled; /* on_settled comes from the loop, never from inside a call */
    bool settled_told;
    size_t count, closing;
    struct {
        char name[NAME_SIZE];
        struct driver_link *link;
    } links[DRIVERS_MAX];
    void (*closed)(void *arg);
    void *closed_arg;
};

static void on_settled(uv_timer_t *timer)
{
    struct drivers *drivers = timer->data;
    drivers->events.on_settled(drivers->events.arg);
}

static void check_settled(struct drivers *drivers)
{
    for (size_t i = 0; i < drivers->count; i++)
        if (driver_link_state(drivers->links[i].link) == DRIVER_LINK_WAITING)
            return;
    if (!drivers->settled_told)
        (void)uv_timer_start(&drivers->settled, on_settled, 0, 0);
    drivers->settled_told = true;
}

struct drivers *drivers_new(uv_loop_t *loop, const struct drivers_events *events, struct err *err)
{
    struct drivers *drivers = calloc(1, sizeof *drivers);
    if (!drivers) {
        (void)err_set(err, ERR_SYSTEM, "out of memory for the drivers");
        return NULL;
    }
    drivers->loop = loop;
    drivers->events = *events;
    drivers->settled.data = drivers;
    (void)uv_timer_init(loop, &drivers->settled);
    return drivers;
}

static void on_reply(void *arg, const struct driver_reply *reply)
{
    struct drivers *drivers = arg;
    drivers->events.on_reply(drivers->events.arg, reply);
}

static void on_problem(void *arg, const char *driver, const struct err *err)
{
    (void)arg;
    log_warning("driver=%s problem=%s text=\"%s\"", driver, err_kind_name(err->kind), err->text);
}

static void on_state(void *arg, const char *driver, enum driver_link_state state)
{
    log_info("driver=%s state=%s", driver, driver_link_state_name(state));
    check_settled(arg);
}

static int find(const struct drivers *drivers, const char *name)
{
    for (size_t i = 0; i < drivers->count; i++)
        if (!strcmp(drivers->links[i].name, name))
            return (int)i;
    return -1;
}

static int add(struct drivers *drivers, const char *name, const struct config *config,
               struct err *err)
{
    if (find(drivers, name) >= 0)
        return 0;
    if (drivers->count == DRIVERS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d drivers", DRIVERS_MAX);
    struct driver_link_events events = {on_reply, on_problem, on_state, drivers};
    struct driver_link *link =
        driver_link_new(drivers->loop, name, config->driver_dir, config->state_dir, &events, err);
    if (!link)
        return -1;
    (void)snprintf(drivers->links[drivers->count].name, NAME_SIZE, "%s", name);
    drivers->links[drivers->count++].link = link;
    return 0;
}

static int configure(struct drivers *drivers, size_t index, const struct config *config,
                     struct err *err)
{
    const struct inventory *inventory = config->inventory;
    _cleanup_(freep) const struct device_config **devices =
        calloc(inventory->ndevices + 1, sizeof *devices);
    if (!devices)
        return err_set(err, ERR_SYSTEM, "out of memory for %zu devices", inventory->ndevices);
    struct driver_link_config mine = {.devices = devices,
                                      .credentials = config->credentials,
                                      .ncredentials = config->ncredentials};
    for (size_t i = 0; i < inventory->ndevices; i++)
        if (!strcmp(inventory->devices[i].driver, drivers->links[index].name))
            devices[mine.ndevices++] = &inventory->devices[i].config;
    return driver_link_configure(drivers->links[index].link, &mine, err);
}

int drivers_configure(struct drivers *drivers, const struct config *config, struct err *err)
{
    const struct inventory *inventory = config->inventory;
    for (size_t i = 0; i < inventory->ndevices; i++)
        if (add(drivers, inventory->devices[i].driver, config, err))
            return -1;
    int result = 0;
    for (size_t i = 0; i < drivers->count; i++) {
        struct err here;
        if (!configure(drivers, i, config, &here) || result)
            continue;
        *err = here;
        result = err_prefix(err, "driver %s", drivers->links[i].name);
    }
    check_settled(drivers);
    return result;
}

void drivers_send(struct drivers *drivers, const char *driver, const struct driver_request *request)
{
    int index = find(drivers, driver);
    if (index >= 0) {
        driver_link_request(drivers->links[index].link, request);
        return;
    }
    struct driver_reply reply = {.id = request->id, .op = request->op};
    (void)err_set(&reply.err, ERR_UNREACHABLE, "there is no driver '%s' for %s", driver,
                  request->device);
    drivers->events.on_reply(drivers->events.arg, &reply);
}

size_t drivers_count(const struct drivers *drivers)
{
    return drivers->count;
}

const struct driver_link *drivers_link(const struct drivers *drivers, size_t index,
                                       const char **name)
{
    *name = drivers->links[index].name;
    return drivers->links[index].link;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct drivers *drivers = handle->data;
    void (*closed)(void *) = drivers->closed;
    void *arg = drivers->closed_arg;
    free(drivers);
    if (closed)
        closed(arg);
}

static void on_link_closed(void *arg)
{
    struct drivers *drivers = arg;
    if (--drivers->closing == 0)
        uv_close((uv_handle_t *)&drivers->settled, on_timer_closed);
}

void drivers_close(struct drivers *drivers, void (*closed)(void *arg), void *arg)
{
    drivers->closed = closed;
    drivers->closed_arg = arg;
    drivers->closing = drivers->count + 1;
    for (size_t i = 0; i < drivers->count; i++)
        driver_link_close(drivers->links[i].link, on_link_closed, drivers);
    on_link_closed(drivers);
}
