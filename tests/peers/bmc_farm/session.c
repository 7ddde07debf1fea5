/* session.c - the RMCP+ handshake (IPMI 2.0, 13.17 ff.) and the few sessions a BMC has.
 *
 * Requests may come twice, as a client without an answer sends them again: a repeated one gets
 * the same answer and takes nothing new. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "tests/peers/bmc_farm/farm.h"

enum { SESSION_IDLE_US = 60000000, SEQUENCE_WINDOW = 16 };
enum {
    STATUS_OK = 0x00,
    STATUS_NO_RESOURCES = 0x01,
    STATUS_INVALID_SESSION = 0x02,
    STATUS_UNKNOWN_NAME = 0x0d,
    STATUS_INVALID_CODE = 0x0f,
    STATUS_NO_CIPHER_SUITE = 0x11,
};

/* As OpenBMC: 60 s without a command, or 3 s in the middle of a handshake, and it is gone. */
static bool session_is_held(const struct farm *farm, const struct bmc *bmc,
                            const struct session *session)
{
    const uint64_t limit_us = session->state == SESSION_ACTIVE ? (uint64_t)SESSION_IDLE_US
                                                               : bmc->faults.half_open * 1000ull;
    return session->state != SESSION_FREE && farm->now_us - session->used_us <= limit_us;
}

uint32_t sessions_held(const struct farm *farm, const struct bmc *bmc)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < bmc->slots_used; i++)
        held += session_is_held(farm, bmc, &bmc->sessions[i]);
    return held;
}

void sessions_forget(struct bmc *bmc)
{
    for (uint32_t i = 0; i < bmc->slots_used; i++)
        bmc->sessions[i].state = SESSION_FREE;
}

struct session *session_find(struct farm *farm, struct bmc *bmc, uint32_t id)
{
    const uint32_t slot = id & 0xff;
    if (slot >= bmc->slots_used)
        return NULL;
    struct session *session = &bmc->sessions[slot];
    return session_is_held(farm, bmc, session) && session->id == id ? session : NULL;
}

static struct session *session_take(struct farm *farm, struct bmc *bmc)
{
    if (!bmc->sessions)
        bmc->sessions = calloc(SLOTS_MAX, sizeof *bmc->sessions);
    for (uint32_t i = 0; bmc->sessions && i < bmc->faults.slots; i++) {
        struct session *session = &bmc->sessions[i];
        if (session_is_held(farm, bmc, session))
            continue;
        /* Never 0, and never twice in a row for one slot. */
        *session = (struct session){.id = 0x02000000u | (uint32_t)++bmc->session_serial << 8 | i};
        bmc->counts.opened++;
        if (bmc->slots_used <= i)
            bmc->slots_used = i + 1;
        return session;
    }
    farm->counts.slots_full++;
    return NULL;
}

/* IPMI 2.0, 6.12.13: what is more than 16 off, or was seen, is dropped without a word. */
bool session_sequence_is_new(const struct bmc *bmc, struct session *session, uint32_t sequence)
{
    if (bmc->faults.no_window) /* OpenBMC never looks, and executes duplicates */
        return true;
    if (session->newest_sequence == 0) /* clients do not agree on where to start */
        session->newest_sequence = sequence - 1;
    const int32_t ahead = (int32_t)(sequence - session->newest_sequence);
    if (sequence == 0 || ahead > SEQUENCE_WINDOW || ahead <= -SEQUENCE_WINDOW)
        return false;
    if (ahead > 0) {
        session->sequences_seen = session->sequences_seen << ahead | 1;
        session->newest_sequence = sequence;
        return true;
    }
    if (session->sequences_seen >> -ahead & 1)
        return false;
    session->sequences_seen |= 1u << -ahead;
    return true;
}

static bool suite_offered(const struct bmc *bmc, const uint8_t *payload, enum suite *suite)
{
    for (enum suite s = 0; s < SUITES; s++) {
        const struct suite_facts *facts = &suite_facts[s];
        if (payload[12] == facts->authentication && payload[20] == facts->integrity &&
            payload[28] == facts->confidentiality) {
            *suite = s;
            return s == SUITE_3 ? bmc->faults.suite_3 : bmc->faults.suite_17;
        }
    }
    return false;
}

