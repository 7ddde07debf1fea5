/* Open Session, RAKP 1 to 4: from nothing to a session with keys. */
#include <stdio.h>
#include <string.h>

#include "drivers/ipmi/session_private.h"
#include "proto/cleanup.h"

enum status {
    STATUS_OK = 0x00,
    STATUS_NO_RESOURCES = 0x01,
    STATUS_INVALID_SESSION = 0x02,
    STATUS_NO_RESOURCES_NOW = 0x0b,
    STATUS_INACTIVE_SESSION = 0x08,
    STATUS_UNAUTHORISED_LEVEL = 0x0a,
    STATUS_UNAUTHORISED_NAME = 0x0d,
    STATUS_BAD_CHECK_VALUE = 0x0f,
};

enum { SLOTS_TAKEN_MS = 500, SLOTS_TAKEN_DOUBLINGS = 4 };

static const char *status_meaning(uint8_t status)
{
    static const char *const meanings[] = {
        "no errors",
        "all sessions taken",
        "invalid session id",
        "invalid payload type",
        "invalid authentication algorithm",
        "invalid integrity algorithm",
        "no matching authentication payload",
        "no matching integrity payload",
        "inactive session id",
        "invalid role",
        "role or privilege not allowed",
        "all sessions taken at that level",
        "invalid name length",
        "unknown user name",
        "unauthorised GUID",
        "invalid integrity check value",
        "invalid confidentiality algorithm",
        "no such cipher suite",
        "illegal parameter",
    };
    return status < ARRAY_SIZE(meanings) ? meanings[status] : "a status of its own";
}

static void fail(struct session *session, enum err_kind kind, const char *step, uint8_t status,
                 struct outbox *out)
{
    operation_fail(session->operation, kind, "%s: %s refused with status %02Xh (%s)",
                   session->address, step, status, status_meaning(status));
    session_drop(session, out);
}

static void fail_inside(struct session *session, struct outbox *out)
{
    operation_fail(session->operation, ERR_SYSTEM,
                   "%s: could not make a datagram: out of memory or random numbers",
                   session->address);
    session_drop(session, out);
}

/* Sends a handshake message and keeps it: every copy is the same. */
static void say(struct session *session, enum session_state state, int made, uint64_t now_ms,
                struct outbox *out)
{
    if (made) {
        fail_inside(session, out);
        return;
    }
    session->state = state;
    session_send(session, &session->copy, out);
    exchange_begin(session, &session->exchange, now_ms);
}

static uint8_t choose_suite(const struct session *session)
{
    if (session->memory->suite_known)
        return session->memory->suite;
    return (uint8_t)session->suites->value[session->suite_place];
}

void handshake_begin(struct session *session, uint64_t now_ms, struct outbox *out)
{
    session->privilege = PRIVILEGE_UNSET;
    session->suspect = false;
    session->pause_until_ms = 0;
    session->last_sequence = 0;
    session->elevation.waiting = false;
    int made = codec_begin(session->codec, &session->link, session->login, choose_suite(session));
    if (!made)
        made = codec_open_session(session->codec, &session->link, &session->copy);
    say(session, SESSION_OPENING, made, now_ms, out);
}

void handshake_resend(struct session *session, uint64_t now_ms, struct outbox *out)
{
    session_send(session, &session->copy, out);
    exchange_again(session, &session->exchange, now_ms);
}

/* A glitch, not a verdict: once more from the start. */
static void restart(struct session *session, const char *step, uint8_t status, uint64_t now_ms,
                    struct outbox *out)
{
    if (++session->restarts > RESTARTS_MAX) {
        fail(session, ERR_PROTOCOL, step, status, out);
        return;
    }
    session_drop(session, out);
    handshake_begin(session, now_ms, out);
}

/* Handshake answers that refuse are not signed, and one flipped bit of "no errors" is a refusal:
 * it is believed when it comes twice. */
