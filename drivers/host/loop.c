#include "drivers/host/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "drivers/host/host.h"
#include "drivers/host/lanes.h"
#include "proto/cleanup.h"

static uint64_t clock_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* DRIVER_SECRETS_FD and DRIVER_LOCK_FD stay taken, whoever started us: nothing that is opened
 * later may get their numbers, for the lanes keep both. */
static void occupy(int fd)
{
    int null = fcntl(fd, F_GETFD) < 0 ? open("/dev/null", O_RDWR) : -1;
    if (null >= 0 && null != fd) {
        (void)dup2(null, fd);
        (void)close(null);
    }
}

/* A pipe of the agent's is ours alone; a terminal is shared with the shell, which would find
 * itself non-blocking too. */
static void make_nonblocking(int fd)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static void prepare_process(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_DUMPABLE, 0); /* no core, no ptrace by the same user: it holds secrets */
    (void)signal(SIGPIPE, SIG_IGN);
    make_nonblocking(STDOUT_FILENO);
}

static struct host *host_free(struct host *host)
{
    if (!host)
        return NULL;
    if (host->state)
        host->engine->destroy(host->state);
    devices_clear(&host->devices);
    calls_clear(&host->calls);
    secrets_wipe(&host->secrets);
    outbox_clear(&host->out);
    free(host);
    return NULL;
}

static void host_freep(struct host **host)
{
    *host = host_free(*host);
}

static struct host *host_new(struct err *err)
{
    _cleanup_(host_freep) struct host *host = calloc(1, sizeof *host);
    if (!host) {
        err_set(err, ERR_SYSTEM, "no memory");
        return NULL;
    }
    calls_init(&host->calls);
    host->now_ms = clock_now_ms();
    host->engine = driver.engine ? driver.engine : &lanes_engine;
    if (secrets_read(&host->secrets, DRIVER_SECRETS_FD, err))
        return NULL;
    occupy(DRIVER_SECRETS_FD);
    occupy(DRIVER_LOCK_FD);
    const struct driver_host services = {.reply = host_take_reply, .arg = host};
    host->state = host->engine->create(&services, err);
    return host->state ? TAKE(host) : NULL;
}

static int wait_ms(const struct host *host)
{
    uint64_t deadline_ms = host->engine->deadline(host->state);
    if (host->calls.next < deadline_ms)
        deadline_ms = host->calls.next;
    if (deadline_ms == UINT64_MAX)
        return -1;
    uint64_t now_ms = clock_now_ms();
    uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    return left_ms > 60000 ? 60000 : (int)left_ms;
}

/* While the agent does not read, nothing more is taken from it: what waits stays bounded. */
static bool may_read(const struct host *host)
{
    return !host->input_ended && host->out.size < OUTBOX_HIGH;
}

enum { INPUT, OUTPUT, ENGINE, DESCRIPTORS };

static int turn(struct host *host, struct err *err)
{
    /* poll(), not epoll: it takes regular files too, so that `driver < file` works. */
    struct pollfd fds[DESCRIPTORS] = {
        [INPUT] = {.fd = may_read(host) ? STDIN_FILENO : -1, .events = POLLIN},
        [OUTPUT] = {.fd = STDOUT_FILENO, .events = host->out.size ? POLLOUT : 0},
        [ENGINE] = {.fd = host->engine->fd(host->state), .events = POLLIN},
    };
    if (poll(fds, DESCRIPTORS, wait_ms(host)) < 0 && errno != EINTR)
        return err_set(err, ERR_SYSTEM, "cannot wait for events: %s", strerror(errno));
    host->now_ms = clock_now_ms();
    if (fds[INPUT].revents) {
        long count = stream_read(&host->in, STDIN_FILENO, host_take_line, host);
        host->input_ended = count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN);
    }
    /* The engine first: its own answers say more than the host's. */
    host->engine->turn(host->state, host->now_ms);
    host_expire(host);
    if ((fds[OUTPUT].revents & (POLLERR | POLLHUP)) || outbox_flush(&host->out, STDOUT_FILENO))
        return err_set(err, ERR_SYSTEM, "nobody reads the answers");
    if (host->deaf)
        return err_set(err, ERR_LIMIT, "answers cannot be kept: %zu bytes wait for the agent",
                       host->out.size);
    return 0;
}

int host_serve(struct err *err)
{
    prepare_process();
    _cleanup_(host_freep) struct host *host = host_new(err);
    if (!host)
        return -1;
    while (!host->input_ended || host->calls.count || host->out.size)
        if (turn(host, err))
            return -1;
    return 0;
}
