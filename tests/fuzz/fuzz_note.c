/* What decodes must encode, and decode again to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = calloc(1, size + 1);
    if (!line)
        return 0;
    memcpy(line, data, size);
    struct note note, again;
    memset(&again, 0, sizeof again);
    if (!note_decode(line, &note, NULL)) {
        char encoded[NOTE_LINE_SIZE], twice[NOTE_LINE_SIZE];
        size_t length = note_encode(&note, encoded);
        if (length != strlen(encoded) || note_decode(encoded, &again, NULL))
            abort();
        (void)note_encode(&again, twice);
        if (strcmp(encoded, twice))
            abort();
    }
    free(line);
    return 0;
}
