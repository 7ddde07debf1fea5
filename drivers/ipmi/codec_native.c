/* RMCP+ by hand, for cipher suites 3 and 17: IPMI 2.0, chapters 13.6 to 13.31, and no more of it
 * than a session of ours says.  libfreeipmi takes 11 us a datagram, mostly for looking fields up
 * by name; this takes one, all of it cryptography. */
#include <stdlib.h>
#include <string.h>

#include "drivers/ipmi/codec_native_crypto.h"
#include "drivers/ipmi/codec_private.h"
#include "proto/cursor.h"

enum {
    HEADER_SIZE = 16, /* RMCP 4, session 12; the signature begins after RMCP */
    RMCP_SIZE = 4,
    TYPE_AT = 5,
    PAYLOAD_SIZE_AT = 14,
    TYPE_IPMI = 0xc0, /* encrypted, signed */
    TYPE_OPEN_SESSION = 0x10,
    TYPE_RAKP_1 = 0x12,
    TYPE_RAKP_3 = 0x14,
    BMC_ADDRESS = 0x20,
    CONSOLE_ADDRESS = 0x81,
    NAME_ONLY = 0x10,   /* RAKP 1: look the user up by name, whatever his privilege */
    NEXT_HEADER = 0x07, /* of the trailer; the only value there is */
    PAD = 0xff,         /* of the trailer; that of the payload counts 1, 2, 3 */
    CONSTANT_SIZE = 20, /* what K1 and K2 are made of, for SHA-256 too */
    MESSAGE_LEAST = 8,  /* an answer without data */
    STATUS_OK = 0x00,
};

/* Writes one after the other; every packet here has a known longest size, far below the room. */
struct writer {
    struct datagram *out;
    bool full;
};

static void put_bytes(struct writer *w, const void *bytes, size_t size)
{
    if (size > sizeof w->out->bytes - w->out->size) {
        w->full = true;
        return;
    }
    memcpy(w->out->bytes + w->out->size, bytes, size);
    w->out->size += size;
}

static void put_u8(struct writer *w, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    put_bytes(w, &byte, 1);
}

static void put_le32(struct writer *w, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                        (uint8_t)(value >> 24)};
    put_bytes(w, bytes, sizeof bytes);
}

static uint32_t get_le32(struct cursor *c)
{
    return __builtin_bswap32(get_be32(c));
}

static struct writer begin(struct datagram *out, unsigned type, uint32_t id, uint32_t sequence)
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

static void end_payload(struct writer *w)
{
    size_t size = w->out->size - HEADER_SIZE;
    w->out->bytes[PAYLOAD_SIZE_AT] = (uint8_t)size;
    w->out->bytes[PAYLOAD_SIZE_AT + 1] = (uint8_t)(size >> 8);
}

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

/* --- handshake, out --- */

static int open_session(void *state, const struct link *link, struct datagram *out)
{
    (void)state;
    const uint8_t algorithm[] = {link->authentication, link->integrity, link->confidentiality};
    struct writer w = begin(out, TYPE_OPEN_SESSION, 0, 0);
    put_u8(&w, link->tag);
    put_u8(&w, link->login->privilege); /* the one we will use: see codec_freeipmi.c */
    put_bytes(&w, "\0", 2);
    put_le32(&w, link->console_id);
    for (unsigned i = 0; i < sizeof algorithm; i++) {
        const uint8_t payload[8] = {(uint8_t)i, 0, 0, 8, algorithm[i]};
        put_bytes(&w, payload, sizeof payload);
    }
    end_payload(&w);
    return w.full ? -1 : 0;
}

static uint8_t role(const struct link *link)
{
    return NAME_ONLY | link->login->privilege;
}

static size_t user_size(const struct link *link)
{
    return strnlen(link->login->user, IPMI_USER_SIZE - 1);
}

static int rakp_1(void *state, const struct link *link, struct datagram *out)
{
    (void)state;
    struct writer w = begin(out, TYPE_RAKP_1, 0, 0);
    put_u8(&w, link->tag);
    put_bytes(&w, "\0\0", 3);
    put_le32(&w, link->bmc_id);
    put_bytes(&w, link->console_random, IPMI_RANDOM_SIZE);
    put_u8(&w, role(link));
    put_bytes(&w, "\0", 2);
    put_u8(&w, (unsigned)user_size(link));
    put_bytes(&w, link->login->user, user_size(link));
    end_payload(&w);
    return w.full ? -1 : 0;
}

