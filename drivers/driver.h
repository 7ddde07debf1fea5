/* driver.h - the interface between drivers/host (main() of every driver program) and a driver.
 *
 * What a driver promises:
 *  - one reply to each request, within its budget_ms, whatever the device does;
 *  - "on" and "off" mean "the device accepted it": the core reads the state to see it happen;
 *  - OP_STATUS answers on or off only when the device said exactly that; otherwise it fails. Of an
 *    outlet that is metered it tells the watts too;
 *  - a question may be answered by what was read from the device since request.asked_ms, so that
 *    24 questions about a PDU's outlets are one reading; never by what was read before;
 *  - a command to an outlet is sent only after the device was recognised in this session;
 *  - OP_BOOT_SET sets a one-shot override and reads it back in the same session; what was read
 *    is in the reply, matching or not: the core compares;
 *  - err.sent is SENT_NO only if no byte of the command itself can have reached the device,
 *    SENT_YES if the device acknowledged or refused it, else SENT_MAYBE;
 *  - a command that changes something is never sent a second time in a way that could be
 *    executed twice (ipmi: a copy has its first one's session sequence number, which a BMC obeys
 *    once where it keeps a window of them; OpenBMC does not check it, so copies are few and soon);
 *  - a request's keep_ms is a hint, and may be ignored; a session kept is one the device may have
 *    forgotten: what is asked in it follows the same rules of `sent`;
 *  - an operation the device lacks: ERR_UNSUPPORTED, naming the operation and the device;
 *  - err.text names the device's address, what was tried and what came back;
 *  - a device that is dead, slow or talks nonsense costs the other devices nothing.
 *
 * A driver comes in one of two styles, behind the same messages:
 *  - an engine: event-driven, all devices from one loop (drivers/ipmi);
 *  - blocking: straight-line code, run by the host in lanes (worker processes), one device on
 *    one lane at a time, killed when it overruns its budget (drivers/fake, drivers/modbus).
 *
 * No driver logs, forks, starts threads, reads files of ours, or calls exit(). */
#ifndef POWERCTL_DRIVER_H
#define POWERCTL_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/driver_msg.h"
#include "proto/option.h"

/* Given to an engine by the host. `reply` hands a finished reply over (copied); it may be
 * called from submit() and turn(). */
struct driver_host {
    void (*reply)(void *arg, const struct driver_reply *reply);
    void *arg;
};

/* Event-driven. The host waits on fd() and deadline(), then calls turn(). Times are
 * CLOCK_MONOTONIC milliseconds. */
struct driver_engine {
    void *(*create)(const struct driver_host *host, struct err *err);
    /* `config` is a filled-in struct of the driver's option table, `credentials` may be NULL;
     * both are copied. A device that is there already is replaced; its requests in flight are
     * answered first (ERR_DEVICE, sent as it stands). */
    int (*add)(void *engine, const char *device, const void *config,
               const struct driver_credentials *credentials, struct err *err);
    void (*submit)(void *engine, const struct driver_request *request, uint64_t now_ms);
    int (*fd)(void *engine);            /* readable when turn() has something to do */
    uint64_t (*deadline)(void *engine); /* when turn() wants to run next; UINT64_MAX: never */
    void (*turn)(void *engine, uint64_t now_ms);
    void (*destroy)(void *engine); /* ends sessions as far as that takes no waiting */
};

/* Blocking. Runs in a lane; may block for as long as it likes: the host kills it. `open` makes
 * the session (NULL: failed); `run` does one request in it; `close` ends it. The host calls
 * open before the first run, keeps the session while requests come, closes it after.
 *
 * Several devices on one wire are one lane with one session: all whose `bus` writes the same text
 * (NULL: each device has its own). `open` gets the settings of the device that was asked first;
 * the settings of the line itself are the same for all of them (the agent sees to that), and `run`
 * gets those of the device that is meant.  Such a driver mends its connection itself: the host ends
 * the session of a bus only when it is idle, overrun, or a device's settings were replaced. */
enum { BUS_SIZE = 512 };
struct driver_blocking {
    void *(*open)(const char *device, const void *config,
                  const struct driver_credentials *credentials, struct err *err);
    void (*run)(void *session, const void *config, const struct driver_request *request,
                struct driver_reply *reply);
    void (*close)(void *session);
    void (*bus)(const void *config, char text[BUS_SIZE]);
    /* NULL, or called after `open` where the last lane was killed in the middle of a request: what
     * that one asked may still be answered, and is not for this session. */
    void (*after_kill)(void *session, const void *config);
};

struct driver {
    const char *name, *help;
    struct option_table options; /* "credentials" among them if it needs some */
    size_t config_size;
    const char *(*credentials)(const void *config); /* name of the credentials; NULL: none */
    /* What one setting cannot tell of another; pure. Asked when a configuration is loaded (--check),
     * so its text begins with the name of the option that is wrong. NULL: nothing to check. */
    int (*check)(const void *config, struct err *err);
    const struct driver_engine *engine; /* one of the two */
    const struct driver_blocking *blocking;
};

/* Every driver program defines this one object. */
extern const struct driver driver;

#endif
