#include "agent/io/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proto/cleanup.h"

/* The kernel tells no pid for such a lock, so its holder writes it down: agent.pid, beside. On a
 * disk that cannot be written the lock holds all the same; only its message is poorer. */
static int open_pid(int dir, int flags)
{
    return openat(dir, "agent.pid", flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static void leave_pid(int dir)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    _cleanup_(closep) int fd = open_pid(dir, O_WRONLY | O_CREAT | O_TRUNC);
    if (fd >= 0 && write(fd, text, (size_t)length) != length)
        (void)unlinkat(dir, "agent.pid", 0);
}

static int lock_is_taken(int dir, const char *state_dir, struct err *err)
{
    char text[32] = "";
    _cleanup_(closep) int fd = open_pid(dir, O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    text[length > 0 ? strcspn(text, "\n") : 0] = '\0';
    return err_set(err, ERR_BUSY, "another agent (pid %s) uses the state directory %s",
                   *text ? text : "unknown", state_dir);
}

int service_lock(const char *state_dir, struct err *err)
{
    if (mkdir(state_dir, 0700) && errno != EEXIST)
        return err_set(err, ERR_SYSTEM, "state directory %s cannot be made: %s", state_dir,
                       strerror(errno));
    _cleanup_(closep) int dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_set(err, ERR_SYSTEM, "state directory %s cannot be opened: %s", state_dir,
                       strerror(errno));
    if (flock(dir, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK
                   ? lock_is_taken(dir, state_dir, err)
                   : err_set(err, ERR_SYSTEM, "state directory %s cannot be locked: %s", state_dir,
                             strerror(errno));
    leave_pid(dir);
    int result = dir;
    dir = -1;
    return result;
}

int service_lock_again(int *lock, const char *state_dir, struct err *err)
{
    struct stat held, there;
    if (stat(state_dir, &there)) /* it is not made again here: that is for a person to decide */
        return err_set(err, ERR_SYSTEM, "state directory %s: %s", state_dir, strerror(errno));
    if (!fstat(*lock, &held) && held.st_ino == there.st_ino && held.st_dev == there.st_dev)
        return 0;
    int other = service_lock(state_dir, err);
    if (other < 0)
        return -1;
    (void)close(*lock);
    *lock = other;
    return 0;
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
