/* What decodes is clean, encodes to one line, and decodes again to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/note.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = calloc(1, size + 1);
    if (!line)
        return 0;
    memcpy(line, data, size);
    struct note note, again;
    struct err err = {0};
    memset(&again, 0, sizeof again);
    if (note_decode(line, &note, &err)) {
        if (err.kind != ERR_PROTOCOL)
            abort();
    } else {
        char encoded[NOTE_LINE_SIZE], twice[NOTE_LINE_SIZE];
        check_printable(note.file, sizeof note.file);
        check_printable(note.reason, sizeof note.reason);
        size_t length = note_encode(&note, encoded);
        if (length != strlen(encoded) || strchr(encoded, '\n') != encoded + length - 1 ||
            note_decode(encoded, &again, NULL))
            abort();
        (void)note_encode(&again, twice);
        if (strcmp(encoded, twice))
            abort();
    }
    free(line);
    return 0;
}
