/* The agent's end of a driver, against the fake driver and one that breaks its promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <fcntl.h>
#include <libgen.h>
#include <uv.h>

#include "agent/io/driver_link.h"
#include "proto/cleanup.h"

enum { REPLIES_MAX = 2000 };

struct fixture {
    uv_loop_t loop;
    uv_timer_t alarm;
    int ticks;
    struct driver_link *link;
    char dir[64], built[512];
    struct driver_reply replies[REPLIES_MAX];
    size_t nreplies;
    char problems[4096];
    int ups, downs, waits;
    bool closed;
    bool inside;                       /* a driver_link_ function runs */
    struct driver_setting settings[4]; /* of fake devices */
    size_t nsettings;
};

static void on_reply(void *arg, const struct driver_reply *reply)
{
    struct fixture *f = arg;
    assert_false(f->inside);
    assert_true(f->nreplies < REPLIES_MAX);
    f->replies[f->nreplies++] = *reply;
}

static void on_problem(void *arg, const char *driver, const struct err *err)
{
    struct fixture *f = arg;
    size_t size = strlen(f->problems);
    (void)driver;
    (void)snprintf(f->problems + size, sizeof f->problems - size, "%s\n", err->text);
}

static void on_state(void *arg, const char *driver, enum driver_link_state state)
{
    struct fixture *f = arg;
    (void)driver;
    f->ups += state == DRIVER_LINK_UP;
    f->downs += state == DRIVER_LINK_DOWN;
    f->waits += state == DRIVER_LINK_WAITING;
}

/* Ticks, for uv_run() may run a timer and then wait for the next one before it returns. */
enum { TICK_MS = 10, TICKS_MAX = 3000 };

static void on_tick(uv_timer_t *timer)
{
    struct fixture *f = timer->data;
    if (++f->ticks < TICKS_MAX)
        return;
    fail_msg("nothing came for 30 s; %zu replies, problems:\n%s", f->nreplies, f->problems);
}

static void on_closed(void *arg)
{
    ((struct fixture *)arg)->closed = true;
}

#define UNTIL(f, condition)                                                                        \
    do {                                                                                           \
        (f)->ticks = 0;                                                                            \
        assert_int_equal(uv_timer_start(&(f)->alarm, on_tick, TICK_MS, TICK_MS), 0);               \
        while (!(condition))                                                                       \
            (void)uv_run(&(f)->loop, UV_RUN_ONCE);                                                 \
    } while (0)

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char self[512] = "";
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    (void)snprintf(f->built, sizeof f->built, "%s/..", dirname(self));
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/test-driver-link-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    (void)uv_timer_init(&f->loop, &f->alarm);
    f->alarm.data = f;
    *state = f;
    return 0;
}

static void close_link(struct fixture *f)
{
    driver_link_close(f->link, on_closed, f);
    UNTIL(f, f->closed);
    f->link = NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->link)
        close_link(f);
    uv_close((uv_handle_t *)&f->alarm, NULL);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0); /* nothing was left behind */
    char command[512];
    static const char *const files[] = {"driver-fake.lock", "driver-rude.lock", "n1", "n2"};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        (void)snprintf(command, sizeof command, "%s/%s", f->dir, files[i]);
        (void)unlink(command);
    }
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

static void new_link(struct fixture *f, const char *driver, const char *driver_dir)
{
    const struct driver_link_events events = {on_reply, on_problem, on_state, f};
    struct err err;
    f->link = driver_link_new(&f->loop, driver, driver_dir, f->dir, &events, &err);
    assert_non_null(f->link);
}

static void configure(struct fixture *f, const struct device_config *devices, size_t count,
                      const struct driver_credentials *credentials)
{
    const struct device_config *pointers[8];
    for (size_t i = 0; i < count; i++)
        pointers[i] = &devices[i];
    const struct driver_link_config config = {pointers, count, credentials, credentials ? 1 : 0};
    struct err err = {.text = ""};
    f->inside = true;
    if (driver_link_configure(f->link, &config, &err))
        fail_msg("%s", err.text);
    f->inside = false;
}

