#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/tftp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tftp tftp;
    if (tftp_decode(data, size, size, &tftp, NULL))
        return 0;
    if (strlen(tftp.file) >= sizeof tftp.file || strlen(tftp.text) >= sizeof tftp.text ||
        (tftp.blksize && tftp.blksize < TFTP_BLKSIZE_MIN) || tftp.tsize > INT64_MAX)
        abort();
    return 0;
}