static struct session *session_half_open(struct bmc *bmc, uint32_t console_id)
{
    for (uint32_t i = 0; i < bmc->slots_used; i++)
        if (bmc->sessions[i].state == SESSION_OPENED && bmc->sessions[i].console_id == console_id)
            return &bmc->sessions[i];
    return NULL;
}

static size_t open_session(struct farm *farm, struct bmc *bmc, const uint8_t *payload, size_t size,
                           uint8_t *answer)
{
    enum { ADMIN = 4 };
    uint8_t reply[36] = {0};
    enum suite suite;
    if (size < 32)
        return 0;
    const uint32_t console_id = le32_at(payload + 4);
    struct session *session = NULL;
    uint8_t status = STATUS_NO_CIPHER_SUITE;
    if (suite_offered(bmc, payload, &suite)) {
        session = session_half_open(bmc, console_id);
        if (!session)
            session = session_take(farm, bmc);
        status = session ? STATUS_OK : STATUS_NO_RESOURCES;
    }
    reply[0] = payload[0]; /* message tag */
    reply[1] = status;
    reply[2] = payload[1] & 15 ? payload[1] & 15 : ADMIN;
    memcpy(reply + 4, payload + 4, 4);
    if (!session)
        return packet_plain(answer, PAYLOAD_OPEN_RESPONSE, reply, 8);
    session->state = SESSION_OPENED;
    session->suite = suite;
    session->console_id = console_id;
    session->used_us = farm->now_us;
    put_le32(reply + 8, session->id);
    memcpy(reply + 12, payload + 8, 24);
    return packet_plain(answer, PAYLOAD_OPEN_RESPONSE, reply, sizeof reply);
}

static const struct hmac_key *password_key(const struct farm *farm, const struct bmc *bmc,
                                           const struct session *session)
{
    return &(bmc->password ? bmc->password : &farm->password)->keys[session->suite];
}

static size_t append(uint8_t *out, size_t at, const void *bytes, size_t size)
{
    memcpy(out + at, bytes, size);
    return at + size;
}

/* Role, then the user name with its length: the tail of all that is signed in a handshake. */
static size_t append_user(uint8_t *out, size_t at, const struct session *session)
{
    out[at++] = session->role;
    out[at++] = session->user_size;
    return append(out, at, session->user, session->user_size);
}

static size_t greeting_code(const struct farm *farm, const struct bmc *bmc,
                            const struct session *session, const uint8_t guid[GUID_SIZE],
                            uint8_t *code)
{
    uint8_t text[8 + 2 * RANDOM_SIZE + GUID_SIZE + 2 + USER_MAX];
    put_le32(text, session->console_id);
    put_le32(text + 4, session->id);
    size_t size = append(text, 8, session->console_random, RANDOM_SIZE);
    size = append(text, size, session->own_random, RANDOM_SIZE);
    size = append(text, size, guid, GUID_SIZE);
    size = append_user(text, size, session);
    hmac(password_key(farm, bmc, session), text, size, code);
    return suite_facts[session->suite].hash_size;
}

static uint8_t greeting_accept(struct farm *farm, struct session *session, const uint8_t *payload)
{
    const size_t user_size = payload[27];
    if (!session || (session->state != SESSION_OPENED && session->state != SESSION_GREETED))
        return STATUS_INVALID_SESSION;
    if (user_size != strlen(farm->user) || memcmp(payload + 28, farm->user, user_size) != 0)
        return STATUS_UNKNOWN_NAME;
    const bool again = session->state == SESSION_GREETED &&
                       memcmp(session->console_random, payload + 8, RANDOM_SIZE) == 0;
    if (!again)
        random_bytes(session->own_random, RANDOM_SIZE);
    memcpy(session->console_random, payload + 8, RANDOM_SIZE);
    session->role = payload[24];
    session->user_size = (uint8_t)user_size;
    memcpy(session->user, payload + 28, user_size);
    session->state = SESSION_GREETED;
    session->used_us = farm->now_us;
    return STATUS_OK;
}