static void start_rude(struct fixture *f)
{
    new_link(f, "rude", "tests/peers");
    configure(f, &(struct device_config){.device = "any"}, 1, NULL);
    UNTIL(f, f->ups == 1);
}

static struct device_config fake_device(struct fixture *f, const char *name)
{
    struct device_config device = {.nsettings = 1, .settings = &f->settings[f->nsettings++]};
    (void)snprintf(device.device, sizeof device.device, "%s", name);
    (void)snprintf(device.settings[0].name, NAME_SIZE, "state");
    (void)snprintf(device.settings[0].value, DRIVER_SETTING_SIZE, "%s/%s", f->dir, name);
    return device;
}

static void ask(struct fixture *f, uint64_t id, const char *device, enum op op, uint32_t budget_ms)
{
    struct driver_request request = {.id = id, .op = op, .budget_ms = budget_ms};
    (void)snprintf(request.device, sizeof request.device, "%s", device);
    f->inside = true;
    driver_link_request(f->link, &request);
    f->inside = false;
}

static void check_failed(const struct driver_reply *reply, uint64_t id, enum err_kind kind,
                         enum sent sent, const char *text)
{
    assert_int_equal(reply->id, id);
    assert_false(reply->ok);
    if (reply->err.kind != kind || reply->err.sent != sent || !strstr(reply->err.text, text))
        fail_msg("%s, sent %s: %s", err_kind_name(reply->err.kind), sent_name(reply->err.sent),
                 reply->err.text);
}

static void a_fake_device_is_switched(void **state)
{
    struct fixture *f = *state;
    new_link(f, "fake", f->built);
    struct device_config device = fake_device(f, "n1");
    configure(f, &device, 1, NULL);
    UNTIL(f, f->ups == 1);
    ask(f, 1, "n1", OP_ON, 5000);
    UNTIL(f, f->nreplies == 1);
    ask(f, 2, "n1", OP_STATUS, 5000);
    UNTIL(f, f->nreplies == 2);
    assert_true(f->replies[0].ok);
    assert_int_equal(f->replies[0].op, OP_ON);
    assert_int_equal(f->replies[1].op, OP_STATUS);
    assert_int_equal(f->replies[1].power, POWER_ON);
    assert_string_equal(f->problems, "");
}

static void before_it_is_up_requests_fail_unsent(void **state)
{
    struct fixture *f = *state;
    new_link(f, "rude", "tests/peers");
    ask(f, 1, "good", OP_ON, 5000);
    UNTIL(f, f->nreplies == 1);
    check_failed(&f->replies[0], 1, ERR_SYSTEM, SENT_NO, "driver rude is waiting");
}

static void a_driver_that_dies_fails_what_is_in_flight_and_comes_back(void **state)
{
    struct fixture *f = *state;
    start_rude(f);
    ask(f, 1, "silent", OP_ON, 60000);
    ask(f, 2, "silent", OP_STATUS, 60000);
    ask(f, 3, "segv", OP_OFF, 60000);
    UNTIL(f, f->nreplies == 3);
    check_failed(&f->replies[0], 1, ERR_SYSTEM, SENT_MAYBE, "driver rude died (signal 11)");
    check_failed(&f->replies[1], 2, ERR_SYSTEM, SENT_NO, "driver rude died (signal 11)");
    check_failed(&f->replies[2], 3, ERR_SYSTEM, SENT_MAYBE, "driver rude died (signal 11)");
    assert_int_equal(f->replies[0].op, OP_ON);
    assert_non_null(strstr(f->problems, "driver rude died (signal 11); again in 1 s"));
    ask(f, 4, "good", OP_ON, 60000);
    UNTIL(f, f->nreplies == 4);
    check_failed(&f->replies[3], 4, ERR_SYSTEM, SENT_NO, "driver rude is down: died");
    UNTIL(f, f->ups == 2);
    ask(f, 5, "exit", OP_STATUS, 60000);
    UNTIL(f, f->nreplies == 5);
    check_failed(&f->replies[4], 5, ERR_SYSTEM, SENT_NO, "ended by itself (status 3)");
    assert_non_null(strstr(f->problems, "ended by itself (status 3); again in 2 s"));
}

