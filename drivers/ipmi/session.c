#include "drivers/ipmi/session.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "drivers/ipmi/session_private.h"

enum { STATUS_GIVEN_UP = 0x12 }; /* RAKP 3: illegal or unrecognised parameter */

struct datagram *outbox_next(struct outbox *out)
{
    return out->count < OUTBOX_SIZE ? &out->datagram[out->count++] : NULL;
}

void session_send(struct session *session, const struct datagram *datagram, struct outbox *out)
{
    struct datagram *place = outbox_next(out);
    if (place)
        *place = *datagram;
    session->datagrams++;
}

void exchange_begin(const struct session *session, struct exchange *exchange, uint64_t now_ms)
{
    exchange->waiting = true;
    exchange->copies = 0;
    exchange->first_ms = now_ms;
    exchange_again(session, exchange, now_ms);
}

void exchange_again(const struct session *session, struct exchange *exchange, uint64_t now_ms)
{
    exchange->copies++;
    exchange->last_ms = now_ms;
    exchange->again_ms = now_ms + rtt_patience(&session->memory->rtt, session->neighbours,
                                               exchange->copies, session->retransmit_ms);
}

void exchange_end(struct session *session, struct exchange *exchange, bool learn, uint64_t now_ms)
{
    exchange->waiting = false;
    session->refusals = 0;
    if (!learn)
        return;
    uint64_t first_ms = now_ms - exchange->first_ms, last_ms = now_ms - exchange->last_ms;
    rtt_learn(&session->memory->rtt, session->neighbours, first_ms, last_ms, exchange->copies);
    if (session->neighbours && exchange->copies == 1)
        rtt_learn(session->neighbours, NULL, first_ms, last_ms, 1);
}

uint8_t session_next_sequence(struct session *session)
{
    session->last_sequence = (session->last_sequence + 1) & 0x3f;
    return session->last_sequence;
}

void session_start(struct session *session, struct operation *operation, uint64_t now_ms,
                   struct outbox *out)
{
    struct memory *memory = session->memory;
    session->operation = operation;
    session->heard = session->kept = false;
    session->restarts = session->refusals = session->busy = session->datagrams = 0;
    session->verdict = 0;
    if (operation->done)
        return;
    if (now_ms >= operation->deadline_ms) {
        operation_fail(operation, ERR_TIMEOUT, "%s: not begun, earlier requests took all of %u ms",
                       session->address, operation->request.budget_ms);
    } else if (session->state == SESSION_OPEN) {
        session->kept = true;
        if (now_ms > session->heard_ms + TRUST_MS)
            session->privilege = PRIVILEGE_UNSET;
        command_next(session, now_ms, out);
    } else if (memory->locked_until_ms > now_ms) {
        operation_fail(operation, ERR_AUTH,
                       "%s: not tried: user '%s' was refused %d times; left alone for another "
                       "%" PRIu64 " s, since many BMCs lock accounts",
                       session->address, session->login->user, AUTH_TRIES,
                       (memory->locked_until_ms - now_ms + 999) / 1000);
    } else {
        memory->locked_until_ms = 0;
        session->suite_place = 0;
        handshake_begin(session, now_ms, out);
    }
}

void session_datagram(struct session *session, const void *bytes, size_t size, uint64_t now_ms,
                      struct outbox *out)
{
    if (session->state == SESSION_CLOSED || session->state == SESSION_PAUSE)
        return;
    enum payload payload = codec_payload(&session->link, bytes, size);
    switch (payload) {
    case PAYLOAD_NONE:
        break;
    case PAYLOAD_OPEN_SESSION:
    case PAYLOAD_RAKP_2:
    case PAYLOAD_RAKP_4:
        handshake_datagram(session, payload, bytes, size, now_ms, out);
        break;
    case PAYLOAD_IPMI:
        if (session->state == SESSION_OPEN || session->state == SESSION_CLOSING)
            command_datagram(session, bytes, size, now_ms, out);
        break;
    }
}

void session_refused(struct session *session, int error, uint64_t now_ms, struct outbox *out)
{
    struct operation *operation = session->operation;
    if (session->state == SESSION_CLOSING)
        session_drop(session, out);
    if (!operation || operation->done || session->state == SESSION_CLOSED)
        return;
    if (++session->refusals < REFUSALS_MAX) {
        uint64_t soon = now_ms + session->retransmit_ms;
        if (session->exchange.waiting && session->exchange.again_ms > soon)
            session->exchange.again_ms = soon;
        return;
    }
    operation_fail(operation, ERR_UNREACHABLE,
                   "%s: the network answered '%s' %u times: is it a BMC, has it IPMI over LAN "
                   "switched on?",
                   session->address, strerror(error), session->refusals);
    session_drop(session, out);
}

