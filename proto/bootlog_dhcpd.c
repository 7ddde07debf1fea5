/* ISC dhcpd 4.4 and Kea 2.2. */
#include <stdlib.h>
#include <string.h>

#include "proto/bootlog_private.h"
#include "proto/dhcp.h"
#include "proto/scan.h"
#include "proto/text.h"

static void take_reason(const char *at, struct note *note)
{
    at += strspn(at, " \t");
    (void)text_copy(note->reason, sizeof note->reason, at, strcspn(at, "\r"));
}

/* " via eth1", and ": why not" if it will not answer. */
static bool take_via(const char *at, enum note_kind kind, struct note *note)
{
    if (scan_text(&at, " (")) /* the host's name, of those that send one */
        (void)scan_until(&at, ")");
    if (!scan_text(&at, " via "))
        return false;
    const char *why = strstr(at, ": ");
    note->kind = why ? NOTE_DHCP_REFUSED : kind;
    if (why)
        take_reason(why + 2, note);
    return true;
}

static bool take_request(const char *at, struct note *note)
{
    if (!scan_ipv4(&at, &note->ip))
        return false;
    const char *c = at;
    if (scan_text(&c, " (") && scan_ipv4(&c, &note->server) && scan_text(&c, ")"))
        at = c;
    return scan_text(&at, " from ") && scan_mac(&at, &note->mac) &&
           take_via(at, NOTE_DHCP_REQUEST, note);
}

static bool take_given(const char *at, const char *between, enum note_kind kind, struct note *note)
{
    return scan_ipv4(&at, &note->ip) && scan_text(&at, between) && scan_mac(&at, &note->mac) &&
           take_via(at, kind, note);
}

static bool take_bootreply(const char *at, struct note *note)
{
    char host[NOTE_FILE_SIZE];
    return scan_ipv4(&at, &note->ip) && scan_text(&at, " to ") &&
           scan_word(&at, host, sizeof host) && scan_text(&at, " (") && scan_mac(&at, &note->mac) &&
           scan_text(&at, ")") && take_via(at, NOTE_BOOTP_REPLY, note);
}

bool bootlog_dhcpd(struct bootlog *log, uint32_t pid, const char *at, struct note *note)
{
    (void)log;
    (void)pid;
    if (scan_text(&at, "DHCPDISCOVER from "))
        return scan_mac(&at, &note->mac) && take_via(at, NOTE_DHCP_DISCOVER, note);
    if (scan_text(&at, "BOOTREQUEST from "))
        return scan_mac(&at, &note->mac) && take_via(at, NOTE_BOOTP_REQUEST, note);
    if (scan_text(&at, "DHCPREQUEST for "))
        return take_request(at, note);
    if (scan_text(&at, "DHCPOFFER on "))
        return take_given(at, " to ", NOTE_DHCP_OFFER, note);
    if (scan_text(&at, "DHCPACK on "))
        return take_given(at, " to ", NOTE_DHCP_ACK, note);
    if (scan_text(&at, "DHCPNAK on "))
        return take_given(at, " to ", NOTE_DHCP_NAK, note);
    if (scan_text(&at, "DHCPRELEASE of "))
        return take_given(at, " from ", NOTE_DHCP_RELEASE, note);
    if (scan_text(&at, "BOOTREPLY for "))
        return take_bootreply(at, note);
    return false;
}

/* "[hwtype=1 MAC], cid=[..], tid=0x..: " */
static bool scan_client(const char **at, struct note *note)
{
    if (!scan_text(at, " [hwtype=1 ") || !scan_mac(at, &note->mac) || !scan_until(at, "], tid=0x"))
        return false;
    char *end;
    unsigned long xid = strtoul(*at, &end, 16);
    if (end == *at || xid > UINT32_MAX)
        return false;
    note->xid = (uint32_t)xid;
    *at = end;
    return scan_text(at, ": ");
}

bool bootlog_kea(struct bootlog *log, uint32_t pid, const char *at, struct note *note)
{
    static const struct {
        const char *word;
        enum note_kind kind;
        const char *before; /* the address, or the reason for a refusal */
    } messages[] = {
        {"DHCP4_LEASE_ADVERT", NOTE_DHCP_OFFER, "lease "}, /* 2.2 */
        {"DHCP4_LEASE_OFFER", NOTE_DHCP_OFFER, "lease "},  /* later ones */
        {"DHCP4_LEASE_ALLOC", NOTE_DHCP_ACK, "lease "},
        {"DHCP4_LEASE_REUSE", NOTE_DHCP_ACK, "lease "},
        {"DHCP4_RELEASE", NOTE_DHCP_RELEASE, "address "},
        {"ALLOC_ENGINE_V4_ALLOC_FAIL", NOTE_DHCP_REFUSED, NULL},
    };
    (void)log;
    (void)pid;
    char level[16];
    if (!scan_word(&at, level, sizeof level) || !scan_blank(&at))
        return false;
    if (strcmp(level, "INFO") && strcmp(level, "WARN") && strcmp(level, "ERROR"))
        return false;
    if (scan_text(&at, "[") && !scan_until(&at, "] ")) /* the logger; Debian's pattern has none */
        return false;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        const char *c = at;
        if (!scan_text(&c, messages[i].word) || !scan_client(&c, note))
            continue;
        note->kind = messages[i].kind;
        if (messages[i].before)
            return scan_text(&c, messages[i].before) && scan_ipv4(&c, &note->ip);
        take_reason(c, note);
        return true;
    }
    return false;
}