static void the_last_word_of_a_dying_driver_counts(void **state)
{
    struct fixture *f = *state;
    start_rude(f);
    ask(f, 1, "last-word", OP_ON, 60000);
    UNTIL(f, f->downs == 1);
    assert_int_equal(f->nreplies, 1);
    assert_true(f->replies[0].ok);
}

static void nonsense_is_reported_and_skipped(void **state)
{
    struct fixture *f = *state;
    start_rude(f);
    ask(f, 1, "garbage", OP_ON, 60000);
    ask(f, 2, "long", OP_ON, 60000);
    ask(f, 3, "twice", OP_ON, 60000);
    ask(f, 4, "loud", OP_ON, 60000);
    UNTIL(f, f->nreplies == 4 && strstr(f->problems, "odd"));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(f->replies[i].id, i + 1);
    assert_non_null(strstr(f->problems, "makes no sense"));
    assert_non_null(strstr(f->problems, "longer than 16383 bytes"));
    assert_non_null(strstr(f->problems, "driver rude says: something is odd"));
}

static void a_silent_driver_is_answered_for_and_killed(void **state)
{
    struct fixture *f = *state;
    start_rude(f);
    ask(f, 1, "deaf", OP_ON, 1);
    ask(f, 2, "good", OP_STATUS, 1);
    UNTIL(f, f->nreplies == 2 && f->downs == 1);
    check_failed(&f->replies[0], 1, ERR_TIMEOUT, SENT_MAYBE, "did not answer in time");
    check_failed(&f->replies[1], 2, ERR_TIMEOUT, SENT_NO, "did not answer in time");
    assert_non_null(strstr(f->problems, "without an answer; killed")); /* in one turn or in two */
    assert_non_null(strstr(f->problems, "died (signal 9)"));
}

static void one_missing_answer_does_not_cost_the_driver(void **state)
{
    struct fixture *f = *state;
    start_rude(f);
    ask(f, 1, "silent", OP_ON, 1);
    ask(f, 2, "good", OP_STATUS, 60000);
    UNTIL(f, f->nreplies == 2);
    check_failed(&f->replies[1], 1, ERR_TIMEOUT, SENT_MAYBE, "did not answer in time");
    ask(f, 3, "good", OP_STATUS, 60000);
    UNTIL(f, f->nreplies == 3);
    assert_true(f->replies[2].ok);
    assert_int_equal(f->downs, 0);
}

static void an_id_in_flight_is_refused(void **state)
{
    struct fixture *f = *state;
    start_rude(f);
    ask(f, 7, "silent", OP_ON, 60000);
    ask(f, 7, "good", OP_ON, 60000);
    UNTIL(f, f->nreplies == 1);
    check_failed(&f->replies[0], 7, ERR_USAGE, SENT_NO, "in flight already");
    assert_int_equal(driver_link_in_flight(f->link), 1);
}

static void closing_answers_what_is_in_flight(void **state)
{
    struct fixture *f = *state;
    start_rude(f);
    ask(f, 1, "silent", OP_ON, 60000);
    close_link(f);
    assert_int_equal(f->nreplies, 1);
    check_failed(&f->replies[0], 1, ERR_SYSTEM, SENT_MAYBE, "the agent ends its driver");
}

static void a_missing_program_is_tried_again(void **state)
{
    struct fixture *f = *state;
    new_link(f, "nowhere", "tests/peers");
    configure(f, &(struct device_config){.device = "any"}, 1, NULL);
    UNTIL(f, f->downs == 1 && strstr(f->problems, "again in 2 s"));
    assert_non_null(strstr(f->problems, "cannot start tests/peers/powerctl-driver-nowhere"));
    char lock[128];
    (void)snprintf(lock, sizeof lock, "%s/driver-nowhere.lock", f->dir);
    assert_int_equal(unlink(lock), 0);
}

