#include "proto/timers.h"

#include <stdlib.h>

int timers_reserve(struct timers *timers, size_t count)
{
    if (count <= timers->room)
        return 0;
    size_t room = timers->room ? timers->room : 64;
    while (room < count)
        room *= 2;
    struct timer **heap = reallocarray(timers->heap, room + 1, sizeof(struct timer *));
    if (!heap)
        return -1;
    timers->heap = heap;
    timers->room = room;
    return 0;
}

void timers_clear(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

static void put(struct timers *timers, size_t place, struct timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void rise(struct timers *timers, size_t place)
{
    struct timer *timer = timers->heap[place];
    for (; place > 1 && timers->heap[place / 2]->at_ms > timer->at_ms; place /= 2)
        put(timers, place, timers->heap[place / 2]);
    put(timers, place, timer);
}

static void sink(struct timers *timers, size_t place)
{
    struct timer *timer = timers->heap[place];
    for (;;) {
        size_t child = 2 * place;
        if (child > timers->count)
            break;
        if (child < timers->count && timers->heap[child + 1]->at_ms < timers->heap[child]->at_ms)
            child++;
        if (timers->heap[child]->at_ms >= timer->at_ms)
            break;
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

static void unset(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;
    timer->place = 0;
    struct timer *last = timers->heap[timers->count--];
    if (last == timer)
        return;
    put(timers, place, last);
    rise(timers, place);
    sink(timers, last->place);
}

void timer_set(struct timers *timers, struct timer *timer, uint64_t at_ms)
{
    if (timer->place)
        unset(timers, timer);
    timer->at_ms = at_ms;
    if (at_ms == UINT64_MAX)
        return;
    if (timers->count == timers->room)
        abort(); /* more timers than were reserved: a bug, not a shortage */
    put(timers, ++timers->count, timer);
    rise(timers, timer->place);
}

uint64_t timers_next(const struct timers *timers)
{
    return timers->count ? timers->heap[1]->at_ms : UINT64_MAX;
}

struct timer *timers_take(struct timers *timers, uint64_t now_ms)
{
    if (!timers->count || timers->heap[1]->at_ms > now_ms)
        return NULL;
    struct timer *timer = timers->heap[1];
    unset(timers, timer);
    timer->at_ms = UINT64_MAX;
    return timer;
}
