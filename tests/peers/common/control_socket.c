#include "tests/peers/common/control_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static int unix_address(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path) {
        fprintf(stderr, "%s: too long for a unix socket\n", path);
        return -1;
    }
    memcpy(address->sun_path, path, strlen(path));
    return 0;
}

static int datagram_socket(int flags)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        perror("unix socket");
    return fd;
}

int control_listen(const char *path)
{
    struct sockaddr_un address;
    if (unix_address(&address, path))
        return -1;
    int fd = datagram_socket(SOCK_NONBLOCK);
    (void)unlink(path);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address)) {
        perror(path);
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool control_receive(int fd, char command[CONTROL_COMMAND_MAX], struct control_caller *caller)
{
    caller->size = sizeof caller->address;
    ssize_t size = recvfrom(fd, command, CONTROL_COMMAND_MAX - 1, 0,
                            (struct sockaddr *)&caller->address, &caller->size);
    if (size < 0)
        return false;
    command[size] = '\0';
    command[strcspn(command, "\n")] = '\0';
    return true;
}

void control_answer(int fd, const struct control_caller *caller, const char *text)
{
    if (caller->size > sizeof caller->address.sun_family)
        (void)sendto(fd, text, strlen(text), MSG_DONTWAIT,
                     (const struct sockaddr *)&caller->address, caller->size);
}

int control_connect(const char *path)
{
    struct sockaddr_un address;
    if (unix_address(&address, path))
        return -1;
    int fd = datagram_socket(0);
    const struct timeval patience = {.tv_sec = 1};
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) ||
                    connect(fd, (struct sockaddr *)&address, sizeof address))) {
        perror(path);
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int join_words(char command[CONTROL_COMMAND_MAX], char *const words[])
{
    size_t used = 0;
    for (; *words; words++) {
        int n =
            snprintf(command + used, CONTROL_COMMAND_MAX - used, "%s%s", used ? " " : "", *words);
        if (n < 0 || used + (size_t)n >= CONTROL_COMMAND_MAX) {
            fprintf(stderr, "a command of more than %d bytes\n", CONTROL_COMMAND_MAX);
            return -1;
        }
        used += (size_t)n;
    }
    return 0;
}

int control_ask(const char *path, char *const words[])
{
    static char answer[CONTROL_ANSWER_MAX];
    char command[CONTROL_COMMAND_MAX] = "", own_path[sizeof((struct sockaddr_un *)0)->sun_path];
    (void)snprintf(own_path, sizeof own_path, "%s.%d", path, getpid());
    int fd = join_words(command, words) ? -1 : control_listen(own_path);
    struct sockaddr_un address;
    if (fd < 0 || unix_address(&address, path))
        return 2;
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    ssize_t size = -1;
    if (sendto(fd, command, strlen(command), 0, (struct sockaddr *)&address, sizeof address) >= 0) {
        errno = ETIMEDOUT;
        if (poll(&waiting, 1, 5000) > 0)
            size = recv(fd, answer, sizeof answer - 1, 0);
    }
    if (size < 0)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    (void)close(fd);
    (void)unlink(own_path);
    if (size < 0)
        return 2;
    answer[size] = '\0';
    (void)fputs(answer, stdout);
    return strncmp(answer, "error", 5) == 0;
}
