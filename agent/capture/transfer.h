/* transfer.h - what the packets of TFTP transfers tell.
 *
 * FILE_DONE is the one note that proves a fetch, so this is what counts as proof that the last
 * block (the first DATA that does not fill a block) arrived:
 *   1. an ACK of the client for it, by the number of the last block seen or, if that is as long as
 *      another loader's full block and so was never seen, by the size in the OACK.  The filter lets these ACKs through as soon as
 *      the last block's number is known, which is at the OACK for every client that asks for
 *      tsize, and otherwise when the same file was fetched once;
 *   2. or the server sent it once, did not send it again, and the client asked for another file;
 *   3. or the server sent it once, and not again for longer than any server waits before it does:
 *      1 s more than the agreed `timeout`, and than atftpd's 5 s.
 * A last block that was sent again is never believed without an ACK: after it was sent once its
 * ACK passes the filter.  If none comes, that is FILE_FAILED when the server has given up. */
#ifndef POWERCTL_CAPTURE_TRANSFER_H
#define POWERCTL_CAPTURE_TRANSFER_H

#include "agent/capture/filter.h"
#include "agent/capture/flow.h"
#include "proto/note.h"
#include "proto/tftp.h"

struct transfers {
    struct flows *flows;
    struct filter *filter; /* what it learns about block sizes and last blocks */
    void (*on_note)(void *arg, const struct note *note);
    void *arg;
};

struct endpoint {
    struct ipv4 ip;
    uint16_t port;
};

void transfer_packet(struct transfers *transfers, struct endpoint from, struct endpoint to,
                     const struct tftp *tftp, uint64_t now_ms);

/* The client did something else: rule 2. `file` is what it asks for now. */
void transfer_moved_on(struct transfers *transfers, struct ipv4 client, const char *file,
                       uint64_t now_ms);

/* About four times a second: rule 3, and transfers that came to no end. */
void transfer_tick(struct transfers *transfers, uint64_t now_ms);

#endif
