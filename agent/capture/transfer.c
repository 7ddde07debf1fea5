#include "agent/capture/transfer.h"

#include <stdio.h>
#include <string.h>

enum {
    PROGRESS_MS = 250,
    /* Two taps may see one packet (a bridge and its port, both sides of lo); no server sends a
     * block again as soon as this. */
    SAME_PACKET_MS = 100,
    SLOWEST_RETRY_MS = 5000, /* atftpd 0.8.0; dnsmasq 2.90 waits 2 s, tftpd-hpa 5.2 1 s */
    MARGIN_MS = 1000,
    GIVEN_UP_MS = 35000, /* dnsmasq 2.90 gives up after 29 s */
};

static void tell(struct transfers *transfers, struct flow *flow, enum note_kind kind,
                 const char *reason, uint64_t now_ms)
{
    struct note note = {
        .at_ms = now_ms,
        .kind = kind,
        .ip = flow->client,
        .server = flow->server,
        .port = flow->client_port,
        .total = flow->total,
    };
    if (kind == NOTE_FILE_PROGRESS || kind == NOTE_FILE_ABORTED || kind == NOTE_FILE_FAILED)
        note.bytes = flow->acked * flow->blksize;
    if (kind == NOTE_FILE_DONE)
        note.bytes = flow->last_bytes;
    if (note.total && note.bytes > note.total && kind != NOTE_FILE_DONE)
        note.bytes = note.total;
    memcpy(note.file, flow->file, sizeof note.file);
    (void)snprintf(note.reason, sizeof note.reason, "%s", reason);
    transfers->on_note(transfers->arg, &note);
}

static void end(struct transfers *transfers, struct flow *flow, enum note_kind kind,
                const char *reason, uint64_t now_ms)
{
    flow->over = true;
    tell(transfers, flow, kind, reason, now_ms);
}

/* A 16-bit block number as a count, near the one known so far. Blocks 65535 and then 0. */
static uint64_t unwrap(uint64_t known, uint16_t number)
{
    uint64_t near = (known & ~(uint64_t)UINT16_MAX) | number;
    if (near + 0x8000 < known)
        return near + 0x10000;
    if (near > known + 0x8000 && near >= 0x10000)
        return near - 0x10000;
    return near;
}

static void inherit_total(struct transfers *transfers, struct flow *flow)
{
    struct flow *other = NULL;
    while ((other = flows_next_of(transfers->flows, flow->client, other)))
        if (other != flow && other->total_by_oack && !strcmp(other->file, flow->file)) {
            flow->total = other->total;
            return;
        }
}

static void take_request(struct transfers *transfers, struct endpoint client,
                         struct endpoint server, const struct tftp *tftp, uint64_t now_ms)
{
    struct flow *flow = flows_find(transfers->flows, client.ip, client.port);
    if (flow && !flow->over && !flow->server_port && !strcmp(flow->file, tftp->file)) {
        flow->seen_ms = now_ms; /* asked again for want of an answer, or seen by two taps */
        return;
    }
    if (flow && !flow->over && !flow->acknowledged && !flow->last_sent &&
        now_ms - flow->seen_ms < SAME_PACKET_MS && !strcmp(flow->file, tftp->file))
        return;
    transfer_moved_on(transfers, client.ip, tftp->file, now_ms);
    flow = flows_renew(transfers->flows, client.ip, client.port, now_ms);
    flow->server = server.ip;
    flow->blksize = TFTP_BLKSIZE;
    flow->asked_tsize = tftp->has_tsize;
    memcpy(flow->file, tftp->file, sizeof flow->file);
    inherit_total(transfers, flow);
    tell(transfers, flow, NOTE_FILE_ASKED, "", now_ms);
}

