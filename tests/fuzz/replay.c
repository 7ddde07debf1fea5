/* Runs a fuzz target over every file of the folders given as arguments: the corpus as a
 * regression test, with any compiler and without libFuzzer.  No file at all is a failure. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20 };

static void closedirp(DIR **folder)
{
    if (*folder)
        (void)closedir(*folder);
}

static int replay_file(const char *path)
{
    struct stat status;
    _cleanup_(fclosep) FILE *file = fopen(path, "re");
    if (!file || fstat(fileno(file), &status) || !S_ISREG(status.st_mode))
        return 0;
    /* Exactly as large as the input, so that a sanitizer sees a read past its end. */
    size_t size = status.st_size < INPUT_MAX ? (size_t)status.st_size : INPUT_MAX;
    _cleanup_(freep) uint8_t *bytes = malloc(size ? size : 1);
    if (!bytes || fread(bytes, 1, size, file) != size)
        return -1;
    (void)LLVMFuzzerTestOneInput(bytes, size);
    return 1;
}

/* The number of files, or -1. */
static int replay_folder(const char *name)
{
    int count = 0;
    _cleanup_(closedirp) DIR *folder = opendir(name);
    if (!folder) {
        perror(name);
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        _cleanup_(freep) char *path = NULL;
        if (asprintf(&path, "%s/%s", name, entry->d_name) < 0)
            return -1;
        int rc = replay_file(path);
        if (rc < 0) {
            perror(path);
            return -1;
        }
        count += rc;
    }
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int count = replay_folder(argv[i]);
        if (count <= 0) {
            (void)fprintf(stderr, "%s: no input was replayed\n", argv[i]);
            return 1;
        }
        total += count;
    }
    (void)printf("%d inputs\n", total);
    return total ? 0 : 1;
}
