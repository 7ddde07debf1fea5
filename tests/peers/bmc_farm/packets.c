/* packets.c - one datagram to a BMC, and what it answers; without sockets and without faults of
 * the network. */
#include <string.h>

#include "tests/peers/bmc_farm/farm.h"

static size_t presence_ping(const uint8_t *bytes, size_t size, uint8_t *answer)
{
    enum { PING = 0x80, PONG = 0x40 };
    uint8_t pong[28] = {6,  0, 0xff, RMCP_CLASS_ASF, 0,    0, 0x11, 0xbe, PONG, 0,   0,
                        16, 0, 0,    0x11,           0xbe, 0, 0,    0,    0,    0x81};
    if (size < 12 || bytes[8] != PING)
        return 0;
    pong[9] = bytes[9]; /* message tag */
    memcpy(answer, pong, sizeof pong);
    return sizeof pong;
}

/* Outside a session: what a client may ask before it has one. */
static size_t plain_request(struct farm *farm, struct bmc *bmc, const uint8_t *message, size_t size,
                            uint8_t *reply)
{
    struct request request;
    uint8_t data[MESSAGE_MAX - 8];
    size_t data_size;
    if (!request_parse(&request, message, size)) {
        farm->counts.malformed++;
        return 0;
    }
    uint8_t completion = command_run(farm, bmc, NULL, &request, data, &data_size);
    return answer_build(reply, &request, completion, data, data_size);
}

static size_t session_request(struct farm *farm, struct bmc *bmc, const uint8_t *bytes, size_t size,
                              uint8_t *answer)
{
    enum { NETFN_APP = 6, CLOSE_SESSION = 0x3c };
    struct session *session = session_find(farm, bmc, le32_at(bytes + 6));
    uint8_t message[MESSAGE_MAX], data[MESSAGE_MAX - 8], reply[MESSAGE_MAX];
    struct request request;
    size_t data_size;
    if (!session || session->state != SESSION_ACTIVE) {
        farm->counts.no_session++;
        return 0;
    }
    size = packet_open(bytes, size, &session->keys, message);
    if (!request_parse(&request, message, size)) {
        farm->counts.malformed++;
        return 0;
    }
    if (!session_sequence_is_new(bmc, session, le32_at(bytes + 10))) {
        farm->counts.repeated++;
        bmc->counts.repeated++;
        return 0;
    }
    uint8_t completion = command_run(farm, bmc, session, &request, data, &data_size);
    size = answer_build(reply, &request, completion, data, data_size);
    session->used_us = farm->now_us;
    if (request.netfn == NETFN_APP && request.command == CLOSE_SESSION && completion == 0) {
        session->state = SESSION_FREE;
        bmc->counts.closed++;
    }
    return packet_seal(answer, &session->keys, session->console_id, ++session->own_sequence, reply,
                       size);
}

static size_t rmcpplus(struct farm *farm, struct bmc *bmc, const uint8_t *bytes, size_t size,
                       uint8_t *answer)
{
    uint8_t reply[MESSAGE_MAX];
    if (size < 16 || size < 16u + le16_at(bytes + 14)) {
        farm->counts.malformed++;
        return 0;
    }
    const uint8_t *payload = bytes + 16;
    const size_t payload_size = le16_at(bytes + 14);
    const uint8_t type = bytes[5] & 0x3f;
    if (le32_at(bytes + 6) != 0)
        return session_request(farm, bmc, bytes, size, answer);
    if (type != PAYLOAD_IPMI)
        return session_setup(farm, bmc, type, payload, payload_size, answer);
    size_t reply_size = plain_request(farm, bmc, payload, payload_size, reply);
    return reply_size ? packet_plain(answer, PAYLOAD_IPMI, reply, reply_size) : 0;
}

static size_t ipmi_15(struct farm *farm, struct bmc *bmc, const uint8_t *bytes, size_t size,
                      uint8_t *answer)
{
    uint8_t reply[MESSAGE_MAX];
    if (size < 14 || bytes[4] != FORMAT_IPMI_15 || le32_at(bytes + 9) != 0 ||
        size < 14u + bytes[13]) {
        farm->counts.malformed++; /* or a session of 1.5, which is not offered */
        return 0;
    }
    size_t reply_size = plain_request(farm, bmc, bytes + 14, bytes[13], reply);
    return reply_size ? packet_plain_15(answer, reply, reply_size) : 0;
}

size_t packet_hear(struct farm *farm, struct bmc *bmc, const uint8_t *bytes, size_t size,
                   uint8_t answer[PACKET_MAX])
{
    if (size < 5 || bytes[0] != 6)
        farm->counts.malformed++;
    else if (bytes[3] == RMCP_CLASS_ASF)
        return presence_ping(bytes, size, answer);
    else if (bytes[3] == RMCP_CLASS_IPMI && bytes[4] == FORMAT_RMCPPLUS)
        return rmcpplus(farm, bmc, bytes, size, answer);
    else if (bytes[3] == RMCP_CLASS_IPMI)
        return ipmi_15(farm, bmc, bytes, size, answer);
    else
        farm->counts.malformed++;
    return 0;
}
