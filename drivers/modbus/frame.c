#include "drivers/modbus/frame.h"

#include <string.h>

#include "proto/cursor.h"

enum { MBAP_SIZE = 7, CRC_SIZE = 2, UNIT_SIZE = 1 };

/* CRC-16/MODBUS: reflected 0x8005, begins with all ones, low byte first on the wire. */
uint16_t frame_crc(const uint8_t *bytes, size_t size)
{
    uint16_t crc = 0xffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
    }
    return crc;
}

size_t frame_encode(const struct frame_head *head, const uint8_t *pdu, size_t size,
                    uint8_t out[FRAME_SIZE])
{
    if (head->format == FRAME_TCP) {
        size_t length = UNIT_SIZE + size;
        const uint8_t header[MBAP_SIZE] = {(uint8_t)(head->transaction >> 8),
                                           (uint8_t)head->transaction,
                                           0,
                                           0,
                                           (uint8_t)(length >> 8),
                                           (uint8_t)length,
                                           head->unit};
        memcpy(out, header, MBAP_SIZE);
        memcpy(out + MBAP_SIZE, pdu, size);
        return MBAP_SIZE + size;
    }
    out[0] = head->unit;
    memcpy(out + UNIT_SIZE, pdu, size);
    uint16_t crc = frame_crc(out, UNIT_SIZE + size);
    out[UNIT_SIZE + size] = (uint8_t)crc;
    out[UNIT_SIZE + size + 1] = (uint8_t)(crc >> 8);
    return UNIT_SIZE + size + CRC_SIZE;
}

/* The size of the PDU that begins at `head`, as far as it can be told. */
static enum frame_news measure(const struct pdu_request *request, const uint8_t *bytes, size_t size,
                               size_t head, size_t *pdu_size, struct err *err)
{
    if (size <= head)
        return FRAME_MORE;
    *pdu_size = pdu_reply_size(request, bytes + head, size - head);
    if (!*pdu_size)
        return err_set(err, ERR_PROTOCOL, "it is no answer to that"), FRAME_BAD;
    return FRAME_WHOLE;
}

static enum frame_news compare(size_t size, size_t whole, struct err *err)
{
    if (size < whole)
        return FRAME_MORE;
    if (size > whole)
        return err_set(err, ERR_PROTOCOL, "the answer has %zu bytes too many", size - whole),
               FRAME_BAD;
    return FRAME_WHOLE;
}

static enum frame_news decode_rtu(const struct frame_head *head, const struct pdu_request *request,
                                  const uint8_t *bytes, size_t size, struct cursor *pdu,
                                  struct err *err)
{
    size_t pdu_size;
    if (size >= UNIT_SIZE && bytes[0] != head->unit)
        return err_set(err, ERR_PROTOCOL, "unit %u answers, not unit %u", bytes[0], head->unit),
               FRAME_BAD;
    enum frame_news news = measure(request, bytes, size, UNIT_SIZE, &pdu_size, err);
    if (news == FRAME_WHOLE)
        news = compare(size, UNIT_SIZE + pdu_size + CRC_SIZE, err);
    if (news != FRAME_WHOLE)
        return news;
    uint16_t crc = frame_crc(bytes, UNIT_SIZE + pdu_size);
    const uint8_t *told = bytes + UNIT_SIZE + pdu_size;
    if (told[0] != (uint8_t)crc || told[1] != crc >> 8)
        return err_set(err, ERR_PROTOCOL, "the answer's CRC is wrong"), FRAME_BAD;
    *pdu = cursor(bytes + UNIT_SIZE, pdu_size);
    return FRAME_WHOLE;
}

static enum frame_news check_mbap(const struct frame_head *head, const uint8_t *bytes, size_t size,
                                  struct err *err)
{
    struct cursor c = cursor(bytes, size);
    uint16_t transaction = get_be16(&c), protocol = get_be16(&c);
    skip(&c, 2);
    uint8_t unit = get_u8(&c);
    if (c.bad)
        return FRAME_MORE;
    if (protocol != 0)
        return err_set(err, ERR_PROTOCOL, "what came is not Modbus TCP"), FRAME_BAD;
    if (transaction != head->transaction)
        return err_set(err, ERR_PROTOCOL, "the answer is to transaction %u, not %u", transaction,
                       head->transaction),
               FRAME_BAD;
    if (unit != head->unit)
        return err_set(err, ERR_PROTOCOL, "unit %u answers, not unit %u", unit, head->unit),
               FRAME_BAD;
    return FRAME_WHOLE;
}

static enum frame_news decode_tcp(const struct frame_head *head, const struct pdu_request *request,
                                  const uint8_t *bytes, size_t size, struct cursor *pdu,
                                  struct err *err)
{
    size_t pdu_size;
    enum frame_news news = check_mbap(head, bytes, size, err);
    if (news == FRAME_WHOLE)
        news = measure(request, bytes, size, MBAP_SIZE, &pdu_size, err);
    if (news != FRAME_WHOLE)
        return news;
    size_t length = (size_t)bytes[4] << 8 | bytes[5];
    if (length != UNIT_SIZE + pdu_size)
        return err_set(err, ERR_PROTOCOL, "the answer's header says %zu bytes, not %zu", length,
                       UNIT_SIZE + pdu_size),
               FRAME_BAD;
    news = compare(size, MBAP_SIZE + pdu_size, err);
    if (news == FRAME_WHOLE)
        *pdu = cursor(bytes + MBAP_SIZE, pdu_size);
    return news;
}

enum frame_news frame_decode(const struct frame_head *head, const struct pdu_request *request,
                             const uint8_t *bytes, size_t size, struct cursor *pdu, struct err *err)
{
    return head->format == FRAME_TCP ? decode_tcp(head, request, bytes, size, pdu, err)
                                     : decode_rtu(head, request, bytes, size, pdu, err);
}
