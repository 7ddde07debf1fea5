/* The sources of evidence on a real loop: files in a directory of its own, sockets on 127.0.0.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "agent/io/capture_link.h"
#include "agent/io/follow.h"
#include "agent/io/phone_home.h"
#include "agent/io/probe.h"
#include "proto/cleanup.h"

enum { NOTES_MAX = 8192, PATIENCE_MS = 20000 };

struct fixture {
    uv_loop_t loop;
    uv_timer_t alarm;
    bool late;
    struct note note[NOTES_MAX];
    size_t notes;
    char problem[512];
    size_t problems, ends, gaps;
    char dir[64], path[128], other[160];
    struct evidence evidence;
};

static void on_note(void *arg, const struct note *note)
{
    struct fixture *f = arg;
    assert_true(f->notes < NOTES_MAX);
    f->note[f->notes++] = *note;
}

static void on_problem(void *arg, const char *text, bool over)
{
    struct fixture *f = arg;
    (void)snprintf(f->problem, sizeof f->problem, "%s", text);
    *(over ? &f->ends : &f->problems) += 1;
}

static void on_gap(void *arg)
{
    ((struct fixture *)arg)->gaps++;
}

static void on_alarm(uv_timer_t *timer)
{
    ((struct fixture *)timer->data)->late = true;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    (void)uv_loop_init(&f->loop);
    (void)uv_timer_init(&f->loop, &f->alarm);
    f->alarm.data = f;
    f->evidence = (struct evidence){f, on_note, on_problem, on_gap};
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/test_evidence.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof f->path, "%s/log", f->dir);
    (void)snprintf(f->other, sizeof f->other, "%s/log.1", f->dir);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    uv_close((uv_handle_t *)&f->alarm, NULL);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0); /* whoever leaves a handle open fails here */
    (void)unlink(f->path);
    (void)unlink(f->other);
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

/* Turns the loop until the condition holds; a test that hangs fails. */
#define WAIT_FOR(f, condition)                                                                     \
    do {                                                                                           \
        (void)uv_timer_start(&(f)->alarm, on_alarm, PATIENCE_MS, 0);                               \
        while (!(condition)) {                                                                     \
            if ((f)->late)                                                                         \
                fail_msg("waited in vain for " #condition);                                        \
            (void)uv_run(&(f)->loop, UV_RUN_ONCE);                                                 \
        }                                                                                          \
        (void)uv_timer_stop(&(f)->alarm);                                                          \
    } while (0)

static void write_to(const char *path, const char *text)
{
    _cleanup_(closep) int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void write_ack(const char *path, unsigned n)
{
    char line[128];
    (void)snprintf(
        line, sizeof line,
        "Nov 22 14:14:29 dnsmasq-dhcp[1]: DHCPACK(eth1) 10.0.%u.%u 52:54:00:aa:00:01 x\n", n >> 8,
        n & 255);
    write_to(path, line);
}

static unsigned number_of(const struct note *note)
{
    return note->ip.host_order & 0xffff;
}

static struct follow *follow_it(struct fixture *f)
{
    struct err err = {0};
    struct follow *follow = follow_new(&f->loop, f->path, &f->evidence, &err);
    assert_non_null(follow);
    return follow;
}

static void follows_from_the_end(void **state)
{
    struct fixture *f = *state;
    write_ack(f->path, 1);
    struct follow *follow = follow_it(f);
    write_ack(f->path, 2);
    WAIT_FOR(f, f->notes == 1);
    assert_int_equal(number_of(&f->note[0]), 2);
    assert_int_equal(f->note[0].source, NOTE_LOG);
    assert_true(f->note[0].at_ms > 0);
    follow_close(follow);
}

static void half_lines_wait(void **state)
{
    struct fixture *f = *state;
    write_to(f->path, "");
    struct follow *follow = follow_it(f);
    write_to(f->path, "Nov 22 14:14:29 dnsmasq-dhcp[1]: DHCPACK(eth1) 10.0.0.7 52:54:");
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->notes, 0);
    write_to(f->path, "00:aa:00:01\n");
    WAIT_FOR(f, f->notes == 1);
    assert_int_equal(number_of(&f->note[0]), 7);
    follow_close(follow);
}

static void rotation_loses_nothing(void **state)
{
    struct fixture *f = *state;
    write_ack(f->path, 0);
    struct follow *follow = follow_it(f);
    for (unsigned n = 1; n <= 500; n++)
        write_ack(f->path, n);
    assert_int_equal(rename(f->path, f->other), 0);
    write_ack(f->other, 501); /* the writer has not reopened yet */
    WAIT_FOR(f, f->notes == 501);
    write_ack(f->other, 502);
    write_ack(f->path, 503);
    WAIT_FOR(f, f->notes == 503);
    write_ack(f->other, 504); /* still */
    WAIT_FOR(f, f->notes == 504);
    bool seen[505] = {0};
    for (size_t i = 0; i < f->notes; i++)
        seen[number_of(&f->note[i])] = true;
    for (unsigned n = 1; n <= 504; n++)
        assert_true(seen[n]);
    follow_close(follow);
}

static void copytruncate(void **state)
{
    struct fixture *f = *state;
    write_to(f->path, "something long enough to be cut off by and by, before anything is told\n");
    struct follow *follow = follow_it(f);
    write_ack(f->path, 1);
    WAIT_FOR(f, f->notes == 1);
    assert_int_equal(truncate(f->path, 0), 0);
    write_ack(f->path, 2);
    WAIT_FOR(f, f->notes == 2);
    assert_int_equal(number_of(&f->note[1]), 2);
    follow_close(follow);
}

static void comes_later_and_goes(void **state)
{
    struct fixture *f = *state;
    struct follow *follow = follow_it(f);
    WAIT_FOR(f, f->problems == 1);
    assert_non_null(strstr(f->problem, "No such file"));
    write_ack(f->path, 1); /* from its beginning */
    WAIT_FOR(f, f->notes == 1 && f->ends == 1);
    assert_int_equal(unlink(f->path), 0);
    WAIT_FOR(f, f->problems == 2);
    write_ack(f->path, 2);
    WAIT_FOR(f, f->notes == 2);
    follow_close(follow);
}

static void long_lines_and_nuls(void **state)
{
    struct fixture *f = *state;
    write_to(f->path, "");
    struct follow *follow = follow_it(f);
    _cleanup_(freep) char *junk = malloc(100001);
    memset(junk, 'x', 100000);
    junk[100000] = '\0';
    write_to(f->path, junk);
    write_to(f->path, "\n");
    _cleanup_(closep) int fd = open(f->path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "\0\0\n", 3), 3);
    write_ack(f->path, 3);
    WAIT_FOR(f, f->notes == 1);
    assert_int_equal(number_of(&f->note[0]), 3);
    follow_close(follow);
}

