#include "tests/unit/modbus_wire.h"

#include <stdlib.h>
#include <string.h>

#include "proto/cursor.h"

struct wire wire_new(enum frame_format format)
{
    return (struct wire){
        .now_ms = 100000, .answer_ms = 10, .format = format, .unit = 1, .cells = WIRE_CELLS};
}

void wire_spoil(struct wire *wire, enum wire_fault fault, unsigned count)
{
    wire->fault = fault;
    wire->faults = count;
    wire->writes_only = false;
}

void wire_spoil_writes(struct wire *wire, enum wire_fault fault, unsigned count)
{
    wire_spoil(wire, fault, count);
    wire->writes_only = true;
}

void wire_inject(struct wire *wire, uint64_t at_ms, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < WIRE_CHUNKS; i++)
        if (!wire->chunks[i].at_ms) {
            wire->chunks[i].at_ms = at_ms;
            wire->chunks[i].size = size;
            wire->chunks[i].hangup = size == 0;
            if (size)
                memcpy(wire->chunks[i].bytes, bytes, size);
            return;
        }
    abort();
}

/* --- the slave --- */

static uint16_t *cells_of(struct wire *wire, uint32_t function)
{
    switch (function) {
    case READ_INPUTS:
        return wire->inputs;
    case READ_HOLDING:
    case WRITE_REGISTER:
    case WRITE_REGISTERS:
        return wire->holding;
    case READ_INPUT_REGISTERS:
        return wire->input_registers;
    }
    return wire->coils;
}

static void put_cell(struct wire *wire, uint32_t function, uint32_t address, uint16_t value)
{
    bool coil = function == WRITE_COIL || function == WRITE_COILS;
    if (wire->on_write)
        wire->on_write(wire, function, address, value);
    if (!wire->stuck[address])
        cells_of(wire, function)[address] = coil ? value != 0 : value;
}

static void obey(struct wire *wire, uint32_t function, uint32_t address, struct cursor *c)
{
    uint16_t value = get_be16(c);
    wire->last_written = address;
    if (function == WRITE_COIL || function == WRITE_REGISTER) {
        put_cell(wire, function, address, value);
        return;
    }
    skip(c, 1);
    for (uint32_t i = 0, bits = 0; i < value; i++) {
        if (function == WRITE_COILS && i % 8 == 0)
            bits = get_u8(c);
        uint16_t cell = 0;
        if (function == WRITE_COILS)
            cell = bits >> i % 8 & 1;
        else
            cell = get_be16(c);
        put_cell(wire, function, address + i, cell);
    }
}

static size_t read_cells(struct wire *wire, const uint8_t *pdu, uint32_t address, uint8_t *out)
{
    uint32_t count = (uint32_t)(pdu[3] << 8 | pdu[4]);
    const uint16_t *cells = cells_of(wire, pdu[0]) + address;
    bool bits = pdu[0] <= READ_INPUTS;
    size_t size = bits ? (count + 7) / 8 : 2 * (size_t)count;
    out[0] = pdu[0];
    out[1] = (uint8_t)size;
    memset(out + 2, 0, size);
    for (uint32_t i = 0; i < count; i++)
        if (bits) {
            out[2 + i / 8] |= (uint8_t)(cells[i] << i % 8);
        } else {
            out[2 + 2 * i] = (uint8_t)(cells[i] >> 8);
            out[3 + 2 * i] = (uint8_t)cells[i];
        }
    return 2 + size;
}

static size_t answer(struct wire *wire, const uint8_t *pdu, size_t size, enum wire_fault fault,
                     uint8_t *out)
{
    struct cursor c = cursor(pdu + 1, size - 1);
    uint32_t address = get_be16(&c), count = (uint32_t)(pdu[3] << 8 | pdu[4]);
    bool many = pdu[0] <= READ_INPUT_REGISTERS || pdu[0] >= WRITE_COILS;
    uint8_t exception = fault == WIRE_EXCEPTION                      ? wire->exception
                        : address + (many ? count : 1) > wire->cells ? 2
                                                                     : 0;
    if (exception) {
        out[0] = pdu[0] | PDU_EXCEPTION;
        out[1] = exception;
        return 2;
    }
    if (pdu[0] <= READ_INPUT_REGISTERS)
        return read_cells(wire, pdu, address, out);
    if (fault != WIRE_SWALLOWED)
        obey(wire, pdu[0], address, &c);
    memcpy(out, pdu, 5);
    return 5;
}

/* --- its answers, spoilt --- */

static enum wire_fault take_fault(struct wire *wire, bool writes)
{
    if (!wire->faults || (wire->writes_only && !writes))
        return WIRE_GOOD;
    wire->faults--;
    return wire->fault;
}

