/* In session: commands, one at a time, and the privilege they need. */
#include <stdio.h>
#include <string.h>

#include "drivers/ipmi/session_private.h"
#include "proto/cleanup.h"

enum {
    NETFN_APP = 0x06,
    COMMAND_SET_PRIVILEGE = 0x3b,
    COMMAND_CLOSE = 0x3c,
    CODE_NO_PRIVILEGE = 0xd4,
    KEPT_COPIES = 2, /* unanswered in a kept session: the BMC has forgotten it */
    BUSY_MS = 100,
    BUSY_DOUBLINGS = 4,
};

static void send_request(struct session *session, const struct ipmi_request *request,
                         struct datagram *keep, struct outbox *out)
{
    struct datagram datagram;
    if (codec_command(session->codec, &session->link, request, &datagram))
        return; /* out of memory: as if lost on the wire */
    if (keep)
        *keep = datagram;
    session_send(session, &datagram, out);
}

static void elevation_send(struct session *session, struct outbox *out)
{
    struct ipmi_request request = {
        .netfn = NETFN_APP,
        .command = COMMAND_SET_PRIVILEGE,
        .sequence = session->elevation.sequence,
        .size = 1,
        .data = {session->login->privilege},
    };
    send_request(session, &request, NULL, out);
}

void close_send(struct session *session, struct outbox *out)
{
    uint32_t id = session->link.bmc_id;
    struct ipmi_request request = {
        .netfn = NETFN_APP,
        .command = COMMAND_CLOSE,
        .sequence = session->exchange.sequence,
        .size = 4,
        .data = {(uint8_t)id, (uint8_t)(id >> 8), (uint8_t)(id >> 16), (uint8_t)(id >> 24)},
    };
    send_request(session, &request, NULL, out);
}

static void command_send(struct session *session, struct outbox *out)
{
    struct ipmi_request request = {
        .netfn = session->command.netfn,
        .command = session->command.command,
        .sequence = session->exchange.sequence,
        .size = session->command.size,
    };
    memcpy(request.data, session->command.data, sizeof request.data);
    send_request(session, &request, &session->copy, out);
    operation_sent(session->operation, &session->command);
}

static void elevate(struct session *session, uint64_t now_ms, struct outbox *out)
{
    session->privilege = PRIVILEGE_ASKED;
    session->elevation.sequence = session_next_sequence(session);
    elevation_send(session, out);
    exchange_begin(session, &session->elevation, now_ms);
}

void command_next(struct session *session, uint64_t now_ms, struct outbox *out)
{
    struct operation *operation = session->operation;
    session->pause_until_ms = 0;
    operation_command(operation, session->boot_timer, &session->command);
    session->early = session->privilege != PRIVILEGE_SET;
    if (session->early && (!session->command.as_user || session->memory->elevates)) {
        elevate(session, now_ms, out);
        if (session->command.care != CARE_QUESTION || session->command.in_full)
            return; /* it waits: a command ahead of its privilege is refused, then sent twice */
    }
    session->exchange.sequence = session_next_sequence(session);
    command_send(session, out);
    exchange_begin(session, &session->exchange, now_ms);
    /* How soon it answers questions says nothing of a cycle, and a BMC without a replay window
     * obeys each copy that was sent while it was busy with the first. */
    uint64_t least_ms = now_ms + session->retransmit_ms;
    if (session->command.care == CARE_FRAGILE && session->exchange.again_ms < least_ms)
        session->exchange.again_ms = least_ms;
}

static uint64_t patience(const struct session *session)
{
    uint64_t wait = session->command.optional || session->operation->request.op == OP_BOOT_SET
                        ? STEP_PATIENCE_MS
                        : CHANGE_PATIENCE_MS;
    uint64_t pace =
        4 * rtt_patience(&session->memory->rtt, session->neighbours, 1, session->retransmit_ms);
    return wait > pace ? wait : pace;
}