/* ---- port probe ---- */

static int listen_here(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static const struct ipv4 localhost = {INADDR_LOOPBACK};

static void probes_open_and_closed(void **state)
{
    struct fixture *f = *state;
    uint16_t port;
    int listener = listen_here(&port);
    struct probes *probes = probes_new(&f->loop, &f->evidence, NULL);
    assert_int_equal(probe_watch(probes, localhost, port, NULL), 0);
    WAIT_FOR(f, f->notes == 1);
    assert_int_equal(f->note[0].kind, NOTE_PORT_OPEN);
    assert_int_equal(f->note[0].port, port);
    assert_int_equal(f->note[0].ip.host_order, INADDR_LOOPBACK);
    (void)close(listener);
    WAIT_FOR(f, f->notes >= 2 && f->note[f->notes - 1].kind == NOTE_PORT_CLOSED);
    assert_int_equal(f->note[0].source, NOTE_PROBE);
    assert_true(f->note[f->notes - 1].at_ms >= f->note[0].at_ms + 900); /* about once a second */
    probe_leave(probes, localhost, port);
    probe_leave(probes, localhost, port);
    probes_close(probes);
}

static void probes_count_their_watchers(void **state)
{
    struct fixture *f = *state;
    uint16_t port;
    _cleanup_(closep) int listener = listen_here(&port);
    (void)listener;
    struct probes *probes = probes_new(&f->loop, &f->evidence, NULL);
    assert_int_equal(probe_watch(probes, localhost, port, NULL), 0);
    assert_int_equal(probe_watch(probes, localhost, port, NULL), 0);
    probe_leave(probes, localhost, port);
    WAIT_FOR(f, f->notes == 2);
    probe_leave(probes, localhost, port);
    assert_int_equal(probe_watch(probes, localhost, port, NULL), 0); /* anew, and closed half way */
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    probes_close(probes);
    size_t before = f->notes;
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->notes, before);
}