static size_t rakp_1(struct farm *farm, struct bmc *bmc, const uint8_t *payload, size_t size,
                     uint8_t *answer)
{
    uint8_t reply[40 + HASH_MAX] = {0};
    if (size < 28 || size < 28u + payload[27])
        return 0;
    struct session *session = session_find(farm, bmc, le32_at(payload + 4));
    reply[0] = payload[0];
    reply[1] = greeting_accept(farm, session, payload);
    if (reply[1] != STATUS_OK)
        return packet_plain(answer, PAYLOAD_RAKP_2, reply, 8);
    put_le32(reply + 4, session->console_id);
    memcpy(reply + 8, session->own_random, RANDOM_SIZE);
    bmc_guid(farm, bmc, reply + 24);
    const size_t code = greeting_code(farm, bmc, session, reply + 24, reply + 40);
    return packet_plain(answer, PAYLOAD_RAKP_2, reply, 40 + code);
}

static bool knows_password(const struct farm *farm, const struct bmc *bmc,
                           const struct session *session, const uint8_t *payload, size_t size)
{
    uint8_t text[RANDOM_SIZE + 4 + 2 + USER_MAX], code[HASH_MAX];
    const size_t hash_size = suite_facts[session->suite].hash_size;
    memcpy(text, session->own_random, RANDOM_SIZE);
    put_le32(text + RANDOM_SIZE, session->console_id);
    hmac(password_key(farm, bmc, session), text, append_user(text, RANDOM_SIZE + 4, session), code);
    return size >= 8 + hash_size && CRYPTO_memcmp(code, payload + 8, hash_size) == 0;
}

static void session_activate(struct farm *farm, struct bmc *bmc, struct session *session)
{
    enum { USER = 2 };
    uint8_t identity[2 * RANDOM_SIZE + 2 + USER_MAX];
    size_t size = append(identity, 0, session->console_random, RANDOM_SIZE);
    size = append(identity, size, session->own_random, RANDOM_SIZE);
    size = append_user(identity, size, session);
    session_keys_derive(&session->keys, password_key(farm, bmc, session), identity, size);
    session->state = SESSION_ACTIVE;
    bmc->counts.activated++;
    session->privilege = USER;
}

static size_t rakp_3(struct farm *farm, struct bmc *bmc, const uint8_t *payload, size_t size,
                     uint8_t *answer)
{
    uint8_t reply[8 + HASH_MAX] = {0}, text[RANDOM_SIZE + 4 + GUID_SIZE];
    if (size < 8)
        return 0;
    struct session *session = session_find(farm, bmc, le32_at(payload + 4));
    reply[0] = payload[0];
    if (!session || session->state < SESSION_GREETED) {
        reply[1] = STATUS_INVALID_SESSION;
        return packet_plain(answer, PAYLOAD_RAKP_4, reply, 8);
    }
    put_le32(reply + 4, session->console_id);
    if (payload[1] != STATUS_OK) { /* the console gives up; there is no answer to that */
        session->state = SESSION_FREE;
        return 0;
    }
    if (!knows_password(farm, bmc, session, payload, size)) {
        reply[1] = STATUS_INVALID_CODE;
        session->state = SESSION_FREE;
        return packet_plain(answer, PAYLOAD_RAKP_4, reply, 8);
    }
    if (session->state != SESSION_ACTIVE)
        session_activate(farm, bmc, session);
    session->used_us = farm->now_us;
    memcpy(text, session->console_random, RANDOM_SIZE);
    put_le32(text + RANDOM_SIZE, session->id);
    bmc_guid(farm, bmc, text + RANDOM_SIZE + 4);
    hmac(&session->keys.session, text, sizeof text, reply + 8);
    return packet_plain(answer, PAYLOAD_RAKP_4, reply, 8u + suite_facts[session->suite].check_size);
}

size_t session_setup(struct farm *farm, struct bmc *bmc, uint8_t payload_type,
                     const uint8_t *payload, size_t size, uint8_t *answer)
{
    switch (payload_type) {
    case PAYLOAD_OPEN_REQUEST:
        return open_session(farm, bmc, payload, size, answer);
    case PAYLOAD_RAKP_1:
        return rakp_1(farm, bmc, payload, size, answer);
    case PAYLOAD_RAKP_3:
        return rakp_3(farm, bmc, payload, size, answer);
    default:
        farm->counts.malformed++;
        return 0;
    }
}
