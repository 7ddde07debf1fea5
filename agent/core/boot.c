#include "agent/core/boot.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proto/cleanup.h"

/* What a cell can say besides a stage. */
enum { ______ = -1, AGAIN_ = -2, LOCAL_ = -3, STUCK_ = -4 };

enum {
    POWR = STAGE_POWERED,
    POST = STAGE_POST,
    ADDR = STAGE_ADDRESSED,
    LOAD = STAGE_LOADER,
    LDUP = STAGE_LOADER_UP,
    CONF = STAGE_CONFIG,
    KERN = STAGE_KERNEL,
    INIT = STAGE_INITRD,
    KNUP = STAGE_KERNEL_UP,
    ROOT = STAGE_ROOT,
    UP__ = STAGE_UP,
};

/* Evidence before the power edge never counts (row NONE).  After a loader, a firmware that asks
 * for an address has started over.  An operating system that speaks before any loader came from
 * the disk. */
/* clang-format off */
static const signed char next[STAGES][SIGNS] = {
    /*                     power   asks    address loader  speaks  config  kernel  initrd  system  root    alive   nothing */
    [STAGE_NONE]      = { POWR,   ______, ______, ______, ______, ______, ______, ______, ______, ______, ______, STUCK_ },
    [STAGE_POWERED]   = { ______, POST,   ADDR,   LOAD,   LDUP,   CONF,   KERN,   INIT,   LOCAL_, LOCAL_, LOCAL_, STUCK_ },
    [STAGE_POST]      = { ______, ______, ADDR,   LOAD,   LDUP,   CONF,   KERN,   INIT,   LOCAL_, LOCAL_, LOCAL_, STUCK_ },
    [STAGE_ADDRESSED] = { ______, ______, ______, LOAD,   LDUP,   CONF,   KERN,   INIT,   LOCAL_, LOCAL_, LOCAL_, STUCK_ },
    [STAGE_LOADER]    = { ______, AGAIN_, ______, ______, LDUP,   CONF,   KERN,   INIT,   KNUP,   ROOT,   UP__,   STUCK_ },
    [STAGE_LOADER_UP] = { ______, AGAIN_, ______, ______, ______, CONF,   KERN,   INIT,   KNUP,   ROOT,   UP__,   STUCK_ },
    [STAGE_CONFIG]    = { ______, AGAIN_, ______, ______, ______, ______, KERN,   INIT,   KNUP,   ROOT,   UP__,   STUCK_ },
    [STAGE_KERNEL]    = { ______, AGAIN_, ______, ______, ______, ______, ______, INIT,   KNUP,   ROOT,   UP__,   STUCK_ },
    [STAGE_INITRD]    = { ______, AGAIN_, ______, ______, ______, ______, ______, ______, KNUP,   ROOT,   UP__,   STUCK_ },
    [STAGE_KERNEL_UP] = { ______, AGAIN_, ______, ______, ______, ______, ______, ______, ______, ROOT,   UP__,   STUCK_ },
    [STAGE_ROOT]      = { ______, AGAIN_, ______, ______, ______, ______, ______, ______, ______, ______, UP__,   STUCK_ },
    [STAGE_UP]        = { ______, ______, ______, ______, ______, ______, ______, ______, ______, ______, ______, ______ },
};

/* How long a stage may last, and what it is called if nothing follows. A transfer in progress has
 * its own patience (stall), a missing file another (missing). */