/* What the codes of the handshake are made of is written like a packet. */
static void put_user(struct writer *w, const struct link *link)
{
    put_u8(w, role(link));
    put_u8(w, (unsigned)user_size(link));
    put_bytes(w, link->login->user, user_size(link));
}

/* HMAC pads keys with zeros itself: a short password and one filled up to 20 are the same. */
static int sign_with_password(struct crypto *crypto, const struct link *link,
                              const struct datagram *text, uint8_t code[IPMI_KEY_SIZE])
{
    uint8_t key[IPMI_PASSWORD_LONGEST] = {0};
    const char *password = link->login->password.bytes;
    memcpy(key, password, strnlen(password, sizeof key));
    int rc = crypto_hmac(crypto, link, key, sizeof key, text->bytes, text->size, code);
    explicit_bzero(key, sizeof key);
    return rc;
}

static int rakp_3(void *state, const struct link *link, uint8_t status, struct datagram *out)
{
    uint8_t code[IPMI_KEY_SIZE];
    struct writer w = begin(out, TYPE_RAKP_3, 0, 0);
    put_u8(&w, link->tag);
    put_u8(&w, status);
    put_bytes(&w, "\0", 2);
    put_le32(&w, link->bmc_id);
    if (status == STATUS_OK) {
        struct datagram text;
        struct writer t = {.out = &text};
        text.size = 0;
        put_bytes(&t, link->bmc_random, IPMI_RANDOM_SIZE);
        put_le32(&t, link->console_id);
        put_user(&t, link);
        if (t.full || sign_with_password(state, link, &text, code))
            return -1;
        put_bytes(&w, code, crypto_hash_size(link));
    }
    end_payload(&w);
    return w.full ? -1 : 0;
}

/* --- handshake, in --- */

static struct cursor payload_of(const uint8_t *bytes, size_t size)
{
    struct cursor c = cursor(bytes, size);
    skip(&c, PAYLOAD_SIZE_AT);
    size_t low = get_u8(&c), high = get_u8(&c);
    return get_part(&c, low | high << 8);
}

/* The frame all three handshake answers share. A refusal may leave out our session id. */
static int read_handshake(const struct link *link, struct cursor *c, uint8_t *status)
{
    uint8_t tag = get_u8(c);
    *status = get_u8(c);
    return c->bad || tag != link->tag ? -1 : 0;
}

static bool is_for_us(const struct link *link, struct cursor *c)
{
    skip(c, 2);
    return get_le32(c) == link->console_id && !c->bad;
}

/* Type, 2 reserved, length 8, algorithm; 3 reserved before the next, which nobody needs. */
static bool agrees(struct cursor *c, size_t before, uint8_t algorithm)
{
    skip(c, before + 4);
    return (get_u8(c) & 0x3f) == algorithm;
}

static int read_open_session(void *state, struct link *link, const uint8_t *bytes, size_t size,
                             uint8_t *status)
{
    (void)state;
    struct cursor c = payload_of(bytes, size);
    uint8_t code;
    if (read_handshake(link, &c, &code))
        return -1;
    if (code == STATUS_OK) {
        if (!is_for_us(link, &c))
            return -1;
        uint32_t bmc_id = get_le32(&c);
        /* A BMC that agrees to something weaker than was asked is not agreed with. */
        bool agreed = agrees(&c, 0, link->authentication);
        agreed &= agrees(&c, 3, link->integrity);
        agreed &= agrees(&c, 3, link->confidentiality);
        if (c.bad || !agreed || !bmc_id)
            return -1;
        link->bmc_id = bmc_id;
    }
    *status = code;
    return 0;
}

static int expect_rakp_2(struct crypto *crypto, const struct link *link, uint8_t *code)
{
    struct datagram text;
    struct writer t = {.out = &text};
    text.size = 0;
    put_le32(&t, link->console_id);
    put_le32(&t, link->bmc_id);
    put_bytes(&t, link->console_random, IPMI_RANDOM_SIZE);
    put_bytes(&t, link->bmc_random, IPMI_RANDOM_SIZE);
    put_bytes(&t, link->bmc_guid, IPMI_GUID_SIZE);
    put_user(&t, link);
    return t.full ? -1 : sign_with_password(crypto, link, &text, code);
}

