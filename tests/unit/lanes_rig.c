#include "tests/unit/lanes_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "proto/cleanup.h"

enum { GO_PATH_SIZE = 140 };
static void go_path(const char *bus, char path[GO_PATH_SIZE])
{
    (void)snprintf(path, GO_PATH_SIZE, "%s.go", bus);
}

/* --- the driver --- */

struct session {
    enum behaviour behaviour;
    char opened_by[NAME_SIZE];
};

/* Who may go is told by a lock, which the test holds until then. 0: go. */
static int wait_for_go(const struct rig_config *config, int how)
{
    char path[GO_PATH_SIZE];
    go_path(config->bus, path);
    _cleanup_(closep) int go = open(path, O_RDONLY | O_CLOEXEC);
    return flock(go, LOCK_SH | how);
}

static void *test_open(const char *device, const void *settings,
                       const struct driver_credentials *credentials, struct err *err)
{
    const struct rig_config *config = settings;
    if (config->behaviour == HANGS_IN_OPEN)
        (void)pause();
    if (config->behaviour == NO_OPEN && wait_for_go(config, LOCK_NB)) {
        err_set(err, ERR_AUTH, "%s: %s is not let in", device, credentials->user);
        return NULL;
    }
    struct session *session = calloc(1, sizeof *session);
    session->behaviour = config->behaviour;
    (void)snprintf(session->opened_by, sizeof session->opened_by, "%s", device);
    return session;
}

static void tell(const struct session *session, const struct rig_config *config,
                 const struct driver_request *request, struct driver_reply *reply)
{
    reply->ok = reply->has_info = true;
    (void)snprintf(reply->info.model, sizeof reply->info.model, "%d %s %s %llu", (int)getpid(),
                   session->opened_by, *config->note ? config->note : "-",
                   (unsigned long long)request->asked_ms);
}

static void work(struct session *session, const struct rig_config *config,
                 const struct driver_request *request, struct driver_reply *reply)
{
    switch (config->behaviour) {
    case HANGS_IN_RUN:
        (void)pause();
        break;
    case CRASHES:
        (void)raise(SIGKILL);
        break;
    case EXITS:
        _exit(7);
    case LIES:
        memset(reply, 0xee, sizeof *reply);
        return;
    case NO_ANSWER:
        err_set_sent(&reply->err, ERR_TIMEOUT,
                     op_changes_something(request->op) ? SENT_MAYBE : SENT_NO, "%s is silent",
                     request->device);
        return;
    case OPENS_A_FILE:
        reply->ok = reply->has_info = true;
        (void)snprintf(reply->info.model, sizeof reply->info.model, "%d",
                       open("/dev/null", O_RDONLY | O_CLOEXEC));
        return;
    case WAITS:
        (void)wait_for_go(config, 0);
        break;
    case GOOD:
    case HANGS_IN_OPEN:
    case HANGS_IN_CLOSE:
    case NO_OPEN:
        break;
    }
    tell(session, config, request, reply);
}

static void test_run(void *session, const void *settings, const struct driver_request *request,
                     struct driver_reply *reply)
{
    const struct rig_config *config = settings;
    _cleanup_(closep) int wire =
        *config->bus ? open(config->bus, O_RDONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (wire >= 0 && flock(wire, LOCK_EX | LOCK_NB))
        err_set(&reply->err, ERR_PROTOCOL, "%s: another is on the bus", request->device);
    else
        work(session, config, request, reply);
}

static void test_close(void *session)
{
    if (((struct session *)session)->behaviour == HANGS_IN_CLOSE)
        (void)pause();
    free(session);
}

static void test_after_kill(void *session, const void *settings)
{
    char *opened_by = ((struct session *)session)->opened_by;
    (void)settings;
    (void)snprintf(opened_by + strlen(opened_by), 2, "!");
}

static void test_bus(const void *settings, char text[BUS_SIZE])
{
    (void)snprintf(text, BUS_SIZE, "%s", ((const struct rig_config *)settings)->bus);
}

const struct driver_blocking lanes_rig_blocking = {.open = test_open,
                                                   .run = test_run,
                                                   .close = test_close,
                                                   .bus = test_bus,
                                                   .after_kill = test_after_kill};

struct told told_by(const struct driver_reply *reply)
{
    struct told told = {0};
    unsigned long long asked_ms = 0;
    if (!reply->ok)
        fail_msg("%s", reply->err.text);
    assert_int_equal(sscanf(reply->info.model, "%d %63s %31s %llu", &told.pid, told.opened_by,
                            told.note, &asked_ms),
                     4);
    told.asked_ms = asked_ms;
    return told;
}

/* --- the host --- */

uint64_t rig_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_reply(void *arg, const struct driver_reply *reply)
{
    struct rig *rig = arg;
    assert_true(rig->count < REPLIES_MAX);
    rig->replies[rig->count++] = *reply;
}

int rig_set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    const struct driver_host host = {on_reply, rig};
    struct err err;
    rig->lanes = lanes_engine.create(&host, &err);
    assert_non_null(rig->lanes);
    for (int i = 0; i < 2; i++) {
        char path[GO_PATH_SIZE];
        (void)snprintf(rig->bus[i], sizeof rig->bus[i], "/tmp/test_lanes.%d.%d", (int)getpid(), i);
        go_path(rig->bus[i], path);
        rig->go[i] = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(flock(rig->go[i], LOCK_EX), 0);
    }
    *state = rig;
    return 0;
}