static const struct {
    size_t patience; /* offset in struct deadlines */
    enum verdict stuck, stalled, missing;
} stages[STAGES] = {
#define WAITS(deadline) offsetof(struct deadlines, deadline)
    [STAGE_NONE]      = { WAITS(post),      VERDICT_NO_NETBOOT,       VERDICT_NO_NETBOOT,      VERDICT_NO_NETBOOT },
    [STAGE_POWERED]   = { WAITS(post),      VERDICT_NO_NETBOOT,       VERDICT_LOADER_STALLED,  VERDICT_LOADER_MISSING },
    [STAGE_POST]      = { WAITS(addressed), VERDICT_DHCP_UNANSWERED,  VERDICT_LOADER_STALLED,  VERDICT_LOADER_MISSING },
    [STAGE_ADDRESSED] = { WAITS(loader),    VERDICT_LOADER_NOT_ASKED, VERDICT_LOADER_STALLED,  VERDICT_LOADER_MISSING },
    [STAGE_LOADER]    = { WAITS(loader_up), VERDICT_LOADER_DEAD,      VERDICT_LOADER_STALLED,  VERDICT_CONFIG_MISSING },
    [STAGE_LOADER_UP] = { WAITS(config),    VERDICT_LOADER_DEAD,      VERDICT_LOADER_STALLED,  VERDICT_CONFIG_MISSING },
    [STAGE_CONFIG]    = { WAITS(kernel),    VERDICT_KERNEL_NOT_ASKED, VERDICT_KERNEL_STALLED,  VERDICT_KERNEL_MISSING },
    [STAGE_KERNEL]    = { WAITS(kernel_up), VERDICT_KERNEL_SILENT,    VERDICT_INITRD_STALLED,  VERDICT_INITRD_MISSING },
    [STAGE_INITRD]    = { WAITS(kernel_up), VERDICT_KERNEL_SILENT,    VERDICT_KERNEL_SILENT,   VERDICT_KERNEL_SILENT },
    [STAGE_KERNEL_UP] = { WAITS(up),        VERDICT_INIT_SILENT,      VERDICT_ROOT_FAILED,     VERDICT_ROOT_FAILED },
    [STAGE_ROOT]      = { WAITS(up),        VERDICT_INIT_SILENT,      VERDICT_ROOT_FAILED,     VERDICT_ROOT_FAILED },
    [STAGE_UP]        = { WAITS(up),        VERDICT_NONE,             VERDICT_NONE,            VERDICT_NONE },
};
/* clang-format on */

/* A transfer that stands still, or a file that is missing, is named by what it is where its name
 * tells; the stage tells only the rest. */
static const enum verdict stalled_role[ROLES] = {
    [ROLE_LOADER] = VERDICT_LOADER_STALLED,
    [ROLE_KERNEL] = VERDICT_KERNEL_STALLED,
    [ROLE_INITRD] = VERDICT_INITRD_STALLED,
    [ROLE_ROOT] = VERDICT_ROOT_FAILED,
};
static const enum verdict missing_role[ROLES] = {
    [ROLE_KERNEL] = VERDICT_KERNEL_MISSING,
    [ROLE_INITRD] = VERDICT_INITRD_MISSING,
    [ROLE_ROOT] = VERDICT_ROOT_FAILED,
};

enum { ROUNDS_MAX = 3 };

static const char *const sign_names[SIGNS] = {
    [SIGN_POWER] = "power",   [SIGN_ASKS] = "asks",     [SIGN_ADDRESS] = "address",
    [SIGN_LOADER] = "loader", [SIGN_SPEAKS] = "speaks", [SIGN_CONFIG] = "config",
    [SIGN_KERNEL] = "kernel", [SIGN_INITRD] = "initrd", [SIGN_SYSTEM] = "system",
    [SIGN_ROOT] = "root",     [SIGN_ALIVE] = "alive",   [SIGN_NOTHING] = "nothing",
};

const char *sign_name(enum sign sign)
{
    return sign_names[sign];
}

int boot_cell(enum stage stage, enum sign sign)
{
    return next[stage][sign];
}

void boot_begin(struct boot *boot, bool wanted_netboot)
{
    *boot = (struct boot){.deadline_ms = UINT64_MAX, .wanted_netboot = wanted_netboot};
}

static uint64_t patience(const struct boot *boot, const struct deadlines *deadlines)
{
    return *(const uint32_t *)((const char *)deadlines + stages[boot->stage].patience);
}

static void forget_hints(struct boot *boot)
{
    boot->offered = boot->asked_another = boot->naked = boot->refused = boot->missing = false;
    boot->offer_server = (struct ipv4){0};
    boot->missing_file[0] = boot->reason[0] = '\0';
}

static void enter(struct boot *boot, enum stage stage, const struct deadlines *deadlines,
                  uint64_t now_ms)
{
    boot->stage = stage;
    boot->since_ms = now_ms;
    forget_hints(boot);
    boot->deadline_ms = stage == STAGE_UP ? UINT64_MAX : now_ms + patience(boot, deadlines);
}

void boot_resume(struct boot *boot, enum stage stage, bool off_seen,
                 const struct deadlines *deadlines, uint64_t now_ms)
{
    if (stage != STAGE_NONE)
        enter(boot, stage, deadlines, now_ms);
    boot->resumed = true;
    boot->port_was_closed = off_seen;
    (void)snprintf(boot->evidence, sizeof boot->evidence, "as seen before the agent died");
}

