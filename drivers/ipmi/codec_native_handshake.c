/* The handshake of RMCP+ by hand: open session and RAKP 1 to 4 (IPMI 2.0, 13.17 ff.), and the keys
 * that come of it. */
#include <string.h>

#include "drivers/ipmi/codec_native_crypto.h"
#include "drivers/ipmi/codec_native_private.h"

enum {
    TYPE_OPEN_SESSION = 0x10,
    TYPE_RAKP_1 = 0x12,
    TYPE_RAKP_3 = 0x14,
    NAME_ONLY = 0x10,   /* RAKP 1: look the user up by name, whatever his privilege */
    CONSTANT_SIZE = 20, /* what K1 and K2 are made of, for SHA-256 too */
    STATUS_OK = 0x00,
};

/* --- out --- */

int native_open_session(void *state, const struct link *link, struct datagram *out)
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

int native_rakp_1(void *state, const struct link *link, struct datagram *out)
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

int native_rakp_3(void *state, const struct link *link, uint8_t status, struct datagram *out)
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

/* --- in --- */

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

int native_read_open_session(void *state, struct link *link, const uint8_t *bytes, size_t size,
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

int native_read_rakp_2(void *state, struct link *link, const uint8_t *bytes, size_t size,
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

int native_read_rakp_4(void *state, struct link *link, const uint8_t *bytes, size_t size,
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
