/* sse.h - Server-Sent Events (WHATWG HTML, section 9.2) out of a stream of bytes that arrives in
 * pieces.  Pure: bytes in, messages out through a callback.
 *
 * A message is delivered at its empty line; one that is cut off by the end of the stream is not,
 * and will be sent again after Last-Event-ID.  A line or message above SSE_MAX bytes is an error:
 * the stream cannot be trusted any more. */
#ifndef POWERCTL_SSE_H
#define POWERCTL_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/err.h"

enum { SSE_MAX = 65536, SSE_NAME_SIZE = 64 };

struct sse_message {
    const char *event; /* "message" if the stream does not say */
    const char *data;  /* lines joined by '\n' */
    const char *id;    /* the last seen, "" if none */
};

struct sse_parser {
    char event[SSE_NAME_SIZE];
    char next_id[SSE_NAME_SIZE]; /* of the message that is arriving */
    char id[SSE_NAME_SIZE];      /* of the last whole one: what Last-Event-ID says */
    char *line, *data;           /* SSE_MAX + 1 each */
    size_t line_size, data_size;
    bool has_data, after_cr, started;
};

/* 0, or -1: memory ran out. */
int sse_init(struct sse_parser *parser, struct err *err);
void sse_clear(struct sse_parser *parser);
/* A new connection: forgets half a message, keeps the id. */
void sse_restart(struct sse_parser *parser);

typedef void sse_message_fn(void *arg, const struct sse_message *message);
int sse_feed(struct sse_parser *parser, const char *bytes, size_t size, sse_message_fn *deliver,
             void *arg, struct err *err);

#endif
