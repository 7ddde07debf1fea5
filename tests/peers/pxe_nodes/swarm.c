#include <stdlib.h>
#include <string.h>

#include "tests/peers/pxe_nodes/nodes.h"

/* The last two bytes count up. */
void node_mac(const struct swarm *swarm, const struct node *node, uint8_t mac[MAC_SIZE])
{
    memcpy(mac, swarm->first_mac, MAC_SIZE);
    put_be16(mac + 4, (uint16_t)(be16_at(mac + 4) + (node - swarm->nodes)));
}

struct node *swarm_by_mac(struct swarm *swarm, const uint8_t mac[MAC_SIZE])
{
    const uint16_t index = (uint16_t)(be16_at(mac + 4) - be16_at(swarm->first_mac + 4));
    if (memcmp(mac, swarm->first_mac, 4) != 0 || index >= swarm->count)
        return NULL;
    return &swarm->nodes[index];
}

struct node *swarm_by_address(struct swarm *swarm, in_addr_t address)
{
    for (unsigned i = 0; i < swarm->count; i++)
        if (swarm->nodes[i].address == address && swarm->nodes[i].stage != STAGE_OFF)
            return &swarm->nodes[i];
    return NULL;
}

struct node *swarm_named(struct swarm *swarm, const char *name)
{
    const size_t stem = strlen(swarm->name_stem);
    if (strncmp(name, swarm->name_stem, stem) != 0)
        return NULL;
    char *end;
    unsigned long number = strtoul(name + stem, &end, 10);
    if (*end || number < swarm->name_first || number - swarm->name_first >= swarm->count)
        return NULL;
    return &swarm->nodes[number - swarm->name_first];
}

const char *node_name(const struct swarm *swarm, const struct node *node)
{
    static char name[NODE_NAME_SIZE + 16];
    (void)snprintf(name, sizeof name, "%s%0*u", swarm->name_stem, (int)swarm->name_width,
                   swarm->name_first + (unsigned)(node - swarm->nodes));
    return name;
}

/* xorshift64*: repeatable by --seed. */
uint32_t swarm_random(struct swarm *swarm)
{
    uint64_t x = swarm->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    swarm->random = x;
    return (uint32_t)((x * 0x2545F4914F6CDD1Dull) >> 32);
}
