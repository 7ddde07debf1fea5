#include "tests/peers/bmc_farm/wire.h"

#include <openssl/crypto.h>
#include <string.h>

enum { RMCP_SIZE = 4, HEADER_SIZE = 16, FLAG_ENCRYPTED = 0x80, FLAG_SIGNED = 0x40 };

void put_le16(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
}

void put_le32(uint8_t *out, uint32_t value)
{
    put_le16(out, (uint16_t)value);
    put_le16(out + 2, (uint16_t)(value >> 16));
}

uint16_t le16_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

uint32_t le32_at(const uint8_t *bytes)
{
    return le16_at(bytes) | (uint32_t)le16_at(bytes + 2) << 16;
}

static uint8_t checksum(const uint8_t *bytes, size_t size)
{
    unsigned sum = 0;
    while (size--)
        sum += *bytes++;
    return (uint8_t)(0x100u - (sum & 0xff));
}

bool request_parse(struct request *request, const uint8_t *message, size_t size)
{
    if (size < 7 || size > MESSAGE_MAX || checksum(message, 2) != message[2] ||
        checksum(message + 3, size - 4) != message[size - 1])
        return false;
    *request = (struct request){
        .netfn = message[1] >> 2,
        .command = message[5],
        .data = message + 6,
        .size = size - 7,
        .header = message,
    };
    return true;
}

size_t answer_build(uint8_t *out, const struct request *request, uint8_t completion,
                    const uint8_t *data, size_t size)
{
    const uint8_t *asked = request->header;
    out[0] = asked[3];
    out[1] = asked[1] | 4; /* the response's network function is the request's plus one */
    out[2] = checksum(out, 2);
    out[3] = asked[0];
    out[4] = asked[4];
    out[5] = asked[5];
    out[6] = completion;
    if (size)
        memcpy(out + 7, data, size);
    out[7 + size] = checksum(out + 3, 4 + size);
    return 8 + size;
}

static void rmcp_header(uint8_t *out, uint8_t format)
{
    static const uint8_t rmcp[RMCP_SIZE] = {6, 0, 0xff, RMCP_CLASS_IPMI};
    memcpy(out, rmcp, sizeof rmcp);
    out[RMCP_SIZE] = format;
}

size_t packet_plain_15(uint8_t *out, const uint8_t *message, size_t size)
{
    rmcp_header(out, FORMAT_IPMI_15);
    memset(out + 5, 0, 8); /* sequence and session */
    out[13] = (uint8_t)size;
    memcpy(out + 14, message, size);
    return 14 + size;
}

size_t packet_plain(uint8_t *out, enum payload type, const uint8_t *payload, size_t size)
{
    rmcp_header(out, FORMAT_RMCPPLUS);
    out[5] = (uint8_t)type;
    memset(out + 6, 0, 8);
    put_le16(out + 14, (uint16_t)size);
    memcpy(out + HEADER_SIZE, payload, size);
    return HEADER_SIZE + size;
}

/* IV, then message and pad 1, 2, 3, ..., n, then n. Returns the size of all. */
static size_t payload_encrypt(uint8_t *out, const uint8_t aes[16], const uint8_t *message,
                              size_t size)
{
    uint8_t clear[MESSAGE_MAX + 16];
    size_t pad = (16 - (size + 1) % 16) % 16;
    memcpy(clear, message, size);
    for (size_t i = 0; i < pad; i++)
        clear[size + i] = (uint8_t)(i + 1);
    clear[size + pad] = (uint8_t)pad;
    random_bytes(out, 16);
    aes_encrypt(aes, out, clear, size + pad + 1, out + 16);
    return 16 + size + pad + 1;
}

size_t packet_seal(uint8_t *out, const struct session_keys *keys, uint32_t session_id,
                   uint32_t sequence, const uint8_t *message, size_t size)
{
    rmcp_header(out, FORMAT_RMCPPLUS);
    out[5] = PAYLOAD_IPMI | FLAG_ENCRYPTED | FLAG_SIGNED;
    put_le32(out + 6, session_id);
    put_le32(out + 10, sequence);
    size_t payload = payload_encrypt(out + HEADER_SIZE, keys->aes, message, size);
    put_le16(out + 14, (uint16_t)payload);

    /* What is signed starts after RMCP's own header and fills up to four bytes. */
    size_t end = HEADER_SIZE + payload;
    size_t pad = (4 - (end - RMCP_SIZE + 2) % 4) % 4;
    memset(out + end, 0xff, pad);
    end += pad;
    out[end++] = (uint8_t)pad;
    out[end++] = 7; /* next header: reserved */
    uint8_t code[HASH_MAX];
    hmac(&keys->integrity, out + RMCP_SIZE, end - RMCP_SIZE, code);
    size_t code_size = suite_facts[keys->integrity.suite].check_size;
    memcpy(out + end, code, code_size);
    return end + code_size;
}

size_t packet_open(const uint8_t *packet, size_t size, const struct session_keys *keys,
                   uint8_t *message)
{
    const size_t code_size = suite_facts[keys->integrity.suite].check_size;
    const size_t payload = le16_at(packet + 14);
    if (packet[5] != (PAYLOAD_IPMI | FLAG_ENCRYPTED | FLAG_SIGNED) ||
        size < HEADER_SIZE + payload + 2 + code_size)
        return 0;
    uint8_t code[HASH_MAX];
    hmac(&keys->integrity, packet + RMCP_SIZE, size - RMCP_SIZE - code_size, code);
    if (CRYPTO_memcmp(code, packet + size - code_size, code_size) != 0)
        return 0;

    if (payload < 32 || payload % 16 != 0 || payload - 16 > MESSAGE_MAX)
        return 0;
    const size_t clear = payload - 16;
    aes_decrypt(keys->aes, packet + HEADER_SIZE, packet + HEADER_SIZE + 16, clear, message);
    const size_t pad = message[clear - 1];
    if (pad > 15 || pad + 1 > clear)
        return 0;
    for (size_t i = 0; i < pad; i++)
        if (message[clear - 1 - pad + i] != i + 1)
            return 0;
    return clear - 1 - pad;
}
