/* A device made of memory: the worked example of a blocking driver, and everybody's test object.
 *
 * Its whole state is one line in a file, "on network uefi": the power, and the next boot with
 * its firmware.  So it survives the lanes it is worked on from, tests can look at it, and a
 * shell can play the bad device: `echo "off none legacy" > FILE`. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "proto/cleanup.h"

enum lie {
    LIE_NONE,
    LIE_IGNORE_COMMANDS, /* accepts, and does nothing */
    LIE_REPORT_ON,       /* says on, whatever is */
    LIE_REPORT_OFF,
    LIE_DROP_BOOT_FLAG, /* accepts a next boot, and does not store it */
    LIE_ACK_LATE,       /* does it at once, and never says so */
    LIE_DIE_AFTER_ACK,  /* accepts one command, and never answers again */
    LIE_FLAP,           /* on, off, on, .. at each question */
};
static const char *const lies[] = {
    "none",     "ignore-commands", "report-on", "report-off", "drop-boot-flag",
    "ack-late", "die-after-ack",   "flap",      NULL};

enum fail { FAIL_OK, FAIL_REFUSE, FAIL_GARBAGE, FAIL_CRASH };
static const char *const fails[] = {"ok", "refuse", "garbage", "crash", NULL};

enum kind { OUTLET, BUTTON };
static const char *const kinds[] = {"outlet", "button", NULL};

struct fake_config {
    char state[200], bus[64];
    uint32_t outlets, watts, delay_ms;
    bool dead;
    uint32_t lie, fail, kind; /* enums of the same names */
    uint32_t dwell_ms, stagger_ms;
};

static const struct option options[] = {
    OPTION(OPTION_TEXT, struct fake_config, state, .required = true,
           .help = "file that is the device; made when missing, as \"off none legacy\""),
    OPTION(OPTION_UINT, struct fake_config, outlets, .fallback = "0", .max = 64,
           .help = "a PDU with so many outlets, each with a file of its own: STATE.1, .."),
    OPTION(OPTION_UINT, struct fake_config, watts, .fallback = "0", .max = 100000,
           .help = "each outlet is metered, and draws so much while it is on; 0: not metered"),
    OPTION(OPTION_TEXT, struct fake_config, bus, .fallback = "",
           .help = "devices with the same text are on one wire: one is asked at a time"),
    OPTION(OPTION_UINT, struct fake_config, delay_ms, .fallback = "0", .max = 600000,
           .help = "each answer takes so long"),
    OPTION(OPTION_BOOL, struct fake_config, dead, .fallback = "false", .help = "never answers"),
    OPTION(OPTION_CHOICE, struct fake_config, lie, .fallback = "none", .choices = lies,
           .help = "how what it says differs from what it does"),
    OPTION(OPTION_CHOICE, struct fake_config, fail, .fallback = "ok", .choices = fails,
           .help = "refuse: says no; garbage: talks nonsense; crash: takes its driver with it"),
    OPTION(OPTION_CHOICE, struct fake_config, kind, .fallback = "outlet", .choices = kinds,
           .help = "what its outlets are: they feed a machine, or press its power button"),
    /* Facts of the device that only the agent goes by. */
    OPTION(OPTION_UINT, struct fake_config, dwell_ms, .fallback = "0", .max = 600000,
           .help = "an outlet stays off so long before it is switched on again"),
    OPTION(OPTION_UINT, struct fake_config, stagger_ms, .fallback = "0", .max = 60000,
           .help = "so long between two switch-ons at this device"),
};

struct session {
    bool flap; /* what it says next */
};

/* One request's view of the device it is for. */
struct fake {
    const char *name;
    const struct fake_config *config;
    struct session *session;
    char path[256];
};

/* --- the device --- */

enum { DEAD = POWERS }; /* in the file: the device died after it accepted something */
static const char *const powers[] = {"unknown", "off", "on", "dead"};

struct memory {
    unsigned power;
    enum boot_device boot;
    enum firmware firmware;
};

