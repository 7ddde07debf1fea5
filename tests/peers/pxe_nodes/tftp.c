/* tftp.c - fetching a file: RRQ with blksize and tsize, DATA and ACK at the node's pace. */
#include <stdlib.h>
#include <string.h>

#include "tests/peers/pxe_nodes/nodes.h"

enum { RRQ = 1, DATA = 3, ACK = 4, ERROR = 5, OACK = 6 };
enum { SERVER_PORT = 69, DEFAULT_BLOCK = 512, ROM_BLOCK = 1456, LOADER_BLOCK = 1408 };

static void tftp_send(struct swarm *swarm, const struct node *node, uint16_t port,
                      const void *message, size_t size)
{
    const struct flow flow = {node, node->server_mac, node->address, node->server};
    send_udp(swarm, &flow, node->transfer.own_port, port, message, size);
}

static void request_send(struct swarm *swarm, struct node *node)
{
    char message[FILE_NAME_SIZE + 64] = {0, RRQ};
    const unsigned block = node->stage == STAGE_LOADER ? ROM_BLOCK : LOADER_BLOCK;
    /* Words end in NUL: %c with 0. */
    int size = snprintf(message + 2, sizeof message - 2, "%s%coctet%ctsize%c0%cblksize%c%u%c",
                        node_file(swarm, node), 0, 0, 0, 0, 0, block, 0);
    tftp_send(swarm, node, SERVER_PORT, message, (size_t)size + 2);
}

static void ack_send(struct swarm *swarm, struct node *node)
{
    uint8_t message[4] = {0, ACK};
    put_be16(message + 2, node->transfer.block);
    node->transfer.ack_due = false;
    tftp_send(swarm, node, node->transfer.server_port, message, sizeof message);
    node_wait(swarm, node, 1000);
}

void tftp_begin(struct swarm *swarm, struct node *node, bool probing)
{
    node->transfer = (struct transfer){
        .probing = probing,
        .own_port = (uint16_t)(2048 + swarm_random(swarm) % 60000),
        .block_size = DEFAULT_BLOCK,
        .started_us = swarm->now_us,
    };
    node->tries = 0;
    request_send(swarm, node);
    node_wait(swarm, node, 1000);
}

void tftp_ask(struct swarm *swarm, struct node *node)
{
    if (node->transfer.server_port)
        ack_send(swarm, node);
    else
        request_send(swarm, node);
}

static void options_read(struct transfer *transfer, const uint8_t *message, size_t size)
{
    const char *at = (const char *)message + 2, *end = (const char *)message + size;
    if (end[-1] != '\0')
        return;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (value >= end)
            return;
        if (strcasecmp(at, "blksize") == 0)
            transfer->block_size = (uint32_t)strtoul(value, NULL, 10);
        else if (strcasecmp(at, "tsize") == 0)
            transfer->total = strtoull(value, NULL, 10);
        at = value + strlen(value) + 1;
    }
}

static void options_taken(struct swarm *swarm, struct node *node, const uint8_t *message,
                          size_t size)
{
    static const char abort_message[] = "\0\5\0\0TFTP Aborted";
    options_read(&node->transfer, message, size);
    if (!node->transfer.probing) {
        ack_send(swarm, node);
        return;
    }
    tftp_send(swarm, node, node->transfer.server_port, abort_message, sizeof abort_message);
    tftp_begin(swarm, node, false);
}

/* When the bytes so far are due at the node's pace. */
static uint64_t pace_us(const struct swarm *swarm, const struct transfer *transfer)
{
    const unsigned rate = swarm->pace.kbytes_per_second;
    return rate ? transfer->started_us + transfer->bytes * 1000 / rate : 0;
}

static bool stops_here(const struct node *node)
{
    const struct fault *fault = node_hangs_here(node);
    const struct transfer *transfer = &node->transfer;
    return fault && fault->percent < 100 && transfer->total &&
           transfer->bytes * 100 >= transfer->total * fault->percent;
}

static void data_taken(struct swarm *swarm, struct node *node, const uint8_t *message, size_t size)
{
    struct transfer *transfer = &node->transfer;
    const uint16_t block = be16_at(message + 2);
    if (block != (uint16_t)(transfer->block + 1)) {
        if (block == transfer->block && !transfer->ack_due)
            ack_send(swarm, node); /* our ACK was lost */
        return;
    }
    transfer->block = block;
    transfer->bytes += size - 4;
    node->tries = 0;
    if (stops_here(node)) {
        node_hang(swarm, node);
    } else if (size - 4 < transfer->block_size) {
        ack_send(swarm, node);
        node_advance(swarm, node);
    } else if (pace_us(swarm, transfer) > swarm->now_us) {
        transfer->ack_due = true;
        node->due_us = pace_us(swarm, transfer);
    } else {
        ack_send(swarm, node);
    }
}

void tftp_hear(struct swarm *swarm, struct node *node, uint16_t server_port, const uint8_t *message,
               size_t size)
{
    struct transfer *transfer = &node->transfer;
    const uint16_t operation = be16_at(message);
    if (transfer->server_port && transfer->server_port != server_port)
        return;
    if (operation == ERROR) {
        char reason[sizeof node->reason];
        (void)snprintf(reason, sizeof reason, "%.40s: %.*s", node_file(swarm, node),
                       (int)(size > 44 ? 40 : size - 4), (const char *)message + 4);
        node_fail(swarm, node, reason);
        return;
    }
    const bool first = transfer->server_port == 0;
    transfer->server_port = server_port;
    if (operation == OACK && first)
        options_taken(swarm, node, message, size);
    else if (operation == DATA && !transfer->probing)
        data_taken(swarm, node, message, size);
}
