/* truth.c - what really happened, told apart from what the BMCs say: the log a test believes,
 * and the wire to the nodes.  One line: monotonic milliseconds, address, name, what. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/peers/bmc_farm/farm.h"

void truth(struct farm *farm, const struct bmc *bmc, const char *format, ...)
{
    if (!farm->truth)
        return;
    char what[128];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    fprintf(farm->truth, "%" PRIu64 " %s %s %s\n", farm->now_us / 1000, bmc_address(farm, bmc),
            bmc_name(farm, bmc), what);
}

void nodes_tell(struct farm *farm, const struct bmc *bmc, const char *format, ...)
{
    if (farm->nodes < 0)
        return;
    char what[64], line[128];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    int size = snprintf(line, sizeof line, "%s %s", bmc_name(farm, bmc), what);
    if (send(farm->nodes, line, (size_t)size, 0) < 0)
        fprintf(stderr, "bmc_farm: the nodes did not hear \"%s\": %s\n", line, strerror(errno));
}