static int load(const char *path, struct memory *memory, struct err *err)
{
    char power[16] = "off", boot[16] = "none", firmware[16] = "legacy";
    *memory = (struct memory){0};
    _cleanup_(fclosep) FILE *file = fopen(path, "re");
    if (!file && errno != ENOENT)
        return err_set(err, ERR_UNREACHABLE, "%s: %s", path, strerror(errno));
    bool odd = file && fscanf(file, "%15s %15s %15s", power, boot, firmware) != 3;
    for (unsigned i = 0; i < ARRAY_SIZE(powers); i++)
        if (!strcmp(powers[i], power))
            memory->power = i;
    if (odd || boot_device_parse(boot, &memory->boot) ||
        firmware_parse(firmware, &memory->firmware))
        return err_set(err, ERR_PROTOCOL, "%s holds '%s %s %s'", path, power, boot, firmware);
    return 0;
}

/* By rename: whoever looks sees the old state or the new one, never half of it. */
static int store(const char *path, const struct memory *memory, struct err *err)
{
    char fresh[300];
    (void)snprintf(fresh, sizeof fresh, "%s.%d", path, (int)getpid());
    FILE *file = fopen(fresh, "we");
    int failed =
        !file || fprintf(file, "%s %s %s\n", powers[memory->power], boot_device_name(memory->boot),
                         firmware_name(memory->firmware)) < 0;
    failed |= !file || fclose(file) != 0 || rename(fresh, path) != 0;
    return failed ? err_set(err, ERR_DEVICE, "%s: %s", path, strerror(errno)) : 0;
}

static void hang(void)
{
    for (;;)
        (void)pause(); /* the host kills this lane at the request's budget */
}

static void delay(uint32_t delay_ms)
{
    struct timespec left = {delay_ms / 1000, (long)(delay_ms % 1000) * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR)
        continue;
}

/* --- the session --- */

static void *fake_open(const char *device, const void *settings,
                       const struct driver_credentials *credentials, struct err *err)
{
    const struct fake_config *config = settings;
    (void)credentials;
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        err_set(err, ERR_SYSTEM, "%s: no memory", device);
    if (config->dead && !*config->bus)
        hang(); /* on a bus, the others are to be had all the same */
    return session;
}

static void fake_close(void *session)
{
    free(session);
}

static void fake_bus(const void *settings, char text[BUS_SIZE])
{
    (void)snprintf(text, BUS_SIZE, "%s", ((const struct fake_config *)settings)->bus);
}

/* A PDU as a whole can only be asked what it is. */
static int choose_outlet(struct fake *fake, const struct driver_request *request, struct err *err)
{
    uint32_t outlet = request->outlet;
    bool whole = !outlet && fake->config->outlets && request->op != OP_INFO;
    if (outlet > fake->config->outlets || whole)
        return err_set(err, ERR_CONFIG, "%s: no outlet %u; it has %u", fake->name, outlet,
                       fake->config->outlets);
    if (outlet)
        (void)snprintf(fake->path, sizeof fake->path, "%s.%u", fake->config->state, outlet);
    else
        (void)snprintf(fake->path, sizeof fake->path, "%s", fake->config->state);
    return 0;
}

/* --- the operations --- */

static int fail(const struct fake *fake, const struct driver_request *request, struct err *err)
{
    switch ((enum fail)fake->config->fail) {
    case FAIL_OK:
        return 0;
    case FAIL_REFUSE:
        return err_set_sent(err, ERR_DEVICE, SENT_YES, "%s: %s: refused", fake->name,
                            op_name(request->op));
    case FAIL_GARBAGE:
        return err_set_sent(err, ERR_PROTOCOL,
                            op_changes_something(request->op) ? SENT_MAYBE : SENT_NO,
                            "%s: %s: it said '%%&!'", fake->name, op_name(request->op));
    case FAIL_CRASH:
        break;
    }
    (void)signal(SIGABRT, SIG_DFL);
    abort();
}

static enum power report(struct fake *fake, const struct memory *memory)
{
    switch ((enum lie)fake->config->lie) {
    case LIE_REPORT_ON:
        return POWER_ON;
    case LIE_REPORT_OFF:
        return POWER_OFF;
    case LIE_FLAP:
        fake->session->flap = !fake->session->flap;
        return fake->session->flap ? POWER_ON : POWER_OFF;
    case LIE_NONE:
    case LIE_IGNORE_COMMANDS:
    case LIE_DROP_BOOT_FLAG:
    case LIE_ACK_LATE:
    case LIE_DIE_AFTER_ACK:
        break;
    }
    return (enum power)memory->power;
}

static void inform(const struct fake *fake, struct device_info *info)
{
    (void)snprintf(info->model, sizeof info->model, "powerctl fake device");
    (void)snprintf(info->session, sizeof info->session, "%s", *fake->config->bus ? "bus" : "file");
    info->outlets = fake->config->outlets;
}

