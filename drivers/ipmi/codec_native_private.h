/* codec_native_private.h - shared by codec_native.c (messages in a session) and
 * codec_native_handshake.c (those that set one up): what their packets have in common.
 *
 * A writer is asked for `full` once, when all is written.  The calls of the handshake are those of
 * codec_private.h; their state is a struct crypto. */
#ifndef POWERCTL_IPMI_CODEC_NATIVE_PRIVATE_H
#define POWERCTL_IPMI_CODEC_NATIVE_PRIVATE_H

#include <string.h>

#include "drivers/ipmi/codec_private.h"
#include "proto/cursor.h"

enum {
    NATIVE_HEADER_SIZE = 16, /* RMCP 4, session 12 */
    NATIVE_PAYLOAD_SIZE_AT = 14,
};

/* Writes one after the other; every packet here has a known longest size, far below the room. */
struct writer {
    struct datagram *out;
    bool full;
};

static inline void put_bytes(struct writer *w, const void *bytes, size_t size)
{
    if (size > sizeof w->out->bytes - w->out->size) {
        w->full = true;
        return;
    }
    memcpy(w->out->bytes + w->out->size, bytes, size);
    w->out->size += size;
}

static inline void put_u8(struct writer *w, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    put_bytes(w, &byte, 1);
}

static inline void put_le32(struct writer *w, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                        (uint8_t)(value >> 24)};
    put_bytes(w, bytes, sizeof bytes);
}

static inline uint32_t get_le32(struct cursor *c)
{
    return __builtin_bswap32(get_be32(c));
}

static inline struct writer begin(struct datagram *out, unsigned type, uint32_t id,
                                  uint32_t sequence)
{
    static const uint8_t rmcp[] = {0x06, 0x00, 0xff, 0x07, 0x06};
    struct writer w = {.out = out};
    out->size = 0;
    put_bytes(&w, rmcp, sizeof rmcp);
    put_u8(&w, type);
    put_le32(&w, id);
    put_le32(&w, sequence);
    put_bytes(&w, "\0", 2); /* the payload's size: end_payload() */
    return w;
}

static inline void end_payload(struct writer *w)
{
    size_t size = w->out->size - NATIVE_HEADER_SIZE;
    w->out->bytes[NATIVE_PAYLOAD_SIZE_AT] = (uint8_t)size;
    w->out->bytes[NATIVE_PAYLOAD_SIZE_AT + 1] = (uint8_t)(size >> 8);
}

static inline struct cursor payload_of(const uint8_t *bytes, size_t size)
{
    struct cursor c = cursor(bytes, size);
    skip(&c, NATIVE_PAYLOAD_SIZE_AT);
    size_t low = get_u8(&c), high = get_u8(&c);
    return get_part(&c, low | high << 8);
}

/* Set-up: codec_native_handshake.c. */
int native_open_session(void *state, const struct link *link, struct datagram *out);
int native_rakp_1(void *state, const struct link *link, struct datagram *out);
int native_rakp_3(void *state, const struct link *link, uint8_t status, struct datagram *out);
int native_read_open_session(void *state, struct link *link, const uint8_t *bytes, size_t size,
                             uint8_t *status);
int native_read_rakp_2(void *state, struct link *link, const uint8_t *bytes, size_t size,
                       uint8_t *status, bool *proven);
int native_read_rakp_4(void *state, struct link *link, const uint8_t *bytes, size_t size,
                       uint8_t *status, bool *proven);

#endif
