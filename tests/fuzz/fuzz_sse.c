/* Any bytes as a stream of events: however they are cut into pieces, the same messages come; each
 * event in them goes where the client sends it, to the decoder. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/client/sse.h"
#include "proto/api.h"
#include "proto/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came, in a sum: a difference is a difference. */
struct heard {
    uint64_t sum;
    size_t count;
};

static void add(struct heard *heard, const char *text)
{
    for (;; text++) {
        heard->sum = (heard->sum ^ (unsigned char)*text) * 1099511628211U;
        if (!*text)
            return;
    }
}

static void hear(void *arg, const struct sse_message *message)
{
    struct heard *heard = arg;
    struct job_event event;
    heard->count++;
    add(heard, message->event);
    add(heard, message->data);
    add(heard, message->id);
    if (!*message->event || strlen(message->event) >= SSE_NAME_SIZE ||
        strlen(message->id) >= SSE_NAME_SIZE || strlen(message->data) > SSE_MAX)
        abort();
    (void)job_event_decode(message->data, &event, NULL);
}

/* In pieces of 1 to `most` bytes. */
static int feed(struct sse_parser *parser, const uint8_t *data, size_t size, size_t most,
                struct heard *heard)
{
    for (size_t at = 0, part; at < size; at += part) {
        part = 1 + (most == 1 ? 0 : (data[at] + at) % most);
        if (part > size - at)
            part = size - at;
        if (sse_feed(parser, (const char *)data + at, part, hear, heard, NULL))
            return -1;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sse_parser parser;
    struct heard whole = {0}, bytes = {0}, pieces = {0};
    char id[SSE_NAME_SIZE];
    if (sse_init(&parser, NULL))
        return 0;
    int taken = feed(&parser, data, size, SIZE_MAX, &whole);
    memcpy(id, parser.id, sizeof id);
    sse_restart(&parser); /* the connection dropped: the id stays, half a message goes */
    if (strcmp(id, parser.id) != 0 || parser.has_data || parser.line_size)
        abort();
    sse_clear(&parser);

    const struct {
        size_t most;
        struct heard *heard;
    } ways[] = {{1, &bytes}, {7, &pieces}};
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        if (sse_init(&parser, NULL))
            return 0;
        if (feed(&parser, data, size, ways[i].most, ways[i].heard) != taken ||
            ways[i].heard->count != whole.count || ways[i].heard->sum != whole.sum ||
            strcmp(parser.id, id) != 0)
            abort();
        sse_clear(&parser);
    }
    return 0;
}
