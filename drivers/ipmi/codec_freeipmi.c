/* libfreeipmi's public packet calls, and nothing else of it: ipmi_ctx_*() blocks, and the debug
 * dump of 1.6.10 reads up to 64 KiB past the packet.  Any unassemble result other than 1, -1
 * included, means "drop the datagram": ipmipower ends its whole run there. */
#include <freeipmi/freeipmi.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/ipmi/codec_private.h"
#include "proto/cleanup.h"

/* Commands and answers are "code and data" to us, whatever the command: no template a command. */
static fiid_template_t request_template = {
    {8, "cmd", FIID_FIELD_REQUIRED | FIID_FIELD_LENGTH_FIXED},
    {IPMI_REQUEST_SIZE * 8, "data", FIID_FIELD_OPTIONAL | FIID_FIELD_LENGTH_VARIABLE},
    {0, "", 0},
};
static fiid_template_t answer_template = {
    {8, "cmd", FIID_FIELD_REQUIRED | FIID_FIELD_LENGTH_FIXED | FIID_FIELD_MAKES_PACKET_SUFFICIENT},
    {8, "comp_code",
     FIID_FIELD_REQUIRED | FIID_FIELD_LENGTH_FIXED | FIID_FIELD_MAKES_PACKET_SUFFICIENT},
    {IPMI_ANSWER_SIZE * 8, "data", FIID_FIELD_OPTIONAL | FIID_FIELD_LENGTH_VARIABLE},
    {0, "", 0},
};

enum { PROOF_SIZE = 64 }; /* of libfreeipmi's template; SHA-256 needs 32 */

enum object {
    RMCP_HEADER,
    SESSION_HEADER,
    SESSION_TRAILER,
    PAYLOAD,
    REQUEST_HEADER,
    ANSWER_HEADER,
    MESSAGE_TRAILER,
    OPEN_REQUEST,
    OPEN_ANSWER,
    RAKP_1,
    RAKP_2,
    RAKP_3,
    RAKP_4,
    REQUEST,
    ANSWER,
    OBJECTS
};

/* One shared set: ipmipower makes 34 of them a host, 163 KiB. */
struct objects {
    fiid_obj_t object[OBJECTS];
};

static void objects_free(void *state)
{
    struct objects *all = state;
    for (size_t i = 0; all && i < OBJECTS; i++)
        fiid_obj_destroy(all->object[i]);
    free(all);
}

static void *objects_new(void)
{
    fiid_field_t *const templates[OBJECTS] = {
        [RMCP_HEADER] = tmpl_rmcp_hdr,
        [SESSION_HEADER] = tmpl_rmcpplus_session_hdr,
        [SESSION_TRAILER] = tmpl_rmcpplus_session_trlr,
        [PAYLOAD] = tmpl_rmcpplus_payload,
        [REQUEST_HEADER] = tmpl_lan_msg_hdr_rq,
        [ANSWER_HEADER] = tmpl_lan_msg_hdr_rs,
        [MESSAGE_TRAILER] = tmpl_lan_msg_trlr,
        [OPEN_REQUEST] = tmpl_rmcpplus_open_session_request,
        [OPEN_ANSWER] = tmpl_rmcpplus_open_session_response,
        [RAKP_1] = tmpl_rmcpplus_rakp_message_1,
        [RAKP_2] = tmpl_rmcpplus_rakp_message_2,
        [RAKP_3] = tmpl_rmcpplus_rakp_message_3,
        [RAKP_4] = tmpl_rmcpplus_rakp_message_4,
        [REQUEST] = request_template,
        [ANSWER] = answer_template,
    };
    struct objects *all = calloc(1, sizeof *all);
    bool ok = all && ipmi_rmcpplus_init() == 0;
    for (size_t i = 0; ok && i < OBJECTS; i++)
        ok = (all->object[i] = fiid_obj_create(templates[i])) != NULL;
    if (ok)
        return all;
    objects_free(all);
    return NULL;
}

bool codec_suite(uint8_t suite, uint8_t *authentication, uint8_t *integrity,
                 uint8_t *confidentiality)
{
    return ipmi_cipher_suite_id_to_algorithms(suite, authentication, integrity, confidentiality) ==
           0;
}

bool codec_knows_suite(uint32_t suite)
{
    return suite <= IPMI_CIPHER_SUITE_ID_MAX && IPMI_CIPHER_SUITE_ID_SUPPORTED(suite);
}