static void an_older_driver_is_waited_for(void **state)
{
    struct fixture *f = *state;
    char lock[128];
    (void)snprintf(lock, sizeof lock, "%s/driver-rude.lock", f->dir);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    new_link(f, "rude", "tests/peers");
    configure(f, &(struct device_config){.device = "any"}, 1, NULL);
    UNTIL(f, strstr(f->problems, "waits for an older driver"));
    assert_int_equal(driver_link_state(f->link), DRIVER_LINK_WAITING);
    ask(f, 1, "good", OP_ON, 60000);
    UNTIL(f, f->nreplies == 1);
    check_failed(&f->replies[0], 1, ERR_SYSTEM, SENT_NO, "waits for an older driver");
    assert_int_equal(f->ups, 0);
    (void)close(fd);
    UNTIL(f, f->ups == 1);
    fd = open(lock, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1); /* the driver holds it now */
    close_link(f);
    assert_int_equal(flock(fd, LOCK_EX), 0); /* and it ends with the driver */
    (void)close(fd);
}

static void a_reload_adds_devices_to_the_running_driver(void **state)
{
    struct fixture *f = *state;
    new_link(f, "fake", f->built);
    struct device_config devices[2] = {fake_device(f, "n1"), fake_device(f, "n2")};
    configure(f, devices, 1, NULL);
    UNTIL(f, f->ups == 1);
    ask(f, 1, "n2", OP_STATUS, 5000);
    UNTIL(f, f->nreplies == 1);
    check_failed(&f->replies[0], 1, ERR_CONFIG, SENT_NO, "n2");
    configure(f, devices, 2, NULL);
    ask(f, 2, "n2", OP_STATUS, 5000);
    UNTIL(f, f->nreplies == 2);
    assert_true(f->replies[1].ok);
    (void)snprintf(devices[1].settings[0].name, NAME_SIZE, "nonsense");
    configure(f, devices, 2, NULL);
    UNTIL(f, strstr(f->problems, "cannot use a device: n2"));
    assert_string_equal(f->replies[1].err.text, "");
}

/* A secret changes: what is in flight ends first, what comes meanwhile waits for the new one. */
static void a_changed_secret_restarts_the_driver_when_it_is_quiet(void **state)
{
    struct fixture *f = *state;
    struct driver_credentials credentials = {"bmc", "ops", {"old"}};
    struct device_config device = {
        .device = "any",
        .nsettings = 1,
        .settings = (struct driver_setting[]){{"credentials", "bmc"}},
    };
    new_link(f, "rude", "tests/peers");
    configure(f, &device, 1, &credentials);
    UNTIL(f, f->ups == 1);
    ask(f, 1, "pid", OP_INFO, 60000);
    UNTIL(f, f->nreplies == 1);
    ask(f, 2, "silent", OP_STATUS, 1);
    (void)snprintf(credentials.password.bytes, sizeof credentials.password.bytes, "new");
    configure(f, &device, 1, &credentials);
    ask(f, 3, "pid", OP_INFO, 60000);
    ask(f, 4, "good", OP_ON, 60000); /* counted then, not when the driver is up again */
    UNTIL(f, f->nreplies == 2);
    assert_int_equal(f->replies[1].id, 4);
    assert_int_equal(f->replies[1].err.kind, ERR_BUSY);
    assert_int_equal(f->replies[1].err.sent, SENT_NO);
    UNTIL(f, f->nreplies == 4);
    assert_int_equal(f->replies[2].id, 2);
    assert_int_equal(f->replies[3].id, 3);
    assert_true(f->replies[3].ok);
    assert_string_not_equal(f->replies[0].info.model, f->replies[3].info.model);
    assert_int_equal(f->downs, 0);
}

