/* api_views.h - what the files that turn views into JSON share.  Private to proto/api_*.c. */
#ifndef POWERCTL_API_VIEWS_H
#define POWERCTL_API_VIEWS_H

#include "proto/api.h"
#include "proto/api_fields.h"

enum { JOBS_MAX = 65536, EVENTS_MAX = 1000000 }; /* most elements of a list that is read */

/* A node's fields but `job`, which an event has itself. */
extern const struct field node_fields[];

/* What is not known yet: percent -1, power never read. */
struct node_view node_view_unknown(void);

/* [{...},...] */
void node_views_write(struct json_text *text, const struct node_view *views, size_t count);
/* Reads object[key]; *views is the caller's to free. */
int node_views_from_json(const json_t *object, const char *key, struct node_view **views,
                         size_t *count, struct err *err);

/* Takes over both. NULL if either is, or memory ran out. */
json_t *object_with(json_t *object, const char *key, json_t *value);

#endif
