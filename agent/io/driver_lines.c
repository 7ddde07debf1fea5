#include "agent/io/driver_lines.h"

#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"

struct driver_lines *driver_lines_free(struct driver_lines *lines)
{
    if (!lines)
        return NULL;
    for (size_t i = 0; i < lines->count; i++)
        free(lines->rows[i].text);
    free(lines->rows);
    if (lines->secrets)
        explicit_bzero(lines->secrets, strlen(lines->secrets));
    free(lines->secrets);
    free(lines);
    return NULL;
}

void driver_lines_freep(struct driver_lines **lines)
{
    *lines = driver_lines_free(*lines);
}

static int by_device(const void *a, const void *b)
{
    return strcmp(((const struct driver_line *)a)->device, ((const struct driver_line *)b)->device);
}

/* Malloc'd; NULL if it cannot be told to a driver. */
static char *device_line(struct driver_device *device, const struct device_config *config,
                         struct err *err)
{
    if (config->nsettings > DRIVER_SETTINGS_MAX) {
        err_set(err, ERR_CONFIG, "device %s: %zu settings, its profile's included; %d is the most",
                config->device, config->nsettings, DRIVER_SETTINGS_MAX);
        return NULL;
    }
    memcpy(device->device, config->device, sizeof device->device);
    device->nsettings = config->nsettings;
    for (size_t i = 0; i < config->nsettings; i++)
        device->settings[i] = config->settings[i];
    char *line = driver_device_encode(device);
    if (!line)
        err_set(err, ERR_CONFIG,
                "device %s: its %zu settings are not UTF-8, or longer than %d bytes together",
                config->device, config->nsettings, DRIVER_LINE_SIZE);
    return line;
}

static int add_devices(struct driver_lines *lines, const struct driver_link_config *config,
                       struct err *err)
{
    lines->rows = calloc(config->ndevices + 1, sizeof *lines->rows);
    _cleanup_(freep) struct driver_device *device = calloc(1, sizeof *device);
    if (!lines->rows || !device)
        return err_set(err, ERR_SYSTEM, "no memory for devices");
    for (size_t i = 0; i < config->ndevices; i++) {
        struct driver_line *line = &lines->rows[lines->count];
        (void)snprintf(line->device, sizeof line->device, "%s", config->devices[i]->device);
        line->text = device_line(device, config->devices[i], err);
        if (!line->text)
            return -1;
        lines->count++;
    }
    qsort(lines->rows, lines->count, sizeof *lines->rows, by_device);
    return 0;
}

static bool is_named(const struct driver_link_config *config, const char *credentials)
{
    for (size_t i = 0; i < config->ndevices; i++) {
        const struct device_config *device = config->devices[i];
        for (size_t k = 0; k < device->nsettings; k++)
            if (!strcmp(device->settings[k].name, "credentials") &&
                !strcmp(device->settings[k].value, credentials))
                return true;
    }
    return false;
}

/* Appends in a fresh buffer, not by realloc(), which leaves a copy of the secrets behind. */
static int append_secret(struct driver_lines *lines, const char *line)
{
    size_t old = strlen(lines->secrets), more = strlen(line);
    char *joined = malloc(old + more + 1);
    if (!joined)
        return -1;
    memcpy(joined, lines->secrets, old);
    memcpy(joined + old, line, more + 1);
    explicit_bzero(lines->secrets, old);
    free(lines->secrets);
    lines->secrets = joined;
    return 0;
}

static int add_secrets(struct driver_lines *lines, const struct driver_link_config *config,
                       struct err *err)
{
    lines->secrets = strdup("");
    if (!lines->secrets)
        return err_set(err, ERR_SYSTEM, "no memory for secrets");
    for (size_t i = 0; i < config->ncredentials; i++) {
        if (!is_named(config, config->credentials[i].name))
            continue;
        char *line = driver_credentials_encode(&config->credentials[i]);
        if (!line)
            return err_set(err, ERR_CONFIG, "credentials %s: user or password is not UTF-8",
                           config->credentials[i].name);
        int failed = append_secret(lines, line);
        explicit_bzero(line, strlen(line));
        free(line);
        if (failed)
            return err_set(err, ERR_SYSTEM, "no memory for secrets");
    }
    return 0;
}

struct driver_lines *driver_lines_new(const struct driver_link_config *config, struct err *err)
{
    _cleanup_(driver_lines_freep) struct driver_lines *lines = calloc(1, sizeof *lines);
    if (!lines)
        err_set(err, ERR_SYSTEM, "no memory for devices");
    if (!lines || add_devices(lines, config, err) || add_secrets(lines, config, err))
        return NULL;
    return TAKE(lines);
}

static const struct driver_line *find(const struct driver_lines *lines,
                                      const struct driver_line *line)
{
    return bsearch(line, lines->rows, lines->count, sizeof *lines->rows, by_device);
}

bool driver_lines_has(const struct driver_lines *lines, const struct driver_line *line)
{
    const struct driver_line *known = find(lines, line);
    return known && !strcmp(known->text, line->text);
}

bool driver_lines_can_follow(const struct driver_lines *old, const struct driver_lines *now)
{
    for (size_t i = 0; i < old->count; i++)
        if (!find(now, &old->rows[i]))
            return false;
    return !strcmp(old->secrets, now->secrets);
}