static void take_oack(struct transfers *transfers, struct flow *flow, const struct tftp *tftp)
{
    flow->accepted = true;
    flow->timeout_s = tftp->timeout_s;
    if (tftp->blksize) {
        flow->blksize = tftp->blksize;
        filter_learn_blksize(transfers->filter, tftp->blksize);
    }
    if (tftp->has_tsize && tftp->tsize) {
        flow->total = tftp->tsize;
        flow->total_by_oack = true;
    }
    if (flow->total)
        filter_learn_last_block(transfers->filter, (uint16_t)(flow->total / flow->blksize + 1));
}

static void take_data(struct transfers *transfers, struct flow *flow, const struct tftp *tftp,
                      uint64_t now_ms)
{
    if (tftp->data_size >= flow->blksize)
        return; /* a full block, of a size the filter had not learnt yet */
    if (flow->last_sent && tftp->block == flow->last_number) {
        if (now_ms - flow->last_ms >= SAME_PACKET_MS)
            flow->last_sent_again = true;
        flow->last_ms = now_ms;
        return;
    }
    uint64_t blocks = unwrap(flow->acked, tftp->block);
    uint64_t bytes = (blocks ? blocks - 1 : 0) * flow->blksize + tftp->data_size;
    /* Some servers wrap from 65535 to 1, and then each wrap counts one block too many. */
    uint64_t wraps = blocks >> 16;
    if (flow->total && bytes > flow->total && bytes - flow->total <= wraps * flow->blksize)
        bytes = flow->total;
    flow->last_sent = true;
    flow->last_number = tftp->block;
    flow->last_bytes = bytes;
    flow->last_ms = now_ms;
    filter_learn_last_block(transfers->filter, tftp->block);
}

static void take_server_packet(struct transfers *transfers, struct flow *flow,
                               struct endpoint server, const struct tftp *tftp, uint64_t now_ms)
{
    if (flow->server_port &&
        (flow->server_port != server.port || !ipv4_equal(flow->server, server.ip)))
        return; /* a second server's answer, which the client refuses too */
    flow->server = server.ip;
    flow->server_port = server.port;
    flow->seen_ms = now_ms;
    if (flow->over)
        return;
    if (tftp->op == TFTP_OACK) {
        take_oack(transfers, flow, tftp);
    } else if (tftp->op == TFTP_DATA) {
        take_data(transfers, flow, tftp, now_ms);
    } else if (tftp->op == TFTP_ERROR) {
        bool missing = tftp->error == TFTP_NOT_FOUND || tftp->error == TFTP_NO_ACCESS;
        end(transfers, flow, missing ? NOTE_FILE_MISSING : NOTE_FILE_FAILED, tftp->text, now_ms);
    }
}

/* The last block itself may never be seen: where it is as long as another loader's full block, the
 * filter takes it for one (a kernel whose rest was 1408 bytes, fetched in blocks of 1432). The
 * size that the server told gives its number all the same. */
static bool acknowledges_last(const struct flow *flow, uint16_t block)
{
    if (flow->last_sent)
        return block == flow->last_number;
    return flow->total_by_oack && unwrap(flow->acked, block) == flow->total / flow->blksize + 1;
}

static void take_ack(struct transfers *transfers, struct flow *flow, const struct tftp *tftp,
                     uint64_t now_ms)
{
    bool first = !flow->acknowledged;
    flow->acknowledged = true;
    if (acknowledges_last(flow, tftp->block)) {
        if (!flow->last_sent)
            flow->last_bytes = flow->total;
        end(transfers, flow, NOTE_FILE_DONE, "", now_ms);
        return;
    }
    uint64_t acked = unwrap(flow->acked, tftp->block);
    if (acked < flow->acked || (acked == flow->acked && !first))
        return; /* an old one, again */
    flow->acked = acked;
    if (!first && now_ms - flow->progress_ms < PROGRESS_MS)
        return;
    flow->progress_ms = now_ms;
    tell(transfers, flow, NOTE_FILE_PROGRESS, "", now_ms);
}

