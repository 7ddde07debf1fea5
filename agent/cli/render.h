/* render.h - results on stdout: one file an output format, behind one small interface. */
#ifndef POWERCTL_RENDER_H
#define POWERCTL_RENDER_H

#include <stdio.h>

#include "agent/cli/findings.h"
#include "agent/cli/options.h"
#include "proto/api.h"

struct render {
    FILE *out;
    bool colours;
    bool expand;                     /* nodes: one name a line */
    unsigned columns;                /* of the terminal; 0: it is none */
    const struct findings *findings; /* of a check; NULL: none */
};

struct renderer {
    /* A job with its nodes: what is asked of `status`, what came of the others. */
    void (*job)(const struct render *render, const struct job_view *job);
    void (*nodes)(const struct render *render, const struct node_view *nodes, size_t count,
                  const char *folded);
    void (*jobs)(const struct render *render, const struct job_view *jobs, size_t count);
    void (*events)(const struct render *render, const struct job_event *events, size_t count);
    /* One of a stream that never ends: `watch`. `first`: nothing was written before. */
    void (*event)(const struct render *render, const struct job_event *event, bool first);
    void (*locks)(const struct render *render, const struct lock_view *locks, size_t count);
    void (*outlets)(const struct render *render, const struct outlet_view *outlets, size_t count);
};
/* render_locks.c: who, since when, until when and why, of nodes that share all of it in one row. */
void table_locks(const struct render *render, const struct lock_view *locks, size_t count);

/* render_outlets.c: a row each, then why what is not known is not known. */
void table_outlets(const struct render *render, const struct outlet_view *outlets, size_t count);

extern const struct renderer render_table, render_json, render_jsonl, render_csv, render_nodeset;
const struct renderer *renderer_of(enum format format);

#endif
