#include "agent/capture/capture.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "agent/capture/transfer.h"
#include "proto/arp.h"
#include "proto/cursor.h"
#include "proto/dhcp.h"
#include "proto/text.h"

enum {
    TABLE_SIZE = 4096, /* a power of two */
    ARP_AGAIN_MS = 2000,
    SAME_PACKET_MS = 50, /* one packet seen by two taps */
    VLAN_TAGS_MAX = 2,
};

struct arp_seen {
    struct mac mac;
    struct ipv4 ip;
    uint64_t at_ms;
};

/* Replies do not say who asked; the request with the same MAC and xid did. */
struct asker {
    struct mac mac;
    uint32_t xid;
    enum dhcp_class class;
};

struct dhcp_seen {
    uint64_t at_ms;
    uint32_t xid;
    struct mac mac;
    enum note_kind kind;
};

struct capture {
    struct transfers transfers;
    struct filter filter;
    struct arp_seen arp[TABLE_SIZE]; /* hashed, the newer one stays */
    struct asker asker[TABLE_SIZE];
    struct dhcp_seen dhcp[TABLE_SIZE];
    void (*on_note)(void *arg, const struct note *note);
    void *arg;
};

struct capture *capture_new(void (*on_note)(void *arg, const struct note *note), void *arg,
                            struct err *err)
{
    struct capture *capture = calloc(1, sizeof *capture);
    struct flows *flows = capture ? flows_new() : NULL;
    if (!flows) {
        free(capture);
        (void)err_set(err, ERR_SYSTEM, "capture: out of memory");
        return NULL;
    }
    filter_init(&capture->filter);
    capture->transfers = (struct transfers){flows, &capture->filter, on_note, arg};
    capture->on_note = on_note;
    capture->arg = arg;
    return capture;
}

void capture_freep(struct capture **capture)
{
    if (*capture)
        flows_freep(&(*capture)->transfers.flows);
    free(*capture);
    *capture = NULL;
}

const struct filter *capture_filter(const struct capture *capture)
{
    return &capture->filter;
}

void capture_tick(struct capture *capture, uint64_t now_ms)
{
    transfer_tick(&capture->transfers, now_ms);
}

static size_t slot_of(struct mac mac, uint32_t salt)
{
    uint32_t hash = salt * 2654435761U;
    for (size_t i = 0; i < sizeof mac.byte; i++)
        hash = (hash ^ mac.byte[i]) * 16777619U;
    return (hash ^ hash >> 15) % TABLE_SIZE;
}

static void take_arp(struct capture *capture, struct cursor c, uint64_t now_ms)
{
    struct arp arp;
    if (arp_decode(c.at, c.left, &arp, NULL))
        return;
    struct note note = {.at_ms = now_ms};
    switch (arp.op) {
    case ARP_REQUEST:
    case ARP_REPLY:
        note.kind = NOTE_ARP;
        note.mac = arp.sender_mac;
        note.ip = arp.sender_ip;
        break;
    case RARP_REQUEST:
        note.kind = NOTE_RARP_REQUEST;
        note.mac = arp.target_mac;
        break;
    case RARP_REPLY:
        note.kind = NOTE_RARP_REPLY;
        note.mac = arp.target_mac;
        note.ip = arp.target_ip;
        note.server = arp.sender_ip;
        break;
    }
    if (!mac_known(note.mac))
        return;
    if (note.kind == NOTE_ARP) {
        struct arp_seen *seen = &capture->arp[slot_of(note.mac, note.ip.host_order)];
        bool again = mac_equal(seen->mac, note.mac) && ipv4_equal(seen->ip, note.ip) &&
                     now_ms - seen->at_ms < ARP_AGAIN_MS;
        if (again || !ipv4_known(note.ip)) /* a probe (RFC 5227) claims nothing yet */
            return;
        *seen = (struct arp_seen){note.mac, note.ip, now_ms};
    }
    capture->on_note(capture->arg, &note);
}

