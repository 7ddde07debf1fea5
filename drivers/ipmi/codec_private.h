/* codec_private.h - what a codec is to codec.c, which picks one for each link.
 *
 * The calls are those of codec.h, with the codec's own state in front.  Datagrams come here only
 * after codec_payload() has said what they claim to be; lengths up to there can be relied on. */
#ifndef POWERCTL_IPMI_CODEC_PRIVATE_H
#define POWERCTL_IPMI_CODEC_PRIVATE_H

#include "drivers/ipmi/codec.h"

struct codec_calls {
    void *(*create)(void); /* NULL: no memory, or its library does not start */
    void (*destroy)(void *state);
    int (*open_session)(void *state, const struct link *link, struct datagram *out);
    int (*rakp_1)(void *state, const struct link *link, struct datagram *out);
    int (*rakp_3)(void *state, const struct link *link, uint8_t status, struct datagram *out);
    /* link->sequence is this datagram's already. */
    int (*command)(void *state, const struct link *link, const struct ipmi_request *request,
                   struct datagram *out);
    int (*read_open_session)(void *state, struct link *link, const uint8_t *bytes, size_t size,
                             uint8_t *status);
    int (*read_rakp_2)(void *state, struct link *link, const uint8_t *bytes, size_t size,
                       uint8_t *status, bool *proven);
    int (*read_rakp_4)(void *state, struct link *link, const uint8_t *bytes, size_t size,
                       uint8_t *status, bool *proven);
    int (*read_answer)(void *state, struct link *link, const uint8_t *bytes, size_t size,
                       struct ipmi_answer *out);
};

extern const struct codec_calls codec_native, codec_freeipmi;

/* Suites 3 and 17, and no workaround that changes the handshake. */
bool codec_native_can(const struct login *login, uint8_t suite);

/* The numbers of a suite's algorithms. False: there is no such suite. */
bool codec_suite(uint8_t suite, uint8_t *authentication, uint8_t *integrity,
                 uint8_t *confidentiality);

/* The replay window, for an answer that is proven to be the BMC's: true once for each number. */
bool codec_sequence_is_new(struct link *link, uint32_t number);

/* Bytes of the code at the end of a signed datagram. */
size_t codec_trailer_code_size(const struct link *link);

#endif
