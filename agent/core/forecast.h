/* forecast.h - when the inrush limits would let each node of a set be switched on, at the earliest.
 *
 * A rehearsal with the very pacers that admission.c has, at rest and used by nobody else: all nodes
 * are ready at once, and each outlet is on the moment it is told to be. */
#ifndef POWERCTL_FORECAST_H
#define POWERCTL_FORECAST_H

#include "agent/core/inventory.h"
#include "agent/core/pacer.h"
#include "proto/api.h"
#include "proto/nodeset.h"

struct forecast_node {
    const struct node *node;
    uint64_t first_ms, last_ms; /* when its first and last target is switched on, from the start */
};

struct forecast {
    size_t count;
    struct forecast_node *nodes; /* in the order in which they get power */
    uint64_t last_ms;
    size_t switch_ons;
    /* Which limit most of the waiting was for; "": nobody waited. */
    char limited_by[PACER_TEXT_SIZE];
};

/* NULL: out of memory. */
struct forecast *forecast_new(const struct inventory *inventory, const struct nodeset *set,
                              const struct job_request *request);
struct forecast *forecast_free(struct forecast *forecast);
void forecast_freep(struct forecast **forecast);

#endif
