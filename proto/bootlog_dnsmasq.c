#include <stdio.h>
#include <string.h>

#include "proto/bootlog_private.h"
#include "proto/cleanup.h"
#include "proto/dhcp.h"
#include "proto/scan.h"
#include "proto/text.h"
#include "proto/tftp.h"

static struct bootlog_xid *slot_of(struct bootlog *log, uint32_t xid)
{
    return &log->xid[(xid ^ xid >> 16) % BOOTLOG_XIDS];
}

/* With log-dhcp every packet begins with a line about its ranges (or, from a reserved host that
 * has none, with its class), so a packet of which only that was seen is one without options 60
 * and 77: an operating system's. */
static void remember_class(struct bootlog *log, uint32_t xid, const char *message)
{
    struct bootlog_xid *slot = slot_of(log, xid);
    bool begins = scan_text(&message, "available DHCP");
    bool vendor = scan_text(&message, "vendor class: ");
    bool user = !vendor && scan_text(&message, "user class: ");
    if (!begins && !vendor && !user)
        return;
    enum dhcp_class class = dhcp_classify(vendor ? message : "", user ? message : "", false);
    /* The user class is said after the vendor class, and iPXE says PXEClient there. */
    if (slot->xid != xid || begins || slot->class == CLASS_OS || class == CLASS_IPXE)
        *slot = (struct bootlog_xid){xid, class};
}

static enum dhcp_class class_of(struct bootlog *log, uint32_t xid)
{
    struct bootlog_xid *slot = slot_of(log, xid);
    return xid && slot->xid == xid ? slot->class : CLASS_UNKNOWN;
}

static bool take_reason(const char *at, struct note *note)
{
    at += strspn(at, " \t");
    size_t length = strlen(at);
    while (length && strchr(" \t\r", at[length - 1]))
        length--;
    return text_copy(note->reason, sizeof note->reason, at, length) > 0;
}

/* "(eth1) " */
static bool scan_interface(const char **at)
{
    const char *c = *at;
    if (!scan_text(&c, "(") || !scan_until(&c, ") "))
        return false;
    *at = c;
    return true;
}

static bool take_discover(const char *at, struct note *note)
{
    struct ipv4 wanted;
    if (scan_ipv4(&at, &wanted)) /* the address it had; nobody gave it one yet */
        (void)scan_blank(&at);
    if (!scan_mac(&at, &note->mac))
        return false;
    note->kind = take_reason(at, note) ? NOTE_DHCP_REFUSED : NOTE_DHCP_DISCOVER;
    return true;
}

static bool take_with_address(const char *at, enum note_kind kind, struct note *note)
{
    if (scan_ipv4(&at, &note->ip))
        (void)scan_blank(&at);
    if (!scan_mac(&at, &note->mac))
        return false;
    note->kind = kind;
    bool more = take_reason(at, note);
    if (kind == NOTE_DHCP_ACK || kind == NOTE_BOOTP_REPLY || kind == NOTE_DHCP_OFFER ||
        kind == NOTE_DHCP_RELEASE)
        note->reason[0] = '\0'; /* the host's name */
    if (kind == NOTE_DHCP_REQUEST && more)
        note->kind = NOTE_DHCP_REFUSED;
    return true;
}

static bool take_bootp(const char *at, struct note *note)
{
    if (!take_with_address(at, NOTE_BOOTP_REPLY, note))
        return false;
    if (ipv4_known(note->ip))
        return true;
    struct ipv4 none;
    struct mac mac;
    note->kind = NOTE_DHCP_REFUSED;
    if (scan_ipv4(&at, &none))
        (void)scan_blank(&at);
    if (scan_mac(&at, &mac))
        (void)take_reason(at, note);
    return true;
}

/* "PXE(eth1) MAC proxy": it answered a ROM without giving an address. */
static bool take_proxy(const char *at, struct note *note)
{
    struct ipv4 ip;
    if (scan_ipv4(&at, &ip))
        (void)scan_blank(&at);
    if (!scan_mac(&at, &note->mac))
        return false;
    note->kind = NOTE_DHCP_OFFER;
    note->class = CLASS_ROM;
    (void)text_copy(note->reason, sizeof note->reason, "proxy", 5);
    return true;
}