static void give_up_waiting(struct session *session, uint64_t now_ms, struct outbox *out)
{
    session->exchange.waiting = false;
    if (operation_silence(session->operation, &session->command)) {
        if (!session->operation->done)
            command_next(session, now_ms, out);
        return;
    }
    operation_fail(session->operation, ERR_TIMEOUT,
                   "%s: no answer to %s, sent %u times within %llu ms: it may have been done",
                   session->address, session->command.name, session->exchange.copies,
                   (unsigned long long)(session->exchange.last_ms - session->exchange.first_ms));
    session->suspect = true;
}

static void resend_change(struct session *session, uint64_t now_ms, struct outbox *out)
{
    struct exchange *exchange = &session->exchange;
    uint64_t end_ms = exchange->first_ms + patience(session);
    if (now_ms >= end_ms) {
        give_up_waiting(session, now_ms, out);
        return;
    }
    bool too_late =
        session->command.care == CARE_FRAGILE && now_ms > exchange->first_ms + FRAGILE_RESEND_MS;
    if (!too_late) {
        session_send(session, &session->copy, out);
        exchange_again(session, exchange, now_ms);
    }
    if (too_late || exchange->again_ms > end_ms)
        exchange->again_ms = end_ms;
}

/* Nothing was heard in a session that was kept, and what was said cannot have changed anything:
 * once more in a new one. */
static bool is_forgotten(const struct session *session, const struct exchange *exchange)
{
    return session->kept && !session->heard && exchange->copies >= KEPT_COPIES &&
           (session->command.care == CARE_QUESTION || !session->operation->sent);
}

static void begin_anew(struct session *session, uint64_t now_ms, struct outbox *out)
{
    session->kept = false;
    session->suite_place = 0;
    session_drop(session, out);
    handshake_begin(session, now_ms, out);
}

static void ask_again(struct session *session, uint64_t now_ms, struct outbox *out)
{
    /* A BMC may be deaf to who has not set his privilege, instead of saying so. */
    if (session->privilege == PRIVILEGE_UNSET)
        elevate(session, now_ms, out);
    command_send(session, out);
    exchange_again(session, &session->exchange, now_ms);
}

void command_resend(struct session *session, uint64_t now_ms, struct outbox *out)
{
    struct exchange *exchange = &session->exchange, *elevation = &session->elevation;
    const struct exchange *due = exchange->waiting ? exchange : elevation;
    if (due->waiting && now_ms >= due->again_ms && is_forgotten(session, due)) {
        begin_anew(session, now_ms, out);
        return;
    }
    if (elevation->waiting && now_ms >= elevation->again_ms) {
        elevation_send(session, out);
        exchange_again(session, elevation, now_ms);
    }
    if (!exchange->waiting) {
        if (session->pause_until_ms && now_ms >= session->pause_until_ms)
            command_next(session, now_ms, out);
    } else if (now_ms >= exchange->again_ms) {
        if (session->command.care != CARE_QUESTION) {
            resend_change(session, now_ms, out);
            return;
        }
        ask_again(session, now_ms, out);
    }
}

static void hear_elevation(struct session *session, const struct ipmi_answer *answer,
                           uint64_t now_ms, struct outbox *out)
{
    char text[96];
    exchange_end(session, &session->elevation, !session->exchange.waiting, now_ms);
    bool busy = completion_code_worth_retrying(answer->code, CARE_IDEMPOTENT);
    session->privilege = !answer->code ? PRIVILEGE_SET : busy ? PRIVILEGE_UNSET : PRIVILEGE_DENIED;
    if (session->exchange.waiting || session->operation->done)
        return; /* the question that rode along goes its own way */
    if (busy) {
        session->busy++;
        session->pause_until_ms = now_ms + BUSY_MS;
    } else if (answer->code) {
        operation_fail(session->operation, ERR_AUTH,
                       "%s: user '%s' does not get the privilege asked for: %s to Set Session "
                       "Privilege Level",
                       session->address, session->login->user,
                       completion_code_text(answer->code, text, sizeof text));
    } else {
        command_next(session, now_ms, out);
    }
}

