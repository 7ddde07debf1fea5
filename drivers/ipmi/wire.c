#include "drivers/ipmi/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "drivers/ipmi/index.h"
#include "proto/cleanup.h"

enum {
    /* With Debian's default receive buffer of 208 KiB one socket loses thousands of answers when
     * 4,096 BMCs speak at once; 16 lose none, whatever the limits allow each. */
    SOCKETS_A_FAMILY = 16,
    SOCKETS = 2 * SOCKETS_A_FAMILY, /* IPv4, then IPv6 */
    BUFFER_BYTES = 4 << 20,
    SEND_BATCH = 32,
    RECEIVE_BATCH = 64,
    FAILURES_MAX = 64,
    SEND_TRIES = 4,
};

struct outgoing {
    size_t count;
    struct peer peer[SEND_BATCH];
    struct datagram datagram[SEND_BATCH];
};

struct wire {
    int epoll;
    int socket[SOCKETS]; /* -1: not opened yet */
    bool ready[SOCKETS];
    unsigned next[2]; /* round robin, by family */
    struct outgoing *out[SOCKETS];
    size_t nfailures;
    struct wire_event failure[FAILURES_MAX]; /* more are found by their timers */
    unsigned at, count;                      /* of the batch received last */
    struct mmsghdr header[RECEIVE_BATCH];
    struct iovec vector[RECEIVE_BATCH];
    struct peer from[RECEIVE_BATCH];
    uint8_t bytes[RECEIVE_BATCH][IPMI_DATAGRAM_SIZE];
};

struct wire *wire_new(struct err *err)
{
    struct wire *wire = calloc(1, sizeof *wire);
    if (!wire) {
        err_set(err, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < SOCKETS; i++)
        wire->socket[i] = -1;
    wire->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (wire->epoll < 0) {
        err_set(err, ERR_SYSTEM, "epoll: %s", strerror(errno));
        free(wire);
        return NULL;
    }
    return wire;
}

void wire_free(struct wire *wire)
{
    if (!wire)
        return;
    for (size_t i = 0; i < SOCKETS; i++) {
        closep(&wire->socket[i]);
        free(wire->out[i]);
    }
    closep(&wire->epoll);
    free(wire);
}

int wire_fd(const struct wire *wire)
{
    return wire->epoll;
}

/* As large as root may (FORCE), else as large as rmem_max and wmem_max allow. */
static void widen(int fd)
{
    int bytes = BUFFER_BYTES;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes))
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static int open_socket(struct wire *wire, unsigned place, int family, struct err *err)
{
    /* What is never to be cut in parts needs no IPv4 identification: 6 % of a sweep otherwise. */
    int yes = 1, whole = IP_PMTUDISC_DO;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct outgoing *out = calloc(1, sizeof *out);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = place};
    bool v6 = family == AF_INET6;
    if (fd < 0 || !out ||
        setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &yes,
                   sizeof yes) ||
        (!v6 && setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &whole, sizeof whole)) ||
        epoll_ctl(wire->epoll, EPOLL_CTL_ADD, fd, &event)) {
        err_set(err, ERR_SYSTEM, "UDP socket: %s", strerror(errno));
        closep(&fd);
        free(out);
        return -1;
    }
    widen(fd);
    wire->socket[place] = fd;
    wire->out[place] = out;
    return 0;
}

static int assign(struct wire *wire, struct peer *peer, struct err *err)
{
    int family = peer->address.any.sa_family;
    unsigned six = family == AF_INET6;
    unsigned place = six * SOCKETS_A_FAMILY + wire->next[six] % SOCKETS_A_FAMILY;
    if (wire->socket[place] < 0 && open_socket(wire, place, family, err))
        return -1;
    wire->next[six]++;
    peer->socket = place;
    return 0;
}

/* The address nearly everybody writes, without getaddrinfo()'s detours. */
static bool is_ipv4(const char *host, uint16_t port, struct peer *out)
{
    *out = (struct peer){.size = sizeof out->address.v4};
    out->address.v4.sin_family = AF_INET;
    out->address.v4.sin_port = htons(port);
    return inet_pton(AF_INET, host, &out->address.v4.sin_addr) == 1;
}

