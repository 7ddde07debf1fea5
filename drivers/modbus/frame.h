/* frame.h - PDUs on their way: RTU frames (unit, PDU, CRC) and Modbus TCP (MBAP header, PDU).
 *
 * Pure.  Ours and not libmodbus's, because 3.1.6 numbers every raw request 0 on TCP, looks at the
 * unit id before it has seen the CRC, knows no units above 247 (LC and HHC boards are 255), and
 * has no RTU frames over TCP. */
#ifndef POWERCTL_MODBUS_FRAME_H
#define POWERCTL_MODBUS_FRAME_H

#include "drivers/modbus/pdu.h"
#include "proto/cursor.h"

enum { FRAME_SIZE = 260 };

enum frame_format { FRAME_RTU, FRAME_TCP };

struct frame_head {
    enum frame_format format;
    uint8_t unit;
    uint16_t transaction; /* FRAME_TCP */
};

uint16_t frame_crc(const uint8_t *bytes, size_t size);

size_t frame_encode(const struct frame_head *head, const uint8_t *pdu, size_t size,
                    uint8_t out[FRAME_SIZE]);

enum frame_news {
    FRAME_MORE,  /* may become the answer */
    FRAME_WHOLE, /* is the answer to that request: its PDU is at *pdu, within `bytes` */
    FRAME_BAD,   /* will never be: *err, ERR_PROTOCOL */
};
/* What was received so far, as an answer to `request`, which was sent with this head. */
enum frame_news frame_decode(const struct frame_head *head, const struct pdu_request *request,
                             const uint8_t *bytes, size_t size, struct cursor *pdu,
                             struct err *err);

#endif