/* False: nothing a boot is told by. */
static bool dhcp_kind(const struct dhcp *dhcp, enum note_kind *kind)
{
    switch (dhcp->type) {
    case DHCP_BOOTP:
        *kind = dhcp->reply ? NOTE_BOOTP_REPLY : NOTE_BOOTP_REQUEST;
        return true;
    case DHCP_DISCOVER:
        *kind = NOTE_DHCP_DISCOVER;
        return !dhcp->reply;
    case DHCP_OFFER:
        *kind = NOTE_DHCP_OFFER;
        return dhcp->reply;
    case DHCP_REQUEST:
        *kind = NOTE_DHCP_REQUEST;
        return !dhcp->reply;
    case DHCP_ACK:
        *kind = NOTE_DHCP_ACK;
        /* The answer to an INFORM gives no address, and no file either unless it is proxyDHCP. */
        return dhcp->reply && (ipv4_known(dhcp->yiaddr) || *dhcp->file);
    case DHCP_NAK:
        *kind = NOTE_DHCP_NAK;
        return dhcp->reply;
    case DHCP_RELEASE:
        *kind = NOTE_DHCP_RELEASE;
        return !dhcp->reply;
    case DHCP_DECLINE:
    case DHCP_INFORM:
    case DHCP_OTHER:
    case DHCP_TYPES:
        break;
    }
    return false;
}

static enum dhcp_class class_of(struct capture *capture, const struct dhcp *dhcp)
{
    struct asker *asker = &capture->asker[slot_of(dhcp->mac, dhcp->xid)];
    if (!dhcp->reply) {
        *asker = (struct asker){dhcp->mac, dhcp->xid, dhcp->class};
        return dhcp->class;
    }
    bool known = mac_equal(asker->mac, dhcp->mac) && asker->xid == dhcp->xid;
    return known ? asker->class : CLASS_UNKNOWN;
}

/* A relayed message passes twice, and two taps may see one packet. */
static bool seen_just_now(struct capture *capture, const struct note *note)
{
    struct dhcp_seen *seen =
        &capture
             ->dhcp[slot_of(note->mac, note->xid + (uint32_t)note->kind + note->server.host_order)];
    bool again = seen->xid == note->xid && seen->kind == note->kind && seen->at_ms &&
                 mac_equal(seen->mac, note->mac) && note->at_ms - seen->at_ms < SAME_PACKET_MS;
    *seen = (struct dhcp_seen){note->at_ms, note->xid, note->mac, note->kind};
    return again;
}

/* False: it is no DHCP. */
static bool take_dhcp(struct capture *capture, struct cursor c, uint64_t now_ms)
{
    struct dhcp dhcp;
    struct note note = {.at_ms = now_ms};
    if (dhcp_decode(c.at, c.left, &dhcp, NULL))
        return false;
    if (!dhcp_kind(&dhcp, &note.kind))
        return true;
    note.mac = dhcp.mac;
    note.xid = dhcp.xid;
    note.class = class_of(capture, &dhcp);
    note.server = dhcp.server;
    if (dhcp.reply) {
        note.ip = dhcp.yiaddr;
        if (!ipv4_known(note.server))
            note.server = dhcp.siaddr;
        if (dhcp.type != DHCP_NAK)
            memcpy(note.file, dhcp.file, sizeof note.file);
        memcpy(note.reason, dhcp.message, sizeof note.reason);
    } else if (dhcp.type != DHCP_DISCOVER) {
        note.ip = ipv4_known(dhcp.requested) ? dhcp.requested : dhcp.ciaddr;
    }
    if (mac_known(note.mac) && !seen_just_now(capture, &note))
        capture->on_note(capture->arg, &note);
    return true;
}

static void take_udp(struct capture *capture, struct ipv4 from, struct ipv4 to, struct cursor c,
                     uint64_t now_ms)
{
    uint16_t from_port = get_be16(&c), to_port = get_be16(&c), length = get_be16(&c);
    skip(&c, 2);
    if (c.bad || length < 8)
        return;
    size_t whole = length - 8U;
    if (c.left > whole)
        c.left = whole; /* padding of short Ethernet frames */
    bool dhcp = from_port == DHCP_SERVER_PORT || to_port == DHCP_SERVER_PORT ||
                from_port == PXE_SERVER_PORT || to_port == PXE_SERVER_PORT;
    if (dhcp && take_dhcp(capture, c, now_ms))
        return;
    struct tftp tftp; /* 4011 may also be a port that a TFTP client happens to use */
    if (!tftp_decode(c.at, c.left, whole, &tftp, NULL))
        transfer_packet(&capture->transfers, (struct endpoint){from, from_port},
                        (struct endpoint){to, to_port}, &tftp, now_ms);
}

