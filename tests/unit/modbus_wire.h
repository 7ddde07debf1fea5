/* modbus_wire.h - a line in memory, with one Modbus slave on it and a clock of its own, so that no
 * test waits.  The slave does what it is told and tells the truth; what is wrong with its answers
 * is the test's to say. */
#ifndef POWERCTL_TESTS_MODBUS_WIRE_H
#define POWERCTL_TESTS_MODBUS_WIRE_H

#include "drivers/modbus/frame.h"
#include "drivers/modbus/line.h"

enum { WIRE_CELLS = 1024, WIRE_CHUNKS = 64 };

enum wire_fault {
    WIRE_GOOD,
    WIRE_SWALLOWED, /* the request is lost */
    WIRE_MUTE,      /* obeyed, and the answer is lost */
    WIRE_LATE,      /* obeyed, and the answer comes late_ms later */
    WIRE_WRONG_UNIT,
    WIRE_WRONG_CRC,
    WIRE_WRONG_NUMBER, /* transaction */
    WIRE_WRONG_FUNCTION,
    WIRE_SHORT,
    WIRE_NOISE, /* before it */
    WIRE_TWICE,
    WIRE_EXCEPTION, /* not obeyed */
    WIRE_HANGUP,    /* obeyed, and the connection is closed */
};

struct wire {
    uint64_t now_ms, answer_ms, connect_ms; /* an answer, and a connection, takes so long */
    enum frame_format format;
    bool open, refuses; /* connections */
    bool hung_up;       /* by the slave, and not yet closed by us */
    unsigned opened;

    uint8_t unit;
    uint16_t coils[WIRE_CELLS], inputs[WIRE_CELLS]; /* 0 or 1 */
    uint16_t holding[WIRE_CELLS], input_registers[WIRE_CELLS];
    uint32_t cells;         /* more do not exist: exception 2 */
    bool stuck[WIRE_CELLS]; /* a coil that does not move */
    void (*on_write)(struct wire *wire, uint32_t function, uint32_t address, uint16_t value);
    void (*on_time)(struct wire *wire);

    enum wire_fault fault; /* of the next .. */
    bool writes_only;
    unsigned faults; /* .. so many */
    uint64_t late_ms;
    uint8_t exception;

    unsigned reads, writes, broadcasts; /* requests that came */
    uint32_t last_written;              /* address */
    struct {
        uint64_t at_ms;
        uint8_t bytes[FRAME_SIZE * 2];
        size_t size;
        bool hangup;
    } chunks[WIRE_CHUNKS];
};

extern const struct line_ops wire_ops;

struct wire wire_new(enum frame_format format);
void wire_spoil(struct wire *wire, enum wire_fault fault, unsigned count);
void wire_spoil_writes(struct wire *wire, enum wire_fault fault, unsigned count);
/* Bytes that nobody asked for. */
void wire_inject(struct wire *wire, uint64_t at_ms, const uint8_t *bytes, size_t size);

#endif
