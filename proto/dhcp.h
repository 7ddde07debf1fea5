/* dhcp.h - what a BOOTP or DHCP message says about a network boot.
 *
 * Decodes the fixed fields (RFC 951) and the options that tell who asks and what is answered,
 * with option overload (52) and long options in several parts (RFC 3396).  Packets may be cut
 * short by the capture: what is whole is used, what is missing reads as not said.  Plain values,
 * nothing points into the packet. */
#ifndef POWERCTL_DHCP_H
#define POWERCTL_DHCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/address.h"
#include "proto/err.h"
#include "proto/note.h"

enum { DHCP_SERVER_PORT = 67, DHCP_CLIENT_PORT = 68, PXE_SERVER_PORT = 4011 };

enum dhcp_type {
    DHCP_BOOTP, /* no option 53 */
    DHCP_DISCOVER,
    DHCP_OFFER,
    DHCP_REQUEST,
    DHCP_DECLINE,
    DHCP_ACK,
    DHCP_NAK,
    DHCP_RELEASE,
    DHCP_INFORM,
    DHCP_OTHER, /* lease queries and the like */
    DHCP_TYPES
};

struct dhcp {
    bool reply;   /* BOOTREPLY */
    bool relayed; /* giaddr or option 82: the frame's MAC is the router's */
    enum dhcp_type type;
    enum dhcp_class class; /* of who sent it; UNKNOWN in replies, which echo the client's 60 */
    struct mac mac;        /* chaddr; zero for InfiniBand, which leaves it empty */
    uint32_t xid;
    struct ipv4 ciaddr, yiaddr, siaddr, giaddr;
    struct ipv4 requested; /* option 50 */
    struct ipv4 server;    /* option 54 */
    int arch;              /* option 93, the first of them; -1: not said */
    bool has_uuid;         /* option 97, type 0 */
    uint8_t uuid[16];
    char vendor_class[64];          /* 60 */
    char user_class[64];            /* 77 */
    char server_name[64];           /* 66, or the sname field */
    char file[NOTE_FILE_SIZE];      /* 67, or the file field */
    char message[NOTE_REASON_SIZE]; /* 56: why a NAK */
};

int dhcp_decode(const void *bytes, size_t size, struct dhcp *dhcp, struct err *err);

/* Who asks, told by what it says in 60 and 77 and whether 175 is there; either may be "".
 * iPXE says PXEClient in 60 just as the ROM does, so 77 and 175 are looked at first. */
enum dhcp_class dhcp_classify(const char *vendor_class, const char *user_class, bool has_175);

#endif
