/* sight.c - from a boot note to the sign it is for the boot it belongs to.
 *
 * Packets tell more than logs: who asks (class), start, progress and proof of each transfer. Once
 * a packet of this attempt was seen, log lines only add what packets lack: a server's reasons. */
#include <stdio.h>
#include <string.h>

#include "agent/core/boot.h"

static enum sign sign_of_asking(const struct boot *boot, const struct note *note)
{
    bool before_loader = boot->stage < STAGE_LOADER, after_kernel = boot->stage >= STAGE_KERNEL;
    switch (note->class) {
    case CLASS_OS:
        return SIGN_SYSTEM;
    case CLASS_ROM:
    case CLASS_HTTP:
        return SIGN_ASKS;
    case CLASS_IPXE: /* a ROM of its own, or the loader that was just fetched */
        if (boot->stage == STAGE_LOADER)
            return SIGN_SPEAKS;
        return boot->stage == STAGE_LOADER_UP ? SIGN_NOTHING : SIGN_ASKS;
    case CLASS_UNKNOWN: /* BOOTP, RARP, or a log that does not say: told by what came before */
        if (before_loader)
            return SIGN_ASKS;
        if (after_kernel)
            return SIGN_SYSTEM;
        return boot->stage == STAGE_LOADER ? SIGN_SPEAKS : SIGN_NOTHING;
    case DHCP_CLASSES:
        break;
    }
    return SIGN_NOTHING;
}

static enum sign sign_of_file(const struct boot *boot, const struct note *note)
{
    switch (boot_file_role(note->file, boot->boot_file)) {
    case ROLE_LOADER:
        return SIGN_LOADER;
    case ROLE_PART:
        return SIGN_SPEAKS;
    case ROLE_CONFIG:
        return SIGN_CONFIG;
    case ROLE_KERNEL:
        return SIGN_KERNEL;
    case ROLE_INITRD:
        return SIGN_INITRD;
    case ROLE_ROOT:
        return SIGN_ROOT;
    case ROLE_OTHER: /* the first file of a boot is what DHCP named, whatever its name */
        return boot->stage <= STAGE_ADDRESSED ? SIGN_LOADER : SIGN_NOTHING;
    case ROLES:
        break;
    }
    return SIGN_NOTHING;
}

/* Logs repeat what packets said, seconds later and without the class. */
static bool only_repeats(const struct boot *boot, const struct note *note)
{
    return note->source == NOTE_LOG && boot->captured && note->kind != NOTE_DHCP_REFUSED &&
           note->kind != NOTE_DHCP_NAK && note->kind != NOTE_FILE_MISSING;
}

static void remember(struct boot *boot, const struct note *note)
{
    char ip[IPV4_TEXT_SIZE] = "";
    if (ipv4_known(note->ip))
        ipv4_format(note->ip, ip);
    const char *detail = *note->file ? note->file : note->reason;
    char percent[16] = "";
    if (note->kind == NOTE_FILE_PROGRESS && boot_percent(boot) >= 0)
        (void)snprintf(percent, sizeof percent, " %d %%", boot_percent(boot));
    const char *class = note->class == CLASS_UNKNOWN ? "" : dhcp_class_name(note->class);
    (void)snprintf(boot->evidence, sizeof boot->evidence, "%s: %s%s%s%s%s%s%.80s%s",
                   note_source_name(note->source), note_kind_name(note->kind), *class ? " by " : "",
                   class, *ip ? " " : "", ip, *detail ? " " : "", detail, percent);
}

static void note_server(struct boot *boot, const struct note *note)
{
    if (note->kind == NOTE_DHCP_OFFER) {
        boot->offered = true;
        if (!ipv4_known(boot->offer_server))
            boot->offer_server = note->server;
    } else if (ipv4_known(boot->offer_server) && ipv4_known(note->server) &&
               !ipv4_equal(boot->offer_server, note->server)) {
        boot->asked_another = true;
    }
}

static void note_reason(struct boot *boot, const struct note *note)
{
    if (note->kind == NOTE_DHCP_NAK)
        boot->naked = true;
    else
        boot->refused = true;
    memcpy(boot->reason, note->reason, sizeof boot->reason);
}