static int assemble(struct objects *all, const struct link *link, uint8_t payload, fiid_obj_t body,
                    struct datagram *out)
{
    fiid_obj_t *o = all->object;
    bool in_session = payload == IPMI_PAYLOAD_TYPE_IPMI;
    uint8_t integrity = in_session ? link->integrity : IPMI_INTEGRITY_ALGORITHM_NONE;
    uint8_t secrecy = in_session ? link->confidentiality : IPMI_CONFIDENTIALITY_ALGORITHM_NONE;
    const char *password = link->login->password.bytes;
    unsigned password_size = (unsigned)strnlen(password, IPMI_PASSWORD_LONGEST);
    if (fill_rmcp_hdr_ipmi(o[RMCP_HEADER]) < 0 ||
        fill_rmcpplus_session_hdr(payload, integrity != 0, secrecy != 0, 0, 0,
                                  in_session ? link->bmc_id : 0, in_session ? link->sequence : 0,
                                  o[SESSION_HEADER]) < 0 ||
        fill_rmcpplus_session_trlr(o[SESSION_TRAILER]) < 0)
        return -1;
    int size = assemble_ipmi_rmcpplus_pkt(
        in_session ? link->authentication : IPMI_AUTHENTICATION_ALGORITHM_RAKP_NONE, integrity,
        secrecy, integrity ? link->integrity_key : NULL, integrity ? link->integrity_key_size : 0,
        secrecy ? link->confidentiality_key : NULL, secrecy ? link->confidentiality_key_size : 0,
        password_size ? password : NULL, password_size, o[RMCP_HEADER], o[SESSION_HEADER],
        in_session ? o[REQUEST_HEADER] : NULL, body, o[SESSION_TRAILER], out->bytes,
        sizeof out->bytes, IPMI_INTERFACE_FLAGS_DEFAULT);
    if (size <= 0)
        return -1;
    out->size = (size_t)size;
    return 0;
}

static int open_session(void *state, const struct link *link, struct datagram *out)
{
    struct objects *all = state;
    fiid_obj_t body = all->object[OPEN_REQUEST];
    /* The privilege we will use, not "highest": many BMCs want it so, none mind (FreeIPMI's
     * workaround opensesspriv, MAAS's default; ipmi_sim 2.0.33 echoes 0 to "highest"). */
    if (fill_rmcpplus_open_session(link->tag, link->login->privilege, link->console_id,
                                   link->authentication, link->integrity, link->confidentiality,
                                   body) < 0)
        return -1;
    return assemble(all, link, IPMI_PAYLOAD_TYPE_RMCPPLUS_OPEN_SESSION_REQUEST, body, out);
}

/* The user's name as RAKP 1 carries it. Returns its length. Intel's SE7520AF2 wants 16 bytes,
 * always (FreeIPMI's workaround intel20). */
static unsigned user_in_rakp_1(const struct login *login, char user[IPMI_USER_SIZE])
{
    memset(user, 0, IPMI_USER_SIZE);
    size_t size = strnlen(login->user, IPMI_USER_SIZE - 1);
    memcpy(user, login->user, size);
    return login_needs(login, WORKAROUND_INTEL20) ? IPMI_USER_SIZE - 1 : (unsigned)size;
}

static int rakp_1(void *state, const struct link *link, struct datagram *out)
{
    struct objects *all = state;
    fiid_obj_t body = all->object[RAKP_1];
    char user[IPMI_USER_SIZE];
    unsigned user_size = user_in_rakp_1(link->login, user);
    if (fill_rmcpplus_rakp_message_1(link->tag, link->bmc_id, link->console_random,
                                     IPMI_RANDOM_SIZE, link->login->privilege,
                                     IPMI_NAME_ONLY_LOOKUP, user, user_size, body) < 0)
        return -1;
    return assemble(all, link, IPMI_PAYLOAD_TYPE_RAKP_MESSAGE_1, body, out);
}

static int rakp_3(void *state, const struct link *link, uint8_t status, struct datagram *out)
{
    struct objects *all = state;
    const struct login *login = link->login;
    fiid_obj_t body = all->object[RAKP_3];
    uint8_t proof[PROOF_SIZE];
    int size = 0;
    if (status == RMCPPLUS_STATUS_NO_ERRORS) {
        unsigned password_size = (unsigned)strnlen(login->password.bytes, IPMI_PASSWORD_LONGEST);
        /* intel20: this one code is made with the lookup bit clear and the bare name. */
        uint8_t lookup = login_needs(login, WORKAROUND_INTEL20) ? IPMI_USER_NAME_PRIVILEGE_LOOKUP
                                                                : IPMI_NAME_ONLY_LOOKUP;
        size = ipmi_calculate_rakp_3_key_exchange_authentication_code(
            link->authentication, password_size ? login->password.bytes : NULL, password_size,
            link->bmc_random, IPMI_RANDOM_SIZE, link->console_id, lookup, login->privilege,
            login->user, (unsigned)strlen(login->user), proof, sizeof proof);
        if (size < 0)
            return -1;
    }
    if (fill_rmcpplus_rakp_message_3(link->tag, status, link->bmc_id, size ? proof : NULL,
                                     (unsigned)size, body) < 0)
        return -1;
    return assemble(all, link, IPMI_PAYLOAD_TYPE_RAKP_MESSAGE_3, body, out);
}

