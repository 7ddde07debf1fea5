/* net.c - datagrams in and out: who is asked, and what the faults do to answers. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/peers/bmc_farm/farm.h"

enum { BATCH = OUTGOING_MAX, CONTROL_SIZE = CMSG_SPACE(sizeof(struct in_pktinfo)) };

/* One datagram, and whom it was for. */
struct arrival {
    struct bmc *bmc;
    struct in_addr to;
    struct sockaddr_in from;
    const uint8_t *bytes;
    size_t size;
};

int net_open(struct farm *farm, uint16_t *port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t size = sizeof any;
    /* Room for a whole farm asked at once; as much of it as the system allows. */
    const int on = 1, buffer = 64 << 20;
    farm->udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (farm->udp < 0 || setsockopt(farm->udp, IPPROTO_IP, IP_PKTINFO, &on, sizeof on))
        return -1;
    if (setsockopt(farm->udp, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer))
        (void)setsockopt(farm->udp, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (setsockopt(farm->udp, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer))
        (void)setsockopt(farm->udp, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    if (bind(farm->udp, (struct sockaddr *)&any, sizeof any) ||
        getsockname(farm->udp, (struct sockaddr *)&any, &size))
        return -1;
    *port = ntohs(any.sin_port);
    return 0;
}

void net_send(struct farm *farm, struct reply *reply)
{
    farm->outgoing[farm->outgoing_count++] = reply;
    if (farm->outgoing_count == OUTGOING_MAX)
        net_flush(farm);
}

static void message_fill(struct msghdr *message, struct iovec *bytes, char control[CONTROL_SIZE],
                         struct reply *reply)
{
    *bytes = (struct iovec){reply->bytes, reply->size};
    *message = (struct msghdr){
        .msg_name = &reply->to,
        .msg_namelen = sizeof reply->to,
        .msg_iov = bytes,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = CONTROL_SIZE,
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    const struct in_pktinfo from = {.ipi_spec_dst = reply->from};
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof from);
    memcpy(CMSG_DATA(header), &from, sizeof from);
}

void net_flush(struct farm *farm)
{
    static char control[OUTGOING_MAX][CONTROL_SIZE] __attribute__((aligned(8)));
    struct mmsghdr messages[OUTGOING_MAX];
    struct iovec vectors[OUTGOING_MAX];
    const uint32_t count = farm->outgoing_count;
    for (uint32_t i = 0; i < count; i++)
        message_fill(&messages[i].msg_hdr, &vectors[i], control[i], farm->outgoing[i]);
    for (uint32_t done = 0; done < count;) {
        const int sent = sendmmsg(farm->udp, messages + done, count - done, 0);
        if (sent > 0) {
            farm->counts.sent += (uint32_t)sent;
            done += (uint32_t)sent;
        } else {
            farm->counts.unsent++; /* a client that has gone is no matter of ours */
            done++;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        reply_give_back(&farm->agenda, farm->outgoing[i]);
    farm->outgoing_count = 0;
}

static void send_later(struct farm *farm, const struct arrival *arrival, const uint8_t *packet,
                       size_t size)
{
    const struct faults *faults = &arrival->bmc->faults;
    struct reply *reply = reply_take(&farm->agenda);
    if (!reply) {
        farm->counts.overflow++;
        return;
    }
    reply->from = arrival->to;
    reply->to = arrival->from;
    reply->size = size;
    memcpy(reply->bytes, packet, size);
    if (faults->latency == 0 && faults->jitter == 0) {
        net_send(farm, reply);
        return;
    }
    const struct item item = {
        .due_us =
            farm->now_us + faults->latency * 1000ull + random_below(farm, faults->jitter * 1000),
        .kind = ITEM_REPLY,
        .index = reply_index(&farm->agenda, reply),
    };
    if (!agenda_add(&farm->agenda, &item)) {
        reply_give_back(&farm->agenda, reply);
        farm->counts.overflow++;
    }
}

static void answer(struct farm *farm, const struct arrival *arrival, uint8_t *packet, size_t size)
{
    const struct faults *faults = &arrival->bmc->faults;
    if (size == 0)
        return;
    arrival->bmc->counts.answered++;
    if (chance(farm, faults->loss)) {
        farm->counts.lost_out++;
        return;
    }
    if (chance(farm, faults->corrupt))
        packet[random_below(farm, (uint32_t)size)] ^= (uint8_t)(1 + random_below(farm, 255));
    if (chance(farm, faults->truncate))
        size = random_below(farm, (uint32_t)size);
    send_later(farm, arrival, packet, size);
    if (chance(farm, faults->duplicate))
        send_later(farm, arrival, packet, size);
}

static void arrive(struct farm *farm, struct arrival *arrival)
{
    farm->counts.received++;
    arrival->bmc = farm_bmc(farm, ntohl(arrival->to.s_addr));
    if (!arrival->bmc)
        return;
    arrival->bmc->counts.asked++;
    if (arrival->bmc->faults.dead)
        return;
    if (chance(farm, arrival->bmc->faults.loss)) {
        farm->counts.lost_in++;
        return;
    }
    uint8_t packet[PACKET_MAX];
    answer(farm, arrival, packet,
           packet_hear(farm, arrival->bmc, arrival->bytes, arrival->size, packet));
}

static struct in_addr asked_address(struct msghdr *message)
{
    struct in_pktinfo info = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
            memcpy(&info, CMSG_DATA(c), sizeof info);
    return info.ipi_addr;
}

void net_receive(struct farm *farm)
{
    static uint8_t bytes[BATCH][PACKET_MAX];
    static char control[BATCH][CONTROL_SIZE] __attribute__((aligned(8)));
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    struct sockaddr_in from[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){bytes[i], PACKET_MAX};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &from[i],
            .msg_namelen = sizeof from[i],
            .msg_iov = &vectors[i],
            .msg_iovlen = 1,
            .msg_control = control[i],
            .msg_controllen = CONTROL_SIZE,
        };
    }
    const int count = recvmmsg(farm->udp, messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        struct arrival arrival = {
            .to = asked_address(&messages[i].msg_hdr),
            .from = from[i],
            .bytes = bytes[i],
            .size = messages[i].msg_len,
        };
        arrive(farm, &arrival);
    }
}
