/* link.h - one request at a time on a line, and an answer that is believed, or an error.
 *
 * What a link sees to, at every request:
 *  - silence before it: the gap its unit wants, or after an error the guard time, in which what is
 *    late arrives and is thrown away (an RTU frame does not tell which request it answers);
 *  - the answer is of this unit, to this request and whole (frame.h, pdu.h), and nothing comes
 *    after it;
 *  - a question that got noise or silence is asked again, LINK_TRIES times in all, a unit that
 *    was silent before only once. A write is never sent twice;
 *  - after any error a TCP connection is closed, and opened again by the next question. A write
 *    opens none: it goes only where its unit was recognised, link_connection() says where;
 *  - never a request to unit 0, which is everybody.
 *
 * Errors name the line, the unit, what was asked and what came, in hex.  Kinds: ERR_UNREACHABLE
 * no connection, or a unit that never answered; ERR_TIMEOUT it has answered before, or the
 * request's time is over; ERR_PROTOCOL noise, a wrong CRC, the answer to something else; those of
 * pdu_decode().  err.sent is of a write: SENT_NO if no byte of it left. */
#ifndef POWERCTL_MODBUS_LINK_H
#define POWERCTL_MODBUS_LINK_H

#include "drivers/modbus/line.h"
#include "drivers/modbus/pdu.h"

enum {
    LINK_TRIES = 3,
    LINK_CONNECT_MS = 3000, /* for a TCP connection */
    LINK_MARGIN_MS = 50,    /* of a request's time, kept for telling how it ended */
};

struct link;

/* `ops` and `line` stay the caller's and outlive the link. NULL: no memory. */
struct link *link_new(const struct modbus_map *map, const struct line_ops *ops, void *line);
/* The first request waits as after an error: what a session before asked may be answered yet. */
void link_expect_late(struct link *link, const struct modbus_map *map);
struct link *link_free(struct link *link); /* closes the line */

/* What comes next is for a request taken in at asked_ms, which ends at deadline_ms. A line that
 * could not be opened since asked_ms is not tried again for it, unless it was open meanwhile: what
 * was begun on it may have to be ended. */
void link_serve(struct link *link, uint64_t asked_ms, uint64_t deadline_ms);
uint64_t link_asked(const struct link *link);

/* Opens the line, if it is not. */
int link_open(struct link *link, struct err *err);
/* Counts the times it was opened; 0: it is not open. */
uint32_t link_connection(const struct link *link);

/* `map` is the unit's own: unit id, times. `values` as of pdu_decode(). */
int link_ask(struct link *link, const struct modbus_map *map, const struct pdu_request *request,
             uint16_t values[PDU_VALUES_MAX], struct err *err);

/* How many writes were begun to a unit: what was read before the last of them is old. */
uint32_t link_writes(const struct link *link, uint32_t unit);

uint64_t link_now(const struct link *link);
uint64_t link_left(const struct link *link); /* ms until the deadline, less the margin */
void link_wait(struct link *link, uint64_t ms);
/* How long a request takes that is not answered, with the guard time after it. */
uint64_t link_exchange_ms(const struct link *link, const struct modbus_map *map);

/* "modbus rtu /dev/ttyUSB0 unit 3" */
void link_describe(const struct link *link, const struct modbus_map *map, char *text, size_t size);

#endif
