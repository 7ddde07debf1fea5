/* Any bytes as the answer to a Modbus request. Byte 0 picks the function, 1 the framing, 2 and 3
 * the count; then comes what was received, taken whole and byte by byte, which must end alike. In
 * a third of the framings the rest is a PDU, and gets a frame that is right: no input would ever
 * guess a CRC. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/modbus/frame.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 4, FRAMINGS = 3 };

static void check_error(const struct err *err)
{
    check_printable(err->text, sizeof err->text);
    if (err->kind == ERR_NONE)
        abort();
}

/* An answer that is believed says of itself what was asked. */
static void check_pdu(const struct pdu_request *request, const uint8_t *pdu, size_t size)
{
    uint16_t values[PDU_VALUES_MAX];
    struct err err = {0};
    if (pdu_decode(request, pdu, size, values, &err)) {
        check_error(&err);
        return;
    }
    if (pdu[0] != request->function || size != pdu_reply_size(request, pdu, size))
        abort();
    for (uint32_t i = 0; request->function < READ_HOLDING && i < request->count; i++)
        if (values[i] > 1)
            abort();
}

static enum frame_news by_bytes(const struct frame_head *head, const struct pdu_request *request,
                                const uint8_t *bytes, size_t size)
{
    struct cursor pdu;
    struct err err = {0};
    enum frame_news news = FRAME_MORE;
    for (size_t i = 1; i <= size && news == FRAME_MORE; i++)
        news = frame_decode(head, request, bytes, i, &pdu, &err);
    return news;
}

static void check_frame(const struct frame_head *head, const struct pdu_request *request,
                        const uint8_t *bytes, size_t size)
{
    struct cursor pdu;
    struct err err = {0};
    enum frame_news whole = frame_decode(head, request, bytes, size, &pdu, &err);
    enum frame_news parts = by_bytes(head, request, bytes, size);
    if (whole == FRAME_BAD)
        check_error(&err);
    if (whole == FRAME_WHOLE)
        check_pdu(request, pdu.at, pdu.left);
    /* What has bytes too many was whole before they came. */
    if (whole != parts && !(whole == FRAME_BAD && parts == FRAME_WHOLE))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t functions[] = {1, 2, 3, 4, 5, 6, 15, 16};
    struct pdu_request request = {.values = {0xff00}};
    uint8_t pdu[PDU_SIZE], frame[FRAME_SIZE];
    char text[128];
    if (size < HEADER)
        return 0;
    request.function = functions[data[0] % sizeof functions];
    request.address = data[2];
    request.count = request.function == 5 || request.function == 6 ? 1 : data[3];
    pdu_describe(&request, text, sizeof text);
    size_t asked = pdu_encode(&request, pdu);
    if (!asked)
        return 0;
    struct frame_head head = {data[1] % FRAMINGS == 1 ? FRAME_TCP : FRAME_RTU, 1, 7};
    if (asked > PDU_SIZE || frame_encode(&head, pdu, asked, frame) > FRAME_SIZE)
        abort();
    data += HEADER;
    size -= HEADER;
    if (head.format == FRAME_RTU && data[-3] % FRAMINGS == 2 && size <= PDU_SIZE)
        check_frame(&head, &request, frame, frame_encode(&head, data, size, frame));
    else
        check_frame(&head, &request, data, size);
    return 0;
}
