/* A row of frames: two bytes of length, one of time passed (in 64 ms), then the frame. */
#include <stdint.h>
#include <stdlib.h>

#include "agent/capture/capture.h"
#include "proto/cursor.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *arg, const struct note *note)
{
    char line[NOTE_LINE_SIZE];
    struct note again;
    (void)arg;
    check_printable(note->file, sizeof note->file);
    check_printable(note->reason, sizeof note->reason);
    (void)note_encode(note, line);
    if (note_decode(line, &again, NULL) || again.kind != note->kind ||
        strcmp(again.file, note->file) != 0)
        abort();
    if (note->kind == NOTE_PHONED_HOME || note->kind == NOTE_FILE_SENT)
        abort(); /* others say that */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct capture *capture = capture_new(check, NULL, NULL);
    struct sock_filter code[FILTER_INSTRUCTIONS_MAX];
    struct cursor c = cursor(data, size);
    uint64_t now_ms = 1, tick_ms = 0;
    while (capture && c.left) {
        uint16_t length = get_be16(&c);
        now_ms += get_u8(&c) * 64U;
        struct cursor frame = get_part(&c, length);
        if (frame.bad)
            break;
        capture_packet(capture, frame.at, frame.left, frame.left, now_ms);
        if (now_ms < tick_ms)
            continue;
        capture_tick(capture, now_ms);
        tick_ms = now_ms + 250;
    }
    if (capture) /* all that only silence tells */
        capture_tick(capture, now_ms + 40000);
    if (capture && filter_build(capture_filter(capture), code) > FILTER_INSTRUCTIONS_MAX)
        abort();
    capture_freep(&capture);
    return 0;
}
