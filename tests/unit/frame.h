/* frame.h - Ethernet frames between a client and a server, for tests of the capture. */
#ifndef POWERCTL_TEST_FRAME_H
#define POWERCTL_TEST_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_CLIENT = 0x0a4d000b, FRAME_SERVER = 0x0a4d0001 };

struct frame {
    uint8_t bytes[2048];
    size_t size;
};

struct shape {
    int vlan_tags;
    size_t ip_options; /* bytes, a multiple of 4 */
};

/* One UDP packet; checksums are left zero, which means "not computed". */
struct frame udp_frame(struct shape shape, bool to_server, uint16_t server_port,
                       uint16_t client_port, const void *payload, size_t size);

#endif
