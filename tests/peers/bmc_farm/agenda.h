/* agenda.h - what happens later: answers held back, and power edges. A heap by due time. */
#ifndef BMC_FARM_AGENDA_H
#define BMC_FARM_AGENDA_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/peers/bmc_farm/wire.h"

enum { AGENDA_MAX = 1 << 17, REPLIES_MAX = 1 << 16 };

enum edge { EDGE_OFF, EDGE_ON, EDGE_OFF_THEN_ON };

struct reply {
    struct in_addr from;
    struct sockaddr_in to;
    size_t size;
    uint8_t bytes[PACKET_MAX];
};

struct item {
    uint64_t due_us;
    enum { ITEM_REPLY, ITEM_EDGE } kind;
    uint32_t index; /* of the reply, or of the BMC */
    uint32_t token; /* see struct chassis */
    enum edge edge;
};

struct agenda {
    struct item *items; /* heap */
    uint32_t count;
    struct reply *replies;
    uint32_t *free_replies, nfree;
};

int agenda_open(struct agenda *agenda);
void agenda_close(struct agenda *agenda);

/* False: full. */
bool agenda_add(struct agenda *agenda, const struct item *item);
bool agenda_take_due(struct agenda *agenda, uint64_t now_us, struct item *item);

/* A place for a reply, or NULL: all are held back already. */
struct reply *reply_take(struct agenda *agenda);
uint32_t reply_index(const struct agenda *agenda, const struct reply *reply);
void reply_give_back(struct agenda *agenda, const struct reply *reply);

#endif