void boot_missed(struct boot *boot)
{
    boot->unwatched = true;
    boot->captured = boot->heard = false;
    boot->transfer = (struct transfer){0}; /* nobody knows how it went on */
}

static enum verdict stuck_for(const struct boot *boot)
{
    if (boot->missing) {
        enum verdict by_role = missing_role[boot->missing_role];
        /* What DHCP named first is the loader, whatever it is called. */
        if (by_role == VERDICT_NONE || boot->stage <= STAGE_ADDRESSED)
            return stages[boot->stage].missing;
        return by_role;
    }
    if (boot->transfer.active) {
        enum verdict by_role = stalled_role[boot->transfer.role];
        return by_role == VERDICT_NONE ? stages[boot->stage].stalled : by_role;
    }
    if (!boot->wanted_netboot) /* whatever it boots from, it did not come up */
        return VERDICT_NOT_UP;
    if (boot->stage == STAGE_POST) {
        if (boot->naked)
            return VERDICT_NAKED;
        if (boot->asked_another)
            return VERDICT_WRONG_SERVER;
        if (boot->offered && !boot->refused)
            return VERDICT_OFFER_IGNORED;
    }
    return stages[boot->stage].stuck;
}

static bool conclude(struct boot *boot, enum verdict verdict)
{
    boot->verdict = verdict;
    boot->deadline_ms = UINT64_MAX;
    return true;
}

bool boot_step(struct boot *boot, enum sign sign, const struct deadlines *deadlines,
               uint64_t now_ms)
{
    if (boot->verdict != VERDICT_NONE)
        return false;
    int cell = next[boot->stage][sign];
    if (!boot->wanted_netboot && cell == LOCAL_)
        cell = sign == SIGN_ALIVE ? STAGE_UP : STAGE_KERNEL_UP;

    switch (cell) {
    case ______:
        return false;
    case AGAIN_:
        boot->transfer = (struct transfer){0};
        if (++boot->rounds > ROUNDS_MAX)
            return conclude(boot, VERDICT_LOOPING);
        enter(boot, STAGE_POST, deadlines, now_ms);
        return true;
    case LOCAL_:
        return conclude(boot, VERDICT_BOOTED_LOCAL);
    case STUCK_:
        return conclude(boot, stuck_for(boot));
    default: /* a stage: plain integers here, since a cell is one or the other */
        enter(boot, (enum stage)cell, deadlines, now_ms);
        return true;
    }
}

int boot_percent(const struct boot *boot)
{
    const struct transfer *transfer = &boot->transfer;
    if (!transfer->file[0] || !transfer->total)
        return -1;
    if (transfer->bytes >= transfer->total)
        return 100;
    return (int)(transfer->bytes * 100 / transfer->total);
}