static int command(void *state, const struct link *link, const struct ipmi_request *request,
                   struct datagram *out)
{
    struct objects *all = state;
    fiid_obj_t *o = all->object;
    if (fiid_obj_clear(o[REQUEST]) < 0 || fiid_obj_set(o[REQUEST], "cmd", request->command) < 0 ||
        (request->size &&
         fiid_obj_set_data(o[REQUEST], "data", request->data, request->size) < 0) ||
        fill_lan_msg_hdr(IPMI_SLAVE_ADDRESS_BMC, request->netfn, IPMI_BMC_IPMB_LUN_BMC,
                         request->sequence, o[REQUEST_HEADER]) < 0)
        return -1;
    return assemble(all, link, IPMI_PAYLOAD_TYPE_IPMI, o[REQUEST], out);
}

size_t codec_trailer_code_size(const struct link *link)
{
    switch (link->integrity) {
    case IPMI_INTEGRITY_ALGORITHM_NONE:
        return 0;
    case IPMI_INTEGRITY_ALGORITHM_HMAC_SHA1_96:
        return IPMI_HMAC_SHA1_96_AUTHENTICATION_CODE_LENGTH;
    default: /* the others of libfreeipmi: 128 bits */
        return IPMI_HMAC_SHA256_128_AUTHENTICATION_CODE_LENGTH;
    }
}

static bool unassemble(struct objects *all, const struct link *link, bool in_session,
                       const uint8_t *bytes, size_t size, fiid_obj_t body)
{
    fiid_obj_t *o = all->object;
    uint8_t integrity = in_session ? link->integrity : IPMI_INTEGRITY_ALGORITHM_NONE;
    uint8_t secrecy = in_session ? link->confidentiality : IPMI_CONFIDENTIALITY_ALGORITHM_NONE;
    return unassemble_ipmi_rmcpplus_pkt(
               in_session ? link->authentication : IPMI_AUTHENTICATION_ALGORITHM_RAKP_NONE,
               integrity, secrecy, integrity ? link->integrity_key : NULL,
               integrity ? link->integrity_key_size : 0, secrecy ? link->confidentiality_key : NULL,
               secrecy ? link->confidentiality_key_size : 0, bytes, (unsigned)size, o[RMCP_HEADER],
               o[SESSION_HEADER], o[PAYLOAD], o[ANSWER_HEADER], body, o[MESSAGE_TRAILER],
               o[SESSION_TRAILER], IPMI_INTERFACE_FLAGS_DEFAULT) == 1;
}

static bool get(fiid_obj_t object, const char *field, uint64_t *value)
{
    return fiid_obj_get(object, field, value) == 1;
}

/* The frame all three handshake answers share. A refusal may leave out our session id. */
static int read_handshake(struct objects *all, const struct link *link, const uint8_t *bytes,
                          size_t size, fiid_obj_t body, uint8_t *status)
{
    uint64_t code;
    if (!unassemble(all, link, false, bytes, size, body) ||
        ipmi_rmcpplus_check_message_tag(body, link->tag) != 1 ||
        !get(body, "rmcpplus_status_code", &code))
        return -1;
    if (code == RMCPPLUS_STATUS_NO_ERRORS &&
        ipmi_rmcpplus_check_remote_console_session_id(body, link->console_id) != 1)
        return -1;
    *status = (uint8_t)code;
    return 0;
}

static int read_open_session(void *state, struct link *link, const uint8_t *bytes, size_t size,
                             uint8_t *status)
{
    struct objects *all = state;
    fiid_obj_t body = all->object[OPEN_ANSWER];
    uint64_t bmc_id, authentication, integrity, secrecy;
    uint8_t code;
    if (read_handshake(all, link, bytes, size, body, &code))
        return -1;
    if (code == RMCPPLUS_STATUS_NO_ERRORS) {
        /* A BMC that agrees to something weaker than was asked is not agreed with. */
        if (!get(body, "managed_system_session_id", &bmc_id) || !bmc_id ||
            !get(body, "authentication_payload.authentication_algorithm", &authentication) ||
            !get(body, "integrity_payload.integrity_algorithm", &integrity) ||
            !get(body, "confidentiality_payload.confidentiality_algorithm", &secrecy) ||
            authentication != link->authentication || integrity != link->integrity ||
            secrecy != link->confidentiality)
            return -1;
        link->bmc_id = (uint32_t)bmc_id;
    }
    *status = code;
    return 0;
}

