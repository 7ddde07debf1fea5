#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/host/devices.h"
#include "drivers/host/stream.h"

/* Room for one more; realloc() would leave the passwords in the block it frees. */
static bool grow(struct secrets *secrets)
{
    struct secrets bigger = {.count = secrets->count};
    bigger.rows = calloc(secrets->count + 1, sizeof *bigger.rows);
    if (!bigger.rows)
        return false;
    if (secrets->rows)
        memcpy(bigger.rows, secrets->rows, secrets->count * sizeof *bigger.rows);
    secrets_wipe(secrets);
    *secrets = bigger;
    return true;
}

static void take(void *arg, const char *line)
{
    struct secrets *secrets = arg;
    struct err err = {.text = "longer than a line may be"};
    bool grown = grow(secrets);
    if (grown && line && driver_credentials_decode(line, &secrets->rows[secrets->count], &err) == 0)
        secrets->count++;
    else
        (void)fprintf(stderr, "a line of secrets was skipped: %s\n",
                      grown ? err.text : "no memory");
}

/* Started from a shell there is no such descriptor, or one that is for something else. */
static bool is_readable(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) != O_WRONLY && !isatty(fd);
}

int secrets_read(struct secrets *secrets, int fd, struct err *err)
{
    *secrets = (struct secrets){0};
    if (!is_readable(fd))
        return 0;
    struct lines lines = {.size = 0};
    long count;
    do
        count = stream_read(&lines, fd, take, secrets);
    while (count > 0 || (count < 0 && errno == EINTR));
    int error = errno;
    explicit_bzero(&lines, sizeof lines);
    (void)close(fd);
    if (count < 0)
        return err_set(err, ERR_SYSTEM, "cannot read the secrets: %s", strerror(error));
    return 0;
}

void secrets_wipe(struct secrets *secrets)
{
    if (secrets->rows)
        explicit_bzero(secrets->rows, secrets->count * sizeof *secrets->rows);
    free(secrets->rows);
    *secrets = (struct secrets){0};
}