void session_unsendable(struct session *session, int error, struct outbox *out)
{
    struct operation *operation = session->operation;
    if (session->state == SESSION_CLOSING)
        session_drop(session, out);
    if (!operation || operation->done || session->state == SESSION_CLOSED)
        return;
    operation_fail(operation, ERR_UNREACHABLE, "%s: this host cannot send there: %s",
                   session->address, strerror(error));
    session_drop(session, out);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t exchange_due(const struct exchange *exchange)
{
    return exchange->waiting ? exchange->again_ms : UINT64_MAX;
}

uint64_t session_due(const struct session *session)
{
    uint64_t due = UINT64_MAX;
    switch (session->state) {
    case SESSION_CLOSED:
        return UINT64_MAX;
    case SESSION_OPENING:
    case SESSION_RAKP_1:
    case SESSION_RAKP_3:
    case SESSION_CLOSING:
        due = exchange_due(&session->exchange);
        break;
    case SESSION_OPEN:
        if (!session->operation)
            return session->keep_until_ms;
        due = earlier(exchange_due(&session->exchange), exchange_due(&session->elevation));
        if (!session->exchange.waiting && session->pause_until_ms)
            due = earlier(due, session->pause_until_ms);
        break;
    case SESSION_PAUSE:
        due = session->pause_until_ms;
        break;
    }
    return session->operation ? earlier(due, session->operation->deadline_ms) : due;
}

static const char *waiting_for(const struct session *session)
{
    switch (session->state) {
    case SESSION_OPENING:
        return "Open Session";
    case SESSION_RAKP_1:
        return "RAKP 1";
    case SESSION_RAKP_3:
        return "RAKP 3";
    case SESSION_OPEN:
        return session->exchange.waiting ? session->command.name : "Set Session Privilege Level";
    case SESSION_CLOSED:
    case SESSION_PAUSE:
    case SESSION_CLOSING:
        break;
    }
    return "the session";
}

static void run_out_of_time(struct session *session, struct outbox *out)
{
    struct operation *operation = session->operation;
    unsigned budget_ms = operation->request.budget_ms;
    if (!session->heard)
        operation_fail(operation, ERR_UNREACHABLE, "no answer from %s in %u.%u s (%u datagrams)",
                       session->address, budget_ms / 1000, budget_ms % 1000 / 100,
                       session->datagrams);
    else if (session->busy)
        operation_fail(operation, ERR_BUSY, "%s: busy for all of %u.%u s (%u refusals)",
                       session->address, budget_ms / 1000, budget_ms % 1000 / 100, session->busy);
    else
        operation_fail(operation, ERR_TIMEOUT,
                       "%s answered, then fell silent: nothing to %s within the %u.%u s of this "
                       "request",
                       session->address, waiting_for(session), budget_ms / 1000,
                       budget_ms % 1000 / 100);
    if (session->state == SESSION_OPEN)
        session->suspect = true; /* the owner ends it, with copies of Close */
    else
        session_drop(session, out);
}

static void closing_tick(struct session *session, uint64_t now_ms, struct outbox *out)
{
    if (now_ms < session->exchange.again_ms)
        return;
    if (session->exchange.copies >= CLOSE_COPIES) {
        session_drop(session, out);
        return;
    }
    close_send(session, out);
    exchange_again(session, &session->exchange, now_ms);
}

void session_tick(struct session *session, uint64_t now_ms, struct outbox *out)
{
    struct operation *operation = session->operation;
    if (operation && !operation->done && now_ms >= operation->deadline_ms) {
        run_out_of_time(session, out);
        return;
    }
    switch (session->state) {
    case SESSION_CLOSED:
        break;
    case SESSION_OPENING:
    case SESSION_RAKP_1:
    case SESSION_RAKP_3:
        if (now_ms >= session->exchange.again_ms)
            handshake_resend(session, now_ms, out);
        break;
    case SESSION_OPEN:
        if (operation)
            command_resend(session, now_ms, out);
        else if (now_ms >= session->keep_until_ms)
            session_end(session, now_ms, out);
        break;
    case SESSION_PAUSE:
        if (now_ms >= session->pause_until_ms)
            handshake_begin(session, now_ms, out);
        break;
    case SESSION_CLOSING:
        closing_tick(session, now_ms, out);
        break;
    }
}

void session_keep(struct session *session, uint32_t keep_ms, uint64_t now_ms)
{
    session->operation = NULL;
    session->keep_until_ms = now_ms;
    if (session->state != SESSION_OPEN || session->suspect)
        return;
    session->exchange.waiting = session->elevation.waiting = false;
    if (session->privilege == PRIVILEGE_ASKED) /* and nobody waits for the answer any more */
        session->privilege = PRIVILEGE_UNSET;
    session->keep_until_ms += keep_ms < KEEP_MAX_MS ? keep_ms : KEEP_MAX_MS;
}

void session_end(struct session *session, uint64_t now_ms, struct outbox *out)
{
    session->operation = NULL;
    if (session->state != SESSION_OPEN) {
        session_drop(session, out);
        return;
    }
    session->state = SESSION_CLOSING;
    session->elevation.waiting = false;
    session->exchange.sequence = session_next_sequence(session);
    close_send(session, out);
    exchange_begin(session, &session->exchange, now_ms);
}

void session_drop(struct session *session, struct outbox *out)
{
    struct datagram datagram;
    switch (session->state) {
    case SESSION_RAKP_1: /* frees the half-open slot at once; its timeout is 3 to 60 s */
        if (codec_rakp_3(session->codec, &session->link, STATUS_GIVEN_UP, &datagram) == 0)
            session_send(session, &datagram, out);
        break;
    case SESSION_RAKP_3: /* RAKP 4 may be what got lost: then it is open */
    case SESSION_OPEN:
        session->exchange.sequence = session_next_sequence(session);
        close_send(session, out);
        break;
    case SESSION_CLOSED:
    case SESSION_OPENING:
    case SESSION_PAUSE:
    case SESSION_CLOSING:
        break;
    }
    session->state = SESSION_CLOSED;
    session->exchange.waiting = session->elevation.waiting = false;
    codec_wipe(&session->link);
}
