#include "drivers/modbus/pdu.h"

#include <stdio.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/cursor.h"

enum { WRITE_HEADER = 6, ECHO_SIZE = 5, EXCEPTION_SIZE = 2, ADDRESSES = 65536 };

static bool is_of_bits(uint32_t function)
{
    return function == READ_COILS || function == READ_INPUTS || function == WRITE_COILS;
}

static bool writes_one(const struct pdu_request *request)
{
    return request->function == WRITE_COIL || request->function == WRITE_REGISTER;
}

bool pdu_writes(const struct pdu_request *request)
{
    return request->function > READ_INPUT_REGISTERS;
}

static bool is_possible(const struct pdu_request *request)
{
    bool known = (request->function >= READ_COILS && request->function <= WRITE_REGISTER) ||
                 request->function == WRITE_COILS || request->function == WRITE_REGISTERS;
    return known && request->count >= 1 && request->count <= PDU_VALUES_MAX &&
           request->address + request->count <= ADDRESSES &&
           (!writes_one(request) || request->count == 1);
}

/* Values in bytes, as they are on the wire. */
static size_t payload_size(const struct pdu_request *request)
{
    return is_of_bits(request->function) ? (request->count + 7) / 8 : 2 * (size_t)request->count;
}

static void put_be16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_values(const struct pdu_request *request, uint8_t *at)
{
    memset(at, 0, payload_size(request));
    for (uint32_t i = 0; i < request->count; i++)
        if (!is_of_bits(request->function))
            put_be16(at + 2 * (size_t)i, request->values[i]);
        else if (request->values[i])
            at[i / 8] |= (uint8_t)(1U << i % 8);
}

size_t pdu_encode(const struct pdu_request *request, uint8_t out[PDU_SIZE])
{
    if (!is_possible(request))
        return 0;
    out[0] = (uint8_t)request->function;
    put_be16(out + 1, request->address);
    put_be16(out + 3, writes_one(request) ? request->values[0] : request->count);
    if (!pdu_writes(request) || writes_one(request))
        return ECHO_SIZE;
    out[ECHO_SIZE] = (uint8_t)payload_size(request);
    put_values(request, out + WRITE_HEADER);
    return WRITE_HEADER + payload_size(request);
}

size_t pdu_reply_size(const struct pdu_request *request, const uint8_t *reply, size_t have)
{
    if (reply[0] == (request->function | PDU_EXCEPTION))
        return EXCEPTION_SIZE;
    if (reply[0] != request->function)
        return 0;
    if (pdu_writes(request))
        return ECHO_SIZE;
    if (have > 1 && reply[1] != payload_size(request))
        return 0;
    return 2 + payload_size(request);
}

/* --- what came back --- */

static int decode_exception(uint8_t code, struct err *err)
{
    static const struct {
        const char *name;
        enum err_kind kind;
        enum sent sent;
    } exceptions[] = {
        [1] = {"illegal function", ERR_DEVICE, SENT_YES},
        [2] = {"illegal data address", ERR_DEVICE, SENT_YES},
        [3] = {"illegal data value", ERR_DEVICE, SENT_YES},
        [4] = {"device failure", ERR_DEVICE, SENT_YES},
        [5] = {"acknowledge, it works on it", ERR_BUSY, SENT_MAYBE},
        [6] = {"device busy", ERR_BUSY, SENT_YES},
        [7] = {"negative acknowledge", ERR_DEVICE, SENT_YES},
        [8] = {"memory parity error", ERR_DEVICE, SENT_YES},
        [10] = {"gateway has no path to the unit", ERR_UNREACHABLE, SENT_YES},
        [11] = {"the unit does not answer its gateway", ERR_UNREACHABLE, SENT_MAYBE},
    };
    if (code < ARRAY_SIZE(exceptions) && exceptions[code].name)
        return err_set_sent(err, exceptions[code].kind, exceptions[code].sent, "%s (%u)",
                            exceptions[code].name, code);
    return err_set_sent(err, ERR_DEVICE, SENT_YES, "exception %u, which Modbus does not define",
                        code);
}

static int decode_echo(const struct pdu_request *request, struct cursor *c, struct err *err)
{
    uint16_t address = get_be16(c), value = get_be16(c);
    uint32_t asked = writes_one(request) ? request->values[0] : request->count;
    if (address != request->address)
        return err_set_sent(err, ERR_PROTOCOL, SENT_MAYBE,
                            "it answered about address %u instead of %u: of another request",
                            address, request->address);
    if (value != asked)
        return err_set_sent(
            err, ERR_PROTOCOL, SENT_MAYBE,
            "it answered with %s %#x instead of %#x: of another request, or it took "
            "another value",
            writes_one(request) ? "value" : "a count of", value, asked);
    return 0;
}

static int decode_values(const struct pdu_request *request, struct cursor *c, uint16_t *values)
{
    skip(c, 1); /* how many bytes: pdu_reply_size() has looked */
    uint8_t byte = 0;
    for (uint32_t i = 0; i < request->count; i++) {
        if (is_of_bits(request->function) && i % 8 == 0)
            byte = get_u8(c);
        uint16_t value = 0;
        if (is_of_bits(request->function))
            value = byte >> i % 8 & 1;
        else
            value = get_be16(c);
        if (values)
            values[i] = value;
    }
    return 0;
}

int pdu_decode(const struct pdu_request *request, const uint8_t *reply, size_t size,
               uint16_t values[PDU_VALUES_MAX], struct err *err)
{
    enum sent sent = pdu_writes(request) ? SENT_MAYBE : SENT_NO;
    size_t whole = size ? pdu_reply_size(request, reply, size) : 0;
    if (!whole || size != whole)
        return err_set_sent(err, ERR_PROTOCOL, sent, "it is no answer to that");
    struct cursor c = cursor(reply, size);
    uint8_t first = get_u8(&c);
    if (first & PDU_EXCEPTION)
        return decode_exception(get_u8(&c), err);
    return pdu_writes(request) ? decode_echo(request, &c, err) : decode_values(request, &c, values);
}

void pdu_describe(const struct pdu_request *request, char *text, size_t size)
{
    static const char *const whats[] = {
        [READ_COILS] = "read coil",
        [READ_INPUTS] = "read discrete input",
        [READ_HOLDING] = "read holding register",
        [READ_INPUT_REGISTERS] = "read input register",
        [WRITE_COIL] = "write coil",
        [WRITE_REGISTER] = "write register",
        [WRITE_COILS] = "write coil",
        [WRITE_REGISTERS] = "write register",
    };
    const char *what = request->function < ARRAY_SIZE(whats) ? whats[request->function] : NULL;
    if (!what)
        what = "ask for";
    char value[16] = "";
    if (pdu_writes(request) && request->count == 1)
        (void)snprintf(value, sizeof value, " = 0x%04x", request->values[0]);
    if (request->count == 1)
        (void)snprintf(text, size, "%s %u%s (function %u)", what, request->address, value,
                       request->function);
    else
        (void)snprintf(text, size, "%ss %u-%u (function %u)", what, request->address,
                       request->address + request->count - 1, request->function);
}