/* The question overtook its privilege, or went without: once more behind it. */
static bool overtook(struct session *session, const struct ipmi_answer *answer, uint64_t now_ms,
                     struct outbox *out)
{
    if (answer->code != CODE_NO_PRIVILEGE || !session->early ||
        session->privilege == PRIVILEGE_DENIED)
        return false;
    bool tried = session->memory->elevates || !session->command.as_user;
    session->memory->elevates = true; /* from the start, from now on */
    if (session->privilege == PRIVILEGE_SET || (session->privilege == PRIVILEGE_UNSET && !tried))
        command_next(session, now_ms, out);
    else if (session->privilege == PRIVILEGE_UNSET)
        session->pause_until_ms = now_ms + BUSY_MS;
    return true; /* PRIVILEGE_ASKED: hear_elevation() sends it again */
}

static void tell_session(const struct session *session, struct driver_reply *reply)
{
    static const char *const levels[] = {"?", "callback", "user", "operator", "admin"};
    uint8_t level = session->login->privilege;
    if (reply->has_info)
        (void)snprintf(reply->info.session, sizeof reply->info.session, "suite %u, %s",
                       session->link.suite, levels[level < ARRAY_SIZE(levels) ? level : 0]);
}

static void hear_command(struct session *session, const struct ipmi_answer *answer, uint64_t now_ms,
                         struct outbox *out)
{
    struct operation *operation = session->operation;
    exchange_end(session, &session->exchange, session->command.care == CARE_QUESTION, now_ms);
    /* Without a replay window the BMC obeyed the first copy, and refuses this one for being at
     * it, or because the host is off by now. */
    if (answer->code && session->command.care == CARE_FRAGILE && session->exchange.copies > 1) {
        operation_doubt(operation, &session->command, answer->code);
        return;
    }
    if (completion_code_worth_retrying(answer->code, session->command.care)) {
        operation_busy(operation, &session->command, answer->code);
        unsigned doublings = session->busy < BUSY_DOUBLINGS ? session->busy : BUSY_DOUBLINGS;
        session->busy++;
        session->pause_until_ms = now_ms + ((uint64_t)BUSY_MS << doublings);
        return;
    }
    if (overtook(session, answer, now_ms, out))
        return;
    session->busy = 0;
    operation_answer(operation, &session->command, answer);
    tell_session(session, &operation->reply);
    if (!operation->done)
        command_next(session, now_ms, out);
}

static bool answers(const struct ipmi_answer *answer, const struct exchange *exchange,
                    unsigned netfn, unsigned command)
{
    return exchange->waiting && answer->sequence == exchange->sequence && answer->netfn == netfn &&
           answer->command == command;
}

void command_datagram(struct session *session, const void *bytes, size_t size, uint64_t now_ms,
                      struct outbox *out)
{
    struct ipmi_answer answer;
    if (codec_read_answer(session->codec, &session->link, bytes, size, &answer))
        return;
    session->heard = true;
    session->heard_ms = now_ms;
    if (session->state == SESSION_CLOSING) {
        bool closed = !completion_code_worth_retrying(answer.code, CARE_QUESTION);
        if (answers(&answer, &session->exchange, NETFN_APP, COMMAND_CLOSE) && closed)
            session_drop(session, out);
        return; /* else: its next copy may find the BMC less busy */
    }
    if (!session->operation || session->operation->done)
        return;
    if (answers(&answer, &session->elevation, NETFN_APP, COMMAND_SET_PRIVILEGE))
        hear_elevation(session, &answer, now_ms, out);
    else if (answers(&answer, &session->exchange, session->command.netfn, session->command.command))
        hear_command(session, &answer, now_ms, out);
}