static int proof_size(const struct link *link)
{
    switch (link->authentication) {
    case IPMI_AUTHENTICATION_ALGORITHM_RAKP_HMAC_SHA1:
        return IPMI_HMAC_SHA1_DIGEST_LENGTH;
    case IPMI_AUTHENTICATION_ALGORITHM_RAKP_HMAC_MD5:
        return IPMI_HMAC_MD5_DIGEST_LENGTH;
    case IPMI_AUTHENTICATION_ALGORITHM_RAKP_HMAC_SHA256:
        return IPMI_HMAC_SHA256_DIGEST_LENGTH;
    default: /* RAKP-none */
        return 0;
    }
}

/* A proof of the wrong size is damage, not a wrong password: false. Some BMCs send one byte too
 * many: Supermicro H8QME (supermicro20), Sun Fire 4100 with SHA-1 (sun20). */
static bool trim_proof(const struct link *link, fiid_obj_t body)
{
    static const char field[] = "key_exchange_authentication_code";
    uint8_t code[PROOF_SIZE];
    bool sha1 = link->authentication == IPMI_AUTHENTICATION_ALGORITHM_RAKP_HMAC_SHA1;
    int right = proof_size(link), size = fiid_obj_get_data(body, field, code, sizeof code);
    if (size == right)
        return true;
    if (size != right + 1 || !(login_needs(link->login, WORKAROUND_SUPERMICRO20) ||
                               (login_needs(link->login, WORKAROUND_SUN20) && sha1)))
        return false;
    return fiid_obj_clear_field(body, field) == 0 &&
           (!right || fiid_obj_set_data(body, field, code, (unsigned)right) == right);
}

static int make_keys(struct link *link, const char *user, unsigned user_size)
{
    const char *password = link->login->password.bytes;
    unsigned password_size = (unsigned)strnlen(password, IPMI_PASSWORD_LONGEST);
    void *sik = link->sik, *k1 = link->integrity_key, *k2 = link->confidentiality_key;
    link->sik_size = link->integrity_key_size = link->confidentiality_key_size = IPMI_KEY_SIZE;
    return ipmi_calculate_rmcpplus_session_keys(
        link->authentication, link->integrity, link->confidentiality,
        password_size ? password : NULL, password_size, NULL, 0, link->console_random,
        IPMI_RANDOM_SIZE, link->bmc_random, IPMI_RANDOM_SIZE, IPMI_NAME_ONLY_LOOKUP,
        link->login->privilege, user, user_size, &sik, &link->sik_size, &k1,
        &link->integrity_key_size, &k2, &link->confidentiality_key_size);
}

static bool rakp_2_proves(const struct link *link, const char *user, unsigned user_size,
                          fiid_obj_t body)
{
    const char *password = link->login->password.bytes;
    unsigned password_size = (unsigned)strnlen(password, IPMI_PASSWORD_LONGEST);
    return ipmi_rmcpplus_check_rakp_2_key_exchange_authentication_code(
               link->authentication, password_size ? password : NULL, password_size,
               link->console_id, link->bmc_id, link->console_random, IPMI_RANDOM_SIZE,
               link->bmc_random, IPMI_RANDOM_SIZE, link->bmc_guid, IPMI_GUID_SIZE,
               IPMI_NAME_ONLY_LOOKUP, link->login->privilege, user, user_size, body) == 1;
}

static int read_rakp_2(void *state, struct link *link, const uint8_t *bytes, size_t size,
                       uint8_t *status, bool *proven)
{
    struct objects *all = state;
    fiid_obj_t body = all->object[RAKP_2];
    struct link next = *link;
    uint8_t code;
    char user[IPMI_USER_SIZE];
    if (read_handshake(all, link, bytes, size, body, &code))
        return -1;
    *proven = false;
    if (code == RMCPPLUS_STATUS_NO_ERRORS) {
        if (fiid_obj_get_data(body, "managed_system_random_number", next.bmc_random,
                              IPMI_RANDOM_SIZE) != IPMI_RANDOM_SIZE ||
            fiid_obj_get_data(body, "managed_system_guid", next.bmc_guid, IPMI_GUID_SIZE) !=
                IPMI_GUID_SIZE ||
            !trim_proof(link, body))
            return -1;
        unsigned user_size = user_in_rakp_1(link->login, user);
        *proven = rakp_2_proves(&next, user, user_size, body);
        if (*proven && make_keys(&next, user, user_size) < 0)
            return -1;
        if (*proven)
            *link = next;
    }
    explicit_bzero(&next, sizeof next);
    *status = code;
    return 0;
}

