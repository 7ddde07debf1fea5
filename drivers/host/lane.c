#include "drivers/host/lane.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LANE_FD = DRIVER_LOCK_FD + 1 };

struct lane_message {
    bool finished; /* false: only "the session stands" */
    struct driver_reply reply;
};

/* --- in the lane: may wait for as long as the driver likes --- */

static void tell(const struct lane_message *message)
{
    if (send(LANE_FD, message, sizeof *message, MSG_NOSIGNAL) < 0)
        _exit(1); /* the host is gone */
}

/* A library that prints must not write into the agent's answers, nor hold other lanes' ends. */
static void keep_only(int fd)
{
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
        dup2(fd, LANE_FD) < 0)
        _exit(1);
    (void)close_range(LANE_FD + 1, ~0U, 0);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > FD_SETSIZE) {
        files.rlim_cur = FD_SETSIZE;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* The first request opens the session only; the host then sends it again, to be run. */
static void *take_one(void *session, const struct lane_devices *devices,
                      const struct driver_request *request)
{
    struct lane_message message = {.reply = {.id = request->id, .op = request->op}};
    struct lane_device device;
    if (!devices->find(devices->arg, request->device, &device)) {
        err_set(&message.reply.err, ERR_SYSTEM, "%s: its lane does not know it", request->device);
        message.finished = true;
    } else if (session) {
        driver.blocking->run(session, device.config, request, &message.reply);
        message.finished = true;
    } else {
        session = driver.blocking->open(device.name, device.config, device.credentials,
                                        &message.reply.err);
        message.finished = session == NULL;
        if (session && devices->after_kill && driver.blocking->after_kill)
            driver.blocking->after_kill(session, device.config);
    }
    tell(&message);
    return session;
}

static void live(const struct lane_devices *devices, int fd, pid_t host)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* fork cleared it */
    if (getppid() != host)
        _exit(1);
    keep_only(fd);
    struct driver_request request;
    void *session = NULL;
    while (recv(LANE_FD, &request, sizeof request, 0) == (ssize_t)sizeof request)
        session = take_one(session, devices, &request);
    if (session)
        driver.blocking->close(session);
    _exit(0);
}

/* --- in the host --- */

int lane_start(struct lane *lane, const char *name, const struct lane_devices *devices,
               struct err *err)
{
    int fds[2];
    pid_t host = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
        return err_set(err, ERR_SYSTEM, "%s: no socket for a lane: %s", name, strerror(errno));
    pid_t pid = fork();
    if (pid == 0)
        live(devices, fds[1], host);
    int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (pidfd < 0) {
        err_set(err, ERR_SYSTEM, "%s: no process for a lane: %s", name, strerror(errno));
        (void)close(fds[0]);
        (void)close(fds[1]);
        if (pid > 0 && kill(pid, SIGKILL) == 0)
            (void)waitpid(pid, NULL, 0); /* has not begun with anything: gone at once */
        return -1;
    }
    (void)close(fds[1]);
    *lane = (struct lane){.pid = pid, .fd = fds[0], .pidfd = pidfd};
    return 0;
}

int lane_send(struct lane *lane, const struct driver_request *request, struct err *err)
{
    if (send(lane->fd, request, sizeof *request, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return err_set(err, ERR_SYSTEM, "%s: its lane takes no request: %s", request->device,
                       strerror(errno));
    return 0;
}

/* A lane may have died of a library that writes where it should not: nothing of it is believed. */
static bool is_sane(const struct driver_reply *reply)
{
    return (unsigned)reply->op < OPS && (unsigned)reply->power < POWERS &&
           (unsigned)reply->err.kind < ERR_KINDS && (unsigned)reply->err.sent <= SENT_YES &&
           (reply->ok || reply->err.kind != ERR_NONE) &&
           (unsigned)reply->next_boot.device < BOOT_DEVICES &&
           memchr(reply->err.text, 0, sizeof reply->err.text) &&
           memchr(reply->info.guid, 0, sizeof reply->info.guid) &&
           memchr(reply->info.model, 0, sizeof reply->info.model) &&
           memchr(reply->info.session, 0, sizeof reply->info.session);
}

enum lane_news lane_receive(struct lane *lane, struct driver_reply *reply)
{
    struct lane_message message;
    ssize_t count = recv(lane->fd, &message, sizeof message, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return LANE_SILENT;
    if (count != (ssize_t)sizeof message)
        return LANE_BROKEN;
    if (!message.finished)
        return LANE_OPENED;
    if (!is_sane(&message.reply))
        return LANE_BROKEN;
    *reply = message.reply;
    return LANE_REPLIED;
}

void lane_end(struct lane *lane)
{
    (void)shutdown(lane->fd, SHUT_WR);
}

void lane_kill(struct lane *lane)
{
    (void)kill(lane->pid, SIGKILL);
}

bool lane_reap(struct lane *lane, int *status)
{
    if (waitpid(lane->pid, status, WNOHANG) != lane->pid)
        return false;
    (void)close(lane->fd);
    (void)close(lane->pidfd);
    *lane = (struct lane){.fd = -1, .pidfd = -1};
    return true;
}