static void take_http_get(struct capture *capture, struct note *note, struct cursor c)
{
    const uint8_t *get = get_span(&c, 4);
    if (!get || memcmp(get, "GET ", 4))
        return;
    const uint8_t *space = c.left ? memchr(c.at, ' ', c.left) : NULL;
    /* A path so long that the rest is in the next segment: its beginning is good enough. */
    (void)text_copy(note->file, sizeof note->file, c.at, space ? (size_t)(space - c.at) : c.left);
    note->kind = NOTE_FILE_ASKED;
    transfer_moved_on(&capture->transfers, note->ip, note->file, note->at_ms);
    capture->on_note(capture->arg, note);
}

static void take_tcp(struct capture *capture, struct ipv4 from, struct ipv4 to, struct cursor c,
                     uint64_t now_ms)
{
    uint16_t from_port = get_be16(&c), to_port = get_be16(&c);
    skip(&c, 8);
    size_t header = (size_t)(get_u8(&c) >> 4) * 4;
    bool accepted = (get_u8(&c) & 0x12) == 0x12; /* SYN and ACK: a server is there */
    if (c.bad || header < 20)
        return;
    struct note note = {.at_ms = now_ms};
    if (to_port == 80 || to_port == 8080) {
        skip(&c, header - 14);
        note.ip = from;
        note.server = to;
        note.port = from_port;
        take_http_get(capture, &note, c);
    } else if (accepted && from_port == 22) {
        note.kind = NOTE_PORT_OPEN;
        note.ip = from;
        note.port = from_port;
        capture->on_note(capture->arg, &note);
    } else if (accepted && from_port == 2049) {
        note.kind = NOTE_NFS_MOUNT;
        note.ip = to;
        note.server = from;
        note.port = to_port;
        capture->on_note(capture->arg, &note);
    }
}

static void take_ipv4(struct capture *capture, struct cursor c, uint64_t now_ms)
{
    uint8_t first = get_u8(&c);
    skip(&c, 1);
    uint16_t whole = get_be16(&c);
    skip(&c, 2);
    uint16_t fragment = get_be16(&c);
    skip(&c, 1);
    uint8_t protocol = get_u8(&c);
    skip(&c, 2);
    struct ipv4 from = {get_be32(&c)}, to = {get_be32(&c)};
    size_t header = (size_t)(first & 15) * 4;
    if (c.bad || first >> 4 != 4 || header < 20 || whole < header || fragment & 0x1fff)
        return;
    skip(&c, header - 20);
    if (c.left > whole - header)
        c.left = whole - header;
    if (c.bad)
        return;
    if (protocol == IPPROTO_UDP)
        take_udp(capture, from, to, c, now_ms);
    else if (protocol == IPPROTO_TCP)
        take_tcp(capture, from, to, c, now_ms);
}

void capture_packet(struct capture *capture, const void *frame, size_t captured, size_t original,
                    uint64_t now_ms)
{
    /* Lengths inside the packet say more than the frame's: cards merge and pad. */
    (void)original;
    struct cursor c = cursor(frame, captured);
    skip(&c, 12); /* both MACs: of a relayed client the source is its router */
    uint16_t type = get_be16(&c);
    for (int tags = 0; tags < VLAN_TAGS_MAX && (type == ETH_P_8021Q || type == ETH_P_8021AD);
         tags++) {
        skip(&c, 2);
        type = get_be16(&c);
    }
    if (c.bad)
        return;
    if (type == ETH_P_ARP || type == ETH_P_RARP)
        take_arp(capture, c, now_ms);
    else if (type == ETH_P_IP)
        take_ipv4(capture, c, now_ms);
}
