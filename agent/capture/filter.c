#include "agent/capture/filter.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "proto/cleanup.h"
#include "proto/dhcp.h"
#include "proto/tftp.h"

enum {
    UDP_HEADER_SIZE = 8,
    UDP_OF_ACK = UDP_HEADER_SIZE + TFTP_HEADER_SIZE,
    ACK_SAMPLE_MASK = 0x3f, /* 1 of 64 */
    GET_ = 0x47455420,      /* "GET " */
    SYN_ACK = 0x12,
    LABELS_MAX = 32,
};

/* A tiny assembler.  Jumps go forward only, to labels set later; each conditional jump is one
 * over an unconditional one, whose reach has no limit. */
struct assembler {
    struct sock_filter *code;
    size_t count;
    size_t label_at[LABELS_MAX];
    int labels;
    struct {
        size_t at;
        int label;
    } jump[FILTER_INSTRUCTIONS_MAX];
    size_t jumps;
};

static void emit(struct assembler *a, int code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
    if (a->count == FILTER_INSTRUCTIONS_MAX)
        abort(); /* the lists are bounded so that this cannot be */
    a->code[a->count++] = (struct sock_filter){(uint16_t)code, if_true, if_false, k};
}

static int label_new(struct assembler *a)
{
    if (a->labels == LABELS_MAX)
        abort();
    return a->labels++;
}

static void label_here(struct assembler *a, int label)
{
    a->label_at[label] = a->count;
}

static void load(struct assembler *a, int width, uint32_t offset)
{
    emit(a, BPF_LD | width | BPF_ABS, offset, 0, 0);
}

static void load_at_x(struct assembler *a, int width, uint32_t offset)
{
    emit(a, BPF_LD | width | BPF_IND, offset, 0, 0);
}

static void accept_packet(struct assembler *a)
{
    emit(a, BPF_RET | BPF_K, FILTER_SNAPLEN, 0, 0);
}

static void reject_packet(struct assembler *a)
{
    emit(a, BPF_RET | BPF_K, 0, 0, 0);
}

static void accept_if_equal(struct assembler *a, uint32_t k)
{
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, k, 0, 1);
    accept_packet(a);
}

static void reject_if_equal(struct assembler *a, uint32_t k)
{
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, k, 0, 1);
    reject_packet(a);
}

static void jump_if_equal(struct assembler *a, uint32_t k, int label)
{
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, k, 0, 1);
    a->jump[a->jumps].at = a->count;
    a->jump[a->jumps++].label = label;
    emit(a, BPF_JMP | BPF_JA, 0, 0, 0);
}

static void resolve_jumps(struct assembler *a)
{
    for (size_t i = 0; i < a->jumps; i++)
        a->code[a->jump[i].at].k = (uint32_t)(a->label_at[a->jump[i].label] - a->jump[i].at - 1);
}

/* In the functions below X is the length of the IP header, and `ip` where it begins, so that
 * [x + ip + n] is byte n of UDP or TCP.  A load past the packet's end rejects it. */

static void emit_tftp_data(struct assembler *a, uint32_t ip, const struct filter_list *blksizes)
{
    load_at_x(a, BPF_H, ip + 4);
    for (size_t i = 0; i < blksizes->count; i++)
        reject_if_equal(a, UDP_OF_ACK + (uint32_t)blksizes->number[i]);
    accept_packet(a);
}

static void emit_tftp_ack(struct assembler *a, uint32_t ip, const struct filter_list *last_blocks)
{
    load_at_x(a, BPF_H, ip + 4);
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, UDP_OF_ACK, 1, 0);
    reject_packet(a);
    load_at_x(a, BPF_H, ip + UDP_HEADER_SIZE + 2);
    emit(a, BPF_JMP | BPF_JSET | BPF_K, ACK_SAMPLE_MASK, 1, 0);
    accept_packet(a);
    for (size_t i = 0; i < last_blocks->count; i++)
        accept_if_equal(a, last_blocks->number[i]);
    reject_packet(a);
}

static void emit_udp(struct assembler *a, uint32_t ip, const struct filter *filter)
{
    int data = label_new(a), ack = label_new(a), request = label_new(a), error = label_new(a);
    for (uint32_t port = 0; port <= 2; port += 2) { /* source, destination */
        load_at_x(a, BPF_H, ip + port);
        accept_if_equal(a, DHCP_SERVER_PORT);
        accept_if_equal(a, DHCP_CLIENT_PORT);
        accept_if_equal(a, PXE_SERVER_PORT);
    }
    load_at_x(a, BPF_H, ip + UDP_HEADER_SIZE);
    jump_if_equal(a, TFTP_DATA, data);
    jump_if_equal(a, TFTP_ACK, ack);
    jump_if_equal(a, TFTP_RRQ, request);
    jump_if_equal(a, TFTP_ERROR, error);
    accept_if_equal(a, TFTP_OACK);
    reject_packet(a);

    label_here(a, data);
    emit_tftp_data(a, ip, &filter->blksizes);
    label_here(a, ack);
    emit_tftp_ack(a, ip, &filter->last_blocks);
    label_here(a, request);
    load_at_x(a, BPF_H, ip + 2);
    accept_if_equal(a, TFTP_PORT);
    reject_packet(a);
    label_here(a, error);
    load_at_x(a, BPF_H, ip + UDP_HEADER_SIZE + 2);
    emit(a, BPF_JMP | BPF_JGT | BPF_K, TFTP_OPTIONS, 1, 0);
    accept_packet(a);
    reject_packet(a);
}

