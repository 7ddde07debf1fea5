/* net.c - datagrams in and out: who is asked, which format, and what the faults do to answers. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/peers/bmc_farm/farm.h"

enum { BATCH = 64, CONTROL_SIZE = CMSG_SPACE(sizeof(struct in_pktinfo)) };

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
    char control[CONTROL_SIZE] __attribute__((aligned(8))) = {0};
    struct iovec bytes = {reply->bytes, reply->size};
    struct msghdr message = {
        .msg_name = &reply->to,
        .msg_namelen = sizeof reply->to,
        .msg_iov = &bytes,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    const struct in_pktinfo from = {.ipi_spec_dst = reply->from};
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof from);
    memcpy(CMSG_DATA(header), &from, sizeof from);
    if (sendmsg(farm->udp, &message, 0) >= 0)
        farm->counts.sent++; /* a client that has gone is no matter of ours */
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

static void presence_ping(struct farm *farm, const struct arrival *arrival)
{
    enum { PING = 0x80, PONG = 0x40 };
    uint8_t pong[28] = {6,  0, 0xff, RMCP_CLASS_ASF, 0,    0, 0x11, 0xbe, PONG, 0,   0,
                        16, 0, 0,    0x11,           0xbe, 0, 0,    0,    0,    0x81};
    if (arrival->size < 12 || arrival->bytes[8] != PING)
        return;
    pong[9] = arrival->bytes[9]; /* message tag */
    answer(farm, arrival, pong, sizeof pong);
}

/* Outside a session: what a client may ask before it has one. */
static size_t plain_request(struct farm *farm, struct bmc *bmc, const uint8_t *message, size_t size,
                            uint8_t *reply)
{
    struct request request;
    uint8_t data[MESSAGE_MAX - 8];
    size_t data_size;
    if (!request_parse(&request, message, size)) {
        farm->counts.malformed++;
        return 0;
    }
    uint8_t completion = command_run(farm, bmc, NULL, &request, data, &data_size);
    return answer_build(reply, &request, completion, data, data_size);
}

static void session_request(struct farm *farm, const struct arrival *arrival)
{
    enum { NETFN_APP = 6, CLOSE_SESSION = 0x3c };
    struct bmc *bmc = arrival->bmc;
    struct session *session = session_find(farm, bmc, le32_at(arrival->bytes + 6));
    uint8_t message[MESSAGE_MAX], data[MESSAGE_MAX - 8], reply[MESSAGE_MAX], packet[PACKET_MAX];
    struct request request;
    size_t data_size;
    if (!session || session->state != SESSION_ACTIVE) {
        farm->counts.no_session++;
        return;
    }
    size_t size = packet_open(arrival->bytes, arrival->size, &session->keys, message);
    if (!request_parse(&request, message, size)) {
        farm->counts.malformed++;
        return;
    }
    if (!session_sequence_is_new(bmc, session, le32_at(arrival->bytes + 10))) {
        farm->counts.repeated++;
        return;
    }
    uint8_t completion = command_run(farm, bmc, session, &request, data, &data_size);
    size = answer_build(reply, &request, completion, data, data_size);
    size = packet_seal(packet, &session->keys, session->console_id, ++session->own_sequence, reply,
                       size);
    session->used_us = farm->now_us;
    if (request.netfn == NETFN_APP && request.command == CLOSE_SESSION && completion == 0)
        session->state = SESSION_FREE;
    answer(farm, arrival, packet, size);
}

static void rmcpplus(struct farm *farm, const struct arrival *arrival)
{
    uint8_t packet[PACKET_MAX], reply[MESSAGE_MAX];
    if (arrival->size < 16 || arrival->size < 16u + le16_at(arrival->bytes + 14)) {
        farm->counts.malformed++;
        return;
    }
    const uint8_t *payload = arrival->bytes + 16;
    const size_t payload_size = le16_at(arrival->bytes + 14);
    const uint8_t type = arrival->bytes[5] & 0x3f;
    if (le32_at(arrival->bytes + 6) != 0) {
        session_request(farm, arrival);
    } else if (type == PAYLOAD_IPMI) {
        size_t size = plain_request(farm, arrival->bmc, payload, payload_size, reply);
        if (size)
            answer(farm, arrival, packet, packet_plain(packet, PAYLOAD_IPMI, reply, size));
    } else {
        size_t size = session_setup(farm, arrival->bmc, type, payload, payload_size, packet);
        answer(farm, arrival, packet, size);
    }
}

static void ipmi_15(struct farm *farm, const struct arrival *arrival)
{
    uint8_t packet[PACKET_MAX], reply[MESSAGE_MAX];
    const uint8_t *bytes = arrival->bytes;
    if (arrival->size < 14 || bytes[4] != FORMAT_IPMI_15 || le32_at(bytes + 9) != 0 ||
        arrival->size < 14u + bytes[13]) {
        farm->counts.malformed++; /* or a session of 1.5, which is not offered */
        return;
    }
    size_t size = plain_request(farm, arrival->bmc, bytes + 14, bytes[13], reply);
    if (size)
        answer(farm, arrival, packet, packet_plain_15(packet, reply, size));
}

static void arrive(struct farm *farm, struct arrival *arrival)
{
    farm->counts.received++;
    arrival->bmc = farm_bmc(farm, ntohl(arrival->to.s_addr));
    if (!arrival->bmc || arrival->bmc->faults.dead)
        return;
    if (chance(farm, arrival->bmc->faults.loss)) {
        farm->counts.lost_in++;
        return;
    }
    if (arrival->size < 5 || arrival->bytes[0] != 6)
        farm->counts.malformed++;
    else if (arrival->bytes[3] == RMCP_CLASS_ASF)
        presence_ping(farm, arrival);
    else if (arrival->bytes[3] == RMCP_CLASS_IPMI && arrival->bytes[4] == FORMAT_RMCPPLUS)
        rmcpplus(farm, arrival);
    else if (arrival->bytes[3] == RMCP_CLASS_IPMI)
        ipmi_15(farm, arrival);
    else
        farm->counts.malformed++;
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
