/* One agent per state directory, and what systemd is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/io/service.h"
#include "proto/cleanup.h"

static char dir[64];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/powerctl-test-service-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    char path[128];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/state/agent.pid", dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/state", dir);
    (void)rmdir(path);
    (void)snprintf(path, sizeof path, "%s/notify", dir);
    (void)unlink(path);
    return rmdir(dir);
}

static void the_second_agent_is_told_who_the_first_is(void **state)
{
    char path[128], pid[32];
    struct err err = {0};
    (void)state;
    (void)snprintf(path, sizeof path, "%s/state", dir);
    int first = service_lock(path, &err);
    assert_true(first >= 0);
    assert_int_equal(service_lock(path, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    (void)snprintf(pid, sizeof pid, "(pid %d)", (int)getpid());
    assert_non_null(strstr(err.text, pid));
    assert_non_null(strstr(err.text, path));
    (void)close(first);
    int again = service_lock(path, &err);
    assert_true(again >= 0);
    (void)close(again);
}

static void a_directory_that_was_made_anew_is_locked_anew(void **state)
{
    char path[128], pid[160];
    struct err err = {0};
    (void)state;
    (void)snprintf(path, sizeof path, "%s/state", dir);
    (void)snprintf(pid, sizeof pid, "%s/agent.pid", path);
    int lock = service_lock(path, &err);
    int same = lock;
    assert_true(lock >= 0);
    assert_int_equal(service_lock_again(&lock, path, &err), 0);
    assert_int_equal(lock, same);
    assert_int_equal(unlink(pid) || rmdir(path), 0);
    assert_int_equal(service_lock_again(&lock, path, &err), -1);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(access(path, F_OK), -1);
    int other = service_lock(path, &err);
    assert_true(other >= 0);
    assert_int_equal(service_lock_again(&lock, path, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_int_equal(lock, same);
    (void)close(other);
    assert_int_equal(service_lock_again(&lock, path, &err), 0);
    assert_int_equal(service_lock(path, &err), -1);
    (void)close(lock);
}

static void a_directory_that_cannot_be_is_named(void **state)
{
    struct err err = {0};
    (void)state;
    assert_int_equal(service_lock("/proc/powerctl", &err), -1);
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_non_null(strstr(err.text, "/proc/powerctl"));
}

static void systemd_is_told(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[128] = "";
    long long usec;
    (void)state;
    _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", dir);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
    service_notify("READY=1");
    assert_int_equal(recv(fd, text, sizeof text - 1, 0), 7);
    assert_string_equal(text, "READY=1");
    service_notify("RELOADING=1");
    assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
    assert_int_equal(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%lld", &usec), 1);
    assert_true(usec > 0);
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    service_notify("READY=1");
    assert_int_equal(recv(fd, text, sizeof text - 1, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_second_agent_is_told_who_the_first_is, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_was_made_anew_is_locked_anew, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_cannot_be_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(systemd_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