static void emit_tcp(struct assembler *a, uint32_t ip)
{
    int http = label_new(a), answer = label_new(a);
    load_at_x(a, BPF_H, ip + 2);
    jump_if_equal(a, 80, http);
    jump_if_equal(a, 8080, http);
    load_at_x(a, BPF_H, ip);
    jump_if_equal(a, 22, answer);
    jump_if_equal(a, 2049, answer);
    reject_packet(a);

    label_here(a, http); /* X += length of the TCP header; then the first four bytes after it */
    load_at_x(a, BPF_B, ip + 12);
    emit(a, BPF_ALU | BPF_AND | BPF_K, 0xf0, 0, 0);
    emit(a, BPF_ALU | BPF_RSH | BPF_K, 2, 0, 0);
    emit(a, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
    emit(a, BPF_MISC | BPF_TAX, 0, 0, 0);
    load_at_x(a, BPF_W, ip);
    accept_if_equal(a, GET_);
    reject_packet(a);
    label_here(a, answer);
    load_at_x(a, BPF_B, ip + 13);
    emit(a, BPF_ALU | BPF_AND | BPF_K, SYN_ACK, 0, 0);
    accept_if_equal(a, SYN_ACK);
    reject_packet(a);
}

static void emit_ip(struct assembler *a, uint32_t ip, const struct filter *filter)
{
    int udp = label_new(a), tcp = label_new(a);
    load(a, BPF_H, ip + 6); /* fragments but the first have no UDP header */
    emit(a, BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 0, 1);
    reject_packet(a);
    emit(a, BPF_LDX | BPF_B | BPF_MSH, ip, 0, 0);
    load(a, BPF_B, ip + 9);
    jump_if_equal(a, IPPROTO_UDP, udp);
    jump_if_equal(a, IPPROTO_TCP, tcp);
    reject_packet(a);
    label_here(a, udp);
    emit_udp(a, ip, filter);
    label_here(a, tcp);
    emit_tcp(a, ip);
}

size_t filter_build(const struct filter *filter, struct sock_filter code[FILTER_INSTRUCTIONS_MAX])
{
    _cleanup_(freep) struct assembler *a = calloc(1, sizeof *a);
    if (!a)
        abort();
    a->code = code;
    int plain = label_new(a), tagged = label_new(a), tagged_ip = label_new(a);
    load(a, BPF_H, 12);
    jump_if_equal(a, ETH_P_IP, plain);
    accept_if_equal(a, ETH_P_ARP);
    accept_if_equal(a, ETH_P_RARP);
    jump_if_equal(a, ETH_P_8021Q, tagged);
    jump_if_equal(a, ETH_P_8021AD, tagged);
    reject_packet(a);
    label_here(a, plain);
    emit_ip(a, ETH_HLEN, filter);
    label_here(a, tagged); /* one tag; most cards take it off before we see the frame */
    load(a, BPF_H, 16);
    jump_if_equal(a, ETH_P_IP, tagged_ip);
    accept_if_equal(a, ETH_P_ARP);
    accept_if_equal(a, ETH_P_RARP);
    reject_packet(a);
    label_here(a, tagged_ip);
    emit_ip(a, ETH_HLEN + 4, filter);
    resolve_jumps(a);
    return a->count;
}

static bool list_add(struct filter_list *list, uint16_t number)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->number[i] == number)
            return false;
    if (list->count < FILTER_LIST_MAX) {
        list->number[list->count++] = number;
    } else {
        list->number[list->oldest] = number;
        list->oldest = (list->oldest + 1) % FILTER_LIST_MAX;
    }
    return true;
}

void filter_learn_blksize(struct filter *filter, uint16_t blksize)
{
    filter->version += list_add(&filter->blksizes, blksize);
}

void filter_learn_last_block(struct filter *filter, uint16_t block)
{
    if (block & ACK_SAMPLE_MASK) /* the others pass as samples */
        filter->version += list_add(&filter->last_blocks, block);
}

void filter_init(struct filter *filter)
{
    /* 512 by RFC; 1024; 1408 PXELINUX; 1428 U-Boot and Windows; 1432 iPXE; 1456 Intel's ROMs;
     * 1468 EDK2, the most that fits into 1500. */
    static const uint16_t usual[] = {1468, 1456, 1432, 1428, 1408, 1024, 512};
    *filter = (struct filter){0};
    for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
        filter_learn_blksize(filter, usual[i]);
    filter_learn_last_block(filter, 1);
}