static int ask(struct fake *fake, const struct driver_request *request, const struct memory *memory,
               struct driver_reply *reply)
{
    if (request->op == OP_STATUS) {
        reply->power = report(fake, memory);
        reply->has_watts = fake->config->watts > 0; /* what it draws is no lie */
        reply->milliwatts = memory->power == POWER_ON ? fake->config->watts * 1000 : 0;
        if (reply->power == POWER_UNKNOWN)
            return err_set(&reply->err, ERR_PROTOCOL, "%s: its power is neither on nor off",
                           fake->name);
    }
    if (request->op == OP_BOOT_GET || request->op == OP_BOOT_SET) {
        reply->has_next_boot = true;
        reply->next_boot = (struct next_boot){.valid = memory->boot != BOOT_NONE,
                                              .uefi = memory->firmware == FIRMWARE_UEFI,
                                              .device = memory->boot};
    }
    if (request->op == OP_INFO) {
        reply->has_info = true;
        inform(fake, &reply->info);
    }
    return 0;
}

/* What a command makes of the memory: -1: the device says no. */
static int change(const struct fake *fake, const struct driver_request *request,
                  struct memory *memory, struct err *err)
{
    bool needs_power = request->op == OP_SOFT || request->op == OP_RESET || request->op == OP_CYCLE;
    if (needs_power && memory->power == POWER_OFF)
        return err_set_sent(err, ERR_DEVICE, SENT_YES, "%s: %s: is off", fake->name,
                            op_name(request->op));
    if (request->op == OP_ON)
        memory->power = POWER_ON;
    if (request->op == OP_OFF || request->op == OP_SOFT)
        memory->power = POWER_OFF;
    if (request->op == OP_BOOT_SET && fake->config->lie != LIE_DROP_BOOT_FLAG) {
        memory->boot = request->boot_device;
        memory->firmware = request->firmware;
    }
    return 0;
}

static int command(struct fake *fake, const struct driver_request *request, struct memory *memory,
                   struct driver_reply *reply)
{
    if (fake->config->lie != LIE_IGNORE_COMMANDS) {
        if (change(fake, request, memory, &reply->err))
            return -1;
        struct memory kept = *memory;
        if (fake->config->lie == LIE_DIE_AFTER_ACK)
            kept.power = DEAD;
        if (store(fake->path, &kept, &reply->err))
            return -1;
    }
    if (fake->config->lie == LIE_ACK_LATE)
        hang();
    return ask(fake, request, memory, reply); /* a next boot is read back in the same session */
}

static bool can_do(const struct fake_config *config, enum op op)
{
    if (op == OP_STATUS || op == OP_ON || op == OP_OFF || op == OP_CYCLE || op == OP_INFO)
        return true;
    if (op == OP_DIAG || op == OP_EVIDENCE)
        return false;
    return !config->outlets || config->kind == BUTTON; /* an outlet knows no machine */
}

static int work(struct fake *fake, const struct driver_request *request, struct driver_reply *reply)
{
    struct memory memory;
    if (!can_do(fake->config, request->op))
        return err_set(&reply->err, ERR_UNSUPPORTED, "%s: a fake device has no %s", fake->name,
                       op_name(request->op));
    if (choose_outlet(fake, request, &reply->err) || load(fake->path, &memory, &reply->err))
        return -1;
    if (memory.power == DEAD || fake->config->dead)
        hang();
    delay(fake->config->delay_ms);
    if (fail(fake, request, &reply->err))
        return -1;
    return op_changes_something(request->op) ? command(fake, request, &memory, reply)
                                             : ask(fake, request, &memory, reply);
}

static void fake_run(void *session, const void *config, const struct driver_request *request,
                     struct driver_reply *reply)
{
    struct fake fake = {.name = request->device, .config = config, .session = session};
    reply->ok = work(&fake, request, reply) == 0;
}

static const struct driver_blocking blocking = {
    .open = fake_open,
    .run = fake_run,
    .close = fake_close,
    .bus = fake_bus,
};

const struct driver driver = {
    .name = "fake",
    .help = "a device made of memory: slow, dead or lying on demand",
    .options = {options, ARRAY_SIZE(options)},
    .config_size = sizeof(struct fake_config),
    .blocking = &blocking,
};
