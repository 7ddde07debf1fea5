/* session_private.h - between session.c, session_command.c and session_handshake.c. */
#ifndef POWERCTL_IPMI_SESSION_PRIVATE_H
#define POWERCTL_IPMI_SESSION_PRIVATE_H

#include "drivers/ipmi/session.h"

/* A place in the outbox; NULL if it is full (the datagram then counts as lost on the wire). */
struct datagram *outbox_next(struct outbox *out);
void session_send(struct session *session, const struct datagram *datagram, struct outbox *out);

void exchange_begin(const struct session *session, struct exchange *exchange, uint64_t now_ms);
void exchange_again(const struct session *session, struct exchange *exchange, uint64_t now_ms);
/* Answered: learns the pace from it if `learn`. */
void exchange_end(struct session *session, struct exchange *exchange, bool learn, uint64_t now_ms);
uint8_t session_next_sequence(struct session *session);

/* session_handshake.c */
void handshake_begin(struct session *session, uint64_t now_ms, struct outbox *out);
void handshake_resend(struct session *session, uint64_t now_ms, struct outbox *out);
void handshake_datagram(struct session *session, enum payload payload, const void *bytes,
                        size_t size, uint64_t now_ms, struct outbox *out);

/* session_command.c */
void command_next(struct session *session, uint64_t now_ms, struct outbox *out);
void command_resend(struct session *session, uint64_t now_ms, struct outbox *out);
void command_datagram(struct session *session, const void *bytes, size_t size, uint64_t now_ms,
                      struct outbox *out);
void close_send(struct session *session, struct outbox *out);

#endif
