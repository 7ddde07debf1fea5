#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/peers/pxe_nodes/nodes.h"

enum { ETHERNET_SIZE = 14, ETHERNET_MIN = 60, IP_SIZE = 20, UDP_SIZE = 8, TYPE_IP = 0x0800 };

const uint8_t broadcast_mac[MAC_SIZE] = {255, 255, 255, 255, 255, 255};

void put_be16(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

uint16_t be16_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

uint16_t internet_checksum(uint32_t sum, const uint8_t *bytes, size_t size)
{
    for (; size > 1; size -= 2, bytes += 2)
        sum += be16_at(bytes);
    if (size)
        sum += (uint32_t)bytes[0] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

void send_ethernet(struct swarm *swarm, const struct node *node, const uint8_t to[MAC_SIZE],
                   uint16_t type, const void *payload, size_t size)
{
    uint8_t frame[FRAME_MAX] = {0};
    if (size > sizeof frame - ETHERNET_SIZE)
        return;
    memcpy(frame, to, MAC_SIZE);
    node_mac(swarm, node, frame + MAC_SIZE);
    put_be16(frame + 12, type);
    memcpy(frame + ETHERNET_SIZE, payload, size);
    size += ETHERNET_SIZE;
    /* A full queue is a lost frame, as on a wire: whoever asked asks again. */
    if (send(swarm->wire, frame, size < ETHERNET_MIN ? ETHERNET_MIN : size, 0) < 0 &&
        errno != ENOBUFS && errno != EAGAIN)
        perror("pxe_nodes: send");
}

void send_ip(struct swarm *swarm, const struct flow *flow, uint8_t protocol, const void *payload,
             size_t size)
{
    static uint16_t identification;
    uint8_t packet[FRAME_MAX - ETHERNET_SIZE] = {0x45};
    if (size > sizeof packet - IP_SIZE)
        return;
    put_be16(packet + 2, (uint16_t)(IP_SIZE + size));
    put_be16(packet + 4, ++identification);
    packet[8] = 64;
    packet[9] = protocol;
    memcpy(packet + 12, &flow->from, 4);
    memcpy(packet + 16, &flow->to, 4);
    put_be16(packet + 10, internet_checksum(0, packet, IP_SIZE));
    memcpy(packet + IP_SIZE, payload, size);
    send_ethernet(swarm, flow->node, flow->to_mac, TYPE_IP, packet, IP_SIZE + size);
}

void send_udp(struct swarm *swarm, const struct flow *flow, uint16_t from_port, uint16_t to_port,
              const void *payload, size_t size)
{
    uint8_t datagram[FRAME_MAX - ETHERNET_SIZE - IP_SIZE];
    if (size > sizeof datagram - UDP_SIZE)
        return;
    put_be16(datagram, from_port);
    put_be16(datagram + 2, to_port);
    put_be16(datagram + 4, (uint16_t)(UDP_SIZE + size));
    put_be16(datagram + 6, 0); /* no checksum: allowed over IPv4 */
    memcpy(datagram + UDP_SIZE, payload, size);
    send_ip(swarm, flow, PROTOCOL_UDP, datagram, UDP_SIZE + size);
}