int rig_tear_down(void **state)
{
    struct rig *rig = *state;
    lanes_engine.destroy(rig->lanes);
    for (int i = 0; i < 2; i++) {
        char path[GO_PATH_SIZE];
        go_path(rig->bus[i], path);
        (void)close(rig->go[i]);
        (void)unlink(rig->bus[i]);
        (void)unlink(path);
    }
    free(rig);
    return 0;
}

void rig_add_config(struct rig *rig, const char *name, const struct rig_config *config)
{
    const struct driver_credentials credentials = {"c", "ops", {"secret"}};
    assert_int_equal(lanes_engine.add(rig->lanes, name, config, &credentials, NULL), 0);
}

void rig_add(struct rig *rig, const char *name, enum behaviour behaviour)
{
    rig_add_config(rig, name, &(struct rig_config){.behaviour = behaviour});
}

void rig_add_on(struct rig *rig, int bus, const char *name, enum behaviour behaviour)
{
    struct rig_config config = {.behaviour = behaviour};
    memcpy(config.bus, rig->bus[bus], sizeof config.bus);
    (void)snprintf(config.note, sizeof config.note, "note-of-%.16s", name);
    rig_add_config(rig, name, &config);
}

void rig_let_go(struct rig *rig, int bus)
{
    assert_int_equal(flock(rig->go[bus], LOCK_UN), 0); /* also for those forked with it open */
}

uint64_t rig_ask(struct rig *rig, const char *name, enum op op, uint32_t budget_ms)
{
    struct driver_request request = {
        .id = ++rig->next_id, .op = op, .budget_ms = budget_ms, .asked_ms = rig_now_ms()};
    (void)snprintf(request.device, sizeof request.device, "%s", name);
    lanes_engine.submit(rig->lanes, &request, request.asked_ms);
    return request.id;
}

/* The alarm is a whole minute in which nothing was to be done. */
void rig_turn(struct rig *rig)
{
    uint64_t deadline_ms = lanes_engine.deadline(rig->lanes), now = rig_now_ms();
    uint64_t left_ms = deadline_ms > now ? deadline_ms - now : 0;
    struct pollfd fd = {.fd = lanes_engine.fd(rig->lanes), .events = POLLIN};
    int count = poll(&fd, 1, left_ms > 60000 ? 60000 : (int)left_ms);
    assert_true(count > 0 || left_ms <= 60000);
    lanes_engine.turn(rig->lanes, rig_now_ms());
}

const struct driver_reply *rig_find(const struct rig *rig, uint64_t id)
{
    for (size_t i = 0; i < rig->count; i++)
        if (rig->replies[i].id == id)
            return &rig->replies[i];
    return NULL;
}

const struct driver_reply *rig_await(struct rig *rig, uint64_t id)
{
    while (!rig_find(rig, id))
        rig_turn(rig);
    return rig_find(rig, id);
}

void rig_check_failed(const struct driver_reply *reply, enum err_kind kind, enum sent sent,
                      const char *text)
{
    assert_false(reply->ok);
    if (reply->err.kind != kind || reply->err.sent != sent || !strstr(reply->err.text, text))
        fail_msg("%s, sent %s: %s", err_kind_name(reply->err.kind), sent_name(reply->err.sent),
                 reply->err.text);
}
