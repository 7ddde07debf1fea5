#include <stdio.h>
#include <stdlib.h>

#include "drivers/host/host.h"
#include "proto/cleanup.h"

static void send_line(struct host *host, const char *line)
{
    if (!line || outbox_add(&host->out, line))
        host->deaf = true;
}

static void send_reply(struct host *host, const struct driver_reply *reply)
{
    _cleanup_(freep) char *line = driver_reply_encode(reply);
    send_line(host, line);
}

void host_take_reply(void *arg, const struct driver_reply *reply)
{
    struct host *host = arg;
    if (calls_take(&host->calls, reply->id))
        send_reply(host, reply);
}

void host_expire(struct host *host)
{
    struct driver_reply reply;
    while (calls_expire(&host->calls, host->now_ms, &reply))
        send_reply(host, &reply);
}

static void refuse(struct host *host, const char *device, const struct err *err)
{
    _cleanup_(freep) char *line = driver_refusal_encode(device, err);
    devices_refuse(&host->devices, device, err);
    send_line(host, line);
}

static void take_device(struct host *host, const struct driver_device *device)
{
    struct err err;
    struct device_view view;
    if (devices_put(&host->devices, &host->secrets, device, &err)) {
        refuse(host, device->device, &err);
        return;
    }
    if (devices_get(&host->devices, device->device, &view) &&
        host->engine->add(host->state, device->device, view.config, view.credentials, &err))
        refuse(host, device->device, &err);
}

static int find_device(const struct host *host, const char *name, struct err *err)
{
    struct device_view view;
    if (!devices_get(&host->devices, name, &view))
        return err_set(err, ERR_CONFIG, "%s: the %s driver was not told of this device", name,
                       driver.name);
    if (view.config)
        return 0;
    *err = view.refusal;
    err->kind = ERR_CONFIG;
    return -1;
}

static void take_request(struct host *host, struct driver_request *request)
{
    struct driver_reply reply = {.id = request->id, .op = request->op};
    request->asked_ms = host->now_ms;
    if (find_device(host, request->device, &reply.err)) {
        send_reply(host, &reply);
        return;
    }
    if (calls_add(&host->calls, request, host->now_ms, &reply.err) == 0)
        host->engine->submit(host->state, request, host->now_ms);
    else if (reply.err.kind == ERR_USAGE) /* two answers with one id would help nobody */
        (void)fprintf(stderr, "a request was skipped: %s\n", reply.err.text);
    else
        send_reply(host, &reply);
}

void host_take_line(void *arg, const char *line)
{
    struct host *host = arg;
    static struct driver_order order; /* 30 KiB: not for the stack of each line */
    struct err err;
    if (!line) {
        (void)fprintf(stderr, "a line longer than %d bytes was skipped\n", DRIVER_LINE_SIZE - 1);
        return;
    }
    if (driver_order_decode(line, &order, &err)) {
        (void)fprintf(stderr, "a line was skipped: %s\n", err.text);
        return;
    }
    if (order.kind == DRIVER_MSG_DEVICE)
        take_device(host, &order.device);
    else
        take_request(host, &order.request);
}
