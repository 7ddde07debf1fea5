/* tftp.h - one TFTP packet (RFC 1350) with its options (RFC 2347, 2348, 2349, 7440). */
#ifndef POWERCTL_TFTP_H
#define POWERCTL_TFTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/note.h"

enum {
    TFTP_PORT = 69,
    TFTP_BLKSIZE = 512, /* without the option */
    TFTP_BLKSIZE_MIN = 8,
    TFTP_BLKSIZE_MAX = 65464,
    TFTP_HEADER_SIZE = 4, /* of DATA and ACK */
};

enum tftp_op { TFTP_RRQ = 1, TFTP_WRQ, TFTP_DATA, TFTP_ACK, TFTP_ERROR, TFTP_OACK };

enum tftp_error { TFTP_UNDEFINED = 0, TFTP_NOT_FOUND = 1, TFTP_NO_ACCESS = 2, TFTP_OPTIONS = 8 };

/* NOTE_FILE_ABORTED of a client that only asked how long the file is starts with this: harmless,
 * the ROM asks again for the file itself at once. */
#define TFTP_PROBE_REASON "tsize probe"

/* Only what its `op` says is filled in; an option that was not there is 0 (tsize: has_tsize). */
struct tftp {
    enum tftp_op op;
    uint16_t block;     /* DATA, ACK */
    uint32_t data_size; /* DATA */
    uint16_t error;     /* ERROR */
    char text[NOTE_REASON_SIZE];
    char file[NOTE_FILE_SIZE]; /* RRQ, WRQ */
    bool has_tsize;            /* RRQ, OACK */
    uint64_t tsize;
    uint16_t blksize, windowsize, timeout_s;
};

/* `size` bytes are here of `whole` that were sent: the capture cuts packets short. */
int tftp_decode(const void *bytes, size_t size, size_t whole, struct tftp *tftp, struct err *err);

#endif
