/* RMCP+ by hand, for cipher suites 3 and 17: IPMI 2.0, chapters 13.6 to 13.31, and no more of it
 * than a session of ours says.  libfreeipmi takes 11 us a datagram, mostly for looking fields up
 * by name; this takes one, all of it cryptography.  Here are the messages in a session; those that
 * set it up are in codec_native_handshake.c. */
#include <string.h>

#include "drivers/ipmi/codec_native_crypto.h"
#include "drivers/ipmi/codec_native_private.h"

enum {
    RMCP_SIZE = 4, /* the signature begins after it */
    TYPE_AT = 5,
    TYPE_IPMI = 0xc0, /* encrypted, signed */
    BMC_ADDRESS = 0x20,
    CONSOLE_ADDRESS = 0x81,
    NEXT_HEADER = 0x07, /* of the trailer; the only value there is */
    PAD = 0xff,         /* of the trailer; that of the payload counts 1, 2, 3 */
    MESSAGE_LEAST = 8,  /* an answer without data */
};

bool codec_native_can(const struct login *login, uint8_t suite)
{
    bool strange = login_needs(login, WORKAROUND_INTEL20) ||
                   login_needs(login, WORKAROUND_SUPERMICRO20) ||
                   login_needs(login, WORKAROUND_SUN20);
    return (suite == 3 || suite == 17) && !strange;
}

static void *create(void)
{
    return crypto_new();
}

static void destroy(void *state)
{
    crypto_free(state);
}

static uint8_t checksum(const uint8_t *bytes, size_t size)
{
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += bytes[i];
    return (uint8_t)-sum;
}

/* Addresses, function, command, data, and the two checksums of IPMB. */
static void put_message(struct writer *w, const struct ipmi_request *request)
{
    const uint8_t to[2] = {BMC_ADDRESS, (uint8_t)(request->netfn << 2)};
    uint8_t rest[3 + IPMI_REQUEST_SIZE] = {CONSOLE_ADDRESS, (uint8_t)(request->sequence << 2),
                                           request->command};
    size_t size = 3U + request->size;
    memcpy(rest + 3, request->data, request->size);
    put_bytes(w, to, sizeof to);
    put_u8(w, checksum(to, sizeof to));
    put_bytes(w, rest, size);
    put_u8(w, checksum(rest, size));
}

/* What follows the random block is filled up to whole blocks: 1, 2, 3 and how many. */
static int encrypt(struct crypto *crypto, const struct link *link, struct writer *w)
{
    const size_t plain_at = NATIVE_HEADER_SIZE + CRYPTO_BLOCK;
    unsigned pad = (unsigned)(-(w->out->size - plain_at + 1) % CRYPTO_BLOCK);
    for (unsigned i = 1; i <= pad; i++)
        put_u8(w, i);
    put_u8(w, pad);
    return w->full ? -1
                   : crypto_encrypt(crypto, link->confidentiality_key,
                                    w->out->bytes + NATIVE_HEADER_SIZE, w->out->bytes + plain_at,
                                    w->out->size - plain_at);
}

/* Filled up to a multiple of four, counted from behind the RMCP header. */
static int sign(struct crypto *crypto, const struct link *link, struct writer *w)
{
    uint8_t code[IPMI_KEY_SIZE];
    unsigned pad = (unsigned)(-(w->out->size - RMCP_SIZE + 2) % 4);
    for (unsigned i = 0; i < pad; i++)
        put_u8(w, PAD);
    put_u8(w, pad);
    put_u8(w, NEXT_HEADER);
    if (w->full || crypto_hmac(crypto, link, link->integrity_key, link->integrity_key_size,
                               w->out->bytes + RMCP_SIZE, w->out->size - RMCP_SIZE, code))
        return -1;
    put_bytes(w, code, codec_trailer_code_size(link));
    return w->full ? -1 : 0;
}

static int command(void *state, const struct link *link, const struct ipmi_request *request,
                   struct datagram *out)
{
    uint8_t random[CRYPTO_BLOCK];
    struct writer w = begin(out, TYPE_IPMI, link->bmc_id, link->sequence);
    if (crypto_random(state, random))
        return -1;
    put_bytes(&w, random, sizeof random);
    put_message(&w, request);
    if (encrypt(state, link, &w))
        return -1;
    end_payload(&w);
    return sign(state, link, &w);
}