static bool is_confirmed(struct session *session, const char *step, uint8_t status, uint64_t now_ms,
                         struct outbox *out)
{
    unsigned verdict = (unsigned)session->state << 8 | status;
    bool twice = session->verdict == verdict;
    session->verdict = twice ? 0 : verdict;
    if (!twice)
        restart(session, step, status, now_ms, out);
    return twice;
}

static void wait_for_a_slot(struct session *session, const char *step, uint8_t status,
                            uint64_t now_ms, struct outbox *out)
{
    unsigned doublings =
        session->busy < SLOTS_TAKEN_DOUBLINGS ? session->busy : SLOTS_TAKEN_DOUBLINGS;
    uint64_t spread = session->link.console_random[0]; /* 0..255 ms: not all at once */
    session->busy++;
    session_drop(session, out);
    session->pause_until_ms = now_ms + ((uint64_t)SLOTS_TAKEN_MS << doublings) + spread;
    session->state = SESSION_PAUSE;
    if (session->pause_until_ms >= session->operation->deadline_ms)
        fail(session, ERR_BUSY, step, status, out);
}

/* One flipped bit looks like a wrong password, and many BMCs lock accounts after a few: one
 * confirming try, then five minutes of peace. */
static void doubt_the_password(struct session *session, const char *what, uint64_t now_ms,
                               struct outbox *out)
{
    struct memory *memory = session->memory;
    session_drop(session, out);
    if (++memory->auth_failures < AUTH_TRIES) {
        handshake_begin(session, now_ms, out);
        return;
    }
    memory->auth_failures = 0;
    memory->locked_until_ms = now_ms + AUTH_REST_MS;
    operation_fail(session->operation, ERR_AUTH,
                   "%s: user '%s' or the password is wrong (%s), tried %d times; left alone for "
                   "the next %d s",
                   session->address, session->login->user, what, AUTH_TRIES, AUTH_REST_MS / 1000);
}

static void try_next_suite(struct session *session, uint8_t status, uint64_t now_ms,
                           struct outbox *out)
{
    session_drop(session, out);
    session->restarts = 0;
    if (session->memory->suite_known) { /* new firmware, perhaps: from the first again */
        session->memory->suite_known = false;
        session->suite_place = 0;
    } else {
        session->suite_place++;
    }
    if (session->suite_place < session->suites->count) {
        handshake_begin(session, now_ms, out);
        return;
    }
    char list[64] = "";
    for (size_t i = 0, at = 0; i < session->suites->count && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%u", i ? "," : "",
                               session->suites->value[i]);
    operation_fail(session->operation, ERR_UNSUPPORTED,
                   "%s: takes none of the cipher suites %s (status %02Xh, %s); others can be "
                   "named with cipher_suites",
                   session->address, list, status, status_meaning(status));
}

static void hear_open_session(struct session *session, uint8_t status, uint64_t now_ms,
                              struct outbox *out)
{
    switch (status) {
    case STATUS_OK:
        say(session, SESSION_RAKP_1, codec_rakp_1(session->codec, &session->link, &session->copy),
            now_ms, out);
        break;
    case STATUS_NO_RESOURCES:
    case STATUS_NO_RESOURCES_NOW:
        wait_for_a_slot(session, "Open Session", status, now_ms, out);
        break;
    default: /* 04h, 05h, 10h, 11h and what BMCs say in their place (03h, 06h, 12h) */
        if (!is_confirmed(session, "Open Session", status, now_ms, out))
            break;
        if (status == STATUS_UNAUTHORISED_LEVEL)
            fail(session, ERR_AUTH, "Open Session", status, out);
        else
            try_next_suite(session, status, now_ms, out);
        break;
    }
}