static const char *base_name(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

/* Servers write a path as asked, or with their root in front: equal if one ends with the other. */
static bool same_file(const char *a, const char *b)
{
    size_t length_a = strlen(a), length_b = strlen(b);
    const char *longer = length_a >= length_b ? a : b, *shorter = length_a >= length_b ? b : a;
    size_t difference = strlen(longer) - strlen(shorter);
    if (!*shorter || strcmp(longer + difference, shorter))
        return false;
    return !difference || *shorter == '/' || longer[difference - 1] == '/';
}

bool boot_transfer_asked(struct boot *boot, const struct note *note,
                         const struct deadlines *deadlines, uint64_t now_ms)
{
    struct transfer *transfer = &boot->transfer;
    if (boot->stage == STAGE_NONE || boot->verdict != VERDICT_NONE)
        return false;
    bool repeated = boot->missing && same_file(boot->missing_file, note->file);
    if (!repeated) {
        boot->missing = false;
        boot->deadline_ms = now_ms + deadlines->stall;
    }
    *transfer = (struct transfer){
        .active = true,
        .role = boot_file_role(note->file, boot->boot_file),
        .port = note->port,
        .total = note->total,
    };
    memcpy(transfer->file, note->file, sizeof transfer->file);
    return true;
}

bool boot_transfer_moved(struct boot *boot, const struct note *note,
                         const struct deadlines *deadlines, uint64_t now_ms)
{
    struct transfer *transfer = &boot->transfer;
    if (boot->stage == STAGE_NONE || boot->verdict != VERDICT_NONE)
        return false;
    if (!transfer->active || transfer->port != note->port)
        (void)boot_transfer_asked(boot, note, deadlines, now_ms);
    int before = boot_percent(boot);
    if (note->bytes > transfer->bytes) {
        transfer->bytes = note->bytes;
        boot->deadline_ms = now_ms + deadlines->stall;
    }
    if (note->total)
        transfer->total = note->total;
    return boot_percent(boot) != before;
}

void boot_transfer_ended(struct boot *boot, const struct deadlines *deadlines, uint64_t now_ms)
{
    boot->transfer.active = false;
    if (boot->deadline_ms != UINT64_MAX)
        boot->deadline_ms = now_ms + patience(boot, deadlines);
}

/* PXELINUX and GRUB try a dozen names for one config: "not found" on the walk is how it goes. */
static bool walks_names(const char *file)
{
    return strstr(file, "pxelinux.cfg/") || strstr(file, "grub.cfg") ||
           strstr(file, "autoexec.ipxe");
}

void boot_file_missing(struct boot *boot, const struct note *note,
                       const struct deadlines *deadlines, uint64_t now_ms)
{
    if (boot->stage == STAGE_NONE || boot->verdict != VERDICT_NONE)
        return;
    if (boot->transfer.active && same_file(boot->transfer.file, note->file))
        boot->transfer = (struct transfer){0};
    bool repeated = boot->missing && same_file(boot->missing_file, note->file);
    boot->missing = true;
    boot->missing_role = boot_file_role(note->file, boot->boot_file);
    memcpy(boot->missing_file, note->file, sizeof boot->missing_file);
    if (!repeated && !walks_names(note->file)) {
        uint64_t soon = now_ms + deadlines->missing;
        if (soon < boot->deadline_ms)
            boot->deadline_ms = soon;
    }
}

static bool starts_with(const char *text, const char *start)
{
    return !strncasecmp(text, start, strlen(start));
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcasecmp(text + length - tail, end);
}

/* Names as distributions and the loaders themselves use them. */
enum file_role boot_file_role(const char *file, const char *boot_file)
{
    static const struct {
        const char *start, *inside, *end;
        enum file_role role;
    } names[] = {
        {.inside = "pxelinux.cfg/", .role = ROLE_CONFIG},
        {.start = "grub.cfg", .role = ROLE_CONFIG},
        {.end = ".ipxe", .role = ROLE_CONFIG},
        {.end = ".c32", .role = ROLE_PART},
        {.end = ".mod", .role = ROLE_PART},
        {.end = ".lst", .role = ROLE_PART},
        {.start = "pxelinux.", .role = ROLE_LOADER},
        {.end = ".kpxe", .role = ROLE_LOADER},
        {.end = ".kkpxe", .role = ROLE_LOADER},
        {.end = ".pxe", .role = ROLE_LOADER},
        {.end = ".efi", .role = ROLE_LOADER},
        {.start = "initrd", .role = ROLE_INITRD},
        {.start = "initramfs", .role = ROLE_INITRD},
        {.end = ".cpio", .role = ROLE_INITRD},
        {.end = ".cpio.gz", .role = ROLE_INITRD},
        {.end = ".squashfs", .role = ROLE_ROOT},
        {.start = "rootfs", .role = ROLE_ROOT},
        {.start = "rootimg", .role = ROLE_ROOT},
        {.start = "vmlinu", .role = ROLE_KERNEL},
        {.start = "bzimage", .role = ROLE_KERNEL},
        {.start = "zimage", .role = ROLE_KERNEL},
        {.start = "kernel", .role = ROLE_KERNEL},
        {.start = "linux", .role = ROLE_KERNEL},
        {.end = ".cfg", .role = ROLE_CONFIG},
        {.end = ".conf", .role = ROLE_CONFIG},
    };
    const char *base = base_name(file);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (names[i].start && !starts_with(base, names[i].start))
            continue;
        if (names[i].inside && !strstr(file, names[i].inside))
            continue;
        if (names[i].end && !ends_with(base, names[i].end))
            continue;
        return names[i].role;
    }
    return *boot_file && same_file(file, boot_file) ? ROLE_LOADER : ROLE_OTHER;
}
