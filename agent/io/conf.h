/* conf.h - the configuration: YAML files in, one checked struct out, or every error at once.
 *
 * Strict: unknown key, duplicate key (also over files), dangling name, value out of range, unsafe
 * secret file: each an error with file:line:column, the source line and a caret.  Either the
 * whole configuration is good, or nothing is taken from it: a reload is all or nothing.
 * Files: the one named, then every .yaml file of the folder conf.d beside it, in C locale order.
 * A path in them that is not absolute is taken from the folder of the file that names it. */
#ifndef POWERCTL_CONF_H
#define POWERCTL_CONF_H

#include <stdint.h>

#include "agent/core/inventory.h"
#include "proto/driver_msg.h"
#include "proto/option.h"

enum { CONF_PATH_SIZE = 256, CONF_INTERFACES_MAX = 16, CONF_LOGS_MAX = 16 };

/* What the boot server is and where it can be watched. */
struct bootserver {
    size_t ninterfaces;
    char interfaces[CONF_INTERFACES_MAX][16]; /* captured on; none: no capture */
    char tftp_root[CONF_PATH_SIZE];
    size_t nlogs;
    char logs[CONF_LOGS_MAX][CONF_PATH_SIZE]; /* followed: dnsmasq's */
};

struct config {
    struct inventory *inventory;
    size_t ncredentials;
    struct driver_credentials *credentials; /* passwords read from their files */
    struct bootserver bootserver;
    uint32_t keep_days, keep_events; /* history: of the journal, whichever is reached first */
    char phone_home_listen[64];      /* "10.1.0.1:8670"; "" : none */
    char socket[CONF_PATH_SIZE];     /* control API; default /run/powerctl/powerctl.sock */
    char socket_group[NAME_SIZE];    /* "" : root only */
    char state_dir[CONF_PATH_SIZE];  /* journal; default /var/lib/powerctl */
    char driver_dir[CONF_PATH_SIZE]; /* programs; default: found from where powerctld is */
};
struct config *config_free(struct config *config); /* wipes the passwords */
void config_freep(struct config **config);

/* What a driver's options are, as its program says (--describe). NULL: no such driver, *err
 * says why. The schema stays the provider's. */
struct conf_drivers {
    const struct option_schema *(*schema)(void *arg, const char *driver_dir, const char *driver,
                                          struct err *err);
    /* What a driver says to devices (driver_device_encode(), lines), by their settings alone:
     * *answers is malloc'd, a refusal a line for those that it cannot use. May be NULL. 0 or -1. */
    int (*check)(void *arg, const char *driver_dir, const char *driver, const char *devices,
                 char **answers, struct err *err);
    void *arg;
};

/* All errors of one run, ready to print, each two or three lines (message, source, caret);
 * at most 50, then "... and N more". */
struct conf_errors {
    size_t count;
    char *text; /* malloc'd; NULL if none */
};
void conf_errors_clear(struct conf_errors *errors);

/* 0 with *out, or -1 with at least one error. `overrides` may be NULL: command-line values for
 * socket, state_dir and driver_dir that win over the files.
 *
 * `warnings`, if given, gets what a good configuration names and this machine has not (yet): an
 * interface, a log, a serial line. It is looked at only then; also when conf_load() fails, clear it. */
struct conf_overrides {
    const char *socket, *state_dir, *driver_dir;
    struct conf_errors *warnings;
};
int conf_load(const char *path, const struct conf_overrides *overrides,
              const struct conf_drivers *drivers, struct config **out, struct conf_errors *errors);

/* The provider that runs DRIVER_DIR/powerctl-driver-NAME --describe, once per driver. Used at
 * start, at reload and by --check-config; may wait for the program (at most 5 s). */
struct conf_drivers *conf_drivers_new(void);
void conf_drivers_free(struct conf_drivers *drivers);

#endif
