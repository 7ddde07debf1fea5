/* arp.h - ARP (RFC 826) and its reverse, RARP (RFC 903), for IPv4 over Ethernet. */
#ifndef POWERCTL_ARP_H
#define POWERCTL_ARP_H

#include <stddef.h>

#include "proto/address.h"
#include "proto/err.h"

enum arp_op { ARP_REQUEST = 1, ARP_REPLY, RARP_REQUEST, RARP_REPLY };

struct arp {
    enum arp_op op;
    struct mac sender_mac, target_mac;
    struct ipv4 sender_ip, target_ip;
};

int arp_decode(const void *bytes, size_t size, struct arp *arp, struct err *err);

#endif
