/* wire.h - the UDP sockets: a handful, shared by all BMCs, behind one epoll descriptor.
 *
 * Sending never blocks and never fails as a call: a destination the kernel refuses comes back
 * as WIRE_UNSENDABLE, an ICMP error as WIRE_REFUSED, both for that destination only (ipmipower
 * ends its whole run at the first).  A full send buffer is a lost datagram: it is resent. */
#ifndef POWERCTL_IPMI_WIRE_H
#define POWERCTL_IPMI_WIRE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "drivers/ipmi/codec.h"
#include "proto/err.h"

struct peer {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t size;
    unsigned socket; /* which of the wire's */
};

enum wire_kind { WIRE_DATAGRAM, WIRE_REFUSED, WIRE_UNSENDABLE };

struct wire_event {
    enum wire_kind kind;
    struct peer peer;     /* from whom, or whither; .socket is not set */
    int error;            /* errno of the two failures */
    const uint8_t *bytes; /* until the next wire call */
    size_t size;
};

struct wire;
struct wire *wire_new(struct err *err);
void wire_free(struct wire *wire);
int wire_fd(const struct wire *wire);

/* Looks a host up (an address first; a name may block in DNS) and picks a socket for it. */
int wire_resolve(struct wire *wire, const char *host, uint16_t port, struct peer *out,
                 struct err *err);
/* "10.1.0.11", "fd00::11". */
void peer_text(const struct peer *peer, char *buffer, size_t size);
uint64_t peer_hash(const struct peer *peer);
bool peer_equal(const struct peer *a, const struct peer *b);

/* Queued; really sent when a few are together, or by wire_flush(). */
void wire_send(struct wire *wire, const struct peer *peer, const struct datagram *datagram);
void wire_flush(struct wire *wire);

/* Asks epoll which sockets have something; then wire_next() until it says false. */
void wire_poll(struct wire *wire);
bool wire_next(struct wire *wire, struct wire_event *out);
/* wire_next() was not called until it said false, or sending failed since. */
bool wire_has_more(const struct wire *wire);

#endif
