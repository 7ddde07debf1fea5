/* The wire itself: ptys, sockets, and what libmodbus makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/modbus/line.h"

enum { LONG_MS = 20000, SHORT_MS = 100 };

static struct modbus_map map;
static struct line *line;
static struct err err;

static uint64_t in(uint64_t ms)
{
    return line_real.now(line) + ms;
}

static int end(void **state)
{
    (void)state;
    line = line_free(line);
    return 0;
}

static void make_line(void)
{
    line = line_free(line);
    line = line_new(&map);
    assert_non_null(line);
    err = (struct err){0};
}

/* A pty; its name is the serial line. */
static int make_pty(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    options_init(map_options, &map);
    map.transport = TRANSPORT_RTU;
    assert_int_equal(ptsname_r(master, map.serial, sizeof map.serial), 0);
    make_line();
    return master;
}

/* A TCP socket that is bound to a port of this machine, `backlog` < 0: and does not listen. */
static int make_listener(int backlog)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    assert_true(backlog < 0 || listen(fd, backlog) == 0);
    options_init(map_options, &map);
    (void)snprintf(map.host, sizeof map.host, "127.0.0.1");
    map.port = ntohs(address.sin_port);
    make_line();
    return fd;
}

static void say_and_hear(int peer)
{
    uint8_t bytes[8];
    assert_int_equal(
        line_real.send(line, (const uint8_t *)"\x01\x0d\x0a\x11", 4, in(LONG_MS), &err), 0);
    assert_int_equal(read(peer, bytes, sizeof bytes), 4);
    assert_memory_equal(bytes, "\x01\x0d\x0a\x11", 4); /* as it is: no terminal's line ends */
    assert_int_equal(write(peer, "\x02\x03\x13", 3), 3);
    assert_int_equal(line_real.receive(line, bytes, sizeof bytes, in(LONG_MS), &err), 3);
    assert_memory_equal(bytes, "\x02\x03\x13", 3);
    assert_int_equal(line_real.receive(line, bytes, sizeof bytes, in(0), &err), 0);
}

static void test_a_serial_line(void **state)
{
    uint8_t byte;
    (void)state;
    int master = make_pty();
    assert_int_equal(line_real.open(line, in(LONG_MS), &err), 0);
    say_and_hear(master);
    (void)close(master); /* an adapter that was pulled out */
    assert_int_equal(line_real.receive(line, &byte, 1, in(LONG_MS), &err), -1);
    assert_int_equal(err.kind, ERR_UNREACHABLE);
    assert_int_equal(line_real.open(line, in(LONG_MS), &err), -1);
    assert_int_equal(err.kind, ERR_UNREACHABLE);
}

static void test_a_serial_line_is_one_masters(void **state)
{
    (void)state;
    int master = make_pty();
    struct line *other = line_new(&map);
    assert_int_equal(line_real.open(line, in(LONG_MS), &err), 0);
    assert_int_equal(line_real.open(other, in(LONG_MS), &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    line_real.close(line);
    assert_int_equal(line_real.open(other, in(LONG_MS), &err), 0);
    (void)line_free(other);
    (void)close(master);
}

static void test_what_a_serial_line_cannot(void **state)
{
    (void)state;
    int master = make_pty();
    map.rs485 = true;
    make_line();
    assert_int_equal(line_real.open(line, in(LONG_MS), &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "rs485: false"));
    map.rs485 = false;
    map.baud = 9601; /* libmodbus would take 9600 for it */
    make_line();
    assert_int_equal(line_real.open(line, in(LONG_MS), &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    (void)close(master);
}

static void test_a_connection(void **state)
{
    uint8_t byte;
    (void)state;
    int listener = make_listener(1);
    assert_int_equal(line_real.open(line, in(LONG_MS), &err), 0);
    int peer = accept(listener, NULL, NULL);
    say_and_hear(peer);
    (void)close(peer);
    assert_int_equal(line_real.receive(line, &byte, 1, in(LONG_MS), &err), -1);
    assert_int_equal(err.kind, ERR_UNREACHABLE);
    (void)close(listener);
}

static void test_a_connection_that_is_refused(void **state)
{
    (void)state;
    int bound = make_listener(-1);
    assert_int_equal(line_real.open(line, in(LONG_MS), &err), -1);
    assert_int_equal(err.kind, ERR_UNREACHABLE);
    assert_non_null(strstr(err.text, "refused"));
    (void)snprintf(map.host, sizeof map.host, "no-such-name.invalid");
    make_line();
    assert_int_equal(line_real.open(line, in(LONG_MS), &err), -1);
    assert_int_equal(err.kind, ERR_UNREACHABLE);
    assert_non_null(strstr(err.text, "no address"));
    (void)close(bound);
}

/* D.2 row 6: a queue that is full answers no SYN, and libmodbus then says "in progress". */
static void test_a_connection_that_hangs(void **state)
{
    enum { FILLERS = 4 };
    int fillers[FILLERS];
    (void)state;
    int listener = make_listener(0);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    for (int i = 0; i < FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, size);
    }
    assert_int_equal(line_real.open(line, in(SHORT_MS), &err), -1);
    assert_int_equal(err.kind, ERR_UNREACHABLE);
    assert_non_null(strstr(err.text, "no answer"));
    for (int i = 0; i < FILLERS; i++)
        (void)close(fillers[i]);
    (void)close(listener);
}

/* D.2 row 3: libmodbus 3.1.6 would end the process. */
static void test_too_many_descriptors(void **state)
{
    struct rlimit limit;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < FD_SETSIZE + 16)
        skip();
    limit.rlim_cur = FD_SETSIZE + 16;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int listener = make_listener(1), last = 0;
    while (last < FD_SETSIZE - 1)
        last = dup(STDIN_FILENO);
    assert_int_equal(line_real.open(line, in(LONG_MS), &err), -1);
    assert_int_equal(err.kind, ERR_SYSTEM);
    (void)close(last);
    assert_int_equal(line_real.open(line, in(LONG_MS), &err), 0);
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    (void)listener;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_serial_line, end),
        cmocka_unit_test_teardown(test_a_serial_line_is_one_masters, end),
        cmocka_unit_test_teardown(test_what_a_serial_line_cannot, end),
        cmocka_unit_test_teardown(test_a_connection, end),
        cmocka_unit_test_teardown(test_a_connection_that_is_refused, end),
        cmocka_unit_test_teardown(test_a_connection_that_hangs, end),
        cmocka_unit_test_teardown(test_too_many_descriptors, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