/* The trailer up to the datagram's end: pad, its size, next header, code. */
static bool is_authentic(struct crypto *crypto, const struct link *link, const uint8_t *bytes,
                         size_t size, size_t payload_size)
{
    uint8_t expected[IPMI_KEY_SIZE];
    size_t code_size = codec_trailer_code_size(link), signed_size = size - code_size;
    struct cursor c = cursor(bytes, size);
    skip(&c, NATIVE_HEADER_SIZE + payload_size);
    if (c.left < code_size + 2)
        return false;
    struct cursor pad = get_part(&c, c.left - code_size - 2);
    bool fits = pad.left == get_u8(&c);
    fits &= get_u8(&c) == NEXT_HEADER;
    while (pad.left)
        fits &= get_u8(&pad) == PAD;
    const uint8_t *code = get_span(&c, code_size);
    return fits && code &&
           !crypto_hmac(crypto, link, link->integrity_key, link->integrity_key_size,
                        bytes + RMCP_SIZE, signed_size - RMCP_SIZE, expected) &&
           crypto_same(code, expected, code_size);
}

/* The message in an encrypted payload: `plain` holds it, the cursor is cut to its size. */
static struct cursor decrypt(struct crypto *crypto, const struct link *link, struct cursor payload,
                             uint8_t plain[IPMI_DATAGRAM_SIZE])
{
    struct cursor bad = {.bad = true};
    const uint8_t *random = get_span(&payload, CRYPTO_BLOCK);
    size_t size = payload.left;
    if (!random || !size || size % CRYPTO_BLOCK || size > IPMI_DATAGRAM_SIZE)
        return bad;
    get_bytes(&payload, plain, size);
    if (crypto_decrypt(crypto, link->confidentiality_key, random, plain, size))
        return bad;
    size_t pad = plain[size - 1];
    if (pad >= CRYPTO_BLOCK)
        return bad;
    for (size_t i = 1; i <= pad; i++)
        if (plain[size - 1 - pad + i - 1] != i)
            return bad;
    return cursor(plain, size - 1 - pad);
}

static bool checksums_fit(const struct cursor *message)
{
    const uint8_t *bytes = message->at;
    return checksum(bytes, 3) == 0 && checksum(bytes + 3, message->left - 3) == 0;
}

static int read_message(const struct link *link, struct cursor c, struct ipmi_answer *out)
{
    struct ipmi_answer answer = {0};
    if (c.bad || c.left < MESSAGE_LEAST || c.left > MESSAGE_LEAST + IPMI_ANSWER_SIZE ||
        (!login_needs(link->login, WORKAROUND_NOCHECKSUMCHECK) && !checksums_fit(&c)))
        return -1;
    skip(&c, 1);
    unsigned function = get_u8(&c) >> 2;
    skip(&c, 2);
    answer.sequence = get_u8(&c) >> 2;
    answer.command = get_u8(&c);
    answer.code = get_u8(&c);
    answer.size = (uint8_t)(c.left - 1);
    get_bytes(&c, answer.data, answer.size);
    if (!(function & 1))
        return -1;
    answer.netfn = (uint8_t)(function - 1);
    *out = answer;
    return 0;
}

static int read_answer(void *state, struct link *link, const uint8_t *bytes, size_t size,
                       struct ipmi_answer *out)
{
    uint8_t plain[IPMI_DATAGRAM_SIZE];
    struct ipmi_answer answer;
    struct cursor payload = payload_of(bytes, size), header = cursor(bytes, size);
    skip(&header, TYPE_AT + 5); /* its type and the session's id: codec_payload() */
    uint32_t number = get_le32(&header);
    if (payload.bad || !is_authentic(state, link, bytes, size, payload.left) ||
        read_message(link, decrypt(state, link, payload, plain), &answer) ||
        !codec_sequence_is_new(link, number))
        return -1;
    *out = answer;
    return 0;
}

const struct codec_calls codec_native = {
    .create = create,
    .destroy = destroy,
    .open_session = native_open_session,
    .rakp_1 = native_rakp_1,
    .rakp_3 = native_rakp_3,
    .command = command,
    .read_open_session = native_read_open_session,
    .read_rakp_2 = native_read_rakp_2,
    .read_rakp_4 = native_read_rakp_4,
    .read_answer = read_answer,
};
