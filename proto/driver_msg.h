/* driver_msg.h - what the agent and a driver program say to each other: one JSON object a
 * line, over the driver's stdin and stdout.
 *
 *   agent:  {"device":"bmc-n01","settings":{"host":"10.1.0.11","credentials":"bmc"}}
 *   agent:  {"id":7,"device":"bmc-n01","op":"power-status","budget_ms":5000}
 *   driver: {"id":7,"result":"ok","power":"on"}
 *   driver: {"id":8,"result":"failed","error":"unreachable","sent":"no","text":"no answer ..."}
 *   driver: {"device":"bmc-n01","error":"config","text":"..."}   a device it cannot use
 *
 * Secrets travel apart, on inherited descriptor DRIVER_SECRETS_FD, which the agent writes and
 * closes: {"credentials":"bmc","user":"ops","password":"..."} a line.
 * `DRIVER --describe` prints its options as one JSON object (option.h) and exits.
 *
 * Requests and replies are plain structs: copy, compare, print, send. */
#ifndef POWERCTL_DRIVER_MSG_H
#define POWERCTL_DRIVER_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/words.h"

enum {
    DRIVER_SECRETS_FD = 3,
    DRIVER_LOCK_FD = 4,       /* held while the driver lives; a new agent waits for it */
    DRIVER_LINE_SIZE = 16384, /* longest line, either way */
    DRIVER_SETTINGS_MAX = 96, /* a register map has some sixty */
    DRIVER_SETTING_SIZE = 256,
};

struct driver_setting {
    char name[NAME_SIZE];
    char value[DRIVER_SETTING_SIZE]; /* always text; lists are joined by ',' */
};

struct driver_device {
    char device[NAME_SIZE];
    size_t nsettings;
    struct driver_setting settings[DRIVER_SETTINGS_MAX];
};

struct driver_request {
    uint64_t id; /* chosen by the agent, never 0, never reused while the agent lives */
    char device[NAME_SIZE];
    enum op op;
    enum boot_device boot_device; /* OP_BOOT_SET */
    enum firmware firmware;       /* OP_BOOT_SET */
    uint32_t seconds;             /* OP_IDENTIFY: how long; 0: stop */
    uint32_t outlet;              /* PDUs; 0: the device has no outlets */
    uint32_t budget_ms;           /* the reply comes within it, whatever happens */
    uint32_t keep_ms;             /* more for this device is likely within it: a session is worth
                                     keeping that long; 0: it is not */
    uint64_t settings; /* inventory_fingerprint() of the device; journaled, not on the wire */
    uint64_t asked_ms; /* when the driver's host took it in, CLOCK_MONOTONIC; not on the wire.
                          What was read from a device since then answers a question */
};

/* IPMI's boot flags, as read. Nothing is implied: valid false means "no override set". */
struct next_boot {
    bool valid, persistent, uefi;
    enum boot_device device;
};

/* What a device can tell about its host's last restart. A `has_` that is false: this device
 * does not say. */
struct restart_evidence {
    bool has_cause, has_last_event, has_power_on_minutes;
    uint8_t cause;      /* IPMI Get System Restart Cause, byte 2 low nibble */
    uint8_t last_event; /* IPMI Get Chassis Status, byte 3: last power event */
    uint32_t power_on_minutes;
};

struct device_info {
    char guid[37];    /* "" if the device has none */
    char model[64];   /* "manufacturer 343, product 48, firmware 1.02", or better */
    char session[64]; /* how it let us in: "suite 17, operator", "modbus tcp, unit 1"; or "" */
    uint32_t outlets; /* how many it says it has; 0: it does not say */
};

struct driver_reply {
    uint64_t id;
    enum op op; /* of the request; not on the wire: the receiver fills it in from the id */
    bool ok;
    struct err err;   /* if !ok; err.sent tells whether the command may have reached the device */
    enum power power; /* POWER_UNKNOWN unless this reply says it */
    bool has_next_boot, has_evidence, has_info, has_watts;
    struct next_boot next_boot;       /* OP_BOOT_GET, OP_BOOT_SET: as read back */
    struct restart_evidence evidence; /* OP_EVIDENCE */
    struct device_info info;          /* OP_INFO */
    uint32_t milliwatts;              /* OP_STATUS: what the outlet draws, where it is metered */
};

/* A secret is a struct so that printf("%s", password) does not compile. */
struct secret {
    char bytes[64]; /* IPMI takes 20, iLO 39; NUL-terminated */
};

struct driver_credentials {
    char name[NAME_SIZE];
    char user[NAME_SIZE];
    struct secret password;
};

/* Encoders return a malloc'd line with its '\n', or NULL: memory ran out, the line would be
 * longer than DRIVER_LINE_SIZE, or a name, setting or secret is not UTF-8 (texts for people are
 * made so).
 * Decoders are strict (unknown or missing key, wrong type, out of range: -1, *out untouched).
 * Of an order only the part that `kind` names is filled in, its texts up to their NUL. */
char *driver_device_encode(const struct driver_device *device);
char *driver_request_encode(const struct driver_request *request);
char *driver_reply_encode(const struct driver_reply *reply);
char *driver_refusal_encode(const char *device, const struct err *err);
char *driver_credentials_encode(const struct driver_credentials *credentials);

enum driver_msg_kind { DRIVER_MSG_DEVICE, DRIVER_MSG_REQUEST };
struct driver_order { /* a line from the agent */
    enum driver_msg_kind kind;
    struct driver_device device;
    struct driver_request request;
};
int driver_order_decode(const char *line, struct driver_order *out, struct err *err);

enum driver_answer_kind { DRIVER_ANSWER_REPLY, DRIVER_ANSWER_REFUSAL };
struct driver_answer { /* a line from the driver */
    enum driver_answer_kind kind;
    struct driver_reply reply;
    char device[NAME_SIZE]; /* DRIVER_ANSWER_REFUSAL: the device it cannot use, and why */
    struct err refusal;
};
int driver_answer_decode(const char *line, struct driver_answer *out, struct err *err);

int driver_credentials_decode(const char *line, struct driver_credentials *out, struct err *err);

#endif
