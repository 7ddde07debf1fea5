/* capture.h - from frames to notes. Pure: no socket, no clock; a file of packets tests it.
 *
 * Every table is bounded and every frame may be hostile.  Frames are Ethernet, with up to two
 * VLAN tags, IPv4 with options, fragmented or not; anything else is ignored. */
#ifndef POWERCTL_CAPTURE_CAPTURE_H
#define POWERCTL_CAPTURE_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "agent/capture/filter.h"
#include "proto/err.h"
#include "proto/note.h"

struct capture;

/* Notes are lent for the call. NULL with *err set if memory is out. */
struct capture *capture_new(void (*on_note)(void *arg, const struct note *note), void *arg,
                            struct err *err);
void capture_freep(struct capture **capture);

/* `captured` bytes are here of `original` on the wire. */
void capture_packet(struct capture *capture, const void *frame, size_t captured, size_t original,
                    uint64_t now_ms);

/* Call it about four times a second: some ends are known by silence only. */
void capture_tick(struct capture *capture, uint64_t now_ms);

/* What should pass the kernel's filter from now on. A new version: build and attach again. */
const struct filter *capture_filter(const struct capture *capture);

#endif
