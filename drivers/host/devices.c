#include "drivers/host/devices.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "proto/cleanup.h"

struct device {
    char name[NAME_SIZE];
    struct device_view view;
    void *config; /* what view.config points to */
    UT_hash_handle hh;
};

static struct device *find(const struct devices *devices, const char *name)
{
    struct device *device;
    HASH_FIND_STR(devices->by_name, name, device);
    return device;
}

static struct device *find_or_add(struct devices *devices, const char *name)
{
    struct device *device = find(devices, name);
    if (device)
        return device;
    device = calloc(1, sizeof *device);
    if (!device)
        return NULL;
    (void)snprintf(device->name, sizeof device->name, "%s", name);
    HASH_ADD_STR(devices->by_name, name, device);
    return device;
}

static int check_required(const struct driver_device *device, struct err *err)
{
    for (size_t i = 0; i < driver.options.count; i++) {
        const struct option *row = &driver.options.rows[i];
        bool given = !row->required;
        for (size_t k = 0; !given && k < device->nsettings; k++)
            given = !strcmp(device->settings[k].name, row->name);
        if (!given)
            return err_set(err, ERR_CONFIG, "'%s' is missing", row->name);
    }
    return 0;
}

static const struct driver_credentials *find_credentials(const struct secrets *secrets,
                                                         const char *name)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (!strcmp(secrets->rows[i].name, name))
            return &secrets->rows[i];
    return NULL;
}

static int check(const struct secrets *secrets, const struct driver_device *device, void *config,
                 const struct driver_credentials **credentials, struct err *err)
{
    options_init(driver.options, config);
    for (size_t i = 0; i < device->nsettings; i++)
        if (option_set(driver.options, config, device->settings[i].name, device->settings[i].value,
                       err))
            return -1;
    if (check_required(device, err))
        return -1;
    const char *name = driver.credentials ? driver.credentials(config) : NULL;
    if (!name || !*name)
        return 0;
    *credentials = find_credentials(secrets, name);
    if (!*credentials)
        return err_set(err, ERR_CONFIG, "no secrets were given for the credentials '%s'", name);
    return 0;
}

int devices_put(struct devices *devices, const struct secrets *secrets,
                const struct driver_device *settings, struct err *err)
{
    struct device *device = find_or_add(devices, settings->device);
    _cleanup_(freep) void *config = calloc(1, driver.config_size);
    if (!device || !config)
        return err_set(err, ERR_SYSTEM, "%s: no memory for a device", settings->device);
    free(device->config);
    device->config = NULL;
    device->view = (struct device_view){0};
    if (check(secrets, settings, config, &device->view.credentials, err)) {
        err_prefix(err, "%s", settings->device);
        device->view.refusal = *err;
        return -1;
    }
    device->config = TAKE(config);
    device->view.config = device->config;
    return 0;
}

void devices_refuse(struct devices *devices, const char *name, const struct err *err)
{
    struct device *device = find(devices, name);
    if (!device)
        return;
    device->view.config = NULL;
    device->view.refusal = *err;
}

bool devices_get(const struct devices *devices, const char *name, struct device_view *out)
{
    const struct device *device = find(devices, name);
    if (device)
        *out = device->view;
    return device != NULL;
}

void devices_clear(struct devices *devices)
{
    struct device *device, *next;
    HASH_ITER(hh, devices->by_name, device, next)
    {
        HASH_DEL(devices->by_name, device);
        free(device->config);
        free(device);
    }
}
