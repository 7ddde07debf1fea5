/* Following events: a stream that is kept open, and opened again where it broke. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/client/http.h"
#include "agent/client/sse.h"
#include "proto/cleanup.h"

struct stream {
    struct client *client;
    const struct client_follower *follower;
    struct sse_parser parser;
    struct http_answer refusal; /* the body of an answer that is not a stream */
    CURL *curl;
    bool stopped, opened;
    struct err err;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* "resync": the agent dropped events because we read too slowly. */
static void take_message(void *arg, const struct sse_message *message)
{
    struct stream *stream = arg;
    struct job_event event;
    if (stream->stopped)
        return;
    if (!strcmp(message->event, "resync")) {
        stream->stopped = !stream->follower->opened(stream->follower->arg);
        return;
    }
    if (job_event_decode(message->data, &event, &stream->err)) {
        /* A kind of event that a newer agent knows: not for us. */
        return;
    }
    stream->stopped = !stream->follower->event(stream->follower->arg, &event);
}

static size_t take_bytes(const char *bytes, size_t one, size_t size, void *arg)
{
    (void)one;
    struct stream *stream = arg;
    long status = 0;
    curl_easy_getinfo(stream->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 400) {
        char *body = realloc(stream->refusal.body, stream->refusal.size + size + 1);
        if (!body || stream->refusal.size + size > SSE_MAX)
            return 0;
        memcpy(body + stream->refusal.size, bytes, size);
        stream->refusal.body = body;
        stream->refusal.size += size;
        body[stream->refusal.size] = '\0';
        return size;
    }
    if (!stream->opened) {
        stream->opened = true;
        stream->stopped = !stream->follower->opened(stream->follower->arg);
    }
    stream->err = (struct err){0};
    if (sse_feed(&stream->parser, bytes, size, take_message, stream, &stream->err))
        return 0;
    return stream->stopped ? 0 : size;
}

/* Turns the transfer until it ends or the follower has enough. */
static CURLcode turn(struct stream *stream, CURLM *multi)
{
    int running = 1;
    while (running && !stream->stopped) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return CURLE_OUT_OF_MEMORY;
        if (!stream->stopped && !stream->follower->tick(stream->follower->arg))
            stream->stopped = true;
        if (running && !stream->stopped)
            (void)curl_multi_poll(multi, NULL, 0, CLIENT_TICK_MS, NULL);
    }
    int left;
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    return message ? message->data.result : CURLE_OK;
}

/* One connection from open to end. -1 with *err if the agent refused the stream. */
static int connect_once(struct stream *stream, const char *path, CURLcode *code, struct err *err)
{
    char last_id[SSE_NAME_SIZE + 32];
    (void)snprintf(last_id, sizeof last_id, "Last-Event-ID: %s", stream->parser.id);
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: text/event-stream");
    if (stream->parser.id[0])
        headers = curl_slist_append(headers, last_id);
    CURLM *multi = curl_multi_init();
    curl_easy_reset(stream->curl);
    http_prepare(stream->client, stream->curl, path);
    curl_easy_setopt(stream->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(stream->curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(stream->curl, CURLOPT_WRITEDATA, stream);
    stream->opened = false;
    sse_restart(&stream->parser);
    curl_multi_add_handle(multi, stream->curl);
    *code = turn(stream, multi);
    curl_easy_getinfo(stream->curl, CURLINFO_RESPONSE_CODE, &stream->refusal.status);
    curl_multi_remove_handle(multi, stream->curl);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    if (stream->refusal.status < 400)
        return 0;
    if (!stream->refusal.body)
        stream->refusal.body = strdup("");
    return http_refusal(&stream->refusal, NULL, err);
}

/* Waits a second, the follower ticking, so that a dead agent is not hammered. */
static void breathe(struct stream *stream)
{
    uint64_t until = now_ms() + 1000;
    while (!stream->stopped && now_ms() < until) {
        stream->stopped = !stream->follower->tick(stream->follower->arg);
        struct timespec pause = {.tv_nsec = CLIENT_TICK_MS * 1000000L};
        if (!stream->stopped)
            (void)nanosleep(&pause, NULL);
    }
}

static int keep_following(struct stream *stream, const char *path, uint64_t patience_ms,
                          struct err *err)
{
    uint64_t lost_since = now_ms();
    for (;;) {
        CURLcode code;
        if (connect_once(stream, path, &code, err))
            return -1;
        if (stream->stopped)
            return 0;
        if (stream->err.kind == ERR_LIMIT)
            return err_set(err, ERR_PROTOCOL, "the agent's events make no sense: %s",
                           stream->err.text);
        if (stream->opened)
            lost_since = now_ms();
        if (now_ms() - lost_since >= patience_ms)
            return http_failure(stream->client, code, err);
        breathe(stream);
        if (stream->stopped)
            return 0;
    }
}

static char *stream_path(const char *job, const char *nodes)
{
    if (nodes)
        return http_path("/v1/events?nodes=", nodes);
    if (!job)
        return strdup("/v1/events");
    _cleanup_(freep) char *path = http_path("/v1/jobs/", job);
    char *whole = NULL;
    if (!path || asprintf(&whole, "%s/events", path) < 0)
        return NULL;
    return whole;
}

int client_follow(struct client *client, const char *job, const char *nodes, uint64_t patience_ms,
                  const struct client_follower *follower, struct err *err)
{
    struct stream stream = {.client = client, .follower = follower, .curl = client->curl};
    _cleanup_(freep) char *path = stream_path(job, nodes);
    if (!path)
        return err_set(err, ERR_SYSTEM, "out of memory");
    if (sse_init(&stream.parser, err))
        return -1;
    if (job) /* from its first event on, as far back as the agent remembers */
        memcpy(stream.parser.id, "0", sizeof "0");
    int result = keep_following(&stream, path, patience_ms, err);
    sse_clear(&stream.parser);
    http_answer_clear(&stream.refusal);
    return result;
}
