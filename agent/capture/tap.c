#include "agent/capture/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/cleanup.h"

enum { ROOM = 8 << 20 }; /* a burst of 1,000 nodes: bytes the kernel may hold for us */

int tap_attach(const struct tap *tap, const struct filter *filter, struct err *err)
{
    struct sock_filter code[FILTER_INSTRUCTIONS_MAX];
    struct sock_fprog program = {.filter = code};
    program.len = (unsigned short)filter_build(filter, code);
    if (setsockopt(tap->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program))
        return err_set(err, ERR_SYSTEM, "capture: the filter of %d instructions for %s: %s",
                       program.len, tap->interface, strerror(errno));
    return 0;
}

static int check_ethernet(int fd, const char *interface, struct err *err)
{
    struct ifreq request = {0};
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    if (ioctl(fd, SIOCGIFHWADDR, &request))
        return err_set(err, ERR_SYSTEM, "capture: interface %s: %s", interface, strerror(errno));
    int type = request.ifr_hwaddr.sa_family;
    if (type != ARPHRD_ETHER && type != ARPHRD_LOOPBACK)
        return err_set(err, ERR_CONFIG, "capture: interface %s is no Ethernet (type %d)", interface,
                       type);
    return 0;
}

int tap_open(struct tap *tap, const char *interface, const struct filter *filter, struct err *err)
{
    struct tap opened = {.fd = -1, .index = if_nametoindex(interface)};
    if (!opened.index || strlen(interface) >= sizeof opened.interface)
        return err_set(err, ERR_CONFIG, "capture: there is no interface '%.32s'", interface);
    memcpy(opened.interface, interface, strlen(interface));
    /* Protocol 0: nothing arrives before the filter is there and bind() names a protocol. */
    _cleanup_(closep) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(err, errno == EPERM ? ERR_DENIED : ERR_SYSTEM,
                       "capture: raw socket: %s (root or CAP_NET_RAW is needed)", strerror(errno));
    opened.fd = fd;
    if (check_ethernet(fd, interface, err) || tap_attach(&opened, filter, err))
        return -1;
    int room = ROOM;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ALL), /* outgoing ones come only so */
                             .sll_ifindex = (int)opened.index};
    if (bind(fd, (struct sockaddr *)&at, sizeof at))
        return err_set(err, ERR_SYSTEM, "capture: interface %s: %s", interface, strerror(errno));
    *tap = opened;
    fd = -1; /* kept */
    return 0;
}

int tap_read(const struct tap *tap, struct capture *capture, int max, uint64_t now_ms,
             struct err *err)
{
    uint8_t frame[2048];
    while (max-- > 0) {
        ssize_t size = recv(tap->fd, frame, sizeof frame, MSG_DONTWAIT | MSG_TRUNC);
        if (size >= 0) {
            size_t captured = (size_t)size < sizeof frame ? (size_t)size : sizeof frame;
            capture_packet(capture, frame, captured, (size_t)size, now_ms);
            continue;
        }
        if (errno == EAGAIN || errno == EINTR)
            return 0;
        /* ENETDOWN comes once when the interface goes down; the kernel listens again when it is
         * up. An interface that was removed never comes back under the same number. */
        if (errno != ENETDOWN)
            return err_set(err, ERR_SYSTEM, "capture: %s: %s", tap->interface, strerror(errno));
        if (if_nametoindex(tap->interface) != tap->index)
            return err_set(err, ERR_SYSTEM, "capture: interface %s was removed", tap->interface);
    }
    return 0;
}

unsigned tap_lost(const struct tap *tap)
{
    struct tpacket_stats stats = {0};
    socklen_t size = sizeof stats;
    if (getsockopt(tap->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size))
        return 0;
    return stats.tp_drops;
}
