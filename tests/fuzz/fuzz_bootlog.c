/* Any lines as a boot server's log, one log for all of an input, as the follower has it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bootlog.h"
#include "proto/cleanup.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(struct bootlog *log, const char *line)
{
    char json[NOTE_LINE_SIZE];
    struct note note, untouched, again;
    memset(&note, 0xa5, sizeof note);
    untouched = note;
    if (!bootlog_line(log, line, &note)) {
        if (memcmp(&note, &untouched, sizeof note) != 0)
            abort();
        return;
    }
    check_printable(note.file, sizeof note.file);
    check_printable(note.reason, sizeof note.reason);
    /* A log proves nothing, does not open ports and brings nobody up. */
    if (note.source != NOTE_LOG || note.at_ms || note.kind >= NOTE_KINDS ||
        note.kind == NOTE_FILE_DONE || note.kind == NOTE_PORT_OPEN || note.kind == NOTE_PHONED_HOME)
        abort();
    (void)note_encode(&note, json);
    if (note_decode(json, &again, NULL) || again.kind != note.kind ||
        strcmp(again.file, note.file) != 0 || strcmp(again.reason, note.reason) != 0 ||
        !mac_equal(again.mac, note.mac) || !ipv4_equal(again.ip, note.ip))
        abort(); /* what it says must be sayable */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(freep) struct bootlog *log = calloc(1, sizeof *log);
    _cleanup_(freep) char *text = calloc(1, size + 1);
    if (!log || !text)
        return 0;
    if (size)
        memcpy(text, data, size);
    /* A NUL is a blank to the follower; here it would hide the rest. */
    for (char *nul; (nul = memchr(text, '\0', size));)
        *nul = ' ';
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        check_line(log, line);
    return 0;
}
