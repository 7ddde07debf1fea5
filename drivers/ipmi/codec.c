/* Which codec speaks for a link, and what both need: fresh links, and the first look at a
 * datagram. */
#include "drivers/ipmi/codec.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "drivers/ipmi/codec_private.h"

static const struct codec_calls *const all_calls[CODECS] = {
    [CODEC_NATIVE] = &codec_native,
    [CODEC_FREEIPMI] = &codec_freeipmi,
};

enum { POOL_SIZE = 256 }; /* as much as getrandom() gives without interruption */

struct codec {
    void *state[CODECS];
    uint8_t pool[POOL_SIZE]; /* random bytes that nobody has used */
    size_t left;
};

enum payload_type {
    TYPE_IPMI = 0x00,
    TYPE_OPEN_SESSION_RESPONSE = 0x11,
    TYPE_RAKP_2 = 0x13,
    TYPE_RAKP_4 = 0x15,
};

enum { HEADER_SIZE = 16, AES_BLOCK = 16 };

struct codec *codec_new(struct err *err)
{
    struct codec *codec = calloc(1, sizeof *codec);
    bool ok = codec != NULL;
    for (unsigned i = CODECS; ok && i--;) /* libfreeipmi first: it starts libgcrypt its way */
        ok = (codec->state[i] = all_calls[i]->create()) != NULL;
    if (ok)
        return codec;
    codec_free(codec);
    err_set(err, ERR_SYSTEM, "libfreeipmi or libgcrypt does not start: out of memory?");
    return NULL;
}

void codec_free(struct codec *codec)
{
    for (unsigned i = 0; codec && i < CODECS; i++)
        if (codec->state[i])
            all_calls[i]->destroy(codec->state[i]);
    free(codec);
}

static int take_random(struct codec *codec, void *out, size_t size)
{
    if (codec->left < size) {
        if (getrandom(codec->pool, sizeof codec->pool, 0) != sizeof codec->pool)
            return -1;
        codec->left = sizeof codec->pool;
    }
    codec->left -= size;
    memcpy(out, codec->pool + codec->left, size);
    explicit_bzero(codec->pool + codec->left, size);
    return 0;
}

int codec_begin(struct codec *codec, struct link *link, const struct login *login, uint8_t suite)
{
    struct link fresh = {.login = login, .suite = suite, .codec = login->codec};
    uint8_t noise[IPMI_RANDOM_SIZE + 5];
    if (!codec_suite(suite, &fresh.authentication, &fresh.integrity, &fresh.confidentiality) ||
        take_random(codec, noise, sizeof noise))
        return -1;
    if (fresh.codec == CODEC_NATIVE && !codec_native_can(login, suite))
        fresh.codec = CODEC_FREEIPMI;
    memcpy(fresh.console_random, noise, IPMI_RANDOM_SIZE);
    memcpy(&fresh.console_id, noise + IPMI_RANDOM_SIZE, 4);
    fresh.console_id |= 1; /* 0 means "no session" */
    fresh.tag = noise[IPMI_RANDOM_SIZE + 4];
    *link = fresh;
    return 0;
}

void codec_wipe(struct link *link)
{
    explicit_bzero(link, sizeof *link);
}

/* Wide, and open ahead: libfreeipmi 1.6.10's takes 8 either way, so that a session is deaf for
 * good once nine answers in a row were lost. The number is signed; one ahead is no replay. */
bool codec_sequence_is_new(struct link *link, uint32_t number)
{
    enum { WINDOW = 32 };
    uint32_t ahead = number - link->heard_highest, behind = link->heard_highest - number;
    bool first = !link->heard_highest; /* 0 is no number of a session's */
    if (!number || !behind)
        return false;
    if (first || ahead <= INT32_MAX) {
        uint32_t list = ahead > WINDOW ? 0 : (uint32_t)((uint64_t)link->heard_list << ahead);
        if (!first && ahead <= WINDOW)
            list |= UINT32_C(1) << (ahead - 1);
        link->heard_list = list;
        link->heard_highest = number;
        return true;
    }
    if (behind > WINDOW || link->heard_list >> (behind - 1) & 1)
        return false;
    link->heard_list |= UINT32_C(1) << (behind - 1);
    return true;
}

static const struct codec_calls *calls_of(const struct link *link)
{
    return all_calls[link->codec];
}

