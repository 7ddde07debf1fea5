/* answer.c - frames that arrive: for the boot, or for a node that is up. */
#include <arpa/inet.h>
#include <string.h>

#include "tests/peers/pxe_nodes/nodes.h"

enum { ETHERNET_SIZE = 14, ARP_SIZE = 28, TYPE_IP = 0x0800, TYPE_ARP = 0x0806 };
enum { ARP_REQUEST = 1, ARP_REPLY = 2 };
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

/* An IPv4 packet, taken apart. */
struct packet {
    const uint8_t *from_mac;
    in_addr_t from, to;
    uint8_t protocol;
    const uint8_t *payload;
    size_t size;
};

static void arp_send(struct swarm *swarm, const struct node *node, uint16_t operation,
                     const uint8_t *to_mac, in_addr_t to)
{
    uint8_t arp[ARP_SIZE] = {0, 1, 8, 0, MAC_SIZE, 4};
    put_be16(arp + 6, operation);
    node_mac(swarm, node, arp + 8);
    memcpy(arp + 14, &node->address, 4);
    if (operation == ARP_REPLY)
        memcpy(arp + 18, to_mac, MAC_SIZE);
    memcpy(arp + 24, &to, 4);
    send_ethernet(swarm, node, to_mac, TYPE_ARP, arp, sizeof arp);
}

void arp_ask(struct swarm *swarm, const struct node *node)
{
    arp_send(swarm, node, ARP_REQUEST, broadcast_mac, node->server);
}

static void hear_arp(struct swarm *swarm, const uint8_t *frame, size_t size)
{
    const uint8_t *arp = frame + ETHERNET_SIZE;
    in_addr_t from, to;
    if (size < ETHERNET_SIZE + ARP_SIZE)
        return;
    memcpy(&from, arp + 14, 4);
    memcpy(&to, arp + 24, 4);
    if (be16_at(arp + 6) == ARP_REQUEST) {
        const struct node *node = to ? swarm_by_address(swarm, to) : NULL;
        if (node && node->stage != STAGE_HUNG)
            arp_send(swarm, node, ARP_REPLY, arp + 8, from);
        return;
    }
    struct node *node = swarm_by_mac(swarm, frame);
    if (node && node->stage == STAGE_ROM_ARP && from == node->server) {
        memcpy(node->server_mac, arp + 8, MAC_SIZE);
        node_advance(swarm, node);
    }
}

static void hear_udp(struct swarm *swarm, struct node *node, const struct packet *packet)
{
    enum { UDP_SIZE = 8, DHCP_SERVER = 67, DHCP_CLIENT = 68 };
    if (packet->size < UDP_SIZE)
        return;
    const uint16_t from_port = be16_at(packet->payload), to_port = be16_at(packet->payload + 2);
    const size_t stated = be16_at(packet->payload + 4);
    if (stated < UDP_SIZE || stated > packet->size)
        return;
    const uint8_t *message = packet->payload + UDP_SIZE;
    const size_t size = stated - UDP_SIZE;
    if (from_port == DHCP_SERVER && to_port == DHCP_CLIENT)
        dhcp_hear(swarm, message, size);
    else if (node && packet->to == node->address && to_port == node->transfer.own_port &&
             node_file(swarm, node) && size >= 4)
        tftp_hear(swarm, node, from_port, message, size);
}

static void hear_ping(struct swarm *swarm, const struct flow *back, const struct packet *packet)
{
    uint8_t echo[FRAME_MAX - 64];
    if (packet->size < 8 || packet->size > sizeof echo || packet->payload[0] != 8)
        return;
    memcpy(echo, packet->payload, packet->size);
    memset(echo, 0, 4); /* type: reply; checksum */
    put_be16(echo + 2, internet_checksum(0, echo, packet->size));
    send_ip(swarm, back, PROTOCOL_ICMP, echo, packet->size);
}

static void tcp_send(struct swarm *swarm, const struct flow *back, const uint8_t *asked,
                     uint8_t flags, uint32_t sequence)
{
    enum { TCP_SIZE = 20 };
    uint8_t segment[TCP_SIZE] = {0};
    uint32_t theirs;
    memcpy(&theirs, asked + 4, 4);
    const uint32_t next = htonl(ntohl(theirs) + 1);
    memcpy(segment, asked + 2, 2);
    memcpy(segment + 2, asked, 2);
    memcpy(segment + 4, &sequence, 4);
    memcpy(segment + 8, &next, 4);
    segment[12] = TCP_SIZE / 4 << 4;
    segment[13] = flags;
    put_be16(segment + 14, 8192);
    uint32_t pseudo = PROTOCOL_TCP + TCP_SIZE;
    const in_addr_t ends[2] = {ntohl(back->from), ntohl(back->to)};
    for (size_t i = 0; i < 2; i++)
        pseudo += (ends[i] >> 16) + (ends[i] & 0xffff);
    put_be16(segment + 16, internet_checksum(pseudo, segment, TCP_SIZE));
    send_ip(swarm, back, PROTOCOL_TCP, segment, TCP_SIZE);
}

/* Enough of TCP for a port probe, without a state: SYN is answered, FIN too, data is not. */
static void hear_tcp(struct swarm *swarm, const struct flow *back, const struct packet *packet)
{
    if (packet->size < 20 || packet->payload[13] & TCP_RST)
        return;
    const uint8_t flags = packet->payload[13];
    uint32_t acknowledged;
    memcpy(&acknowledged, packet->payload + 8, 4);
    if (be16_at(packet->payload + 2) != swarm->up_port)
        tcp_send(swarm, back, packet->payload, TCP_RST | TCP_ACK, acknowledged);
    else if (flags & TCP_SYN)
        tcp_send(swarm, back, packet->payload, TCP_SYN | TCP_ACK, htonl(4096));
    else if (flags & TCP_FIN)
        tcp_send(swarm, back, packet->payload, TCP_FIN | TCP_ACK, acknowledged);
}

static bool packet_parse(struct packet *packet, const uint8_t *frame, size_t size)
{
    const uint8_t *ip = frame + ETHERNET_SIZE;
    if (size < ETHERNET_SIZE + 20 || ip[0] >> 4 != 4)
        return false;
    const size_t header = (ip[0] & 15u) * 4, total = be16_at(ip + 2);
    if (header < 20 || total < header || ETHERNET_SIZE + total > size)
        return false;
    *packet = (struct packet){
        .from_mac = frame + MAC_SIZE,
        .protocol = ip[9],
        .payload = ip + header,
        .size = total - header,
    };
    memcpy(&packet->from, ip + 12, 4);
    memcpy(&packet->to, ip + 16, 4);
    return true;
}

void answer_frame(struct swarm *swarm, const uint8_t *frame, size_t size)
{
    struct packet packet;
    if (size < ETHERNET_SIZE)
        return;
    if (be16_at(frame + 12) == TYPE_ARP) {
        hear_arp(swarm, frame, size);
        return;
    }
    if (be16_at(frame + 12) != TYPE_IP || !packet_parse(&packet, frame, size))
        return;
    struct node *node = swarm_by_mac(swarm, frame);
    if (packet.protocol == PROTOCOL_UDP) {
        hear_udp(swarm, node, &packet);
        return;
    }
    if (!node || !node_is_up(node) || packet.to != node->address)
        return;
    const struct flow back = {node, packet.from_mac, packet.to, packet.from};
    if (packet.protocol == PROTOCOL_ICMP)
        hear_ping(swarm, &back, &packet);
    else if (packet.protocol == PROTOCOL_TCP)
        hear_tcp(swarm, &back, &packet);
}
