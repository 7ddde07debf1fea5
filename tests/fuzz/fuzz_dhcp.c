#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/dhcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dhcp dhcp;
    if (dhcp_decode(data, size, &dhcp, NULL))
        return 0;
    if (strlen(dhcp.file) >= sizeof dhcp.file || strlen(dhcp.message) >= sizeof dhcp.message ||
        dhcp.type >= DHCP_TYPES || dhcp.class >= DHCP_CLASSES)
        abort();
    return 0;
}
