/* dhcp.c - DHCP as a ROM, as iPXE and as an operating system ask it; a server tells them apart
 * by options 60, 77 and 175. */
#include <arpa/inet.h>
#include <string.h>

#include "tests/peers/pxe_nodes/nodes.h"

enum { FIXED_SIZE = 240, MESSAGE_SIZE = 548, MESSAGE_MIN = 300 };
enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK };
enum {
    OPTION_REQUESTED_ADDRESS = 50,
    OPTION_TYPE = 53,
    OPTION_SERVER = 54,
    OPTION_WANTED = 55,
    OPTION_VENDOR_CLASS = 60,
    OPTION_BOOTFILE = 67,
    OPTION_USER_CLASS = 77,
    OPTION_ARCHITECTURE = 93,
    OPTION_UNDI = 94,
    OPTION_UUID = 97,
    OPTION_IPXE = 175,
    OPTION_END = 255
};
static const uint8_t cookie[4] = {0x63, 0x82, 0x53, 0x63};

static size_t option(uint8_t *message, size_t at, uint8_t code, const void *value, size_t size)
{
    message[at] = code;
    message[at + 1] = (uint8_t)size;
    memcpy(message + at + 2, value, size);
    return at + 2 + size;
}

static size_t rom_options(uint8_t *message, size_t at, const uint8_t mac[MAC_SIZE])
{
    static const char class[] = "PXEClient:Arch:00000:UNDI:002001";
    uint8_t uuid[17] = {0, 'p', 'x', 'e', '-', 'n', 'o', 'd', 'e'};
    memcpy(uuid + 11, mac, MAC_SIZE);
    at = option(message, at, OPTION_VENDOR_CLASS, class, sizeof class - 1);
    at = option(message, at, OPTION_ARCHITECTURE, "\0\0", 2);
    at = option(message, at, OPTION_UNDI, "\1\2\1", 3);
    return option(message, at, OPTION_UUID, uuid, sizeof uuid);
}

static size_t class_options(uint8_t *message, size_t at, enum stage stage,
                            const uint8_t mac[MAC_SIZE])
{
    static const char wanted[] = "\x01\x03\x06\x0c\x0f\x36\x42\x43\x96\xaf";
    at = option(message, at, OPTION_WANTED, wanted, sizeof wanted - 1);
    if (stage == STAGE_OS_DHCP)
        return option(message, at, OPTION_VENDOR_CLASS, "udhcp 1.35.0", 12);
    at = rom_options(message, at, mac);
    if (stage == STAGE_LOADER_DHCP) {
        at = option(message, at, OPTION_USER_CLASS, "iPXE", 4);
        at = option(message, at, OPTION_IPXE, "\x13\x01\x01\x21\x01\x01", 6);
    }
    return at;
}

void dhcp_ask(struct swarm *swarm, struct node *node)
{
    uint8_t message[MESSAGE_SIZE] = {1, 1, MAC_SIZE};
    uint8_t mac[MAC_SIZE];
    const uint8_t type = node->requesting ? REQUEST : DISCOVER;
    node_mac(swarm, node, mac);
    memcpy(message + 4, &node->transaction, 4);
    put_be16(message + 10, 0x8000); /* answer by broadcast: there is no address yet */
    memcpy(message + 28, mac, MAC_SIZE);
    memcpy(message + FIXED_SIZE - 4, cookie, 4);
    size_t size = option(message, FIXED_SIZE, OPTION_TYPE, &type, 1);
    size = class_options(message, size, node->stage, mac);
    if (node->requesting) {
        size = option(message, size, OPTION_REQUESTED_ADDRESS, &node->address, 4);
        size = option(message, size, OPTION_SERVER, &node->server, 4);
    }
    message[size++] = OPTION_END;
    const struct flow flow = {node, broadcast_mac, 0, INADDR_BROADCAST};
    send_udp(swarm, &flow, 68, 67, message, size < MESSAGE_MIN ? MESSAGE_MIN : size);
}

struct reply {
    uint8_t type;
    in_addr_t server;
    char bootfile[FILE_NAME_SIZE];
};

static void copy_text(char *to, const uint8_t *bytes, size_t size)
{
    if (size >= FILE_NAME_SIZE)
        size = FILE_NAME_SIZE - 1;
    memcpy(to, bytes, size);
    to[size] = '\0';
}

static void reply_read(struct reply *reply, const uint8_t *message, size_t size)
{
    *reply = (struct reply){0};
    copy_text(reply->bootfile, message + 108, 127);
    for (size_t at = FIXED_SIZE; at + 1 < size && message[at] != OPTION_END;) {
        const size_t length = message[at] ? message[at + 1] : 0;
        const uint8_t *value = message + at + 2;
        if (at + 2 + length > size)
            return;
        if (message[at] == OPTION_TYPE && length == 1)
            reply->type = value[0];
        else if (message[at] == OPTION_SERVER && length == 4)
            memcpy(&reply->server, value, 4);
        else if (message[at] == OPTION_BOOTFILE)
            copy_text(reply->bootfile, value, length);
        at += message[at] ? 2 + length : 1;
    }
}

static void acknowledged(struct swarm *swarm, struct node *node, const struct reply *reply)
{
    if (node->stage != STAGE_OS_DHCP) {
        if (!reply->bootfile[0]) {
            node_fail(swarm, node, "an address, but no boot file");
            return;
        }
        memcpy(node->bootfile, reply->bootfile, sizeof node->bootfile);
    }
    node_advance(swarm, node);
}

void dhcp_hear(struct swarm *swarm, const uint8_t *message, size_t size)
{
    if (size <= FIXED_SIZE || message[0] != 2 || memcmp(message + 236, cookie, 4) != 0)
        return;
    struct node *node = swarm_by_mac(swarm, message + 28);
    const bool listening =
        node && (node->stage == STAGE_ROM_DHCP || node->stage == STAGE_LOADER_DHCP ||
                 node->stage == STAGE_OS_DHCP);
    if (!listening || memcmp(message + 4, &node->transaction, 4) != 0)
        return;
    struct reply reply;
    reply_read(&reply, message, size);
    if (reply.type == OFFER && !node->requesting) {
        memcpy(&node->address, message + 16, 4);
        node->server = reply.server;
        node->requesting = true;
        node->tries = 0;
        dhcp_ask(swarm, node);
        node_wait(swarm, node, 1000);
    } else if (reply.type == ACK && node->requesting) {
        acknowledged(swarm, node, &reply);
    } else if (reply.type == NAK && node->requesting) {
        node_fail(swarm, node, "the DHCP server said no");
    }
}
