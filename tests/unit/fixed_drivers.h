/* fixed_drivers.h - two drivers, "ipmi" and "pdu", described without a program: for tests of the
 * config. Not all that "pdu" needs is likely to stand in a device: it is for profiles. */
#ifndef POWERCTL_TESTS_FIXED_DRIVERS_H
#define POWERCTL_TESTS_FIXED_DRIVERS_H

#include <string.h>

#include "agent/io/conf.h"
#include "proto/cleanup.h"

static inline const struct option_schema *fixed_pdu(void)
{
    static const char *const transports[] = {"tcp", "rtu", NULL};
    static const char *const parities[] = {"none", "even", "odd", NULL};
    static const char *const kinds[] = {"outlet", "button", NULL};
    static const struct option rows[] = {
        {.name = "transport", .type = OPTION_CHOICE, .fallback = "tcp", .choices = transports},
        {.name = "host", .type = OPTION_TEXT},
        {.name = "port", .type = OPTION_UINT, .fallback = "502", .min = 1, .max = 65535},
        {.name = "serial", .type = OPTION_TEXT},
        {.name = "baud", .type = OPTION_UINT, .fallback = "9600", .min = 300, .max = 921600},
        {.name = "parity", .type = OPTION_CHOICE, .fallback = "none", .choices = parities},
        {.name = "stop_bits", .type = OPTION_UINT, .fallback = "1", .min = 1, .max = 2},
        {.name = "rs485", .type = OPTION_BOOL, .fallback = "false"},
        {.name = "unit", .type = OPTION_UINT, .fallback = "1", .min = 1, .max = 255},
        {.name = "any_unit", .type = OPTION_BOOL, .fallback = "false"},
        {.name = "timeout_ms", .type = OPTION_UINT, .fallback = "1000"},
        {.name = "kind", .type = OPTION_CHOICE, .fallback = "outlet", .choices = kinds},
        {.name = "outlets", .type = OPTION_UINT, .min = 1, .max = 64},
        {.name = "settle_ms", .type = OPTION_UINT, .fallback = "100", .max = 60000},
        {.name = "hold_ms", .type = OPTION_UINT, .fallback = "6000", .min = 1000, .max = 60000},
        {.name = "dwell_ms", .type = OPTION_UINT, .fallback = "0", .max = 600000},
        {.name = "stagger_ms", .type = OPTION_UINT, .fallback = "500", .max = 600000},
        {.name = "read_function",
         .type = OPTION_UINT,
         .max = 4,
         .required = true,
         .help = "how an outlet's state is read: 1 coils, 2 discrete inputs"},
        {.name = "read_address", .type = OPTION_UINT, .max = 65535},
        {.name = "read_on", .type = OPTION_UINTS, .fallback = "1", .max = 65535},
        {.name = "write_bank", .type = OPTION_BOOL, .fallback = "false"},
        {.name = "pulse_ms", .type = OPTION_UINT, .max = 600000},
        {.name = "pulse_time_function", .type = OPTION_UINT, .max = 16},
        {.name = "pulse_time_unit_ms", .type = OPTION_UINT, .max = 60000},
    };
    static char name[] = "pdu", help[] = "outlets";
    static const struct option_schema schema = {
        .driver = name,
        .help = help,
        .table = {rows, ARRAY_SIZE(rows)},
    };
    return &schema;
}

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
    if (!strcmp(driver, "pdu"))
        return fixed_pdu();
    (void)err_set(err, ERR_CONFIG, "there is no such driver");
    return NULL;
}

static const struct conf_drivers fixed_drivers = {.schema = fixed_schema};

#endif
