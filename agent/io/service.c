#include "agent/io/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proto/cleanup.h"

/* The kernel tells no pid for such a lock, so its holder writes it down. */
static int lock_is_taken(int fd, const char *path, struct err *err)
{
    char text[32] = "";
    ssize_t length = pread(fd, text, sizeof text - 1, 0);
    text[length > 0 ? strcspn(text, "\n") : 0] = '\0';
    return err_set(err, ERR_BUSY, "another agent (pid %s) uses this state directory: %s is locked",
                   *text ? text : "unknown", path);
}

int service_lock(const char *state_dir, struct err *err)
{
    char path[300], text[32];
    (void)snprintf(path, sizeof path, "%s/agent.lock", state_dir);
    if (mkdir(state_dir, 0700) && errno != EEXIST)
        return err_set(err, ERR_SYSTEM, "state directory %s cannot be made: %s", state_dir,
                       strerror(errno));
    _cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(err, ERR_SYSTEM, "%s cannot be opened: %s", path, strerror(errno));
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &whole))
        return errno == EAGAIN || errno == EACCES
                   ? lock_is_taken(fd, path, err)
                   : err_set(err, ERR_SYSTEM, "%s cannot be locked: %s", path, strerror(errno));
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    /* On a full disk the lock holds all the same; only its message is poorer. */
    if (pwrite(fd, text, (size_t)length, 0) == length && ftruncate(fd, length))
        return err_set(err, ERR_SYSTEM, "%s cannot be cut: %s", path, strerror(errno));
    int result = fd;
    fd = -1;
    return result;
}

void service_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof address.sun_path)
        return;
    size_t length = strlen(path);
    memcpy(address.sun_path, path, length);
    if (*path == '@') /* an abstract address begins with a NUL */
        address.sun_path[0] = '\0';
    _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char text[300];
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    bool reloading = !strcmp(state, "RELOADING=1");
    int size = reloading ? snprintf(text, sizeof text, "%s\nMONOTONIC_USEC=%lld", state,
                                    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000)
                         : snprintf(text, sizeof text, "%s", state);
    if (fd >= 0)
        (void)sendto(fd, text, (size_t)size, MSG_NOSIGNAL, (const struct sockaddr *)&address,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

void service_raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}
