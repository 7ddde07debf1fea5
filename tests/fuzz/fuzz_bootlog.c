#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bootlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bootlog *log = calloc(1, sizeof *log);
    char *text = calloc(1, size + 1);
    if (log && text) {
        memcpy(text, data, size);
        char *rest = text;
        for (char *line; (line = strsep(&rest, "\n"));) {
            struct note note;
            char json[NOTE_LINE_SIZE];
            if (!bootlog_line(log, line, &note))
                continue;
            (void)note_encode(&note, json);
            if (note.kind == NOTE_FILE_DONE || note_decode(json, &note, NULL))
                abort(); /* a log proves nothing; and what it says must be sayable */
        }
    }
    free(text);
    free(log);
    return 0;
}
