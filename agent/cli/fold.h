/* fold.h - some of a list of nodes, as one folded name: "n[01-14,16]". */
#ifndef POWERCTL_FOLD_H
#define POWERCTL_FOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/api.h"

typedef bool node_choice_fn(const struct node_view *node, int value);
bool node_has_outcome(const struct node_view *node, int outcome);
bool node_has_power(const struct node_view *node, int power);

/* malloc'd; "" if there is none. Never NULL (memory.h). */
char *fold_names(const char *const *names, size_t count);

/* Of those that are chosen, likewise. *count may be NULL. */
char *fold_nodes(const struct node_view *nodes, size_t nnodes, node_choice_fn *choose, int value,
                 size_t *count);

#endif