static void respond(struct wire *wire, const uint8_t *pdu, size_t size, uint16_t transaction)
{
    uint8_t out[PDU_SIZE], frame[FRAME_SIZE * 2];
    enum wire_fault fault = take_fault(wire, pdu[0] >= WRITE_COIL);
    struct frame_head head = {wire->format, wire->unit, transaction};
    size_t out_size = answer(wire, pdu, size, fault, out);
    if (fault == WIRE_SWALLOWED || fault == WIRE_MUTE)
        return;
    if (fault == WIRE_HANGUP) {
        wire_inject(wire, wire->now_ms + wire->answer_ms, frame, 0);
        return;
    }
    head.unit = (uint8_t)(wire->unit + (fault == WIRE_WRONG_UNIT));
    head.transaction = (uint16_t)(transaction - (fault == WIRE_WRONG_NUMBER));
    out[0] ^= fault == WIRE_WRONG_FUNCTION ? 7 : 0;
    size_t frame_size = frame_encode(&head, out, out_size, frame);
    if (fault == WIRE_WRONG_CRC)
        frame[frame_size - 1] ^= 0x10;
    if (fault == WIRE_SHORT)
        frame_size -= 2;
    if (fault == WIRE_TWICE) {
        memcpy(frame + frame_size, frame, frame_size);
        frame_size *= 2;
    }
    if (fault == WIRE_NOISE) {
        memmove(frame + 1, frame, frame_size++);
        frame[0] = 0xff;
    }
    wire_inject(wire, wire->now_ms + (fault == WIRE_LATE ? wire->late_ms : wire->answer_ms), frame,
                frame_size);
}

static int wire_send(void *line, const uint8_t *bytes, size_t size, uint64_t deadline_ms,
                     struct err *err)
{
    struct wire *wire = line;
    bool tcp = wire->format == FRAME_TCP;
    (void)deadline_ms;
    if (!wire->open)
        return err_set(err, ERR_UNREACHABLE, "not open");
    if (wire->hung_up) /* the kernel takes it all the same */
        return 0;
    const uint8_t *pdu = bytes + (tcp ? 7 : 1);
    size_t pdu_size = size - (tcp ? 7 : 3);
    uint8_t unit = bytes[tcp ? 6 : 0];
    if (!tcp && frame_crc(bytes, size - 2) != (bytes[size - 2] | bytes[size - 1] << 8))
        abort();
    *(pdu[0] >= WRITE_COIL ? &wire->writes : &wire->reads) += 1;
    wire->broadcasts += unit == 0;
    if (unit == wire->unit)
        respond(wire, pdu, pdu_size, tcp ? (uint16_t)(bytes[0] << 8 | bytes[1]) : 0);
    return 0;
}

static ssize_t wire_receive(void *line, uint8_t *bytes, size_t size, uint64_t deadline_ms,
                            struct err *err)
{
    struct wire *wire = line;
    size_t first = WIRE_CHUNKS;
    if (wire->hung_up)
        return err_set(err, ERR_UNREACHABLE, "closed from the other side");
    for (size_t i = 0; i < WIRE_CHUNKS; i++)
        if (wire->chunks[i].at_ms &&
            (first == WIRE_CHUNKS || wire->chunks[i].at_ms < wire->chunks[first].at_ms))
            first = i;
    bool some = first < WIRE_CHUNKS && (wire->chunks[first].at_ms <= deadline_ms ||
                                        wire->chunks[first].at_ms <= wire->now_ms);
    uint64_t at_ms = some ? wire->chunks[first].at_ms : deadline_ms;
    if (at_ms > wire->now_ms)
        wire->now_ms = at_ms;
    if (wire->on_time)
        wire->on_time(wire);
    if (!some)
        return 0;
    wire->chunks[first].at_ms = 0;
    if (wire->chunks[first].hangup) {
        wire->hung_up = true;
        return err_set(err, ERR_UNREACHABLE, "closed from the other side");
    }
    size_t count = wire->chunks[first].size < size ? wire->chunks[first].size : size;
    memcpy(bytes, wire->chunks[first].bytes, count);
    return (ssize_t)count;
}

static void wire_close(void *line)
{
    struct wire *wire = line;
    wire->open = wire->hung_up = false;
    if (wire->format == FRAME_TCP) /* what was under way goes with its connection */
        for (size_t i = 0; i < WIRE_CHUNKS; i++)
            wire->chunks[i].at_ms = 0;
}

static int wire_open(void *line, uint64_t deadline_ms, struct err *err)
{
    struct wire *wire = line;
    uint64_t end_ms = wire->now_ms + wire->connect_ms;
    wire->opened++;
    wire->now_ms = end_ms < deadline_ms ? end_ms : deadline_ms;
    if (end_ms > deadline_ms)
        return err_set(err, ERR_UNREACHABLE, "no answer to a connection");
    if (wire->refuses)
        return err_set(err, ERR_UNREACHABLE, "no connection: refused");
    wire->open = true;
    return 0;
}

static uint64_t wire_now(void *line)
{
    return ((struct wire *)line)->now_ms;
}

const struct line_ops wire_ops = {
    .open = wire_open,
    .close = wire_close,
    .send = wire_send,
    .receive = wire_receive,
    .now = wire_now,
};
