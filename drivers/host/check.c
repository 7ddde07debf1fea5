/* --check: devices in, as when serving, and a refusal out for each whose settings contradict each
 * other.  Nothing is opened and nobody is asked: it is for the agent's reading of a configuration. */
#include <stdio.h>
#include <stdlib.h>

#include "drivers/driver.h"
#include "drivers/host/check.h"
#include "proto/cleanup.h"

/* More than this say no more: a rack with one bad profile has one thing to mend. The agent reads at
 * most 64 KiB. */
enum { REFUSALS_MAX = 100 };

static int check_device(const struct driver_device *device, struct err *err)
{
    _cleanup_(freep) void *config = calloc(1, driver.config_size);
    if (!config)
        return err_set(err, ERR_SYSTEM, "no memory for a device");
    options_init(driver.options, config);
    for (size_t i = 0; i < device->nsettings; i++)
        if (option_set(driver.options, config, device->settings[i].name, device->settings[i].value,
                       err))
            return -1;
    return driver.check(config, err);
}

int host_check(struct err *err)
{
    _cleanup_(freep) struct driver_order *order = malloc(sizeof *order);
    _cleanup_(freep) char *line = NULL;
    size_t size = 0, refusals = 0;
    struct err refusal;
    if (!order)
        return err_set(err, ERR_SYSTEM, "no memory for a device");
    while (driver.check && refusals < REFUSALS_MAX && getline(&line, &size, stdin) > 0) {
        if (driver_order_decode(line, order, err))
            return -1;
        if (order->kind != DRIVER_MSG_DEVICE)
            return err_set(err, ERR_PROTOCOL, "a request, where only devices are checked");
        if (!check_device(&order->device, &refusal))
            continue;
        _cleanup_(freep) char *answer = driver_refusal_encode(order->device.device, &refusal);
        if (!answer || fputs(answer, stdout) < 0)
            return err_set(err, ERR_SYSTEM, "cannot tell what is wrong with '%s'",
                           order->device.device);
        refusals++;
    }
    return fflush(stdout) ? err_set(err, ERR_SYSTEM, "nobody reads what is wrong") : 0;
}
