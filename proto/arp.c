#include "proto/arp.h"

#include "proto/cursor.h"

enum { HARDWARE_ETHERNET = 1, PROTOCOL_IPV4 = 0x0800 };

int arp_decode(const void *bytes, size_t size, struct arp *arp, struct err *err)
{
    struct arp out = {0};
    struct cursor c = cursor(bytes, size);
    uint16_t hardware = get_be16(&c), protocol = get_be16(&c);
    uint8_t mac_size = get_u8(&c), ip_size = get_u8(&c);
    uint16_t op = get_be16(&c);
    get_bytes(&c, out.sender_mac.byte, sizeof out.sender_mac.byte);
    out.sender_ip.host_order = get_be32(&c);
    get_bytes(&c, out.target_mac.byte, sizeof out.target_mac.byte);
    out.target_ip.host_order = get_be32(&c);
    if (c.bad)
        return err_set(err, ERR_PROTOCOL, "ARP: %zu bytes are too few", size);
    if (hardware != HARDWARE_ETHERNET || protocol != PROTOCOL_IPV4 || mac_size != 6 || ip_size != 4)
        return err_set(err, ERR_PROTOCOL, "ARP: not of IPv4 over Ethernet");
    if (op < ARP_REQUEST || op > RARP_REPLY)
        return err_set(err, ERR_PROTOCOL, "ARP: there is no operation %d", op);
    out.op = (enum arp_op)op;
    *arp = out;
    return 0;
}