static void probes_many(void **state)
{
    struct fixture *f = *state;
    uint16_t port;
    _cleanup_(closep) int listener = listen_here(&port);
    (void)listener;
    struct probes *probes = probes_new(&f->loop, &f->evidence, NULL);
    for (uint32_t i = 0; i < 2000; i++) /* nobody listens at 127.1.x.y */
        assert_int_equal(probe_watch(probes, (struct ipv4){0x7f010000 + i}, 9, NULL), 0);
    WAIT_FOR(f, f->notes >= 2000);
    bool seen[2000] = {0};
    for (size_t i = 0; i < f->notes; i++) {
        assert_int_equal(f->note[i].kind, NOTE_PORT_CLOSED);
        seen[f->note[i].ip.host_order - 0x7f010000] = true;
    }
    WAIT_FOR(f, f->notes >= 2100); /* and round again */
    for (size_t i = 0; i < 2000; i++)
        assert_true(seen[i]);
    probes_close(probes);
}

/* ---- phone home ---- */

static int call(struct fixture *f, uint16_t port, const char *request, char *answer, size_t size)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    _cleanup_(closep) int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    size_t held = 0;
    ssize_t n;
    (void)uv_timer_start(&f->alarm, on_alarm, PATIENCE_MS, 0);
    while ((n = recv(fd, answer + held, size - 1 - held, MSG_DONTWAIT)) != 0) {
        if (n > 0)
            held += (size_t)n;
        else if (errno != EAGAIN)
            break;
        else
            (void)uv_run(&f->loop, UV_RUN_ONCE);
        assert_false(f->late);
    }
    answer[held] = '\0';
    return held > 12 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

static void phones_home(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *request;
        int status;
        const char *token; /* NULL: no note */
    } rows[] = {
        {"GET /v1/phone-home/n01 HTTP/1.1\r\nHost: x\r\n\r\n", 200, "n01"},
        {"POST /v1/phone-home/52:54:00:aa:00:01 HTTP/1.0\r\n\r\n", 200, "52:54:00:aa:00:01"},
        {"POST /v1/phone-home/n01 HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", 200, "n01"},
        {"GET /v1/phone-home?mac=52%3a54%3A00:aa:00:01 HTTP/1.1\n\n", 200, "52:54:00:aa:00:01"},
        {"GET /v1/phone-home/52-54-00-aa-00-01?x=1 HTTP/1.1\r\n\r\n", 200, "52-54-00-aa-00-01"},
        {"GET /v1/phone-home?mac=n01 HTTP/1.1\r\n\r\n", 400, NULL},
        {"GET /v1/phone-home/ HTTP/1.1\r\n\r\n", 400, NULL},
        {"GET /v1/phone-home/a/b HTTP/1.1\r\n\r\n", 400, NULL},
        {"GET /v1/phone-home/a%00b HTTP/1.1\r\n\r\n", 400, NULL},
        {"GET /v1/phone-home/%4E01 HTTP/1.1\r\n\r\n", 200, "N01"},
        {"GET /v1/phone-home/%\0246 HTTP/1.1\r\n\r\n", 400, NULL}, /* once read as %46 */
        {"GET /v1/phone-homes/a HTTP/1.1\r\n\r\n", 404, NULL},
        {"GET /v1/jobs HTTP/1.1\r\n\r\n", 404, NULL},
        {"DELETE /v1/phone-home/a HTTP/1.1\r\n\r\n", 400, NULL},
        {"GET /v1/phone-home/a\r\n\r\n", 400, NULL},
        {"\r\n\r\n", 400, NULL},
        {"x\n\n", 400, NULL},
    };
    struct err err = {0};
    struct phone_home *home = phone_home_new(&f->loop, "127.0.0.1:0", &f->evidence, &err);
    assert_non_null(home);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char answer[512];
        size_t before = f->notes;
        assert_int_equal(call(f, phone_home_port(home), rows[i].request, answer, sizeof answer),
                         rows[i].status);
        assert_int_equal(f->notes, before + (rows[i].token != NULL));
        if (!rows[i].token)
            continue;
        const struct note *note = &f->note[f->notes - 1];
        assert_non_null(strstr(answer, "\r\n\r\nok\n"));
        assert_int_equal(note->kind, NOTE_PHONED_HOME);
        assert_int_equal(note->source, NOTE_PHONE_HOME);
        assert_int_equal(note->ip.host_order, INADDR_LOOPBACK);
        assert_string_equal(note->reason, rows[i].token);
        assert_int_equal(mac_known(note->mac), rows[i].token[0] == '5');
    }
    phone_home_close(home);
}