static int look_up(const char *host, uint16_t port, struct peer *out, struct err *err)
{
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV},
                    *found = NULL;
    (void)snprintf(service, sizeof service, "%u", port);
    int rc = getaddrinfo(host, service, &hints, &found);
    if (rc == EAI_NONAME) {
        hints.ai_flags = AI_NUMERICSERV;
        rc = getaddrinfo(host, service, &hints, &found);
    }
    if (rc)
        return err_set(err, ERR_CONFIG, "host '%s': %s", host, gai_strerror(rc));
    struct peer peer = {.size = found->ai_addrlen};
    bool fits = found->ai_addrlen <= sizeof peer.address;
    if (fits)
        memcpy(&peer.address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (!fits)
        return err_set(err, ERR_CONFIG, "host '%s': an address of a strange family", host);
    *out = peer;
    return 0;
}

int wire_resolve(struct wire *wire, const char *host, uint16_t port, struct peer *out,
                 struct err *err)
{
    struct peer peer;
    if (!is_ipv4(host, port, &peer) && look_up(host, port, &peer, err))
        return -1;
    if (assign(wire, &peer, err))
        return -1;
    *out = peer;
    return 0;
}

void peer_text(const struct peer *peer, char *buffer, size_t size)
{
    if (peer->address.any.sa_family == AF_INET &&
        inet_ntop(AF_INET, &peer->address.v4.sin_addr, buffer, (socklen_t)size))
        return;
    if (getnameinfo(&peer->address.any, peer->size, buffer, (socklen_t)size, NULL, 0,
                    NI_NUMERICHOST))
        (void)snprintf(buffer, size, "?");
}

bool peer_equal(const struct peer *a, const struct peer *b)
{
    if (a->address.any.sa_family != b->address.any.sa_family)
        return false;
    if (a->address.any.sa_family == AF_INET)
        return a->address.v4.sin_port == b->address.v4.sin_port &&
               a->address.v4.sin_addr.s_addr == b->address.v4.sin_addr.s_addr;
    return a->address.v6.sin6_port == b->address.v6.sin6_port &&
           a->address.v6.sin6_scope_id == b->address.v6.sin6_scope_id &&
           !memcmp(&a->address.v6.sin6_addr, &b->address.v6.sin6_addr, sizeof(struct in6_addr));
}

uint64_t peer_hash(const struct peer *peer)
{
    if (peer->address.any.sa_family == AF_INET)
        return index_hash(&peer->address.v4.sin_addr, sizeof(struct in_addr));
    return index_hash(&peer->address.v6.sin6_addr, sizeof(struct in6_addr));
}

/* --- sending --- */

static void note_failure(struct wire *wire, const struct peer *peer, int error)
{
    if (wire->nfailures < FAILURES_MAX)
        wire->failure[wire->nfailures++] =
            (struct wire_event){.kind = WIRE_UNSENDABLE, .peer = *peer, .error = error};
}

/* A send can fail for what an earlier one to another BMC brought back (IP_RECVERR leaves the
 * error on the socket, and reading it clears it): only an error that stays is this peer's. */
static bool send_one(int fd, struct msghdr *header, int *error)
{
    for (unsigned i = 0; i < SEND_TRIES; i++) {
        if (sendmsg(fd, header, MSG_NOSIGNAL) >= 0)
            return true;
        *error = errno;
        if (*error == EAGAIN || *error == ENOBUFS)
            return true; /* lost, as on the wire: resent later */
    }
    return *error == ECONNREFUSED; /* never a send's own fault */
}

static void flush_socket(struct wire *wire, unsigned place)
{
    struct outgoing *out = wire->out[place];
    struct mmsghdr headers[SEND_BATCH] = {0};
    struct iovec vectors[SEND_BATCH];
    unsigned count = (unsigned)out->count, done = 0;
    for (unsigned i = 0; i < count; i++) {
        vectors[i] = (struct iovec){out->datagram[i].bytes, out->datagram[i].size};
        headers[i].msg_hdr = (struct msghdr){.msg_name = &out->peer[i].address,
                                             .msg_namelen = out->peer[i].size,
                                             .msg_iov = &vectors[i],
                                             .msg_iovlen = 1};
    }
    while (done < count) {
        int error = 0;
        int sent = sendmmsg(wire->socket[place], headers + done, count - done, MSG_NOSIGNAL);
        if (sent > 0) {
            done += (unsigned)sent;
            continue;
        }
        if (!send_one(wire->socket[place], &headers[done].msg_hdr, &error))
            note_failure(wire, &out->peer[done], error);
        done++;
    }
    out->count = 0;
}

