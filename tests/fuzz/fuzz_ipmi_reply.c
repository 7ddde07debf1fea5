/* A datagram into a session in each of its states, which ends the same with either codec. Byte 0
 * picks state and suite; ids and tag are taken from the datagram, or none would get past the first
 * comparison. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/ipmi/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t id_at(const uint8_t *bytes, size_t size, size_t at)
{
    uint32_t id = 0;
    if (size >= at + sizeof id)
        memcpy(&id, bytes + at, sizeof id);
    return id;
}

/* Brings a session into the state as if the BMC had answered so far. */
static void arrange(struct session *session, enum session_state state, const uint8_t *bytes,
                    size_t size, struct outbox *out)
{
    struct link *link = &session->link;
    bool in_session = state == SESSION_OPEN || state == SESSION_CLOSING;
    session->state = state;
    link->console_id = id_at(bytes, size, in_session ? 6 : 20);
    link->tag = size > 16 ? bytes[16] : 0;
    link->bmc_id = 0x02000101;
    link->sik_size = link->authentication == 3 ? 32 : 20;
    link->integrity_key_size = link->sik_size;
    link->confidentiality_key_size = 16;
    if (state == SESSION_OPEN) {
        session->privilege = PRIVILEGE_UNSET;
        operation_command(session->operation, true, &session->command);
        session->exchange.sequence = size > 20 ? bytes[20] >> 2 : 1;
    } else if (state == SESSION_CLOSING) {
        session->state = SESSION_OPEN;
        session_end(session, 2, out);
    }
}

struct end {
    enum session_state state;
    bool done, ok;
    enum err_kind kind;
    enum power power;
};

static struct end run(struct codec *codec, enum codec_kind kind, const uint8_t *data, size_t size)
{
    static const enum session_state states[] = {SESSION_OPENING, SESSION_RAKP_1, SESSION_RAKP_3,
                                                SESSION_OPEN, SESSION_CLOSING};
    static const uint8_t suites[] = {17, 3, 0};
    const struct option_uints list = {.count = 1, .value = {suites[data[0] / 5 % 3]}};
    struct login login = {
        .user = "admin", .password = {"secret"}, .codec = (uint8_t)kind, .privilege = 3};
    struct memory memory = {0};
    struct session session = {.codec = codec,
                              .login = &login,
                              .suites = &list,
                              .retransmit_ms = 400,
                              .memory = &memory,
                              .address = "10.1.0.11"};
    struct driver_request request = {.id = 1, .op = data[0] / 15 % OPS, .budget_ms = 5000};
    struct operation operation;
    struct outbox out = {0};
    operation_begin(&operation, &request, "10.1.0.11");
    operation.deadline_ms = 5000;
    session_start(&session, &operation, 1, &out);
    arrange(&session, states[data[0] % 5], data + 1, size - 1, &out);
    session_datagram(&session, data + 1, size - 1, 2, &out);
    enum session_state state = session.state;
    for (uint64_t now_ms; (now_ms = session_due(&session)) <= 5000 && !operation.done;)
        session_tick(&session, now_ms, &out);
    session_drop(&session, &out);
    return (struct end){state, operation.done, operation.reply.ok, operation.reply.err.kind,
                        operation.reply.power};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct codec *codec;
    if (!codec && !(codec = codec_new(NULL)))
        abort();
    if (!size)
        return 0;
    struct end native = run(codec, CODEC_NATIVE, data, size);
    struct end freeipmi = run(codec, CODEC_FREEIPMI, data, size);
    /* A check value of the wrong size in RAKP 4 is damage to the one, and wrong to the other. */
    bool rakp_4 = data[0] % 5 == 2;
    if (!rakp_4 && (native.state != freeipmi.state || native.done != freeipmi.done ||
                    native.ok != freeipmi.ok || native.kind != freeipmi.kind ||
                    native.power != freeipmi.power))
        abort();
    return 0;
}
