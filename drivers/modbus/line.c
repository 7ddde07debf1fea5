/* libmodbus opens and closes; what goes through the line between is ours (frame.h says why). */
#include "drivers/modbus/line.h"

#include <errno.h>
#include <fcntl.h>
#include <modbus/modbus.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/cleanup.h"

struct line {
    struct modbus_map map;
    modbus_t *modbus; /* NULL: closed */
    int fd;           /* modbus's */
};

static uint64_t line_now(void *line)
{
    struct timespec now;
    (void)line;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct line *line_new(const struct modbus_map *map)
{
    struct line *line = calloc(1, sizeof *line);
    if (line)
        *line = (struct line){.map = *map, .fd = -1};
    return line;
}

static void line_close(void *arg)
{
    struct line *line = arg;
    if (!line->modbus)
        return;
    modbus_close(line->modbus);
    modbus_free(line->modbus);
    line->modbus = NULL;
    line->fd = -1;
}

struct line *line_free(struct line *line)
{
    if (line)
        line_close(line);
    free(line);
    return NULL;
}

/* --- opening --- */

/* libmodbus 3.1.6 puts descriptors into an fd_set whatever their number, and glibc then ends the
 * process (fixed in 3.1.12). */
static int check_descriptors(struct err *err)
{
    _cleanup_(closep) int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (next < 0)
        return err_set(err, ERR_SYSTEM, "no descriptor is left: %s", strerror(errno));
    if (next >= FD_SETSIZE)
        return err_set(err, ERR_SYSTEM, "%d descriptors are open, too many for libmodbus", next);
    return 0;
}

static int connect_modbus(struct line *line, uint64_t deadline_ms, struct err *err)
{
    uint64_t now_ms = line_now(line);
    uint32_t left_ms = deadline_ms > now_ms ? (uint32_t)(deadline_ms - now_ms) : 1;
    if (!line->modbus)
        return err_set(err, ERR_SYSTEM, "libmodbus: %s", modbus_strerror(errno));
    (void)modbus_set_error_recovery(line->modbus, MODBUS_ERROR_RECOVERY_NONE);
    (void)modbus_set_response_timeout(line->modbus, left_ms / 1000, left_ms % 1000 * 1000);
    errno = 0;
    if (check_descriptors(err))
        return -1;
    if (modbus_connect(line->modbus))
        return -1;
    line->fd = modbus_get_socket(line->modbus);
    return 0;
}

/* Each address of a name in turn: what libmodbus makes of a name that does not resolve, or of
 * several addresses that fail in different ways, is "refused" for all. */
static int open_address(struct line *line, const struct addrinfo *address, uint64_t deadline_ms,
                        struct err *err)
{
    char host[64], port[16];
    *err = (struct err){0};
    if (getnameinfo(address->ai_addr, address->ai_addrlen, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return err_set(err, ERR_SYSTEM, "an address that has no text");
    line->modbus = modbus_new_tcp_pi(host, port);
    if (connect_modbus(line, deadline_ms, err) == 0)
        return 0;
    int reason = errno; /* a connect that timed out leaves EINPROGRESS (fixed in 3.1.11) */
    line_close(line);
    if (err->kind != ERR_NONE)
        return -1;
    if (reason == EINPROGRESS || reason == ETIMEDOUT || reason == EAGAIN || reason == 0)
        return err_set(err, ERR_UNREACHABLE, "no answer to a connection");
    if (reason != ECONNREFUSED)
        return err_set(err, ERR_UNREACHABLE, "no connection: %s", strerror(reason));
    return err_set(err, ERR_UNREACHABLE, /* libmodbus says so for all that it waited for */
                   "no connection: refused, or no way to it (is its Modbus switched on?)");
}

static int open_tcp(struct line *line, uint64_t deadline_ms, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *addresses = NULL, *address;
    char port[16];
    (void)snprintf(port, sizeof port, "%u", line->map.port);
    int failed = getaddrinfo(line->map.host, port, &hints, &addresses);
    if (failed)
        return err_set(err, ERR_UNREACHABLE, "no address: %s", gai_strerror(failed));
    unsigned left = 0;
    for (address = addresses; address; address = address->ai_next)
        left++;
    int result = -1;
    for (address = addresses; address && result; address = address->ai_next, left--) {
        uint64_t now_ms = line_now(line); /* one that hangs leaves time for the others */
        uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
        result = open_address(line, address, now_ms + left_ms / left, err);
    }
    freeaddrinfo(addresses);
    return result;
}

/* What libmodbus 3.1.6 does not know it silently makes 9600. */
static bool is_known_speed(uint32_t baud)
{
    static const uint32_t speeds[] = {300,   600,    1200,   2400,   4800,   9600,   19200, 38400,
                                      57600, 115200, 230400, 460800, 500000, 576000, 921600};
    for (size_t i = 0; i < ARRAY_SIZE(speeds); i++)
        if (speeds[i] == baud)
            return true;
    return false;
}

static int set_up_serial(struct line *line, struct err *err)
{
    /* O_EXCL, which libmodbus opens with, means nothing for a terminal. */
    if (flock(line->fd, LOCK_EX | LOCK_NB))
        return err_set(err, ERR_BUSY, "another program has this serial line: %s", strerror(errno));
    if (line->map.rs485 && modbus_rtu_set_serial_mode(line->modbus, MODBUS_RTU_RS485))
        return err_set(err, ERR_CONFIG,
                       "this line cannot switch its direction (TIOCSRS485: %s): rs485: false is "
                       "right for adapters that do it themselves",
                       strerror(errno));
    return 0;
}

static int open_serial(struct line *line, struct err *err)
{
    static const char parities[] = {'N', 'E', 'O'};
    const struct modbus_map *map = &line->map;
    *err = (struct err){0};
    if (!is_known_speed(map->baud))
        return err_set(err, ERR_CONFIG, "no serial line has %u baud", map->baud);
    line->modbus = modbus_new_rtu(map->serial, (int)map->baud, parities[map->parity % 3], 8,
                                  (int)map->stop_bits);
    if (connect_modbus(line, UINT64_MAX, err) == 0 && set_up_serial(line, err) == 0)
        return 0;
    int reason = errno;
    line_close(line);
    if (err->kind == ERR_NONE)
        err_set(err, ERR_UNREACHABLE, "cannot be opened: %s", strerror(reason));
    return -1;
}

static int line_open(void *arg, uint64_t deadline_ms, struct err *err)
{
    struct line *line = arg;
    line_close(line);
    return line->map.transport == TRANSPORT_RTU ? open_serial(line, err)
                                                : open_tcp(line, deadline_ms, err);
}

/* --- bytes --- */

/* 1: ready (or broken, which the next call tells), 0: not by then. */
static int wait_for(struct line *line, short events, uint64_t deadline_ms)
{
    for (;;) {
        struct pollfd fd = {.fd = line->fd, .events = events};
        uint64_t now_ms = line_now(line);
        uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
        int count = poll(&fd, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (count > 0)
            return 1;
        if (count == 0 && line_now(line) >= deadline_ms)
            return 0;
        if (count < 0 && errno != EINTR)
            return 1;
    }
}

static ssize_t write_some(struct line *line, const uint8_t *bytes, size_t size)
{
    return line->map.transport == TRANSPORT_RTU ? write(line->fd, bytes, size)
                                                : send(line->fd, bytes, size, MSG_NOSIGNAL);
}

static int line_send(void *arg, const uint8_t *bytes, size_t size, uint64_t deadline_ms,
                     struct err *err)
{
    struct line *line = arg;
    size_t done = 0;
    while (done < size) {
        enum sent sent = done ? SENT_MAYBE : SENT_NO;
        if (!wait_for(line, POLLOUT, deadline_ms))
            return err_set_sent(err, ERR_TIMEOUT, sent, "it takes no bytes");
        ssize_t count = write_some(line, bytes + done, size - done);
        if (count > 0)
            done += (size_t)count;
        else if (count < 0 && errno != EAGAIN && errno != EINTR)
            return err_set_sent(err, ERR_UNREACHABLE, sent, "broken: %s", strerror(errno));
    }
    return 0;
}

static ssize_t line_receive(void *arg, uint8_t *bytes, size_t size, uint64_t deadline_ms,
                            struct err *err)
{
    struct line *line = arg;
    for (;;) {
        if (!wait_for(line, POLLIN, deadline_ms))
            return 0;
        ssize_t count = read(line->fd, bytes, size);
        if (count > 0)
            return count;
        if (count == 0)
            return err_set(err, ERR_UNREACHABLE, "closed from the other side");
        if (errno != EAGAIN && errno != EINTR)
            return err_set(err, ERR_UNREACHABLE, "broken: %s", strerror(errno));
    }
}

const struct line_ops line_real = {
    .open = line_open,
    .close = line_close,
    .send = line_send,
    .receive = line_receive,
    .now = line_now,
};
