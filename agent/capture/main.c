/* powerctl-capture - sees boots on the wire and reports them as notes, one JSON line each.
 *
 *     powerctl-capture --interface eth1 [--interface eth2 ...]
 *
 * Opens one raw socket an interface, gives up every privilege (confine.h), then turns packets
 * into notes (capture.h) on stdout until stdout is closed or its parent dies.  Problems are lines
 * on stderr.  Exit: 0 stdout closed, 1 an interface failed, 2 usage. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "agent/capture/capture.h"
#include "agent/capture/confine.h"
#include "agent/capture/tap.h"

enum {
    INTERFACES_MAX = 16,
    BATCH = 256, /* packets of one interface before the next has its turn */
    TICK_MS = 250,
    STATISTICS_MS = 5000,
    ATTACH_MS = 20, /* a filter is built at most this often: strangers can make it change */
};

struct program {
    struct tap tap[INTERFACES_MAX];
    struct pollfd poll[INTERFACES_MAX + 1]; /* the last: stdout, to know when it is closed */
    size_t taps;
    struct capture *capture;
    uint32_t attached;
    uint64_t attached_ms, ticked_ms, statistics_ms;
    bool closed;
};

static uint64_t clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Blocks when the agent is slow: packets then wait in the kernel, and what it loses is told. */
static void write_note(void *arg, const struct note *note)
{
    struct program *program = arg;
    char line[NOTE_LINE_SIZE];
    size_t length = note_encode(note, line);
    for (size_t done = 0; done < length && !program->closed;) {
        ssize_t n = write(STDOUT_FILENO, line + done, length - done);
        if (n > 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            (void)poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, -1);
        else if (errno != EINTR)
            program->closed = true;
    }
}

static int attach_filters(struct program *program, uint64_t now_ms, struct err *err)
{
    const struct filter *filter = capture_filter(program->capture);
    if (filter->version == program->attached || now_ms - program->attached_ms < ATTACH_MS)
        return 0;
    for (size_t i = 0; i < program->taps; i++)
        if (tap_attach(&program->tap[i], filter, err))
            return -1;
    program->attached = filter->version;
    program->attached_ms = now_ms;
    return 0;
}

static void tell_losses(struct program *program)
{
    for (size_t i = 0; i < program->taps; i++) {
        unsigned lost = tap_lost(&program->tap[i]);
        if (lost)
            (void)fprintf(stderr, "capture: %u packets lost on %s: progress may be inexact\n", lost,
                          program->tap[i].interface);
    }
}

static int turn(struct program *program, struct err *err)
{
    const struct filter *filter = capture_filter(program->capture);
    int wait_ms = filter->version == program->attached ? TICK_MS : ATTACH_MS;
    if (poll(program->poll, program->taps + 1, wait_ms) < 0 && errno != EINTR)
        return err_set(err, ERR_SYSTEM, "capture: poll: %s", strerror(errno));
    uint64_t now_ms = clock_ms();
    if (program->poll[program->taps].revents & (POLLERR | POLLHUP | POLLNVAL))
        program->closed = true;
    for (size_t i = 0; i < program->taps; i++)
        if (program->poll[i].revents &&
            tap_read(&program->tap[i], program->capture, BATCH, now_ms, err))
            return -1;
    if (now_ms - program->ticked_ms >= TICK_MS) {
        capture_tick(program->capture, now_ms);
        program->ticked_ms = now_ms;
    }
    if (now_ms - program->statistics_ms >= STATISTICS_MS) {
        tell_losses(program);
        program->statistics_ms = now_ms;
    }
    return attach_filters(program, now_ms, err);
}

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: powerctl-capture --interface NAME [--interface NAME ...]\n"
                  "Reports network boots seen on these interfaces, one JSON note a line.\n");
    return 2;
}

static int open_taps(struct program *program, char **names, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct tap *tap = &program->tap[program->taps];
        if (tap_open(tap, names[i], capture_filter(program->capture), err))
            return -1;
        program->poll[program->taps++] = (struct pollfd){.fd = tap->fd, .events = POLLIN};
    }
    program->poll[program->taps] = (struct pollfd){.fd = STDOUT_FILENO};
    program->attached = capture_filter(program->capture)->version;
    return 0;
}

static int run(char **names, size_t count, struct err *err)
{
    struct program program = {0};
    pid_t parent = getppid();
    program.capture = capture_new(write_note, &program, err);
    if (!program.capture || open_taps(&program, names, count, err) || confine(parent, err))
        return -1;
    program.ticked_ms = program.statistics_ms = clock_ms();
    int result = 0;
    while (!program.closed && !result)
        result = turn(&program, err);
    capture_freep(&program.capture);
    return result;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"interface", required_argument, NULL, 'i'}, {"version", no_argument, NULL, 'V'}, {0}};
    char *names[INTERFACES_MAX];
    size_t count = 0;
    for (int option; (option = getopt_long(argc, argv, "i:", options, NULL)) != -1;) {
        if (option == 'V')
            return puts("powerctl-capture " VERSION) < 0;
        if (option != 'i' || count == INTERFACES_MAX)
            return usage();
        names[count++] = optarg;
    }
    if (!count || optind != argc)
        return usage();
    (void)signal(SIGPIPE, SIG_IGN);
    struct err err = {0};
    if (!run(names, count, &err))
        return 0;
    (void)fprintf(stderr, "%s\n", err.text);
    return 1;
}
