#include "tests/unit/ipmi_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START_MS 1000000

uint8_t rig_codec = CODEC_NATIVE;

void rig_open(struct rig *rig, uint32_t suite)
{
    *rig = (struct rig){
        .login = {.user = "admin", .password = {"secret"}, .codec = rig_codec, .privilege = 3},
        .suites = {.count = 2, .value = {17, 3}},
        .now_ms = START_MS,
        .way_ms = 5,
    };
    if (suite)
        rig->suites = (struct option_uints){.count = 1, .value = {suite}};
    rig->codec = codec_new(NULL);
    rig->bmc = ipmi_bmc_new();
    if (!rig->codec)
        abort();
    rig->session = (struct session){
        .codec = rig->codec,
        .login = &rig->login,
        .suites = &rig->suites,
        .retransmit_ms = 400,
        .boot_timer = true,
        .memory = &rig->memory,
        .address = "10.1.0.11",
    };
}

void rig_close(struct rig *rig)
{
    codec_free(rig->codec);
    ipmi_bmc_free(rig->bmc);
}

void rig_begin(struct rig *rig)
{
    rig->nrules = rig->sent = rig->answered = rig->nflights = rig->closes = 0;
}

void rig_rule(struct rig *rig, enum fate fate, bool to_bmc, unsigned number, unsigned value)
{
    if (rig->nrules == RULES_MAX)
        abort();
    rig->rules[rig->nrules++] =
        (struct rule){.fate = fate, .to_bmc = to_bmc, .number = number, .value = value};
}

static void fly(struct rig *rig, bool to_bmc, const uint8_t *bytes, size_t size, uint64_t at_ms)
{
    if (rig->nflights == FLIGHTS_MAX)
        abort();
    struct flight *flight = &rig->flights[rig->nflights++];
    flight->at_ms = at_ms;
    flight->to_bmc = to_bmc;
    flight->size = size;
    memcpy(flight->bytes, bytes, size);
}

static bool applies(const struct rule *rule, bool to_bmc, unsigned number)
{
    if (rule->to_bmc != to_bmc)
        return false;
    return !rule->number || number == rule->number ||
           (rule->fate == LOSE_FROM && number > rule->number);
}

static void launch(struct rig *rig, bool to_bmc, const uint8_t *bytes, size_t size)
{
    unsigned number = to_bmc ? ++rig->sent : ++rig->answered;
    uint64_t at_ms = rig->now_ms + rig->way_ms;
    uint8_t changed[IPMI_DATAGRAM_SIZE];
    bool lost = false, twice = false;
    memcpy(changed, bytes, size);
    for (unsigned i = 0; i < rig->nrules; i++) {
        const struct rule *rule = &rig->rules[i];
        if (!applies(rule, to_bmc, number))
            continue;
        switch (rule->fate) {
        case ARRIVE:
            break;
        case LOSE:
        case LOSE_FROM:
            lost = true;
            break;
        case TWICE:
            twice = true;
            break;
        case DELAY:
            at_ms += rule->value;
            break;
        case CUT:
            size = rule->value < size ? rule->value : size;
            break;
        case FLIP:
            if (rule->value / 8 < size)
                changed[rule->value / 8] ^= (uint8_t)(1U << rule->value % 8);
            break;
        }
    }
    for (unsigned copies = lost ? 0 : 1 + twice; copies; copies--)
        fly(rig, to_bmc, changed, size, at_ms);
}

static void note_change(struct rig *rig, const struct datagram *datagram)
{
    uint32_t sequence;
    memcpy(&sequence, datagram->bytes + 10, sizeof sequence);
    if (!rig->change_copies) {
        rig->change_sequence = sequence;
        rig->change_first_ms = rig->now_ms;
    }
    rig->change_copies++;
    rig->change_renumbered |= sequence != rig->change_sequence;
    rig->change_last_ms = rig->now_ms;
}

static void post(struct rig *rig, struct outbox *out)
{
    const struct session *session = &rig->session;
    bool open = session->state == SESSION_OPEN && session->operation && !session->operation->done;
    for (size_t i = 0; i < out->count; i++) {
        const struct datagram *datagram = &out->datagram[i];
        bool change = open && session->command.care != CARE_QUESTION &&
                      datagram->size == session->copy.size &&
                      !memcmp(datagram->bytes, session->copy.bytes, datagram->size);
        if (change && session->exchange.waiting)
            note_change(rig, datagram);
        launch(rig, true, datagram->bytes, datagram->size);
    }
    out->count = 0;
}

/* As the engine does it. */
static void settle(struct rig *rig, struct outbox *out)
{
    struct session *session = &rig->session;
    post(rig, out);
    if (!session->operation || !session->operation->done)
        return;
    rig->done_ms = rig->now_ms;
    session_keep(session, rig->keep_ms, rig->now_ms);
    if (session->keep_until_ms > rig->now_ms)
        return;
    unsigned before = rig->sent;
    session_end(session, rig->now_ms, out);
    post(rig, out);
    rig->closes += rig->sent - before;
}

