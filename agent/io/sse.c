#include "agent/io/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/log.h"
#include "proto/cleanup.h"

struct entry {
    uint64_t id; /* 0: not in the journal */
    char *json;
    char job[JOB_ID_SIZE], node[NAME_SIZE];
    bool job_ended;
};

struct event_hub {
    struct journal *journal;
    uint64_t head; /* entries ever published: entry i is ring[i % SSE_RING] */
    uint64_t overruns;
    struct entry ring[SSE_RING];
};

struct stream {
    struct event_hub *hub;
    struct stream_filter filter;
    bool replaying, ended;
    uint64_t replayed, replay_until; /* journal sequences */
    uint64_t at;                     /* next entry of the ring */
    uint64_t ping_ms;                /* when the next ping is due */
    char *pending;                   /* text not yet taken by the client */
    size_t pending_size, pending_used;
};

struct event_hub *event_hub_new(struct journal *journal)
{
    struct event_hub *hub = calloc(1, sizeof *hub);
    if (hub)
        hub->journal = journal;
    return hub;
}

struct event_hub *event_hub_free(struct event_hub *hub)
{
    if (!hub)
        return NULL;
    for (size_t i = 0; i < SSE_RING; i++)
        free(hub->ring[i].json);
    free(hub);
    return NULL;
}

void event_hub_publish(struct event_hub *hub, const struct job_event *event, bool journaled)
{
    char *json = job_event_encode(event);
    if (!json) {
        log_error("event=dropped job=%s reason=\"out of memory\"", event->job);
        return; /* those that can will read it from the journal */
    }
    struct entry *entry = &hub->ring[hub->head++ % SSE_RING];
    free(entry->json);
    *entry = (struct entry){.id = journaled ? event->sequence : 0,
                            .json = json,
                            .job_ended = event->kind == EVENT_JOB_ENDED};
    memcpy(entry->job, event->job, sizeof entry->job);
    memcpy(entry->node, event->node.node, sizeof entry->node);
}

uint64_t event_hub_overruns(const struct event_hub *hub)
{
    return hub->overruns;
}

struct stream *stream_new(struct event_hub *hub, const struct stream_filter *filter,
                          uint64_t now_ms)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    *stream = (struct stream){.hub = hub,
                              .filter = *filter,
                              .replaying = filter->replay,
                              .replayed = filter->after,
                              .replay_until = journal_last_sequence(hub->journal),
                              .at = hub->head,
                              .ping_ms = now_ms + SSE_PING_MS};
    return stream;
}

struct stream *stream_free(struct stream *stream)
{
    if (!stream)
        return NULL;
    (void)nodeset_free(stream->filter.nodes);
    free(stream->pending);
    free(stream);
    return NULL;
}

static bool wants(const struct stream *stream, const char *job, const char *node)
{
    if (stream->filter.job[0] && strcmp(stream->filter.job, job) != 0)
        return false;
    return !stream->filter.nodes || (node[0] && nodeset_has(stream->filter.nodes, node));
}

/* Out of memory ends the stream: the client comes again with its last id. */
static void append(struct stream *stream, const char *text, size_t length)
{
    if (!length) /* realloc() to no size at all would free it */
        return;
    char *more = realloc(stream->pending, stream->pending_size + length);
    if (!more) {
        stream->ended = true;
        return;
    }
    memcpy(more + stream->pending_size, text, length);
    stream->pending = more;
    stream->pending_size += length;
}

static void append_event(struct stream *stream, uint64_t id, const char *json)
{
    char line[40];
    int length = id ? snprintf(line, sizeof line, "id: %llu\n", (unsigned long long)id) : 0;
    append(stream, line, (size_t)length);
    append(stream, "data: ", 6);
    append(stream, json, strcspn(json, "\n"));
    append(stream, "\n\n", 2);
}

static void append_resync(struct stream *stream)
{
    static const char text[] = "event: resync\ndata: {}\n\n";
    stream->hub->overruns++;
    append(stream, text, sizeof text - 1);
}

static bool on_row(void *arg, const struct journal_row *row)
{
    struct stream *stream = arg;
    stream->replayed = row->sequence;
    if (wants(stream, row->job, row->node))
        append_event(stream, row->sequence, row->json);
    if (row->job_ended && stream->filter.job[0])
        stream->ended = true;
    return !stream->ended;
}

static void replay_page(struct stream *stream)
{
    struct err err;
    const char *job = stream->filter.job[0] ? stream->filter.job : NULL;
    if (stream->replayed > stream->replay_until) { /* an id of a journal that is gone */
        append_resync(stream);
        stream->replaying = false;
        return;
    }
    int rows = journal_read(stream->hub->journal, stream->replayed, stream->replay_until, job,
                            SSE_REPLAY_PAGE, on_row, stream, &err);
    if (rows < 0)
        append_resync(stream);
    if (rows < SSE_REPLAY_PAGE)
        stream->replaying = false;
    if (!stream->replaying && stream->filter.job_ended)
        stream->ended = true;
}

static void take_from_ring(struct stream *stream)
{
    struct event_hub *hub = stream->hub;
    if (hub->head - stream->at > SSE_RING) {
        stream->at = hub->head;
        append_resync(stream);
        return;
    }
    const struct entry *entry = &hub->ring[stream->at++ % SSE_RING];
    if (wants(stream, entry->job, entry->node))
        append_event(stream, entry->id, entry->json);
    if (entry->job_ended && stream->filter.job[0] && !strcmp(entry->job, stream->filter.job))
        stream->ended = true;
}

/* Until there is text, the end, or nothing to be had. */
static void refill(struct stream *stream, uint64_t now_ms)
{
    stream->pending_size = stream->pending_used = 0;
    while (!stream->pending_size && !stream->ended) {
        if (stream->replaying)
            replay_page(stream);
        else if (stream->at != stream->hub->head)
            take_from_ring(stream);
        else
            break;
    }
    if (!stream->pending_size && !stream->ended && now_ms >= stream->ping_ms)
        append(stream, ": ping\n\n", 8);
}

ssize_t stream_read(struct stream *stream, char *buffer, size_t size, uint64_t now_ms)
{
    size_t length = 0;
    while (length < size) {
        if (stream->pending_used == stream->pending_size)
            refill(stream, now_ms);
        size_t part = stream->pending_size - stream->pending_used;
        if (!part)
            break;
        if (part > size - length)
            part = size - length;
        memcpy(buffer + length, stream->pending + stream->pending_used, part);
        stream->pending_used += part;
        length += part;
        stream->ping_ms = now_ms + SSE_PING_MS;
    }
    if (length)
        return (ssize_t)length;
    return stream->ended ? -1 : 0;
}

bool stream_has_data(const struct stream *stream, uint64_t now_ms)
{
    return stream->pending_used < stream->pending_size || stream->replaying || stream->ended ||
           stream->at != stream->hub->head || now_ms >= stream->ping_ms;
}
