#include "tests/peers/bmc_farm/agenda.h"

#include <stdlib.h>

int agenda_open(struct agenda *agenda)
{
    /* Large, but touched only as far as it is used. */
    agenda->items = calloc(AGENDA_MAX, sizeof *agenda->items);
    agenda->replies = calloc(REPLIES_MAX, sizeof *agenda->replies);
    agenda->free_replies = calloc(REPLIES_MAX, sizeof *agenda->free_replies);
    if (!agenda->items || !agenda->replies || !agenda->free_replies)
        return -1;
    for (uint32_t i = REPLIES_MAX; i-- > 0;)
        agenda->free_replies[agenda->nfree++] = i;
    return 0;
}

void agenda_close(struct agenda *agenda)
{
    free(agenda->items);
    free(agenda->replies);
    free(agenda->free_replies);
}

bool agenda_add(struct agenda *agenda, const struct item *item)
{
    if (agenda->count == AGENDA_MAX)
        return false;
    uint32_t at = agenda->count++;
    while (at > 0) {
        uint32_t parent = (at - 1) / 2;
        if (agenda->items[parent].due_us <= item->due_us)
            break;
        agenda->items[at] = agenda->items[parent];
        at = parent;
    }
    agenda->items[at] = *item;
    return true;
}

bool agenda_take_due(struct agenda *agenda, uint64_t now_us, struct item *item)
{
    struct item *items = agenda->items;
    if (agenda->count == 0 || items[0].due_us > now_us)
        return false;
    *item = items[0];
    const struct item last = items[--agenda->count];
    uint32_t at = 0, child;
    while ((child = 2 * at + 1) < agenda->count) {
        if (child + 1 < agenda->count && items[child + 1].due_us < items[child].due_us)
            child++;
        if (last.due_us <= items[child].due_us)
            break;
        items[at] = items[child];
        at = child;
    }
    items[at] = last;
    return true;
}

struct reply *reply_take(struct agenda *agenda)
{
    return agenda->nfree ? &agenda->replies[agenda->free_replies[--agenda->nfree]] : NULL;
}

uint32_t reply_index(const struct agenda *agenda, const struct reply *reply)
{
    return (uint32_t)(reply - agenda->replies);
}

void reply_give_back(struct agenda *agenda, const struct reply *reply)
{
    agenda->free_replies[agenda->nfree++] = reply_index(agenda, reply);
}
