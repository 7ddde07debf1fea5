/* session.h - one BMC's RMCP+ session: what is said next, when it is said again, and when to
 * stop.  No sockets and no clock: datagrams and time come in, datagrams go out.
 *
 *   Open Session, RAKP 1/2, RAKP 3/4, then Set Session Privilege Level riding along with the
 *   first question; a command that changes something waits for the answer before it.  The
 *   operation is done before Close, which is resent twice in the background.
 *
 * Handshake messages and commands that change something are resent byte for byte: the same tag,
 * the same session sequence number, so that the BMC's replay window lets each in once.
 * Questions are resent as new datagrams, since the same window would swallow a copy whose
 * answer was lost.  An answer to any copy counts.  cycle, reset and diag are not resent sooner
 * than retransmit_ms, nor later than a second after the first copy: OpenBMC has no such window.
 *
 * The level every session begins with is enough for most questions: those go out alone, and only
 * if that does not do (D4h, or silence) with Set Session Privilege Level ahead of them.
 *
 * A session may be kept (session_keep()) for the operations that follow.  Where it was silent for
 * a while, what changes something waits for the answer to Set Session Privilege Level once more:
 * whether a silent BMC has obeyed or forgotten nobody could tell.  What stays unanswered in a kept
 * session, and cannot have changed anything, is tried again in a new one.
 *
 * After each call look at `operation->done` (take the reply, then session_start() with the next
 * one or session_end()) and at session_due(). */
#ifndef POWERCTL_IPMI_SESSION_H
#define POWERCTL_IPMI_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/ipmi/codec.h"
#include "drivers/ipmi/ops.h"
#include "drivers/ipmi/rtt.h"
#include "proto/option.h"

enum {
    KEEP_MAX_MS = 25000, /* a session is kept: BMCs end them after 60 s, and have few */
    TRUST_MS = 2000,     /* heard so lately, it is there */
    OUTBOX_SIZE = 4,
    AUTH_TRIES = 2,           /* the failure and one confirming try */
    AUTH_REST_MS = 5 * 60000, /* then the BMC is left alone: they lock accounts */
    RESTARTS_MAX = 3,         /* handshakes an operation may begin again after a glitch */
    REFUSALS_MAX = 3,         /* ICMP errors until "nothing listens there" */
    CLOSE_COPIES = 3,
    FRAGILE_RESEND_MS = 1000,
    CHANGE_PATIENCE_MS = 5000, /* for the answer to a command that changes something */
    STEP_PATIENCE_MS = 1500,   /* for one that can be done without */
};

/* What outlives the sessions of one BMC. */
struct memory {
    struct rtt rtt;
    bool suite_known;
    uint8_t suite;
    unsigned auth_failures;
    uint64_t locked_until_ms; /* 0: not locked */
    bool elevates;            /* it wants the privilege set even for what any user may ask */
};

enum session_state {
    SESSION_CLOSED,
    SESSION_OPENING, /* Open Session sent */
    SESSION_RAKP_1,
    SESSION_RAKP_3,
    SESSION_OPEN,
    SESSION_PAUSE,   /* every slot was taken: a new handshake later */
    SESSION_CLOSING, /* Close sent; the operation is done already */
};

enum session_privilege { PRIVILEGE_UNSET, PRIVILEGE_ASKED, PRIVILEGE_SET, PRIVILEGE_DENIED };

/* One message under way and its copies. */
struct exchange {
    bool waiting;
    uint8_t sequence; /* rqSeq */
    unsigned copies;
    uint64_t first_ms, last_ms, again_ms;
};

struct session {
    /* Set by the owner, which keeps them alive. */
    struct codec *codec;
    const struct login *login;
    const struct option_uints *suites; /* in order of preference */
    uint32_t retransmit_ms;
    bool boot_timer;
    struct memory *memory;
    struct rtt *neighbours; /* the pace of all BMCs; NULL: there are none */
    const char *address;    /* for texts */

    enum session_state state;
    struct link link;
    struct operation *operation; /* NULL: none */
    bool suspect;                /* fell silent in session: close it, do not share it */
    bool heard;                  /* any valid datagram since the operation began */
    bool kept;                   /* was open before the operation began: the BMC may not know */
    uint64_t heard_ms;           /* when anything was heard last */
    uint64_t keep_until_ms;      /* with no operation: then end it */
    unsigned suite_place, restarts, refusals, busy, datagrams;
    unsigned verdict; /* the refusal of a handshake heard last: step and status */
    bool one_rakp_1;  /* RAKP 1 was answered at its first copy */
    uint64_t pause_until_ms;
    uint8_t last_sequence;
    struct exchange exchange;  /* handshake, command or Close */
    struct exchange elevation; /* Set Session Privilege Level */
    enum session_privilege privilege;
    bool early; /* the command was sent before its privilege was sure */
    struct ipmi_command command;
    struct datagram copy; /* of the exchange, where copies must be the same */
};

struct outbox {
    size_t count;
    struct datagram datagram[OUTBOX_SIZE];
};

/* Starts an operation: in this session if it is open, else in a new one. */
void session_start(struct session *session, struct operation *operation, uint64_t now_ms,
                   struct outbox *out);

void session_datagram(struct session *session, const void *bytes, size_t size, uint64_t now_ms,
                      struct outbox *out);
/* The network says the BMC is not there (ICMP), or our kernel that it cannot be sent to. */
void session_refused(struct session *session, int error, uint64_t now_ms, struct outbox *out);
void session_unsendable(struct session *session, int error, struct outbox *out);

/* After an operation: more may come within `keep_ms`, so that the session is not to be ended
 * before keep_until_ms; at once, if that is now. */
void session_keep(struct session *session, uint32_t keep_ms, uint64_t now_ms);

/* When session_tick() wants to run; UINT64_MAX: never. */
uint64_t session_due(const struct session *session);
void session_tick(struct session *session, uint64_t now_ms, struct outbox *out);

/* No more operations: Close, with copies in the background (SESSION_CLOSING, then _CLOSED). */
void session_end(struct session *session, uint64_t now_ms, struct outbox *out);
/* The same without waiting: one Close, or the word that a half-open session is given up. */
void session_drop(struct session *session, struct outbox *out);

#endif
