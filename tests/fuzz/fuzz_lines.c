/* Any bytes as a stream of lines: however they are cut into pieces, the same lines come. Byte 0 says
 * how often the rest is said over, so that a small input makes a line that is too long. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    uint64_t sum;
    size_t count;
};

static void hear(void *arg, const char *line)
{
    struct heard *heard = arg;
    heard->count++;
    if (line && (strlen(line) >= DRIVER_LINE_SIZE || strchr(line, '\n')))
        abort();
    heard->sum = (heard->sum ^ (line ? 1 : 2)) * 1099511628211U;
    for (; line && *line; line++)
        heard->sum = (heard->sum ^ (unsigned char)*line) * 1099511628211U;
}

static struct heard feed(const char *bytes, size_t size, size_t most)
{
    struct heard heard = {0};
    struct lines *lines = calloc(1, sizeof *lines);
    for (size_t at = 0, part; lines && at < size; at += part) {
        part = 1 + ((unsigned char)bytes[at] + at) % most;
        if (part > size - at)
            part = size - at;
        lines_feed(lines, bytes + at, part, hear, &heard);
    }
    if (lines)
        lines_end(lines, hear, &heard);
    free(lines);
    return heard;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t once = size - 1, whole = once * (1 + data[0] % 32U);
    _cleanup_(freep) char *bytes = malloc(whole);
    if (!bytes)
        return 0;
    for (size_t at = 0; at < whole; at += once)
        memcpy(bytes + at, data + 1, once);
    struct heard expected = feed(bytes, whole, SIZE_MAX / 2);
    for (size_t most = 1; most < 40000; most = most * 11 + 6) {
        struct heard pieces = feed(bytes, whole, most);
        if (pieces.count != expected.count || pieces.sum != expected.sum)
            abort();
    }
    return 0;
}
