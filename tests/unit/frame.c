#include "tests/unit/frame.h"

#include <string.h>

static void put(struct frame *frame, const void *bytes, size_t size)
{
    memcpy(frame->bytes + frame->size, bytes, size);
    frame->size += size;
}

static void put16(struct frame *frame, uint32_t n)
{
    put(frame, (uint8_t[]){(uint8_t)(n >> 8), (uint8_t)n}, 2);
}

static void put32(struct frame *frame, uint32_t n)
{
    put16(frame, n >> 16);
    put16(frame, n & 0xffff);
}

struct frame udp_frame(struct shape shape, bool to_server, uint16_t server_port,
                       uint16_t client_port, const void *payload, size_t size)
{
    struct frame f = {.size = 12};
    for (int i = 0; i < shape.vlan_tags; i++)
        put32(&f, 0x81000005);
    put16(&f, 0x0800);
    put(&f, (uint8_t[]){(uint8_t)(0x45 + shape.ip_options / 4), 0}, 2);
    put16(&f, (uint32_t)(28 + shape.ip_options + size));
    put32(&f, 0);
    put(&f, (uint8_t[]){64, 17, 0, 0}, 4);
    put32(&f, to_server ? FRAME_CLIENT : FRAME_SERVER);
    put32(&f, to_server ? FRAME_SERVER : FRAME_CLIENT);
    f.size += shape.ip_options;
    put16(&f, to_server ? client_port : server_port);
    put16(&f, to_server ? server_port : client_port);
    put16(&f, (uint32_t)(8 + size));
    put16(&f, 0);
    put(&f, payload, size);
    return f;
}
