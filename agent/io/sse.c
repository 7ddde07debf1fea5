#include "agent/io/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/plan.h"
#include "agent/io/log.h"
#include "proto/cleanup.h"

/* One event as it goes over the wire, for as many as read it. */
struct text {
    size_t readers, size;
    char bytes[];
};

struct entry {
    uint64_t id; /* 0: not in the journal */
    struct text *text;
    char job[JOB_ID_SIZE], node[NAME_SIZE];
    enum event_kind kind;
};

struct ring {
    uint64_t head; /* entries ever put in: entry i is entries[i % SSE_RING] */
    struct entry entries[SSE_RING];
};

struct event_hub {
    struct journal *journal;
    uint64_t overruns;
    struct ring news, answers;
};

struct stream {
    struct event_hub *hub;
    const struct ring *ring;
    struct stream_filter filter;
    bool replaying, ended;
    bool lost;                       /* to be told so first */
    uint64_t replayed, replay_until; /* journal sequences */
    uint64_t at;                     /* next entry of the ring */
    uint64_t ping_ms;                /* when the next ping is due */
    struct text *pending;            /* not yet taken whole by the client; NULL: none */
    size_t pending_used;
};

bool event_is_answer(const struct job_event *event)
{
    return event->verb < VERBS && !verb_changes_something(event->verb);
}

bool event_is_news(const struct job_event *event)
{
    return !event_is_answer(event) || event->kind == EVENT_POWER;
}

static struct text *text_drop(struct text *text)
{
    if (text && --text->readers == 0)
        free(text);
    return NULL;
}

static struct text *text_share(struct text *text)
{
    text->readers++;
    return text;
}

/* Behind what is there: `text` may be NULL, is nobody else's, and taken over. NULL: no memory. */
static struct text *text_add(struct text *text, const char *before, const char *bytes, size_t size,
                             const char *after)
{
    size_t first = strlen(before), last = strlen(after), old = text ? text->size : 0;
    struct text *more = realloc(text, sizeof *text + old + first + size + last);
    if (!more) {
        free(text);
        return NULL;
    }
    *more = (struct text){.readers = 1, .size = old + first + size + last};
    memcpy(more->bytes + old, before, first);
    memcpy(more->bytes + old + first, bytes, size);
    memcpy(more->bytes + old + first + size, after, last);
    return more;
}

static struct text *text_add_event(struct text *text, uint64_t id, const char *json)
{
    char before[48] = "data: ";
    if (id)
        (void)snprintf(before, sizeof before, "id: %llu\ndata: ", (unsigned long long)id);
    return text_add(text, before, json, strcspn(json, "\n"), "\n\n");
}

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
    for (size_t i = 0; i < SSE_RING; i++) {
        (void)text_drop(hub->news.entries[i].text);
        (void)text_drop(hub->answers.entries[i].text);
    }
    free(hub);
    return NULL;
}

static void ring_put(struct ring *ring, const struct entry *entry)
{
    struct entry *place = &ring->entries[ring->head++ % SSE_RING];
    (void)text_drop(place->text);
    *place = *entry;
    (void)text_share(place->text);
}

void event_hub_publish(struct event_hub *hub, const struct job_event *event, bool journaled)
{
    struct entry entry = {.id = journaled ? event->sequence : 0, .kind = event->kind};
    _cleanup_(freep) char *json = job_event_encode(event);
    entry.text = json ? text_add_event(NULL, entry.id, json) : NULL;
    if (!entry.text) {
        log_error("event=dropped job=%s reason=\"out of memory\"", event->job);
        return; /* those that can will read it from the journal */
    }
    memcpy(entry.job, event->job, sizeof entry.job);
    memcpy(entry.node, event->node.node, sizeof entry.node);
    if (event_is_news(event))
        ring_put(&hub->news, &entry);
    if (event_is_answer(event))
        ring_put(&hub->answers, &entry);
    (void)text_drop(entry.text);
}

uint64_t event_hub_overruns(const struct event_hub *hub)
{
    return hub->overruns;
}

static uint64_t oldest(const struct ring *ring)
{
    return ring->head > SSE_RING ? ring->head - SSE_RING : 0;
}

/* Where an answer's stream begins: at its job's first event, or behind the one with that id. */
static void find_answers(struct stream *stream)
{
    const struct ring *ring = stream->ring;
    const struct stream_filter *filter = &stream->filter;
    stream->replaying = false;
    for (stream->at = oldest(ring); stream->at != ring->head; stream->at++) {
        const struct entry *entry = &ring->entries[stream->at % SSE_RING];
        if (strcmp(entry->job, filter->job) != 0)
            continue;
        if (filter->after ? entry->id != filter->after : entry->kind != EVENT_JOB_STARTED)
            continue;
        stream->at += filter->after != 0;
        return;
    }
    stream->lost = true;
    stream->ended = filter->job_ended;
}