static int read_rakp_4(void *state, struct link *link, const uint8_t *bytes, size_t size,
                       uint8_t *status, bool *proven)
{
    struct objects *all = state;
    fiid_obj_t body = all->object[RAKP_4];
    uint8_t code;
    if (read_handshake(all, link, bytes, size, body, &code))
        return -1;
    /* Supermicro X8DTG and others: a check value where suite 0 has none. */
    if (login_needs(link->login, WORKAROUND_INTEGRITYCHECKVALUE) && link->suite == 0)
        (void)fiid_obj_clear_field(body, "integrity_check_value");
    /* intel20: made with the integrity algorithm in place of the authentication algorithm. */
    uint8_t algorithm = link->authentication;
    if (login_needs(link->login, WORKAROUND_INTEL20) && link->integrity <= 2)
        algorithm = link->integrity;
    *proven = code == RMCPPLUS_STATUS_NO_ERRORS &&
              ipmi_rmcpplus_check_rakp_4_integrity_check_value(
                  algorithm, link->sik, link->sik_size, link->console_random, IPMI_RANDOM_SIZE,
                  link->bmc_id, link->bmc_guid, IPMI_GUID_SIZE, body) == 1;
    *status = code;
    return 0;
}

static bool is_authentic(struct objects *all, const struct link *link, const uint8_t *bytes,
                         size_t size)
{
    fiid_obj_t *o = all->object;
    const char *password = link->login->password.bytes;
    unsigned password_size = (unsigned)strnlen(password, IPMI_PASSWORD_LONGEST);
    if (ipmi_rmcpplus_check_payload_pad(link->confidentiality, o[PAYLOAD]) != 1)
        return false;
    if (!link->integrity)
        return true;
    return ipmi_rmcpplus_check_integrity_pad(o[SESSION_TRAILER]) == 1 &&
           ipmi_rmcpplus_check_packet_session_authentication_code(
               link->integrity, bytes, (unsigned)size, link->integrity_key,
               link->integrity_key_size, password_size ? password : NULL, password_size,
               o[SESSION_TRAILER]) == 1;
}

static int read_answer(void *state, struct link *link, const uint8_t *bytes, size_t size,
                       struct ipmi_answer *out)
{
    struct objects *all = state;
    fiid_obj_t *o = all->object;
    uint64_t number, netfn, sequence, command, code;
    if (!unassemble(all, link, true, bytes, size, o[ANSWER]) ||
        !is_authentic(all, link, bytes, size) ||
        (!login_needs(link->login, WORKAROUND_NOCHECKSUMCHECK) &&
         ipmi_lan_check_checksum(o[ANSWER_HEADER], o[ANSWER], o[MESSAGE_TRAILER]) != 1) ||
        !get(o[SESSION_HEADER], "session_sequence_number", &number) ||
        !get(o[ANSWER_HEADER], "net_fn", &netfn) || !(netfn & 1) ||
        !get(o[ANSWER_HEADER], "rq_seq", &sequence) || !get(o[ANSWER], "cmd", &command) ||
        !get(o[ANSWER], "comp_code", &code))
        return -1;
    struct ipmi_answer answer = {
        .netfn = (uint8_t)(netfn - 1),
        .command = (uint8_t)command,
        .sequence = (uint8_t)sequence,
        .code = (uint8_t)code,
    };
    int data = fiid_obj_get_data(o[ANSWER], "data", answer.data, sizeof answer.data);
    if (data < 0 || !codec_sequence_is_new(link, (uint32_t)number))
        return -1;
    answer.size = (uint8_t)data;
    *out = answer;
    return 0;
}

const struct codec_calls codec_freeipmi = {
    .create = objects_new,
    .destroy = objects_free,
    .open_session = open_session,
    .rakp_1 = rakp_1,
    .rakp_3 = rakp_3,
    .command = command,
    .read_open_session = read_open_session,
    .read_rakp_2 = read_rakp_2,
    .read_rakp_4 = read_rakp_4,
    .read_answer = read_answer,
};