void rig_start(struct rig *rig, enum op op, uint32_t budget_ms)
{
    struct outbox out = {0};
    struct driver_request request = {.id = 1,
                                     .op = op,
                                     .budget_ms = budget_ms,
                                     .boot_device = BOOT_NETWORK,
                                     .firmware = FIRMWARE_UEFI};
    operation_begin(&rig->operation, &request, "10.1.0.11");
    rig->begun_ms = rig->now_ms;
    rig->change_copies = 0;
    rig->change_renumbered = false;
    rig->controls = ipmi_bmc_controls(rig->bmc);
    rig->done_ms = 0;
    rig->operation.deadline_ms = rig->now_ms + budget_ms;
    session_start(&rig->session, &rig->operation, rig->now_ms, &out);
    settle(rig, &out);
}

static unsigned next_flight(const struct rig *rig)
{
    unsigned first = 0;
    for (unsigned i = 1; i < rig->nflights; i++)
        if (rig->flights[i].at_ms < rig->flights[first].at_ms)
            first = i;
    return first;
}

static void land(struct rig *rig, unsigned place)
{
    struct outbox out = {0};
    uint8_t answer[BMC_DATAGRAM_SIZE];
    struct flight flight = rig->flights[place];
    memmove(&rig->flights[place], &rig->flights[place + 1],
            (--rig->nflights - place) * sizeof flight);
    rig->now_ms = flight.at_ms;
    if (flight.to_bmc) {
        size_t size = ipmi_bmc_hear(rig->bmc, flight.bytes, flight.size, rig->now_ms, answer);
        if (size)
            launch(rig, false, answer, size);
        return;
    }
    /* Of the heap, and no larger: reading past it is seen. */
    uint8_t *exact = malloc(flight.size ? flight.size : 1);
    if (!exact)
        abort();
    memcpy(exact, flight.bytes, flight.size);
    session_datagram(&rig->session, exact, flight.size, rig->now_ms, &out);
    free(exact);
    settle(rig, &out);
}

bool rig_step(struct rig *rig)
{
    struct outbox out = {0};
    uint64_t due_ms = session_due(&rig->session);
    unsigned place = next_flight(rig);
    if (rig->nflights && rig->flights[place].at_ms <= due_ms) {
        land(rig, place);
        return true;
    }
    if (due_ms == UINT64_MAX)
        return false;
    rig->now_ms = due_ms > rig->now_ms ? due_ms : rig->now_ms;
    session_tick(&rig->session, rig->now_ms, &out);
    settle(rig, &out);
    return true;
}

void rig_finish(struct rig *rig)
{
    for (unsigned steps = 0; rig_step(rig); steps++)
        if (steps > 10000)
            abort(); /* it goes in circles */
}

void rig_run(struct rig *rig, enum op op, uint32_t budget_ms)
{
    rig_start(rig, op, budget_ms);
    rig_finish(rig);
}

void rig_run_kept(struct rig *rig, enum op op, uint32_t budget_ms)
{
    rig_start(rig, op, budget_ms);
    for (unsigned steps = 0; !rig->operation.done || rig->nflights; steps++)
        if (steps > 10000 || !rig_step(rig))
            abort();
}

void rig_drop(struct rig *rig)
{
    struct outbox out = {0};
    rig->session.operation = NULL;
    session_drop(&rig->session, &out);
    post(rig, &out);
}

void rig_take_slot(struct rig *rig)
{
    struct link other;
    struct datagram datagram;
    uint8_t answer[BMC_DATAGRAM_SIZE];
    if (codec_begin(rig->codec, &other, &rig->login, 17) ||
        codec_open_session(rig->codec, &other, &datagram))
        abort();
    (void)ipmi_bmc_hear(rig->bmc, datagram.bytes, datagram.size, rig->now_ms, answer);
}

void rig_check_promises(struct rig *rig)
{
    const struct operation *o = &rig->operation;
    unsigned controls = ipmi_bmc_controls(rig->bmc) - rig->controls;
    assert_true(o->done);
    assert_true(rig->done_ms >= rig->begun_ms && rig->done_ms <= o->deadline_ms);
    assert_int_equal(rig->session.state, SESSION_CLOSED);
    assert_int_equal(o->reply.ok, o->reply.err.kind == ERR_NONE);
    if (o->request.op == OP_STATUS)
        assert_int_equal(o->reply.power, o->reply.ok ? POWER_ON : POWER_UNKNOWN);
    assert_false(rig->change_renumbered);
    if (o->request.op != OP_CYCLE)
        return;
    assert_true(controls <= 1);
    assert_true(rig->change_last_ms <= rig->change_first_ms + FRAGILE_RESEND_MS ||
                !rig->change_copies);
    if (o->reply.ok)
        assert_int_equal(controls, 1);
    else
        assert_int_equal(o->reply.err.sent, rig->change_copies ? SENT_MAYBE : SENT_NO);
}

void rig_check_peace(struct rig *rig)
{
    enum { HALF_OPEN_MS = 3000 };
    assert_int_equal(rig->memory.locked_until_ms, 0);
    assert_int_equal(rig->memory.auth_failures, 0);
    assert_int_equal(ipmi_bmc_sessions(rig->bmc, rig->now_ms + HALF_OPEN_MS + 1), 0);
}
