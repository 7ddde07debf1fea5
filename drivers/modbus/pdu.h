/* pdu.h - what is asked of a Modbus unit and what it answers, as values and as bytes.
 *
 * Pure.  Functions 1 to 6, 15 and 16, of the Modbus Application Protocol V1.1b3; a PDU is what
 * stands between the unit id and the checksum.
 * An answer is believed only if it is the answer to this request: its function, its byte count,
 * and for writes the echo of address, value and count.  libmodbus 3.1.6 does not compare the echo
 * of functions 5 and 6 (fixed in 3.1.8), so that a late one counts for a write that never was. */
#ifndef POWERCTL_MODBUS_PDU_H
#define POWERCTL_MODBUS_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

enum {
    PDU_SIZE = 253,
    PDU_VALUES_MAX = 123, /* what functions 3 and 16 can both carry */
    PDU_EXCEPTION = 0x80, /* added to the function of a refusal */
};

enum function {
    READ_COILS = 1,
    READ_INPUTS = 2,
    READ_HOLDING = 3,
    READ_INPUT_REGISTERS = 4,
    WRITE_COIL = 5,
    WRITE_REGISTER = 6,
    WRITE_COILS = 15,
    WRITE_REGISTERS = 16,
};

struct pdu_request {
    uint32_t function, address;      /* as in maps: enum function, 0 to 65535 */
    uint32_t count;                  /* values; 1 for functions 5 and 6 */
    uint16_t values[PDU_VALUES_MAX]; /* of a write. Function 5: as sent; 15: 0, or else 1 */
};

bool pdu_writes(const struct pdu_request *request);

/* 0 if there is no such request: another function, nothing or too much, past address 65535. */
size_t pdu_encode(const struct pdu_request *request, uint8_t out[PDU_SIZE]);

/* The size of the reply that begins so (`have` bytes, at least one); 0: none begins so. */
size_t pdu_reply_size(const struct pdu_request *request, const uint8_t *reply, size_t have);

/* Fills in request->count values (bits as 0 and 1) if it was a reading; NULL: not wanted.
 * ERR_PROTOCOL: not the answer to this request.  An exception is named, "illegal data address
 * (2)": ERR_DEVICE; ERR_BUSY for "acknowledge" (5) and "busy" (6); ERR_UNREACHABLE for a gateway
 * that does not reach the unit (10, 11).  All are SENT_YES, but for 11 and 5: SENT_MAYBE, as the
 * gateway has sent it on, and as it may still be worked on. */
int pdu_decode(const struct pdu_request *request, const uint8_t *reply, size_t size,
               uint16_t values[PDU_VALUES_MAX], struct err *err);

/* "read coils 0-7 (function 1)", "write coil 3 = 0xff00 (function 5)" */
void pdu_describe(const struct pdu_request *request, char *text, size_t size);

#endif
