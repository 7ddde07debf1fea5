#include "drivers/ipmi/timers.h"

#include <stdlib.h>

int timers_reserve(struct timers *timers, size_t count)
{
    if (count <= timers->room)
        return 0;
    size_t room = timers->room ? timers->room : 64;
    while (room < count)
        room *= 2;
    struct timer **heap = reallocarray(timers->heap, room, sizeof(struct timer *));
    if (!heap)
        return -1;
    timers->heap = heap;
    timers->room = room;
    return 0;
}

void timers_free(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

static void put(struct timers *timers, size_t place, struct timer *timer)
{
    timers->heap[place - 1] = timer;
    timer->place = place;
}

static struct timer *get(const struct timers *timers, size_t place)
{
    return timers->heap[place - 1];
}

static void rise(struct timers *timers, struct timer *timer, size_t place)
{
    while (place > 1 && get(timers, place / 2)->at_ms > timer->at_ms) {
        put(timers, place, get(timers, place / 2));
        place /= 2;
    }
    put(timers, place, timer);
}

static void sink(struct timers *timers, struct timer *timer, size_t place)
{
    for (size_t child; (child = 2 * place) <= timers->count; place = child) {
        if (child < timers->count && get(timers, child + 1)->at_ms < get(timers, child)->at_ms)
            child++;
        if (timer->at_ms <= get(timers, child)->at_ms)
            break;
        put(timers, place, get(timers, child));
    }
    put(timers, place, timer);
}

void timers_set(struct timers *timers, struct timer *timer, uint64_t at_ms)
{
    timers_clear(timers, timer);
    if (timers->count == timers->room)
        abort(); /* more timers than were reserved: a bug, not a shortage */
    timer->at_ms = at_ms;
    rise(timers, timer, ++timers->count);
}

void timers_clear(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;
    if (!place)
        return;
    timer->place = 0;
    struct timer *last = get(timers, timers->count--);
    if (last == timer)
        return;
    if (place > 1 && get(timers, place / 2)->at_ms > last->at_ms)
        rise(timers, last, place);
    else
        sink(timers, last, place);
}

uint64_t timers_next(const struct timers *timers)
{
    return timers->count ? timers->heap[0]->at_ms : UINT64_MAX;
}

struct timer *timers_take(struct timers *timers, uint64_t now_ms)
{
    if (timers_next(timers) > now_ms)
        return NULL;
    struct timer *timer = timers->heap[0];
    timers_clear(timers, timer);
    return timer;
}
