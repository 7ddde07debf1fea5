/* codec.h - RMCP+ messages as bytes: the only door to whoever knows the wire format.
 *
 * Nothing here waits, keeps time or resends; the session (session.h) decides what is said and
 * when.  Two stand behind these calls: codec_native.c packs by hand what cipher suites 3 and 17
 * need, at a twentieth of the cost; codec_freeipmi.c does it with libfreeipmi: every suite, every
 * workaround, and what the other is tested against.  codec.c picks one for each link.  One
 * struct codec serves all BMCs of a thread.
 *
 * Encoders return 0, or -1 (bug or out of memory; nothing usable in *out).  Decoders return 0,
 * or -1 for "drop this datagram": not ours, damaged, replayed, nonsense.  They change *link
 * only when they return 0. */
#ifndef POWERCTL_IPMI_CODEC_H
#define POWERCTL_IPMI_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/driver_msg.h"
#include "proto/err.h"

enum {
    IPMI_USER_SIZE = 17, /* 16 and a NUL */
    IPMI_PASSWORD_LONGEST = 20,
    IPMI_RANDOM_SIZE = 16,
    IPMI_GUID_SIZE = 16,
    IPMI_KEY_SIZE = 32,
    IPMI_DATAGRAM_SIZE = 256, /* longest we send or care to read; the longest real one is 112 */
    IPMI_REQUEST_SIZE = 16,   /* data bytes of our longest request, with room */
    IPMI_ANSWER_SIZE = 64,
};

enum ipmi_workaround {
    WORKAROUND_AUTHCAP,
    WORKAROUND_INTEL20,
    WORKAROUND_SUPERMICRO20,
    WORKAROUND_SUN20,
    WORKAROUND_OPENSESSPRIV,
    WORKAROUND_INTEGRITYCHECKVALUE,
    WORKAROUND_NOCHECKSUMCHECK,
};

struct datagram {
    size_t size;
    uint8_t bytes[IPMI_DATAGRAM_SIZE];
};

enum codec_kind { CODEC_NATIVE, CODEC_FREEIPMI, CODECS };

/* Who we are to a BMC. */
struct login {
    char user[IPMI_USER_SIZE];
    struct secret password;
    uint8_t codec;        /* enum codec_kind; what the native one cannot do is libfreeipmi's */
    uint8_t privilege;    /* 2 user, 3 operator, 4 administrator */
    uint32_t workarounds; /* bit n: enum ipmi_workaround */
};

/* One session's identity, keys and counters: what turns messages into bytes and back. */
struct link {
    const struct login *login; /* the BMC's; outlives the link */
    uint8_t suite, authentication, integrity, confidentiality;
    uint8_t codec;                      /* enum codec_kind: who speaks for it */
    uint8_t tag;                        /* of handshake messages; the same for every copy */
    uint32_t console_id;                /* ours, in what the BMC sends */
    uint32_t bmc_id;                    /* the BMC's, in what we send */
    uint32_t sequence;                  /* last one used by us */
    uint32_t heard_highest, heard_list; /* replay window; bit n: highest - 1 - n was heard */
    uint8_t console_random[IPMI_RANDOM_SIZE], bmc_random[IPMI_RANDOM_SIZE];
    uint8_t bmc_guid[IPMI_GUID_SIZE];
    uint8_t sik[IPMI_KEY_SIZE], integrity_key[IPMI_KEY_SIZE], confidentiality_key[IPMI_KEY_SIZE];
    unsigned sik_size, integrity_key_size, confidentiality_key_size;
};

struct ipmi_request {
    uint8_t netfn, command, sequence; /* sequence: rqSeq, 0..63 */
    uint8_t size, data[IPMI_REQUEST_SIZE];
};

struct ipmi_answer {
    uint8_t netfn, command, sequence, code; /* netfn as in the request, even; code: completion */
    uint8_t size, data[IPMI_ANSWER_SIZE];
};

struct codec;
struct codec *codec_new(struct err *err);
void codec_free(struct codec *codec);

/* True if there is such a suite and one of the codecs can do it. */
bool codec_knows_suite(uint32_t suite);

/* A fresh link: new ids and random numbers for one handshake with `suite`, and a codec for it. */
int codec_begin(struct codec *codec, struct link *link, const struct login *login, uint8_t suite);
void codec_wipe(struct link *link);

int codec_open_session(struct codec *codec, const struct link *link, struct datagram *out);
int codec_rakp_1(struct codec *codec, const struct link *link, struct datagram *out);
/* status 0: the proof that we know the password; else: "forget this half-open session". */
int codec_rakp_3(struct codec *codec, const struct link *link, uint8_t status,
                 struct datagram *out);
/* In session: takes the next session sequence number. */
int codec_command(struct codec *codec, struct link *link, const struct ipmi_request *request,
                  struct datagram *out);

/* What a datagram claims to be, after checks of form that libfreeipmi answers with abort(). */
enum payload { PAYLOAD_NONE, PAYLOAD_OPEN_SESSION, PAYLOAD_RAKP_2, PAYLOAD_RAKP_4, PAYLOAD_IPMI };
enum payload codec_payload(const struct link *link, const void *bytes, size_t size);

int codec_read_open_session(struct codec *codec, struct link *link, const void *bytes, size_t size,
                            uint8_t *status);
/* *proven: the BMC knows our password; keys are made. Only with status 0. */
int codec_read_rakp_2(struct codec *codec, struct link *link, const void *bytes, size_t size,
                      uint8_t *status, bool *proven);
int codec_read_rakp_4(struct codec *codec, struct link *link, const void *bytes, size_t size,
                      uint8_t *status, bool *proven);
int codec_read_answer(struct codec *codec, struct link *link, const void *bytes, size_t size,
                      struct ipmi_answer *out);

static inline bool login_needs(const struct login *login, enum ipmi_workaround workaround)
{
    return login->workarounds >> workaround & 1;
}

#endif
