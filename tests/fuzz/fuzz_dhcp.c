/* Any bytes as a DHCP message. A capture cuts packets short: what a shorter one says, the whole one
 * says too, so the fixed fields are the same at every length that is taken. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/dhcp.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plain(const struct dhcp *dhcp)
{
    check_printable(dhcp->vendor_class, sizeof dhcp->vendor_class);
    check_printable(dhcp->user_class, sizeof dhcp->user_class);
    check_printable(dhcp->server_name, sizeof dhcp->server_name);
    check_printable(dhcp->file, sizeof dhcp->file);
    check_printable(dhcp->message, sizeof dhcp->message);
    if (dhcp->type >= DHCP_TYPES || dhcp->class >= DHCP_CLASSES || dhcp->arch < -1 ||
        dhcp->arch > UINT16_MAX)
        abort();
    if (dhcp->class != CLASS_UNKNOWN && (dhcp->reply || dhcp->type == DHCP_BOOTP))
        abort(); /* a reply echoes the client's classes: nobody asks with it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dhcp dhcp, cut;
    struct err err = {0};
    if (dhcp_decode(data, size, &dhcp, &err)) {
        if (err.kind != ERR_PROTOCOL)
            abort();
        check_printable(err.text, sizeof err.text);
        return 0;
    }
    check_plain(&dhcp);
    size_t shorter = size - data[size - 1] % size;
    if (dhcp_decode(data, shorter, &cut, NULL))
        return 0;
    check_plain(&cut);
    if (cut.xid != dhcp.xid || cut.reply != dhcp.reply || !ipv4_equal(cut.yiaddr, dhcp.yiaddr))
        abort();
    return 0;
}
