/* A datagram for both codecs, which have to make the same of it. Byte 0 picks what is awaited and
 * the suite; in the fifth case the bytes are the message within a datagram that is encrypted and
 * signed as it should be, or no input would ever get that far. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/ipmi/codec.h"
#include "drivers/ipmi/codec_native_crypto.h"
#include "drivers/ipmi/codec_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER_SIZE = 16, RMCP_SIZE = 4, LONGEST_ANSWER = 16 + 16 + 64 + 16, SEALED = 4, KINDS };

static struct codec *codec;
static struct crypto *crypto;

static const struct login login = {.user = "admin", .password = {"secret"}, .privilege = 3};

static struct link make_link(uint8_t suite, uint32_t console_id, uint8_t tag)
{
    struct link link;
    if (codec_begin(codec, &link, &login, suite))
        abort();
    link.console_id = console_id;
    link.tag = tag;
    link.bmc_id = 0x02000101;
    link.sik_size = link.integrity_key_size = suite == 17 ? 32 : 20;
    link.confidentiality_key_size = CRYPTO_BLOCK;
    memset(link.sik, 1, sizeof link.sik);
    memset(link.integrity_key, 2, sizeof link.integrity_key);
    memset(link.confidentiality_key, 3, sizeof link.confidentiality_key);
    return link;
}

/* Whole blocks of plain text, whatever they say; the random block is all zeros. */
static size_t seal(const struct link *link, const uint8_t *plain, size_t size, uint8_t *out)
{
    uint8_t code[IPMI_KEY_SIZE];
    size_t text = size / CRYPTO_BLOCK * CRYPTO_BLOCK, payload = CRYPTO_BLOCK + text;
    size_t at = HEADER_SIZE + payload, code_size = codec_trailer_code_size(link);
    const uint8_t header[] = {6, 0, 0xff, 7, 6, 0xc0, 0, 0, 0, 0, 1, 0, 0, 0, (uint8_t)payload, 0};
    memcpy(out, header, sizeof header);
    memcpy(out + 6, &link->console_id, sizeof link->console_id);
    memset(out + HEADER_SIZE, 0, CRYPTO_BLOCK);
    memcpy(out + HEADER_SIZE + CRYPTO_BLOCK, plain, text);
    if (crypto_encrypt(crypto, link->confidentiality_key, out + HEADER_SIZE,
                       out + HEADER_SIZE + CRYPTO_BLOCK, text))
        abort();
    memcpy(out + at, "\xff\xff\x02\x07", 4);
    at += 4;
    if (crypto_hmac(crypto, link, link->integrity_key, link->integrity_key_size, out + RMCP_SIZE,
                    at - RMCP_SIZE, code))
        abort();
    memcpy(out + at, code, code_size);
    return at + code_size;
}

struct reading {
    int rc;
    uint8_t status;
    bool proven;
    struct link link;
    struct ipmi_answer answer;
};

static struct reading read_by(enum codec_kind kind, const struct link *link, enum payload payload,
                              const uint8_t *bytes, size_t size)
{
    struct reading r = {.rc = -1, .link = *link};
    r.link.codec = (uint8_t)kind;
    switch (payload) {
    case PAYLOAD_NONE:
        break;
    case PAYLOAD_OPEN_SESSION:
        r.rc = codec_read_open_session(codec, &r.link, bytes, size, &r.status);
        break;
    case PAYLOAD_RAKP_2:
        r.rc = codec_read_rakp_2(codec, &r.link, bytes, size, &r.status, &r.proven);
        break;
    case PAYLOAD_RAKP_4:
        r.rc = codec_read_rakp_4(codec, &r.link, bytes, size, &r.status, &r.proven);
        break;
    case PAYLOAD_IPMI:
        r.rc = codec_read_answer(codec, &r.link, bytes, size, &r.answer);
        break;
    }
    r.link.codec = CODEC_NATIVE;
    return r;
}

static void compare(const struct link *link, enum payload payload, const uint8_t *bytes,
                    size_t size)
{
    struct reading native = read_by(CODEC_NATIVE, link, payload, bytes, size);
    struct reading freeipmi = read_by(CODEC_FREEIPMI, link, payload, bytes, size);
    /* A proof too long or too short is damage to the one, and wrong to the other. */
    if (native.rc && !freeipmi.rc && !freeipmi.proven && payload == PAYLOAD_RAKP_4)
        return;
    /* More data than any answer to us has: libfreeipmi takes the first of it. */
    if (native.rc && payload == PAYLOAD_IPMI && size > LONGEST_ANSWER)
        return;
    if (native.rc != freeipmi.rc || native.status != freeipmi.status ||
        native.proven != freeipmi.proven || native.link.bmc_id != freeipmi.link.bmc_id ||
        native.link.heard_highest != freeipmi.link.heard_highest ||
        memcmp(&native.answer, &freeipmi.answer, sizeof native.answer) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t suites[] = {17, 3};
    if (!codec && (!(codec = codec_new(NULL)) || !(crypto = crypto_new())))
        abort();
    if (!size || size > IPMI_DATAGRAM_SIZE - 2 * IPMI_KEY_SIZE)
        return 0;
    unsigned kind = data[0] % KINDS;
    const uint8_t *bytes = data + 1;
    uint32_t console_id = 0x01020305;
    size--;
    if (kind < SEALED && size >= 24) /* or nothing would get past the first comparison */
        memcpy(&console_id, bytes + (kind == 3 ? 6 : 20), sizeof console_id);
    struct link link =
        make_link(suites[data[0] / KINDS % 2], console_id, size > HEADER_SIZE ? bytes[16] : 0);
    uint8_t sealed[IPMI_DATAGRAM_SIZE];
    if (kind == SEALED && size < CRYPTO_BLOCK)
        return 0;
    if (kind == SEALED) {
        size = seal(&link, bytes, size, sealed);
        bytes = sealed;
    }
    compare(&link, codec_payload(&link, bytes, size), bytes, size);
    return 0;
}