bool bootlog_dnsmasq_dhcp(struct bootlog *log, uint32_t pid, const char *at, struct note *note)
{
    static const struct {
        const char *word;
        enum note_kind kind;
    } kinds[] = {
        {"DHCPOFFER", NOTE_DHCP_OFFER},     {"DHCPREQUEST", NOTE_DHCP_REQUEST},
        {"DHCPACK", NOTE_DHCP_ACK},         {"DHCPNAK", NOTE_DHCP_NAK},
        {"DHCPRELEASE", NOTE_DHCP_RELEASE},
    };
    (void)pid;
    uint64_t xid;
    const char *c = at;
    if (scan_number(&c, &xid) && xid <= UINT32_MAX && scan_text(&c, " ")) {
        note->xid = (uint32_t)xid;
        at = c;
        remember_class(log, note->xid, at);
    }
    note->class = class_of(log, note->xid);
    c = at;
    if (scan_text(&c, "DHCPDISCOVER") && scan_interface(&c))
        return take_discover(c, note);
    if (scan_text(&c, "BOOTP") && scan_interface(&c))
        return note->class = CLASS_UNKNOWN, take_bootp(c, note);
    if (scan_text(&c, "PXE") && scan_interface(&c))
        return take_proxy(c, note);
    if (scan_text(&c, "no address range available for DHCP request via ")) {
        note->kind = NOTE_DHCP_REFUSED; /* of whom, it does not say */
        return take_reason(at, note);
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (scan_text(&c, kinds[i].word) && scan_interface(&c))
            return take_with_address(c, kinds[i].kind, note);
    return false;
}

/* "error 0 TFTP Aborted received from 10.77.0.11": remembered, the next line names the file. */
static bool take_error(struct bootlog *log, const char *at)
{
    uint64_t error;
    char text[NOTE_REASON_SIZE];
    struct ipv4 ip;
    if (!scan_text(&at, "error ") || !scan_number(&at, &error) || error > UINT16_MAX)
        return false;
    if (!scan_text(&at, " ") || !scan_before_last(&at, "received from ", text, sizeof text) ||
        !scan_ipv4(&at, &ip) || !scan_end(&at))
        return false;
    text[strcspn(text, "\r")] = '\0';
    size_t length = strlen(text);
    if (length && text[length - 1] == ' ')
        text[length - 1] = '\0';
    log->abort.ip = ip;
    log->abort.error = (unsigned)error;
    memcpy(log->abort.text, text, sizeof text);
    return true;
}

static bool take_file(const char *at, const char *before, const char *between, struct note *note)
{
    return scan_text(&at, before) &&
           scan_before_last(&at, between, note->file, sizeof note->file) &&
           scan_ipv4(&at, &note->ip) && scan_end(&at);
}

static void take_abort(struct bootlog *log, bool nothing_fetched, struct note *note)
{
    bool probe =
        nothing_fetched && (log->abort.error == TFTP_UNDEFINED || log->abort.error == TFTP_OPTIONS);
    note->kind = NOTE_FILE_ABORTED;
    if (probe)
        (void)snprintf(note->reason, sizeof note->reason, TFTP_PROBE_REASON ": %.70s",
                       log->abort.text);
    else
        (void)snprintf(note->reason, sizeof note->reason, "error %u: %.70s", log->abort.error,
                       log->abort.text);
}

bool bootlog_dnsmasq_tftp(struct bootlog *log, uint32_t pid, const char *at, struct note *note)
{
    (void)pid;
    if (take_error(log, at))
        return false;
    bool sent = take_file(at, "sent ", " to ", note);
    bool failed = !sent && take_file(at, "failed sending ", " to ", note);
    bool aborted = ipv4_known(log->abort.ip) && ipv4_equal(log->abort.ip, note->ip);
    if (aborted && (sent || failed))
        take_abort(log, sent, note);
    log->abort.ip = (struct ipv4){0}; /* the two lines are written one after the other */
    if (sent || failed) {
        if (!aborted)
            note->kind = sent ? NOTE_FILE_SENT : NOTE_FILE_FAILED;
        return true;
    }
    if (take_file(at, "timeout sending ", " to ", note)) { /* 2.92 */
        note->kind = NOTE_FILE_FAILED;
        (void)snprintf(note->reason, sizeof note->reason, "timeout");
        return true;
    }
    note->kind = NOTE_FILE_MISSING;
    if (take_file(at, "file ", " not found for ", note))
        return true;
    note->ip = (struct ipv4){0};
    return scan_text(&at, "cannot access ") &&
           scan_before_last(&at, ": ", note->file, sizeof note->file) && take_reason(at, note);
}
