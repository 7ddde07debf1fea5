/* fixed_drivers.h - one driver, "ipmi", described without a program: for tests of the config. */
#ifndef POWERCTL_TESTS_FIXED_DRIVERS_H
#define POWERCTL_TESTS_FIXED_DRIVERS_H

#include <string.h>

#include "agent/io/conf.h"
#include "proto/cleanup.h"

static inline const struct option_schema *fixed_schema(void *arg, const char *driver_dir,
                                                       const char *driver, struct err *err)
{
    static const char *const privileges[] = {"user", "operator", "administrator", NULL};
    static const char *const workarounds[] = {"authcap", "idzero", "slow", NULL};
    static const struct option rows[] = {
        {.name = "host", .type = OPTION_TEXT, .required = true},
        {.name = "port", .type = OPTION_UINT, .fallback = "623", .min = 1, .max = 65535},
        {.name = "credentials", .type = OPTION_TEXT, .max = 63},
        {.name = "privilege", .type = OPTION_CHOICE, .choices = privileges},
        {.name = "workarounds", .type = OPTION_FLAGS, .choices = workarounds},
    };
    static char name[] = "ipmi", help[] = "BMCs";
    static const struct option_schema schema = {
        .driver = name,
        .help = help,
        .table = {rows, ARRAY_SIZE(rows)},
    };
    (void)arg;
    (void)driver_dir;
    if (!strcmp(driver, name))
        return &schema;
    (void)err_set(err, ERR_CONFIG, "there is no such driver");
    return NULL;
}

static const struct conf_drivers fixed_drivers = {.schema = fixed_schema};

#endif
