#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

static struct conf_file *new_file(const char *name, size_t size)
{
    struct conf_file *file = calloc(1, sizeof *file);
    if (!file)
        return NULL;
    file->name = strdup(name);
    file->text = malloc(size + 1);
    file->size = size;
    if (file->name && file->text)
        return file;
    conf_file_free(file);
    return NULL;
}

struct conf_file *conf_file_of_text(const char *name, const char *text, size_t size)
{
    struct conf_file *file = new_file(name, size);
    if (!file)
        return NULL;
    memcpy(file->text, text, size);
    file->text[size] = '\0';
    return file;
}

static int read_all(int fd, struct conf_file *file)
{
    size_t have = 0;
    while (have < file->size) {
        ssize_t got = read(fd, file->text + have, file->size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (!got)
            break;
        have += (size_t)got;
    }
    file->size = have;
    file->text[have] = '\0';
    return 0;
}

struct conf_file *conf_file_read(const char *name, struct err *err)
{
    struct stat status;
    /* O_NONBLOCK: a FIFO put in the place of a file must not stop the agent. */
    _cleanup_(closep) int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status)) {
        (void)err_set(err, ERR_CONFIG, "cannot be read: %s", strerror(errno));
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) {
        (void)err_set(err, ERR_CONFIG, "is not a regular file");
        return NULL;
    }
    if (status.st_size > CONF_FILE_SIZE_MAX) {
        (void)err_set(err, ERR_CONFIG, "is larger than %d MiB", CONF_FILE_SIZE_MAX / 1024 / 1024);
        return NULL;
    }
    struct conf_file *file = new_file(name, (size_t)status.st_size);
    if (!file) {
        (void)err_set(err, ERR_SYSTEM, "needs more memory than there is");
        return NULL;
    }
    if (read_all(fd, file)) {
        (void)err_set(err, ERR_CONFIG, "cannot be read: %s", strerror(errno));
        conf_file_free(file);
        return NULL;
    }
    return file;
}

int conf_path(const struct yaml *path, char out[CONF_PATH_SIZE])
{
    const char *beside = path->file->name, *slash = strrchr(beside, '/');
    int directory = path->text[0] == '/' || !slash ? 0 : (int)(slash - beside) + 1;
    int size = snprintf(out, CONF_PATH_SIZE, "%.*s%s", directory, beside, path->text);
    return size < 0 || size >= CONF_PATH_SIZE ? -1 : 0;
}
