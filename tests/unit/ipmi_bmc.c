#include "tests/unit/ipmi_bmc.h"

#include <stdlib.h>
#include <string.h>

#include "tests/peers/bmc_farm/farm.h"

struct ipmi_bmc {
    struct farm farm;
    struct bmc bmc;
    struct {
        uint8_t command, code;
        unsigned times;
    } refusal;
};

struct ipmi_bmc *ipmi_bmc_new(void)
{
    struct ipmi_bmc *one = calloc(1, sizeof *one);
    if (!one)
        abort();
    one->farm = (struct farm){
        .first = 0x7f010101,
        .count = 1,
        .bmcs = &one->bmc,
        .name_stem = "n",
        .user = "admin",
        .udp = -1,
        .control = -1,
        .nodes = -1,
        .random = 1,
    };
    password_set(&one->farm.password, "secret");
    one->bmc.faults = faults_none();
    one->bmc.faults.cycle_time = 0; /* off and on again at once: there is no clock to wait by */
    chassis_button(&one->farm, &one->bmc, true);
    return one;
}

void ipmi_bmc_login(struct ipmi_bmc *one, const char *user, const char *password)
{
    memset(one->farm.user, 0, sizeof one->farm.user);
    memcpy(one->farm.user, user, strnlen(user, USER_MAX));
    password_set(&one->farm.password, password);
}

void ipmi_bmc_free(struct ipmi_bmc *one)
{
    if (!one)
        return;
    free(one->bmc.sessions);
    free(one);
}

/* The farm knows C0h only, and by chance: what is to be refused is answered here. */
static size_t refuse(struct ipmi_bmc *one, const uint8_t *bytes, size_t size, uint8_t *answer)
{
    uint8_t message[MESSAGE_MAX], reply[MESSAGE_MAX];
    struct request request;
    struct session *session =
        size > 16 ? session_find(&one->farm, &one->bmc, le32_at(bytes + 6)) : NULL;
    if (!one->refusal.times || !session || session->state != SESSION_ACTIVE)
        return 0;
    size = packet_open(bytes, size, &session->keys, message);
    if (!request_parse(&request, message, size) || request.command != one->refusal.command ||
        !session_sequence_is_new(&one->bmc, session, le32_at(bytes + 10)))
        return 0;
    one->refusal.times--;
    size = answer_build(reply, &request, one->refusal.code, NULL, 0);
    return packet_seal(answer, &session->keys, session->console_id, ++session->own_sequence, reply,
                       size);
}

size_t ipmi_bmc_hear(struct ipmi_bmc *one, const void *bytes, size_t size, uint64_t now_ms,
                     uint8_t answer[BMC_DATAGRAM_SIZE])
{
    one->farm.now_us = now_ms * 1000;
    size_t refused = refuse(one, bytes, size, answer);
    return refused ? refused : packet_hear(&one->farm, &one->bmc, bytes, size, answer);
}

void ipmi_bmc_fault(struct ipmi_bmc *one, const char *word, const char *value)
{
    if (fault_set(&one->farm, &one->bmc, word, value))
        abort();
}

void ipmi_bmc_refuse(struct ipmi_bmc *one, uint8_t command, uint8_t code, unsigned times)
{
    one->refusal.command = command;
    one->refusal.code = code;
    one->refusal.times = times;
}

void ipmi_bmc_forget(struct ipmi_bmc *one)
{
    if (one->bmc.sessions)
        memset(one->bmc.sessions, 0, SLOTS_MAX * sizeof *one->bmc.sessions);
}

bool ipmi_bmc_is_on(const struct ipmi_bmc *one)
{
    return one->bmc.chassis.on;
}

unsigned ipmi_bmc_controls(const struct ipmi_bmc *one)
{
    return one->bmc.counts.control;
}

unsigned ipmi_bmc_handshakes(const struct ipmi_bmc *one)
{
    return one->bmc.counts.opened;
}

unsigned ipmi_bmc_sessions(struct ipmi_bmc *one, uint64_t now_ms)
{
    one->farm.now_us = now_ms * 1000;
    return sessions_held(&one->farm, &one->bmc);
}
