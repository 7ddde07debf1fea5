/* Any bytes as a TFTP packet, whole and cut short by the capture. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/tftp.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size, size_t whole)
{
    struct tftp tftp;
    struct err err = {0};
    if (tftp_decode(data, size, whole, &tftp, &err)) {
        if (err.kind != ERR_PROTOCOL)
            abort();
        check_printable(err.text, sizeof err.text);
        return;
    }
    check_printable(tftp.file, sizeof tftp.file);
    check_printable(tftp.text, sizeof tftp.text);
    bool asks = tftp.op == TFTP_RRQ || tftp.op == TFTP_WRQ;
    if (asks != (*tftp.file != '\0') || tftp.op < TFTP_RRQ || tftp.op > TFTP_OACK)
        abort();
    if ((tftp.blksize && tftp.blksize < TFTP_BLKSIZE_MIN) || tftp.tsize > INT64_MAX ||
        (tftp.tsize && !tftp.has_tsize) || tftp.timeout_s > 255)
        abort();
    if (tftp.op == TFTP_DATA && tftp.data_size + TFTP_HEADER_SIZE != whole)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(data, size, size);
    check(data, size, size + 1432);
    if (size)
        check(data, size - 1, size);
    return 0;
}
