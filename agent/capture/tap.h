/* tap.h - raw sockets that see what passes an interface.
 *
 * One AF_PACKET socket an interface, bound to it, with the filter attached before the first
 * packet can arrive.  Outgoing packets are seen too (PACKET_IGNORE_OUTGOING stays off): half of
 * every transfer is the boot server's own. */
#ifndef POWERCTL_CAPTURE_TAP_H
#define POWERCTL_CAPTURE_TAP_H

#include <net/if.h>

#include "agent/capture/capture.h"
#include "proto/err.h"

struct tap {
    int fd;
    unsigned index;
    char interface[IF_NAMESIZE];
};

int tap_open(struct tap *tap, const char *interface, const struct filter *filter, struct err *err);
int tap_attach(const struct tap *tap, const struct filter *filter, struct err *err);

/* Hands over what has arrived, at most `max` packets. -1: the interface is gone. */
int tap_read(const struct tap *tap, struct capture *capture, int max, uint64_t now_ms,
             struct err *err);

/* Packets lost for want of room since the last call. */
unsigned tap_lost(const struct tap *tap);

#endif
