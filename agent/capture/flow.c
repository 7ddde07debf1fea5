#include "agent/capture/flow.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, NONE = UINT32_MAX };

struct flows {
    struct flow flow[FLOWS_MAX];
    uint32_t bucket[BUCKETS]; /* by client, so that a client's flows stand in one chain */
    size_t count;
};

static uint32_t *bucket_of(struct flows *flows, struct ipv4 client)
{
    return &flows->bucket[client.host_order * 2654435761U >> 20];
}

struct flows *flows_new(void)
{
    struct flows *flows = calloc(1, sizeof *flows);
    for (size_t i = 0; flows && i < BUCKETS; i++)
        flows->bucket[i] = NONE;
    return flows;
}

void flows_freep(struct flows **flows)
{
    free(*flows);
    *flows = NULL;
}

size_t flows_count(const struct flows *flows)
{
    return flows->count;
}

static struct flow *first_of(struct flows *flows, uint32_t at, struct ipv4 client)
{
    while (at != NONE && !ipv4_equal(flows->flow[at].client, client))
        at = flows->flow[at].next;
    return at == NONE ? NULL : &flows->flow[at];
}

struct flow *flows_next_of(struct flows *flows, struct ipv4 client, struct flow *after)
{
    return first_of(flows, after ? after->next : *bucket_of(flows, client), client);
}

struct flow *flows_find(struct flows *flows, struct ipv4 client, uint16_t port)
{
    struct flow *flow = NULL;
    while ((flow = flows_next_of(flows, client, flow)))
        if (flow->client_port == port)
            return flow;
    return NULL;
}

static void forget(struct flows *flows, struct flow *flow)
{
    uint32_t self = (uint32_t)(flow - flows->flow);
    uint32_t *at = bucket_of(flows, flow->client);
    while (*at != self)
        at = &flows->flow[*at].next;
    *at = flow->next;
    *flow = (struct flow){0};
    flows->count--;
}

static void make_room_for_client(struct flows *flows, struct ipv4 client)
{
    struct flow *flow = NULL, *quietest = NULL;
    size_t count = 0;
    while ((flow = flows_next_of(flows, client, flow))) {
        count++;
        if (!quietest || flow->seen_ms <= quietest->seen_ms)
            quietest = flow;
    }
    if (count >= FLOWS_PER_CLIENT)
        forget(flows, quietest);
}

static struct flow *free_place(struct flows *flows)
{
    struct flow *quietest = NULL;
    for (size_t i = 0; i < FLOWS_MAX; i++) {
        if (!flows->flow[i].used)
            return &flows->flow[i];
        if (!quietest || flows->flow[i].seen_ms < quietest->seen_ms)
            quietest = &flows->flow[i];
    }
    forget(flows, quietest);
    return quietest;
}

struct flow *flows_renew(struct flows *flows, struct ipv4 client, uint16_t port, uint64_t now_ms)
{
    struct flow *old = flows_find(flows, client, port);
    if (old)
        forget(flows, old);
    make_room_for_client(flows, client);
    struct flow *flow = free_place(flows);
    uint32_t *bucket = bucket_of(flows, client);
    *flow = (struct flow){
        .client = client, .client_port = port, .seen_ms = now_ms, .next = *bucket, .used = true};
    *bucket = (uint32_t)(flow - flows->flow);
    flows->count++;
    return flow;
}

void flows_sweep(struct flows *flows, bool (*visit)(void *arg, struct flow *flow), void *arg,
                 uint64_t now_ms)
{
    for (size_t i = 0; i < FLOWS_MAX && flows->count; i++) {
        struct flow *flow = &flows->flow[i];
        if (!flow->used)
            continue;
        if (!visit(arg, flow) || now_ms > flow->seen_ms + FLOW_KEEP_MS)
            forget(flows, flow);
    }
}
