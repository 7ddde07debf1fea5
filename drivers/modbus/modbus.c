/* modbus - PDUs, relay boards and relays at power buttons, over RTU and TCP.
 *
 * Which registers mean what is data (map.h). A session is a line, and serves all units on it. */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/driver.h"
#include "drivers/modbus/session.h"

struct modbus {
    struct line *line;
    struct session *session;
};

static void modbus_close_session(void *arg)
{
    struct modbus *modbus = arg;
    if (!modbus)
        return;
    (void)session_free(modbus->session);
    (void)line_free(modbus->line);
    free(modbus);
}

static struct modbus *modbus_make(const struct modbus_map *map, struct err *err)
{
    struct modbus *modbus = calloc(1, sizeof *modbus);
    if (modbus)
        modbus->line = line_new(map);
    if (modbus && modbus->line)
        modbus->session = session_new(map, &line_real, modbus->line, err);
    else
        err_set(err, ERR_SYSTEM, "no memory");
    if (modbus && modbus->session)
        return modbus;
    modbus_close_session(modbus);
    return NULL;
}

static void name_line(const struct modbus_map *map, char text[BUS_SIZE])
{
    if (map->transport == TRANSPORT_RTU)
        (void)snprintf(text, BUS_SIZE, "%s", map->serial);
    else
        (void)snprintf(text, BUS_SIZE, "%s:%u", map->host, map->port);
}

static void *modbus_open(const char *device, const void *config,
                         const struct driver_credentials *credentials, struct err *err)
{
    const struct modbus_map *map = config;
    char where[BUS_SIZE];
    (void)credentials;
    if (map_check(map, err)) { /* its line may be what is wrong with it */
        err_prefix(err, "%s", device);
        return NULL;
    }
    struct modbus *modbus = modbus_make(map, err);
    if (modbus && session_open(modbus->session, err) == 0)
        return modbus;
    modbus_close_session(modbus);
    name_line(map, where);
    err_prefix(err, "%s", where);
    return NULL;
}

static void modbus_after_kill(void *session, const void *config)
{
    session_expect_late(((struct modbus *)session)->session, config);
}

static void modbus_run(void *session, const void *config, const struct driver_request *request,
                       struct driver_reply *reply)
{
    struct modbus *modbus = session;
    session_run(modbus->session, config, request, reply);
}

/* One line is one line by whatever name: /dev/serial/by-id/.. and ttyUSB0, PDU-A and pdu-a. */
static void modbus_bus(const void *config, char text[BUS_SIZE])
{
    const struct modbus_map *map = config;
    char path[PATH_MAX];
    name_line(map, text);
    if (map->transport == TRANSPORT_RTU) {
        if (realpath(map->serial, path) && strlen(path) < BUS_SIZE)
            (void)snprintf(text, BUS_SIZE, "%s", path);
        return;
    }
    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
}

static int modbus_check(const void *config, struct err *err)
{
    return map_check(config, err);
}

static const struct driver_blocking blocking = {
    .open = modbus_open,
    .run = modbus_run,
    .close = modbus_close_session,
    .bus = modbus_bus,
    .after_kill = modbus_after_kill,
};

const struct driver driver = {
    .name = "modbus",
    .help = "PDUs and relay boards over Modbus RTU and TCP; which registers is said by a profile",
    .options = {map_rows, MAP_ROWS},
    .config_size = sizeof(struct modbus_map),
    .check = modbus_check,
    .blocking = &blocking,
};
