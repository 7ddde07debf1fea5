/* wire.h - RMCP, RMCP+ and IPMI messages as bytes, from the BMC's side.
 *
 * Only what a lanplus client sends: IPMI 1.5 headers outside a session, RMCP+ with cipher
 * suites 3 and 17, always signed and encrypted within one. */
#ifndef BMC_FARM_WIRE_H
#define BMC_FARM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/peers/bmc_farm/crypto.h"

enum { PACKET_MAX = 256, MESSAGE_MAX = 96 };
enum { RMCP_CLASS_ASF = 6, RMCP_CLASS_IPMI = 7 };
enum { FORMAT_IPMI_15 = 0, FORMAT_RMCPPLUS = 6 };
enum payload {
    PAYLOAD_IPMI = 0x00,
    PAYLOAD_OPEN_REQUEST = 0x10,
    PAYLOAD_OPEN_RESPONSE,
    PAYLOAD_RAKP_1,
    PAYLOAD_RAKP_2,
    PAYLOAD_RAKP_3,
    PAYLOAD_RAKP_4
};

void put_le16(uint8_t *out, uint16_t value);
void put_le32(uint8_t *out, uint32_t value);
uint16_t le16_at(const uint8_t *bytes);
uint32_t le32_at(const uint8_t *bytes);

/* A request to a BMC, checksums checked. `data` points into the message. */
struct request {
    uint8_t netfn, command;
    const uint8_t *data;
    size_t size;
    const uint8_t *header; /* six bytes, to be turned round for the answer */
};
bool request_parse(struct request *request, const uint8_t *message, size_t size);

/* The answer's message: at most size + 8 bytes. */
size_t answer_build(uint8_t *out, const struct request *request, uint8_t completion,
                    const uint8_t *data, size_t size);

/* Packets outside a session, in the two formats; then inside one. All return the packet's size. */
size_t packet_plain_15(uint8_t *out, const uint8_t *message, size_t size);
size_t packet_plain(uint8_t *out, enum payload type, const uint8_t *payload, size_t size);
size_t packet_seal(uint8_t *out, const struct session_keys *keys, uint32_t session_id,
                   uint32_t sequence, const uint8_t *message, size_t size);

/* Checks and decrypts into `message` (MESSAGE_MAX bytes); its size, or 0: not for our ears. */
size_t packet_open(const uint8_t *packet, size_t size, const struct session_keys *keys,
                   uint8_t *message);

#endif
