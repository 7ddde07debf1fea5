/* feed FOLLOW DRIVER... <ORDERS: an agent of the simplest kind, for jobs of two steps.
 *
 * Starts the driver, gives it all ORDERS (JSON lines), and for each reply that is ok to request N
 * at once line N of FOLLOW, if there is one.  What the driver says goes to stdout.  Ends the
 * driver's input when all is answered, and exits as it exits.  Descriptor 3, the driver's secrets,
 * is passed on. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 65536 };

/* Grows as it must; `from` bytes of it are used up. */
struct text {
    char *bytes;
    size_t size, room, from;
};

struct feed {
    int to, back; /* the driver's stdin (-1: ended) and stdout */
    struct text orders, follow, answers;
    const char **lines; /* of follow */
    size_t line_count, outstanding;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "feed: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void text_add(struct text *text, const char *bytes, size_t size)
{
    if (text->size + size > text->room) {
        text->room = 2 * (text->size + size) + CHUNK;
        text->bytes = realloc(text->bytes, text->room);
        if (!text->bytes)
            die("memory");
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

/* What read() says. */
static ssize_t text_read(struct text *text, int fd)
{
    static char chunk[CHUNK];
    const ssize_t size = read(fd, chunk, sizeof chunk);
    if (size > 0)
        text_add(text, chunk, (size_t)size);
    return size;
}

static void text_read_all(struct text *text, int fd)
{
    ssize_t size;
    while ((size = text_read(text, fd)) > 0)
        ;
    if (size < 0)
        die("reading");
}

static void split_follow(struct feed *feed)
{
    const char *at = feed->follow.bytes, *end = at + feed->follow.size;
    while (at < end) {
        feed->lines = realloc(feed->lines, (feed->line_count + 2) * sizeof *feed->lines);
        if (!feed->lines)
            die("memory");
        feed->lines[feed->line_count++] = at;
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
        feed->lines[feed->line_count] = at;
    }
}

static size_t count_requests(const struct text *orders)
{
    static const char key[] = "{\"id\":";
    size_t count = 0;
    for (const char *at = orders->bytes, *end = at + orders->size; at && at < end; at++) {
        count += (size_t)(end - at) >= sizeof key && memcmp(at, key, sizeof key - 1) == 0;
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at)
            break;
    }
    return count;
}

/* Replies begin {"id":7,"result":"ok"; refusals of a device have no id. */
static void hear(struct feed *feed, const char *line)
{
    unsigned long id;
    char result[8];
    const int found = sscanf(line, "{\"id\":%lu,\"result\":\"%7[a-z]", &id, result);
    if (found < 1 || feed->outstanding == 0)
        return;
    feed->outstanding--;
    if (found == 2 && strcmp(result, "ok") == 0 && id >= 1 && id <= feed->line_count) {
        text_add(&feed->orders, feed->lines[id - 1],
                 (size_t)(feed->lines[id] - feed->lines[id - 1]));
        feed->outstanding++;
    }
}

static void hear_lines(struct feed *feed)
{
    struct text *answers = &feed->answers;
    const size_t begun = answers->from;
    char *newline;
    while (
        (newline = memchr(answers->bytes + answers->from, '\n', answers->size - answers->from))) {
        *newline = '\0';
        hear(feed, answers->bytes + answers->from);
        *newline = '\n';
        answers->from = (size_t)(newline + 1 - answers->bytes);
    }
    if (answers->from > begun &&
        write(STDOUT_FILENO, answers->bytes + begun, answers->from - begun) < 0)
        die("stdout");
    if (answers->from == answers->size)
        answers->from = answers->size = 0;
}

static void give(struct feed *feed)
{
    struct text *orders = &feed->orders;
    if (orders->from < orders->size) {
        const ssize_t size =
            write(feed->to, orders->bytes + orders->from, orders->size - orders->from);
        if (size < 0 && errno != EAGAIN && errno != EINTR)
            die("the driver takes no more orders");
        orders->from += size > 0 ? (size_t)size : 0;
    }
    if (orders->from == orders->size && feed->outstanding == 0) {
        (void)close(feed->to);
        feed->to = -1;
    }
}

static void serve(struct feed *feed)
{
    for (;;) {
        const bool waiting = feed->orders.from < feed->orders.size || feed->outstanding == 0;
        struct pollfd fds[2] = {
            {.fd = waiting ? feed->to : -1, .events = POLLOUT},
            {.fd = feed->back, .events = POLLIN},
        };
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            die("poll");
        if (fds[1].revents && text_read(&feed->answers, feed->back) <= 0)
            return;
        hear_lines(feed);
        if (feed->to >= 0)
            give(feed);
    }
}

static pid_t start(struct feed *feed, char **command)
{
    int to[2], back[2];
    if (pipe2(to, O_CLOEXEC) || pipe2(back, O_CLOEXEC))
        die("pipe");
    const pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        (void)dup2(to[0], STDIN_FILENO);
        (void)dup2(back[1], STDOUT_FILENO);
        (void)execv(command[0], command);
        die(command[0]);
    }
    (void)close(to[0]);
    (void)close(back[1]);
    feed->to = to[1];
    feed->back = back[0];
    if (fcntl(feed->to, F_SETFL, O_NONBLOCK))
        die("pipe");
    return pid;
}

int main(int argc, char **argv)
{
    struct feed feed = {0};
    if (argc < 3) {
        fputs("usage: feed FOLLOW DRIVER... <ORDERS\n", stderr);
        return 2;
    }
    const int follow = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (follow < 0)
        die(argv[1]);

    text_read_all(&feed.follow, follow);
    (void)close(follow);
    text_read_all(&feed.orders, STDIN_FILENO);
    split_follow(&feed);
    feed.outstanding = count_requests(&feed.orders);
    (void)signal(SIGPIPE, SIG_IGN);
    const pid_t pid = start(&feed, argv + 2);
    serve(&feed);
    int status;
    if (waitpid(pid, &status, 0) < 0)
        die("wait");
    return WIFEXITED(status) && feed.outstanding == 0 ? WEXITSTATUS(status) : 1;
}