static void take_client_error(struct transfers *transfers, struct flow *flow,
                              const struct tftp *tftp, uint64_t now_ms)
{
    char reason[NOTE_REASON_SIZE];
    bool probe = flow->asked_tsize && flow->accepted && !flow->acknowledged && !flow->last_sent &&
                 (tftp->error == TFTP_UNDEFINED || tftp->error == TFTP_OPTIONS);
    if (probe)
        (void)snprintf(reason, sizeof reason, TFTP_PROBE_REASON ": %.70s", tftp->text);
    else
        (void)snprintf(reason, sizeof reason, "error %d: %.80s", tftp->error, tftp->text);
    end(transfers, flow, NOTE_FILE_ABORTED, reason, now_ms);
}

static bool take_client_packet(struct transfers *transfers, struct flow *flow,
                               struct endpoint server, const struct tftp *tftp, uint64_t now_ms)
{
    if (!ipv4_equal(flow->server, server.ip) ||
        (flow->server_port && flow->server_port != server.port))
        return false;
    flow->seen_ms = now_ms;
    if (flow->over)
        return true;
    if (tftp->op == TFTP_ACK)
        take_ack(transfers, flow, tftp, now_ms);
    else
        take_client_error(transfers, flow, tftp, now_ms);
    return true;
}

void transfer_packet(struct transfers *transfers, struct endpoint from, struct endpoint to,
                     const struct tftp *tftp, uint64_t now_ms)
{
    struct flow *client = flows_find(transfers->flows, from.ip, from.port);
    struct flow *server = flows_find(transfers->flows, to.ip, to.port);
    switch (tftp->op) {
    case TFTP_RRQ:
        if (to.port == TFTP_PORT)
            take_request(transfers, from, to, tftp, now_ms);
        break;
    case TFTP_WRQ: /* uploads are no part of a boot */
        break;
    case TFTP_DATA:
    case TFTP_OACK:
        if (server)
            take_server_packet(transfers, server, from, tftp, now_ms);
        break;
    case TFTP_ACK:
        if (client)
            (void)take_client_packet(transfers, client, to, tftp, now_ms);
        break;
    case TFTP_ERROR: /* either side may say it */
        if (client && take_client_packet(transfers, client, to, tftp, now_ms))
            break;
        if (server)
            take_server_packet(transfers, server, from, tftp, now_ms);
        break;
    }
}

void transfer_moved_on(struct transfers *transfers, struct ipv4 client, const char *file,
                       uint64_t now_ms)
{
    struct flow *flow = NULL;
    while ((flow = flows_next_of(transfers->flows, client, flow))) {
        if (flow->over || !flow->last_sent || flow->last_sent_again)
            continue;
        if (!strcmp(flow->file, file))
            flow->over = true; /* the same once more: it may not have had it. Say nothing. */
        else
            end(transfers, flow, NOTE_FILE_DONE, "then it asked for another file", now_ms);
    }
}

struct sweep {
    struct transfers *transfers;
    uint64_t now_ms;
};

static bool sweep_flow(void *arg, struct flow *flow)
{
    struct sweep *sweep = arg;
    if (flow->over || !flow->last_sent || sweep->now_ms < flow->last_ms)
        return true;
    uint64_t quiet_ms = sweep->now_ms - flow->last_ms;
    uint64_t retry_ms = (uint64_t)flow->timeout_s * 1000;
    if (retry_ms < SLOWEST_RETRY_MS)
        retry_ms = SLOWEST_RETRY_MS;
    if (flow->last_sent_again && quiet_ms >= GIVEN_UP_MS)
        end(sweep->transfers, flow, NOTE_FILE_FAILED, "its last block was never acknowledged",
            sweep->now_ms);
    else if (!flow->last_sent_again && quiet_ms >= retry_ms + MARGIN_MS)
        end(sweep->transfers, flow, NOTE_FILE_DONE, "its last block had not to be sent again",
            sweep->now_ms);
    return true;
}

void transfer_tick(struct transfers *transfers, uint64_t now_ms)
{
    struct sweep sweep = {transfers, now_ms};
    flows_sweep(transfers->flows, sweep_flow, &sweep, now_ms);
}
