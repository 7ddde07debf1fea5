/* flow.h - the table of TFTP transfers, keyed by the client's address and port.
 *
 * Bounded: FLOWS_MAX in all and FLOWS_PER_CLIENT of one address; the one that was quiet longest
 * makes room.  Flows stay for a while after their end, since the next transfer of the same
 * file by the same client inherits its length from them. */
#ifndef POWERCTL_CAPTURE_FLOW_H
#define POWERCTL_CAPTURE_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/note.h"

enum { FLOWS_MAX = 4096, FLOWS_PER_CLIENT = 16, FLOW_KEEP_MS = 130000 };

struct flow {
    struct ipv4 client, server;
    uint16_t client_port, server_port; /* server_port 0: it has not answered yet */
    char file[NOTE_FILE_SIZE];
    uint16_t blksize, timeout_s;
    uint64_t total;     /* 0: not known */
    bool asked_tsize;   /* the request had tsize=0: it may be no more than a question */
    bool total_by_oack; /* as opposed to known from before */
    bool accepted;      /* OACK seen */
    bool acknowledged;  /* at least one ACK of the client seen */
    bool over;          /* done, aborted or failed: nothing more to tell */
    uint64_t acked;     /* blocks, without the 16-bit wrap */
    uint64_t seen_ms, progress_ms;
    /* The last block, once it was sent: */
    bool last_sent, last_sent_again;
    uint16_t last_number;
    uint64_t last_bytes; /* of the whole file */
    uint64_t last_ms;
    /* The table's own: */
    uint32_t next;
    bool used;
};

struct flows;

struct flows *flows_new(void); /* NULL: no memory */
void flows_freep(struct flows **flows);

/* NULL if there is none. */
struct flow *flows_find(struct flows *flows, struct ipv4 client, uint16_t port);

/* An empty flow in place of what was there under this key; never fails. */
struct flow *flows_renew(struct flows *flows, struct ipv4 client, uint16_t port, uint64_t now_ms);

/* All flows of a client: start with NULL. Order is newest first. */
struct flow *flows_next_of(struct flows *flows, struct ipv4 client, struct flow *after);

/* Calls `visit` for each flow; those it returns false for, and those quiet for FLOW_KEEP_MS,
 * are forgotten. */
void flows_sweep(struct flows *flows, bool (*visit)(void *arg, struct flow *flow), void *arg,
                 uint64_t now_ms);

size_t flows_count(const struct flows *flows);

#endif