struct stream *stream_new(struct event_hub *hub, const struct stream_filter *filter,
                          uint64_t now_ms)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    *stream = (struct stream){.hub = hub,
                              .ring = filter->question ? &hub->answers : &hub->news,
                              .filter = *filter,
                              .replaying = filter->replay,
                              .replayed = filter->after,
                              .replay_until = journal_last_sequence(hub->journal),
                              .ping_ms = now_ms + SSE_PING_MS};
    stream->at = stream->ring->head;
    if (filter->question && filter->replay)
        find_answers(stream);
    return stream;
}

struct stream *stream_free(struct stream *stream)
{
    if (!stream)
        return NULL;
    (void)nodeset_free(stream->filter.nodes);
    (void)text_drop(stream->pending);
    free(stream);
    return NULL;
}

static bool wants(const struct stream *stream, const char *job, const char *node)
{
    if (stream->filter.job[0] && strcmp(stream->filter.job, job) != 0)
        return false;
    return !stream->filter.nodes || (node[0] && nodeset_has(stream->filter.nodes, node));
}

/* Takes over what is to be sent next. Out of memory ends the stream: the client comes again with
 * its last id. */
static void offer(struct stream *stream, struct text *text)
{
    stream->pending = text;
    stream->ended = stream->ended || !text;
}

static void offer_resync(struct stream *stream)
{
    static const char resync[] = "event: resync\ndata: {}\n\n";
    stream->hub->overruns++;
    stream->lost = false;
    offer(stream, text_add(stream->pending, "", resync, sizeof resync - 1, ""));
}

static bool on_row(void *arg, const struct journal_row *row)
{
    struct stream *stream = arg;
    stream->replayed = row->sequence;
    if (wants(stream, row->job, row->node))
        offer(stream, text_add_event(stream->pending, row->sequence, row->json));
    if (row->job_ended && stream->filter.job[0])
        stream->ended = true;
    return !stream->ended;
}

static void replay_page(struct stream *stream)
{
    struct err err;
    const char *job = stream->filter.job[0] ? stream->filter.job : NULL;
    if (stream->replayed > stream->replay_until) { /* an id of a journal that is gone */
        offer_resync(stream);
        stream->replaying = false;
        return;
    }
    int rows = journal_read(stream->hub->journal, stream->replayed, stream->replay_until, job,
                            SSE_REPLAY_PAGE, on_row, stream, &err);
    if (rows < 0)
        offer_resync(stream);
    if (rows < SSE_REPLAY_PAGE)
        stream->replaying = false;
    if (!stream->replaying && stream->filter.job_ended)
        stream->ended = true;
}

static void take_from_ring(struct stream *stream)
{
    const struct ring *ring = stream->ring;
    if (stream->at < oldest(ring)) {
        stream->at = ring->head;
        offer_resync(stream);
        return;
    }
    const struct entry *entry = &ring->entries[stream->at++ % SSE_RING];
    if (wants(stream, entry->job, entry->node))
        offer(stream, text_share(entry->text));
    if (entry->kind == EVENT_JOB_ENDED && stream->filter.job[0] &&
        !strcmp(entry->job, stream->filter.job))
        stream->ended = true;
}

/* Until there is text, the end, or nothing to be had. */
static void refill(struct stream *stream, uint64_t now_ms)
{
    static const char ping[] = ": ping\n\n";
    stream->pending = text_drop(stream->pending);
    stream->pending_used = 0;
    if (stream->lost)
        offer_resync(stream);
    while (!stream->pending && !stream->ended) {
        if (stream->replaying)
            replay_page(stream);
        else if (stream->at != stream->ring->head)
            take_from_ring(stream);
        else
            break;
    }
    if (!stream->pending && !stream->ended && now_ms >= stream->ping_ms)
        offer(stream, text_add(NULL, "", ping, sizeof ping - 1, ""));
}

static size_t left(const struct stream *stream)
{
    return stream->pending ? stream->pending->size - stream->pending_used : 0;
}

ssize_t stream_read(struct stream *stream, char *buffer, size_t size, uint64_t now_ms)
{
    size_t length = 0;
    while (length < size) {
        if (!left(stream))
            refill(stream, now_ms);
        size_t part = left(stream);
        if (!part)
            break;
        if (part > size - length)
            part = size - length;
        memcpy(buffer + length, stream->pending->bytes + stream->pending_used, part);
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
    return left(stream) || stream->lost || stream->replaying || stream->ended ||
           stream->at != stream->ring->head || now_ms >= stream->ping_ms;
}