static void *state_of(struct codec *codec, const struct link *link)
{
    return codec->state[link->codec];
}

int codec_open_session(struct codec *codec, const struct link *link, struct datagram *out)
{
    return calls_of(link)->open_session(state_of(codec, link), link, out);
}

int codec_rakp_1(struct codec *codec, const struct link *link, struct datagram *out)
{
    return calls_of(link)->rakp_1(state_of(codec, link), link, out);
}

int codec_rakp_3(struct codec *codec, const struct link *link, uint8_t status, struct datagram *out)
{
    return calls_of(link)->rakp_3(state_of(codec, link), link, status, out);
}

int codec_command(struct codec *codec, struct link *link, const struct ipmi_request *request,
                  struct datagram *out)
{
    if (request->size > IPMI_REQUEST_SIZE)
        return -1;
    link->sequence = link->sequence == UINT32_MAX ? 1 : link->sequence + 1; /* never 0 */
    return calls_of(link)->command(state_of(codec, link), link, request, out);
}

/* libfreeipmi 1.6.10 assert()s on an unencrypted payload in an encrypted session, and takes a
 * length field beyond the datagram as "up to the end": both end here. */
static bool has_session_form(const struct link *link, const uint8_t *bytes, size_t size,
                             size_t payload_size)
{
    uint32_t id = (uint32_t)bytes[6] | (uint32_t)bytes[7] << 8 | (uint32_t)bytes[8] << 16 |
                  (uint32_t)bytes[9] << 24;
    unsigned flags = (link->confidentiality ? 0x80U : 0) | (link->integrity ? 0x40U : 0);
    if (id != link->console_id || !link->console_id || (bytes[5] & 0xc0U) != flags)
        return false;
    if (link->confidentiality && (payload_size < 2 * AES_BLOCK || payload_size % AES_BLOCK))
        return false;
    return !link->integrity ||
           size >= HEADER_SIZE + payload_size + 2 + codec_trailer_code_size(link);
}

enum payload codec_payload(const struct link *link, const void *datagram, size_t size)
{
    static const uint8_t no_session[8] = {0};
    const uint8_t *bytes = datagram;
    if (size <= HEADER_SIZE || size > IPMI_DATAGRAM_SIZE || bytes[0] != 0x06 || bytes[3] != 0x07 ||
        bytes[4] != 0x06)
        return PAYLOAD_NONE;
    size_t payload_size = (size_t)bytes[14] | (size_t)bytes[15] << 8;
    /* supermicro20: the length field of RAKP 2 says one byte too many. */
    size_t slack = login_needs(link->login, WORKAROUND_SUPERMICRO20) ? 1 : 0;
    unsigned type = bytes[5] & 0x3fU;
    if (!payload_size || HEADER_SIZE + payload_size > size + slack)
        return PAYLOAD_NONE;
    if (type == TYPE_IPMI)
        return has_session_form(link, bytes, size, payload_size) ? PAYLOAD_IPMI : PAYLOAD_NONE;
    if (bytes[5] & 0xc0U || memcmp(bytes + 6, no_session, sizeof no_session) != 0)
        return PAYLOAD_NONE;
    return type == TYPE_OPEN_SESSION_RESPONSE ? PAYLOAD_OPEN_SESSION
           : type == TYPE_RAKP_2              ? PAYLOAD_RAKP_2
           : type == TYPE_RAKP_4              ? PAYLOAD_RAKP_4
                                              : PAYLOAD_NONE;
}

int codec_read_open_session(struct codec *codec, struct link *link, const void *bytes, size_t size,
                            uint8_t *status)
{
    return calls_of(link)->read_open_session(state_of(codec, link), link, bytes, size, status);
}

int codec_read_rakp_2(struct codec *codec, struct link *link, const void *bytes, size_t size,
                      uint8_t *status, bool *proven)
{
    return calls_of(link)->read_rakp_2(state_of(codec, link), link, bytes, size, status, proven);
}

int codec_read_rakp_4(struct codec *codec, struct link *link, const void *bytes, size_t size,
                      uint8_t *status, bool *proven)
{
    return calls_of(link)->read_rakp_4(state_of(codec, link), link, bytes, size, status, proven);
}

int codec_read_answer(struct codec *codec, struct link *link, const void *bytes, size_t size,
                      struct ipmi_answer *out)
{
    return calls_of(link)->read_answer(state_of(codec, link), link, bytes, size, out);
}