static void hear_rakp_2(struct session *session, uint8_t status, bool proven, uint64_t now_ms,
                        struct outbox *out)
{
    switch (status) {
    case STATUS_OK:
        if (!proven)
            doubt_the_password(session, "its proof in RAKP 2 does not fit", now_ms, out);
        else
            say(session, SESSION_RAKP_3,
                codec_rakp_3(session->codec, &session->link, STATUS_OK, &session->copy), now_ms,
                out);
        break;
    case STATUS_UNAUTHORISED_NAME:
        doubt_the_password(session, "RAKP 2 status 0Dh, unknown user name", now_ms, out);
        break;
    case STATUS_NO_RESOURCES:
    case STATUS_NO_RESOURCES_NOW:
        wait_for_a_slot(session, "RAKP 1", status, now_ms, out);
        break;
    case STATUS_INVALID_SESSION:
    case STATUS_INACTIVE_SESSION:
        restart(session, "RAKP 1", status, now_ms, out);
        break;
    default:
        if (is_confirmed(session, "RAKP 1", status, now_ms, out))
            fail(session, ERR_AUTH, "RAKP 1", status, out);
        break;
    }
}

static void hear_rakp_4(struct session *session, uint8_t status, bool proven, bool one_copy_each,
                        uint64_t now_ms, struct outbox *out)
{
    /* Where RAKP 1 went out twice, the BMC may have made a second random number and refuse the
     * proof made with the first: no verdict on the password. */
    bool glitch = (status == STATUS_BAD_CHECK_VALUE && !one_copy_each) ||
                  status == STATUS_INVALID_SESSION || status == STATUS_INACTIVE_SESSION;
    if (status == STATUS_OK && proven) {
        session->state = SESSION_OPEN;
        session->memory->auth_failures = 0;
        session->memory->suite = session->link.suite;
        session->memory->suite_known = true;
        command_next(session, now_ms, out);
    } else if (glitch) {
        restart(session, "RAKP 3", status, now_ms, out);
    } else if (status == STATUS_OK) {
        doubt_the_password(session, "its check value in RAKP 4 does not fit", now_ms, out);
    } else if (status == STATUS_BAD_CHECK_VALUE) {
        doubt_the_password(session, "RAKP 4 status 0Fh", now_ms, out);
    } else if (status == STATUS_NO_RESOURCES || status == STATUS_NO_RESOURCES_NOW) {
        wait_for_a_slot(session, "RAKP 3", status, now_ms, out);
    } else if (is_confirmed(session, "RAKP 3", status, now_ms, out)) {
        fail(session, ERR_AUTH, "RAKP 3", status, out);
    }
}

static void hear(struct session *session, uint64_t now_ms)
{
    session->heard = true;
    session->heard_ms = now_ms;
    exchange_end(session, &session->exchange, true, now_ms);
}

void handshake_datagram(struct session *session, enum payload payload, const void *bytes,
                        size_t size, uint64_t now_ms, struct outbox *out)
{
    struct codec *codec = session->codec;
    struct link *link = &session->link;
    uint8_t status;
    bool proven;
    if (payload == PAYLOAD_OPEN_SESSION && session->state == SESSION_OPENING &&
        codec_read_open_session(codec, link, bytes, size, &status) == 0) {
        hear(session, now_ms);
        hear_open_session(session, status, now_ms, out);
    } else if (payload == PAYLOAD_RAKP_2 && session->state == SESSION_RAKP_1 &&
               codec_read_rakp_2(codec, link, bytes, size, &status, &proven) == 0) {
        session->one_rakp_1 = session->exchange.copies == 1;
        hear(session, now_ms);
        hear_rakp_2(session, status, proven, now_ms, out);
    } else if (payload == PAYLOAD_RAKP_4 && session->state == SESSION_RAKP_3 &&
               codec_read_rakp_4(codec, link, bytes, size, &status, &proven) == 0) {
        bool one_copy_each = session->one_rakp_1 && session->exchange.copies == 1;
        hear(session, now_ms);
        hear_rakp_4(session, status, proven, one_copy_each, now_ms, out);
    }
}