/* A state directory where no lock can be made: status goes on, commands wait for a lock. */
static void without_a_lock_only_questions_are_asked(void **state)
{
    struct fixture *f = *state;
    struct device_config device = {.device = "any"};
    assert_int_equal(rmdir(f->dir), 0);
    new_link(f, "rude", "tests/peers");
    configure(f, &device, 1, NULL);
    UNTIL(f, f->ups == 1);
    assert_non_null(strstr(f->problems, "is only asked questions: cannot open"));
    ask(f, 1, "good", OP_STATUS, 60000);
    ask(f, 2, "good", OP_OFF, 60000);
    UNTIL(f, f->nreplies == 2);
    assert_int_equal(f->replies[0].id, 2);
    assert_int_equal(f->replies[0].err.sent, SENT_NO);
    assert_non_null(strstr(f->replies[0].err.text, "driver-rude.lock"));
    assert_true(f->replies[1].ok);
    assert_int_equal(mkdir(f->dir, 0700), 0);
    for (uint64_t id = 3; !f->replies[f->nreplies - 1].ok || id == 3; id++) {
        size_t answered = f->nreplies + 1;
        ask(f, id, "good", OP_OFF, 60000);
        UNTIL(f, f->nreplies == answered);
    }
    assert_int_equal(f->downs, 0);
}

static void check_too_much(struct fixture *f, size_t nsettings, const char *text)
{
    struct device_config device = {.device = "pdu-a", .nsettings = nsettings};
    struct driver_setting settings[DRIVER_SETTINGS_MAX + 1];
    for (size_t i = 0; i < nsettings; i++) {
        (void)snprintf(settings[i].name, sizeof settings[i].name, "s%zu", i);
        (void)snprintf(settings[i].value, sizeof settings[i].value, "%0200zu", i);
    }
    device.settings = settings;
    const struct device_config *pointer = &device;
    const struct driver_link_config config = {.devices = &pointer, .ndevices = 1};
    struct err err;
    assert_int_equal(driver_link_configure(f->link, &config, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "device pdu-a"));
    if (!strstr(err.text, text))
        fail_msg("%s", err.text);
}

static void what_cannot_be_told_is_refused_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct device_config device = {
        .device = "any",
        .nsettings = 1,
        .settings = (struct driver_setting[]){{"credentials", "bmc"}},
    };
    const struct device_config *pointer = &device;
    const struct driver_credentials credentials = {"bmc", "ops", {"\xff"}};
    const struct driver_link_config config = {&pointer, 1, &credentials, 1};
    struct err err;
    start_rude(f);
    assert_int_equal(driver_link_configure(f->link, &config, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "credentials bmc"));
    check_too_much(f, DRIVER_SETTINGS_MAX + 1, "97 settings, its profile's included; 96 is");
    check_too_much(f, DRIVER_SETTINGS_MAX, "longer than 16384 bytes together");
    ask(f, 1, "good", OP_STATUS, 60000);
    UNTIL(f, f->nreplies == 1);
    assert_true(f->replies[0].ok);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fake_device_is_switched),
        TEST(before_it_is_up_requests_fail_unsent),
        TEST(a_driver_that_dies_fails_what_is_in_flight_and_comes_back),
        TEST(the_last_word_of_a_dying_driver_counts),
        TEST(nonsense_is_reported_and_skipped),
        TEST(a_silent_driver_is_answered_for_and_killed),
        TEST(one_missing_answer_does_not_cost_the_driver),
        TEST(an_id_in_flight_is_refused),
        TEST(closing_answers_what_is_in_flight),
        TEST(a_missing_program_is_tried_again),
        TEST(an_older_driver_is_waited_for),
        TEST(a_reload_adds_devices_to_the_running_driver),
        TEST(a_changed_secret_restarts_the_driver_when_it_is_quiet),
        TEST(without_a_lock_only_questions_are_asked),
        TEST(what_cannot_be_told_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests_name("driver_link", tests, NULL, NULL);
}
