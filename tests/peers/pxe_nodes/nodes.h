/* nodes.h - up to a thousand machines that boot from the network, behind one interface.
 *
 * Each has a MAC of its own and says on the wire what a PXE ROM, a loader, a kernel and an init
 * say, in that order, to a real DHCP and TFTP server; then it answers ARP, ping and one TCP
 * port.  Power and boot device come from outside (bmc_farm --nodes), as they would from a BMC.
 * Frames are made and read by hand on AF_PACKET: no addresses are configured, so nothing of
 * the host's own network code helps or gets in the way.
 *
 * Nothing here is shared with the product: an error in its decoders must not cancel out. */
#ifndef PXE_NODES_NODES_H
#define PXE_NODES_NODES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { NODES_MAX = 4096, MAC_SIZE = 6, FILE_NAME_SIZE = 128, NODE_NAME_SIZE = 32, FAULTS_MAX = 4 };

/* In the order of a boot from the network; what follows UP ends a boot otherwise. */
enum stage {
    STAGE_OFF,
    STAGE_POST,
    STAGE_ROM_DHCP,
    STAGE_ROM_ARP,
    STAGE_LOADER,
    STAGE_LOADER_DHCP, /* iPXE asks again, with its own class */
    STAGE_CONFIG,
    STAGE_KERNEL,
    STAGE_INITRD,
    STAGE_BOOT, /* the kernel runs, and has no network yet */
    STAGE_OS_DHCP,
    STAGE_INIT,
    STAGE_UP,
    STAGE_DISK, /* booted from disk, without a word on the wire */
    STAGE_DISK_UP,
    STAGE_HUNG,
    STAGE_FAILED,
    STAGES
};
extern const char *const stage_names[STAGES];

/* What goes wrong. `boot`: in which boot since the start, counted from 1; 0: in each. */
struct fault {
    enum { FAULT_NONE, FAULT_HANG, FAULT_DISK, FAULT_DISK_OS } kind;
    enum stage stage; /* a hang: does not get past it ... */
    unsigned percent; /* ... and stops here in its transfer; 100: only after it */
    unsigned boot;
};

/* A file on its way, or an address: what the node waits for, and when it asks again. */
struct transfer {
    bool probing;                   /* only asks for the size, then aborts, as ROMs do */
    bool ack_due;                   /* held back to keep the pace */
    uint16_t own_port, server_port; /* server_port 0: no answer yet */
    uint16_t block;
    uint32_t block_size;
    uint64_t bytes, total, started_us;
};

struct node_counts {
    unsigned boots, loaders, kernels, initrds, ups;
};

struct node {
    enum stage stage;
    bool from_disk;  /* this boot's system comes from disk */
    bool requesting; /* DHCP: an offer was taken, its ACK is awaited */
    unsigned tries;
    uint64_t due_us; /* UINT64_MAX: nothing */
    uint64_t on_us;
    uint32_t transaction;
    in_addr_t address, server; /* network byte order, as on the wire */
    uint8_t server_mac[MAC_SIZE];
    char bootfile[FILE_NAME_SIZE];
    struct transfer transfer;
    struct fault faults[FAULTS_MAX];
    struct node_counts counts;
    char reason[96]; /* of HUNG and FAILED */
};

struct pace {
    unsigned post_ms, post_spread_ms, kernel_ms, init_ms, kbytes_per_second; /* 0: unlimited */
};

struct swarm {
    uint64_t now_us;
    struct node *nodes;
    unsigned count;
    uint8_t first_mac[MAC_SIZE];
    char name_stem[NODE_NAME_SIZE];
    unsigned name_width, name_first;
    const char *config, *kernel, *initrd; /* file names; NULL: none */
    bool ipxe;
    uint16_t up_port;
    struct pace pace;
    int wire, control;
    FILE *log; /* NULL: none */
    uint64_t random;
    bool quit;
};

/* swarm.c */
struct node *swarm_by_mac(struct swarm *swarm, const uint8_t mac[MAC_SIZE]);
struct node *swarm_by_address(struct swarm *swarm, in_addr_t address);
struct node *swarm_named(struct swarm *swarm, const char *name);
void node_mac(const struct swarm *swarm, const struct node *node, uint8_t mac[MAC_SIZE]);
const char *node_name(const struct swarm *swarm, const struct node *node); /* static buffer */
uint32_t swarm_random(struct swarm *swarm);

/* boot.c: the order of things. */
void node_power(struct swarm *swarm, struct node *node, bool on, const char *boots_from);
void node_advance(struct swarm *swarm, struct node *node); /* this stage is done */
void node_fail(struct swarm *swarm, struct node *node, const char *reason);
void node_hang(struct swarm *swarm, struct node *node);
void node_time_is_up(struct swarm *swarm, struct node *node);
void node_wait(struct swarm *swarm, struct node *node, unsigned ms);
bool node_is_up(const struct node *node);
const char *node_file(const struct swarm *swarm, const struct node *node);
const struct fault *node_hangs_here(const struct node *node);

/* dhcp.c and tftp.c: `ask` sends, or sends again. */
void dhcp_ask(struct swarm *swarm, struct node *node);
void dhcp_hear(struct swarm *swarm, const uint8_t *message, size_t size);
void tftp_begin(struct swarm *swarm, struct node *node, bool probing);
void tftp_ask(struct swarm *swarm, struct node *node);
void tftp_hear(struct swarm *swarm, struct node *node, uint16_t server_port, const uint8_t *message,
               size_t size);

/* answer.c: everything that arrives. */
void answer_frame(struct swarm *swarm, const uint8_t *frame, size_t size);
void arp_ask(struct swarm *swarm, const struct node *node);

/* frame.c */
struct flow {
    const struct node *node;
    const uint8_t *to_mac;
    in_addr_t from, to;
};
enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, FRAME_MAX = 1600 };
extern const uint8_t broadcast_mac[MAC_SIZE];
void put_be16(uint8_t *out, uint16_t value);
uint16_t be16_at(const uint8_t *bytes);
uint16_t internet_checksum(uint32_t sum, const uint8_t *bytes, size_t size);
void send_ethernet(struct swarm *swarm, const struct node *node, const uint8_t to[MAC_SIZE],
                   uint16_t type, const void *payload, size_t size);
void send_ip(struct swarm *swarm, const struct flow *flow, uint8_t protocol, const void *payload,
             size_t size);
void send_udp(struct swarm *swarm, const struct flow *flow, uint16_t from_port, uint16_t to_port,
              const void *payload, size_t size);

/* steer.c */
void steer(struct swarm *swarm, char *command, char *answer, size_t size);

#endif