bool boot_see(struct boot *boot, const struct note *note, const struct deadlines *deadlines,
              uint64_t now_ms)
{
    if (boot->stage == STAGE_NONE || boot->verdict != VERDICT_NONE)
        return false;
    if (only_repeats(boot, note))
        return false;
    if (note->source == NOTE_CAPTURE)
        boot->captured = true;

    enum sign sign = SIGN_NOTHING;
    bool changed = false;
    switch (note->kind) {
    case NOTE_DHCP_REQUEST:
        note_server(boot, note);
        /* A request repeated, or a renewal, is no new start: only DISCOVER is. */
        if (boot->stage < STAGE_ADDRESSED || note->class == CLASS_OS)
            sign = sign_of_asking(boot, note);
        break;
    case NOTE_DHCP_DISCOVER:
    case NOTE_BOOTP_REQUEST:
    case NOTE_RARP_REQUEST:
        sign = sign_of_asking(boot, note);
        break;
    case NOTE_DHCP_OFFER:
        note_server(boot, note);
        break;
    case NOTE_DHCP_ACK:
    case NOTE_BOOTP_REPLY:
    case NOTE_RARP_REPLY:
        if (note->file[0])
            memcpy(boot->boot_file, note->file, sizeof boot->boot_file);
        sign = SIGN_ADDRESS;
        break;
    case NOTE_DHCP_NAK:
        note_reason(boot, note);
        break;
    case NOTE_DHCP_REFUSED: /* the server's line about a DHCPDISCOVER it will not answer */
        if (boot->stage == STAGE_POWERED)
            sign = SIGN_ASKS;
        break;
    case NOTE_FILE_ASKED:
        if (boot->stage == STAGE_LOADER)
            sign = SIGN_SPEAKS;
        break;
    case NOTE_FILE_PROGRESS:
        changed = boot_transfer_moved(boot, note, deadlines, now_ms);
        break;
    case NOTE_FILE_DONE:
    case NOTE_FILE_SENT:
        (void)boot_transfer_moved(boot, note, deadlines, now_ms);
        if (boot->transfer.total)
            boot->transfer.bytes = boot->transfer.total;
        boot_transfer_ended(boot, deadlines, now_ms);
        changed = true;
        sign = sign_of_file(boot, note);
        break;
    case NOTE_FILE_MISSING:
        if (boot->stage == STAGE_LOADER)
            sign = SIGN_SPEAKS;
        break;
    case NOTE_FILE_ABORTED:
        boot_transfer_ended(boot, deadlines, now_ms);
        break;
    case NOTE_PORT_CLOSED:
        boot->port_was_closed = true;
        return 0;        /* every second: not worth remembering */
    case NOTE_PORT_OPEN: /* the old system's port may answer until a reset bites */
        if (boot->port_was_closed || boot->stage >= STAGE_POST)
            sign = SIGN_ALIVE;
        break;
    case NOTE_PHONED_HOME:
        sign = SIGN_ALIVE;
        break;
    case NOTE_NFS_MOUNT:
        sign = SIGN_ROOT;
        break;
    case NOTE_FILE_FAILED:
    case NOTE_ARP:
    case NOTE_DHCP_CLASS:
    case NOTE_DHCP_RELEASE:
        return false;
    case NOTE_KINDS:
        break;
    }

    if (sign != SIGN_NOTHING)
        (void)boot_step(boot, sign, deadlines, now_ms);
    /* After the step, which forgets the hints of the stage before. */
    if (note->kind == NOTE_DHCP_REFUSED)
        note_reason(boot, note);
    else if (note->kind == NOTE_FILE_MISSING)
        boot_file_missing(boot, note, deadlines, now_ms);
    else if (note->kind == NOTE_FILE_ASKED)
        changed = boot_transfer_asked(boot, note, deadlines, now_ms);
    boot->heard = boot->heard || sign != SIGN_NOTHING || changed;
    remember(boot, note);
    return changed;
}
