/* address.h - MAC and IPv4 addresses as plain values. */
#ifndef POWERCTL_ADDRESS_H
#define POWERCTL_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

enum { MAC_TEXT_SIZE = 18, IPV4_TEXT_SIZE = 16 };

struct mac {
    uint8_t byte[6];
};

/* All zero means "not known", for both. */
struct ipv4 {
    uint32_t host_order;
};

/* "52:54:00:aa:00:01", "52-54-00-AA-00-01", and ISC's "52:54:0:aa:0:1". 0 or -1. */
int mac_parse(const char *text, struct mac *mac);
void mac_format(struct mac mac, char text[MAC_TEXT_SIZE]); /* lower case, colons */
bool mac_equal(struct mac a, struct mac b);
bool mac_known(struct mac mac);

int ipv4_parse(const char *text, struct ipv4 *ip); /* dotted quad only. 0 or -1 */
void ipv4_format(struct ipv4 ip, char text[IPV4_TEXT_SIZE]);
bool ipv4_equal(struct ipv4 a, struct ipv4 b);
bool ipv4_known(struct ipv4 ip);

#endif