void wire_send(struct wire *wire, const struct peer *peer, const struct datagram *datagram)
{
    struct outgoing *out = wire->out[peer->socket];
    if (out->count == SEND_BATCH)
        flush_socket(wire, peer->socket);
    out->peer[out->count] = *peer;
    out->datagram[out->count++] = *datagram;
}

void wire_flush(struct wire *wire)
{
    for (unsigned i = 0; i < SOCKETS; i++)
        if (wire->out[i] && wire->out[i]->count)
            flush_socket(wire, i);
}

/* --- receiving --- */

void wire_poll(struct wire *wire)
{
    struct epoll_event events[SOCKETS];
    int count = epoll_wait(wire->epoll, events, SOCKETS, 0);
    for (int i = 0; i < count; i++)
        wire->ready[events[i].data.u32] = true;
}

/* An ICMP error, with the destination it is about. False: none waits. */
static bool take_icmp_error(int fd, struct wire_event *out)
{
    uint8_t rest[16], control[512] __attribute__((aligned(8)));
    struct iovec vector = {rest, sizeof rest};
    struct peer peer = {.size = sizeof peer.address};
    struct msghdr header = {.msg_name = &peer.address,
                            .msg_namelen = peer.size,
                            .msg_iov = &vector,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control};
    if (recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
        return false;
    peer.size = header.msg_namelen;
    *out = (struct wire_event){.kind = WIRE_REFUSED, .peer = peer};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
        bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
        bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
        if (!v4 && !v6)
            continue;
        struct sock_extended_err what;
        memcpy(&what, CMSG_DATA(c), sizeof what);
        if (what.ee_origin == SO_EE_ORIGIN_ICMP || what.ee_origin == SO_EE_ORIGIN_ICMP6)
            out->error = (int)what.ee_errno;
    }
    return true;
}

static unsigned receive_batch(struct wire *wire, int fd)
{
    for (unsigned i = 0; i < RECEIVE_BATCH; i++) {
        wire->vector[i] = (struct iovec){wire->bytes[i], IPMI_DATAGRAM_SIZE};
        wire->header[i].msg_hdr = (struct msghdr){.msg_name = &wire->from[i].address,
                                                  .msg_namelen = sizeof wire->from[i].address,
                                                  .msg_iov = &wire->vector[i],
                                                  .msg_iovlen = 1};
    }
    for (unsigned i = 0; i < SEND_TRIES; i++) {
        int count = recvmmsg(fd, wire->header, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
        if (count > 0)
            return (unsigned)count;
        if (errno == EAGAIN)
            return 0; /* else: an ICMP error of some peer; its details are in the queue */
    }
    return 0;
}

static bool next_of_batch(struct wire *wire, struct wire_event *out)
{
    while (wire->at < wire->count) {
        unsigned i = wire->at++;
        if (wire->header[i].msg_hdr.msg_flags & MSG_TRUNC)
            continue; /* longer than any IPMI answer */
        wire->from[i].size = wire->header[i].msg_hdr.msg_namelen;
        *out = (struct wire_event){.kind = WIRE_DATAGRAM,
                                   .peer = wire->from[i],
                                   .bytes = wire->bytes[i],
                                   .size = wire->header[i].msg_len};
        return true;
    }
    return false;
}

bool wire_next(struct wire *wire, struct wire_event *out)
{
    if (wire->nfailures) {
        *out = wire->failure[--wire->nfailures];
        return true;
    }
    if (next_of_batch(wire, out))
        return true;
    for (unsigned i = 0; i < SOCKETS; i++) {
        while (wire->ready[i]) {
            if (take_icmp_error(wire->socket[i], out)) {
                if (out->error)
                    return true;
                continue;
            }
            wire->at = 0;
            wire->count = receive_batch(wire, wire->socket[i]);
            wire->ready[i] = wire->count == RECEIVE_BATCH;
            if (next_of_batch(wire, out))
                return true;
        }
    }
    return false;
}

bool wire_has_more(const struct wire *wire)
{
    bool more = wire->nfailures || wire->at < wire->count;
    for (unsigned i = 0; !more && i < SOCKETS; i++)
        more = wire->ready[i];
    return more;
}