static void phone_home_bounds(void **state)
{
    struct fixture *f = *state;
    struct phone_home *home = phone_home_new(&f->loop, "127.0.0.1:0", &f->evidence, NULL);
    char long_one[6000] = "GET /v1/phone-home/n01 HTTP/1.1\r\nX: ", answer[512];
    memset(long_one + strlen(long_one), 'x', sizeof long_one - 1 - strlen(long_one));
    long_one[sizeof long_one - 1] = '\0';
    assert_int_equal(call(f, phone_home_port(home), long_one, answer, sizeof answer), 400);
    assert_int_equal(call(f, phone_home_port(home), "GET /v1", answer, sizeof answer), 0); /* 2 s */
    assert_int_equal(f->notes, 0);
    phone_home_close(home);
}

static void phone_home_addresses(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"",
                                      "8670",
                                      "x:1",
                                      "127.0.0.1:",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:1x",
                                      "127.0.0.1:-1",
                                      "300.0.0.1:1"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct err err = {0};
        assert_null(phone_home_new(&f->loop, bad[i], &f->evidence, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
    }
    struct err err = {0};
    struct phone_home *one = phone_home_new(&f->loop, "127.0.0.1:0", &f->evidence, &err);
    char taken[32];
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%d", phone_home_port(one));
    assert_null(phone_home_new(&f->loop, taken, &f->evidence, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    phone_home_close(one);
}

/* ---- capture link ---- */

static void write_program(struct fixture *f, const char *script)
{
    char text[512];
    (void)snprintf(text, sizeof text, "#!/bin/sh\n%s\n", script);
    (void)unlink(f->path);
    write_to(f->path, text);
    assert_int_equal(chmod(f->path, 0755), 0);
}

static struct capture_link *run_program(struct fixture *f)
{
    static const char *const interfaces[] = {"eth1", "eth2"};
    struct err err = {0};
    struct capture_link *link =
        capture_link_new(&f->loop, f->path, interfaces, 2, &f->evidence, &err);
    assert_non_null(link);
    return link;
}

static void link_brings_notes(void **state)
{
    struct fixture *f = *state;
    write_program(f, "[ \"$*\" = '--interface eth1 --interface eth2' ] || exit 9\n"
                     "echo '{\"kind\":\"arp\",\"ip\":\"10.0.0.1\"}'\nexec sleep 1000");
    struct capture_link *link = run_program(f);
    WAIT_FOR(f, f->notes == 1);
    assert_int_equal(f->note[0].kind, NOTE_ARP);
    assert_int_equal(f->note[0].source, NOTE_CAPTURE);
    assert_true(f->note[0].at_ms > 0);
    assert_true(capture_link_is_up(link));
    assert_int_equal(f->problems, 0);
    capture_link_close(link); /* tear_down waits until the program is gone */
}

static void link_starts_again(void **state)
{
    struct fixture *f = *state;
    write_program(f, "echo '{\"kind\":\"arp\",\"ip\":\"10.0.0.1\"}'\n"
                     "echo 'capture: interface eth1 was removed' >&2; exit 1");
    struct capture_link *link = run_program(f);
    WAIT_FOR(f, f->notes == 2);
    assert_true(f->note[1].at_ms >= f->note[0].at_ms + 1000);
    assert_string_equal(f->problem, "capture: interface eth1 was removed");
    assert_int_equal(f->problems, 1); /* told once */
    assert_in_range(f->gaps, 2, 3);   /* when it died, when it was back; perhaps it died again */
    capture_link_close(link);
}

static void link_without_a_program(void **state)
{
    struct fixture *f = *state;
    struct capture_link *link = run_program(f);
    WAIT_FOR(f, f->problems == 1);
    assert_non_null(strstr(f->problem, "cannot be started: no such file"));
    assert_false(capture_link_is_up(link));
    capture_link_close(link);
}

static void link_hears_nonsense(void **state)
{
    struct fixture *f = *state;
    write_program(f, "while echo nonsense; do :; done");
    struct capture_link *link = run_program(f);
    WAIT_FOR(f, f->problems >= 1);
    assert_non_null(strstr(f->problem, "what is no note"));
    WAIT_FOR(f, !capture_link_is_up(link));
    assert_int_equal(f->notes, 0);
    capture_link_close(link);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(follows_from_the_end),
        TEST(half_lines_wait),
        TEST(rotation_loses_nothing),
        TEST(copytruncate),
        TEST(comes_later_and_goes),
        TEST(long_lines_and_nuls),
        TEST(probes_open_and_closed),
        TEST(probes_count_their_watchers),
        TEST(probes_many),
        TEST(phones_home),
        TEST(phone_home_bounds),
        TEST(phone_home_addresses),
        TEST(link_brings_notes),
        TEST(link_starts_again),
        TEST(link_without_a_program),
        TEST(link_hears_nonsense),
    };
    return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
