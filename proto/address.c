#include "proto/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int mac_parse(const char *text, struct mac *mac)
{
    struct mac parsed;
    char separator = '\0';
    for (size_t i = 0; i < sizeof parsed.byte; i++) {
        int high = hex_digit(*text);
        if (high < 0)
            return -1;
        text++;
        int low = hex_digit(*text);
        if (low >= 0)
            text++;
        parsed.byte[i] = (uint8_t)(low < 0 ? high : high << 4 | low);
        if (i == sizeof parsed.byte - 1)
            break;
        if (*text != ':' && *text != '-')
            return -1;
        if (separator && *text != separator)
            return -1;
        separator = *text++;
    }
    if (*text)
        return -1;
    *mac = parsed;
    return 0;
}

void mac_format(struct mac mac, char text[MAC_TEXT_SIZE])
{
    (void)snprintf(text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac.byte[0], mac.byte[1],
                   mac.byte[2], mac.byte[3], mac.byte[4], mac.byte[5]);
}

bool mac_equal(struct mac a, struct mac b)
{
    return !memcmp(a.byte, b.byte, sizeof a.byte);
}

bool mac_known(struct mac mac)
{
    return !mac_equal(mac, (struct mac){0});
}

int ipv4_parse(const char *text, struct ipv4 *ip)
{
    struct in_addr address;
    if (inet_pton(AF_INET, text, &address) != 1)
        return -1;
    ip->host_order = ntohl(address.s_addr);
    return 0;
}

void ipv4_format(struct ipv4 ip, char text[IPV4_TEXT_SIZE])
{
    uint32_t a = ip.host_order;
    (void)snprintf(text, IPV4_TEXT_SIZE, "%u.%u.%u.%u", a >> 24 & 255, a >> 16 & 255, a >> 8 & 255,
                   a & 255);
}

bool ipv4_equal(struct ipv4 a, struct ipv4 b)
{
    return a.host_order == b.host_order;
}

bool ipv4_known(struct ipv4 ip)
{
    return ip.host_order != 0;
}
