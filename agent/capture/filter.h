/* filter.h - the one classic BPF program that decides which packets the capture sees.
 *
 * Lets through: ARP, RARP, DHCP (ports 67, 68, 4011), TFTP requests to port 69, OACKs, ERRORs,
 * one ACK of 64, the ACKs of last blocks, DATA that does not fill a block (the last one of a
 * transfer), GET at ports 80 and 8080, and SYN+ACK from ports 22 and 2049.  Rejects what makes
 * up nearly all of a network boot: full DATA blocks and the other ACKs.  TFTP's ports are chosen
 * freely, so its packets are known by their first two bytes, whatever the port.
 *
 * The program depends on two short lists that are learnt while nodes boot: block sizes in use
 * (a full block of an unknown size passes, which costs time and nothing else) and the numbers of
 * last blocks (whose ACK is the proof that a file arrived).  When a list grows, the program is
 * built anew and attached again, which the kernel does without losing a packet.  That is why the
 * socket's filter is not locked. */
#ifndef POWERCTL_CAPTURE_FILTER_H
#define POWERCTL_CAPTURE_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FILTER_SNAPLEN = 640, /* a DHCP message with all its options; the rest of a frame is not read */
    FILTER_LIST_MAX = 32,
    FILTER_INSTRUCTIONS_MAX = 1024,
};

/* A list that forgets its oldest number when it is full. */
struct filter_list {
    uint16_t number[FILTER_LIST_MAX];
    size_t count, oldest;
};

struct filter {
    struct filter_list blksizes, last_blocks;
    uint32_t version; /* another one: build and attach again */
};

/* The block sizes seen in the field, and the last block of any small file: 1. */
void filter_init(struct filter *filter);
void filter_learn_blksize(struct filter *filter, uint16_t blksize);
void filter_learn_last_block(struct filter *filter, uint16_t block);

/* Returns the number of instructions. */
size_t filter_build(const struct filter *filter, struct sock_filter code[FILTER_INSTRUCTIONS_MAX]);

#endif