/* The session's own key out of the password, and K1 and K2 out of that. */
static int make_keys(struct crypto *crypto, struct link *link)
{
    uint8_t constant[CONSTANT_SIZE];
    struct datagram text;
    struct writer t = {.out = &text};
    text.size = 0;
    put_bytes(&t, link->console_random, IPMI_RANDOM_SIZE);
    put_bytes(&t, link->bmc_random, IPMI_RANDOM_SIZE);
    put_user(&t, link);
    if (t.full || sign_with_password(crypto, link, &text, link->sik))
        return -1;
    link->sik_size = link->integrity_key_size = crypto_hash_size(link);
    link->confidentiality_key_size = CRYPTO_BLOCK;
    memset(constant, 1, sizeof constant);
    if (crypto_hmac(crypto, link, link->sik, link->sik_size, constant, sizeof constant,
                    link->integrity_key))
        return -1;
    memset(constant, 2, sizeof constant);
    return crypto_hmac(crypto, link, link->sik, link->sik_size, constant, sizeof constant,
                       link->confidentiality_key);
}

static int read_rakp_2(void *state, struct link *link, const uint8_t *bytes, size_t size,
                       uint8_t *status, bool *proven)
{
    struct cursor c = payload_of(bytes, size);
    struct link next = *link;
    uint8_t code, expected[IPMI_KEY_SIZE];
    int rc = read_handshake(link, &c, &code);
    if (!rc && code == STATUS_OK) {
        bool ours = is_for_us(link, &c);
        get_bytes(&c, next.bmc_random, IPMI_RANDOM_SIZE);
        get_bytes(&c, next.bmc_guid, IPMI_GUID_SIZE);
        const uint8_t *proof = get_span(&c, crypto_hash_size(link));
        /* A proof of the wrong size is damage, not a wrong password. */
        if (!ours || !proof || c.left || expect_rakp_2(state, &next, expected))
            rc = -1;
        else if (!crypto_same(proof, expected, crypto_hash_size(link)))
            *proven = false;
        else if (make_keys(state, &next))
            rc = -1;
        else {
            *proven = true;
            *link = next;
        }
    } else if (!rc) {
        *proven = false;
    }
    if (!rc)
        *status = code;
    explicit_bzero(&next, sizeof next);
    return rc;
}

static int expect_rakp_4(struct crypto *crypto, const struct link *link, uint8_t *code)
{
    struct datagram text;
    struct writer t = {.out = &text};
    text.size = 0;
    put_bytes(&t, link->console_random, IPMI_RANDOM_SIZE);
    put_le32(&t, link->bmc_id);
    put_bytes(&t, link->bmc_guid, IPMI_GUID_SIZE);
    return crypto_hmac(crypto, link, link->sik, link->sik_size, text.bytes, text.size, code);
}

static int read_rakp_4(void *state, struct link *link, const uint8_t *bytes, size_t size,
                       uint8_t *status, bool *proven)
{
    struct cursor c = payload_of(bytes, size);
    uint8_t code, expected[IPMI_KEY_SIZE];
    bool right = false;
    if (read_handshake(link, &c, &code))
        return -1;
    if (code == STATUS_OK) {
        size_t check_size = codec_trailer_code_size(link); /* as long as those of its packets */
        bool ours = is_for_us(link, &c);
        const uint8_t *check = get_span(&c, check_size);
        if (!ours || !check || c.left || expect_rakp_4(state, link, expected))
            return -1;
        right = crypto_same(check, expected, check_size);
    }
    *proven = right;
    *status = code;
    return 0;
}

/* --- in session --- */

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
    const size_t plain_at = HEADER_SIZE + CRYPTO_BLOCK;
    unsigned pad = (unsigned)(-(w->out->size - plain_at + 1) % CRYPTO_BLOCK);
    for (unsigned i = 1; i <= pad; i++)
        put_u8(w, i);
    put_u8(w, pad);
    return w->full ? -1
                   : crypto_encrypt(crypto, link->confidentiality_key, w->out->bytes + HEADER_SIZE,
                                    w->out->bytes + plain_at, w->out->size - plain_at);
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
    skip(&c, HEADER_SIZE + payload_size);
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
    .open_session = open_session,
    .rakp_1 = rakp_1,
    .rakp_3 = rakp_3,
    .command = command,
    .read_open_session = read_open_session,
    .read_rakp_2 = read_rakp_2,
    .read_rakp_4 = read_rakp_4,
    .read_answer = read_answer,
};
