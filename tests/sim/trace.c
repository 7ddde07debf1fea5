/* trace.c - what happened, line by line: hashed, so that two runs can be compared, and its end
 * kept, so that a failure can be read. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

enum { LINE = 320, KEPT = 60 };

struct trace {
    uint64_t hash;
    bool show;
    size_t count;
    char lines[KEPT][LINE];
    char invariant[8], why[LINE];
    uint64_t event;
};

struct trace *trace_new(bool show)
{
    struct trace *trace = calloc(1, sizeof *trace);
    if (!trace)
        abort();
    trace->hash = 0xcbf29ce484222325;
    trace->show = show;
    return trace;
}

struct trace *trace_free(struct trace *trace)
{
    free(trace);
    return NULL;
}

void trace_line(struct sim *sim, const char *format, ...)
{
    struct trace *trace = sim->trace;
    char *line = trace->lines[trace->count++ % KEPT];
    int head = snprintf(line, LINE, "%" PRIu64 " +%" PRIu64 ".%03u ", sim->event,
                        (sim->now_ms - sim->began_ms) / 1000,
                        (unsigned)((sim->now_ms - sim->began_ms) % 1000));
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line + head, (size_t)(LINE - head), format, args);
    va_end(args);
    for (const char *at = line; *at; at++)
        trace->hash = (trace->hash ^ (unsigned char)*at) * 0x100000001b3;
    if (trace->show)
        puts(line);
}

uint64_t trace_hash(const struct trace *trace)
{
    return trace->hash;
}

void trace_tail(const struct trace *trace)
{
    size_t first = trace->count > KEPT ? trace->count - KEPT : 0;
    for (size_t i = first; i < trace->count; i++)
        printf("  | %s\n", trace->lines[i % KEPT]);
}

/* The first one counts: what follows it are often its consequences. */
void sim_violation(struct sim *sim, const char *invariant, const char *format, ...)
{
    struct trace *trace = sim->trace;
    if (sim->violated)
        return;
    sim->violated = true;
    trace->event = sim->event;
    (void)snprintf(trace->invariant, sizeof trace->invariant, "%s", invariant);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(trace->why, sizeof trace->why, format, args);
    va_end(args);
    trace_line(sim, "VIOLATION of %s: %s", invariant, trace->why);
}

bool trace_violation(const struct trace *trace, char invariant[8], uint64_t *event)
{
    memcpy(invariant, trace->invariant, sizeof trace->invariant);
    *event = trace->event;
    return trace->invariant[0];
}
