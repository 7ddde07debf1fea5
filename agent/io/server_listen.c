#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/io/server.h"
#include "proto/cleanup.h"

static int make_directory(const char *path, struct err *err)
{
    char directory[sizeof((struct sockaddr_un *)0)->sun_path];
    (void)snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (!slash || slash == directory)
        return 0;
    *slash = '\0';
    int made = mkdir(directory, 0755);
    if (!made)
        made = chmod(directory, 0755); /* whatever the umask: its users must reach the socket */
    if (made && errno != EEXIST)
        return err_set(err, ERR_SYSTEM, "directory %s for the control socket cannot be made: %s",
                       directory, strerror(errno));
    return 0;
}

/* A socket that refuses is what a dead agent left behind; one that answers has an owner. */
static int remove_stale(const struct sockaddr_un *address, struct err *err)
{
    struct stat found;
    if (lstat(address->sun_path, &found))
        return errno == ENOENT ? 0
                               : err_set(err, ERR_SYSTEM, "control socket %s: %s",
                                         address->sun_path, strerror(errno));
    if (!S_ISSOCK(found.st_mode))
        return err_set(err, ERR_SYSTEM,
                       "control socket %s: there is a file of that name, and it "
                       "is no socket; remove it",
                       address->sun_path);
    _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(err, ERR_SYSTEM, "control socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN)
        return err_set(err, ERR_BUSY, "control socket %s: another agent answers on it",
                       address->sun_path);
    if (errno != ECONNREFUSED || unlink(address->sun_path))
        return err_set(err, ERR_SYSTEM, "control socket %s: %s", address->sun_path,
                       strerror(errno));
    return 0;
}

int server_listen(const char *path, gid_t group, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return err_set(err, ERR_CONFIG,
                       "control socket %s: the path is longer than the %zu bytes "
                       "Linux allows",
                       path, sizeof address.sun_path - 1);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (make_directory(path, err) || remove_stale(&address, err))
        return -1;
    _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(err, ERR_SYSTEM, "control socket: %s", strerror(errno));
    mode_t before = umask(0117); /* never, not even for a moment, open to others */
    int bound = bind(fd, (const struct sockaddr *)&address, sizeof address);
    (void)umask(before);
    if (bound || (group != (gid_t)-1 && chown(path, (uid_t)-1, group)) || listen(fd, 256))
        return err_set(err, ERR_SYSTEM, "control socket %s: %s", path, strerror(errno));
    int result = fd;
    fd = -1;
    return result;
}
