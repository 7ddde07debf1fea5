/* api_rig.h - the agent's inside on a real socket, for tests of the control API: the real core,
 * journal, turn and server, four nodes n1 to n4 with devices d1 to d4, and a PDU, pdu-a, of two
 * outlets. The drivers are a list of requests that the rig answers if told to; a client speaks plain
 * bytes. */
#ifndef POWERCTL_TEST_API_RIG_H
#define POWERCTL_TEST_API_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "agent/io/api.h"
#include "agent/io/clock.h"
#include "agent/io/locks.h"
#include "agent/io/log.h"
#include "proto/cleanup.h"

enum { NODES = 4, OUTLETS = 2, SENT_MAX = 64, PATIENCE_MS = 30000 };

static struct {
    char dir[64], path[96], journal_path[96];
    uv_loop_t loop;
    struct inventory *inventory;
    struct core *core;
    struct journal *journal;
    struct event_hub *hub;
    struct turn *turn;
    struct locks *locks;
    struct api api;
    size_t nsent;
    struct driver_request sent[SENT_MAX];
    bool answering; /* as a device that does what it is told */
    enum power power[NODES + OUTLETS];
    uv_idle_t answers;
    size_t answered;
} rig;

/* --- the rig -------------------------------------------------------------------------------- */

static int intents_on_disk(uint64_t request)
{
    sqlite3 *db;
    sqlite3_stmt *row;
    int count = -1;
    assert_int_equal(sqlite3_open_v2(rig.journal_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(*) FROM intents WHERE request = ?", -1, &row, NULL),
        SQLITE_OK);
    (void)sqlite3_bind_int64(row, 1, (int64_t)request);
    if (sqlite3_step(row) == SQLITE_ROW)
        count = sqlite3_column_int(row, 0);
    (void)sqlite3_finalize(row);
    (void)sqlite3_close(db);
    return count;
}

static void on_send(void *arg, const char *driver, const struct driver_request *request)
{
    (void)arg;
    assert_string_equal(driver, "fake");
    assert_true(rig.nsent < SENT_MAX);
    if (op_changes_something(request->op)) /* another process would see it by now */
        assert_int_equal(intents_on_disk(request->id), 1);
    rig.sent[rig.nsent++] = *request;
}

static void on_tell(void *arg, const struct job_event *event, bool journaled)
{
    (void)arg;
    event_hub_publish(rig.hub, event, journaled);
    server_wake(rig.api.server);
}

static void on_port(void *arg, struct ipv4 ip, uint16_t port)
{
    (void)arg;
    (void)ip;
    (void)port;
}

static void on_answers(uv_idle_t *idle)
{
    (void)idle;
    while (rig.answering && rig.answered < rig.nsent) {
        const struct driver_request *request = &rig.sent[rig.answered++];
        bool outlet = request->outlet != 0;
        size_t node = outlet ? NODES + request->outlet - 1 : (size_t)(request->device[1] - '1');
        struct driver_reply reply = {.id = request->id, .op = request->op, .ok = true};
        if (request->op == OP_ON)
            rig.power[node] = POWER_ON;
        if (request->op == OP_STATUS)
            reply.power = rig.power[node];
        turn_reply(rig.turn, &reply);
    }
}

/* Its first outlet feeds n1, too. */
static void add_pdu(struct inventory *inventory)
{
    struct device *pdu = &inventory->devices[NODES];
    inventory->circuits = calloc(1, sizeof *inventory->circuits);
    inventory->ncircuits = 1;
    (void)snprintf(inventory->circuits[0].name, NAME_SIZE, "row-1");
    (void)snprintf(pdu->driver, NAME_SIZE, "fake");
    (void)snprintf(pdu->config.device, NAME_SIZE, "pdu-a");
    pdu->outlets = OUTLETS;
    for (uint32_t i = 0; i < OUTLETS; i++) {
        struct node *node = &inventory->nodes[NODES + i];
        (void)snprintf(node->name, NAME_SIZE, "pdu-a/%u", i + 1);
        if (!i)
            (void)snprintf(node->feeds_node, NAME_SIZE, "n1");
        node->is_outlet = true;
        node->control.device = node->next_boot = DEVICE_NONE;
        node->nfeeds = 1;
        node->feeds[0] =
            (struct feed){.device = NODES, .outlet = i + 1, .circuit = i ? CIRCUIT_NONE : 0};
    }
}

static struct inventory *make_inventory(void)
{
    struct err err;
    struct inventory *inventory = inventory_new();
    inventory->devices = calloc(NODES + 1, sizeof *inventory->devices);
    inventory->nodes = calloc(NODES + OUTLETS, sizeof *inventory->nodes);
    inventory->ndevices = NODES + 1;
    inventory->nnodes = NODES + OUTLETS;
    for (uint32_t i = 0; i < NODES; i++) {
        (void)snprintf(inventory->devices[i].driver, NAME_SIZE, "fake");
        (void)snprintf(inventory->devices[i].config.device, NAME_SIZE, "d%u", i + 1);
        (void)snprintf(inventory->nodes[i].name, NAME_SIZE, "n%u", i + 1);
        inventory->nodes[i].control.device = i;
        inventory->nodes[i].next_boot = DEVICE_NONE;
    }
    add_pdu(inventory);
    inventory->deadlines.settle = 10;
    inventory->limits.power_on_per_second = 1000;
    assert_int_equal(inventory_seal(inventory, &err), 0);
    return inventory;
}

static int setup(void **state)
{
    struct err err = {0};
    struct turn_effects effects = {on_send, on_tell, on_port, on_port, NULL};
    struct http_handler handler = {api_handle, &rig.api};
    (void)state;
    memset(&rig, 0, sizeof rig);
    (void)snprintf(rig.dir, sizeof rig.dir, "/tmp/powerctl-test-server-XXXXXX");
    if (!mkdtemp(rig.dir))
        return -1;
    (void)snprintf(rig.path, sizeof rig.path, "%s/run/s", rig.dir);
    (void)snprintf(rig.journal_path, sizeof rig.journal_path, "%s/journal.db", rig.dir);
    for (size_t i = 0; i < NODES + OUTLETS; i++)
        rig.power[i] = POWER_OFF;
    (void)uv_loop_init(&rig.loop);
    (void)uv_idle_init(&rig.loop, &rig.answers);
    (void)uv_idle_start(&rig.answers, on_answers);
    rig.inventory = make_inventory();
    rig.core = core_new(rig.inventory, "test", clock_now_ms());
    rig.journal = journal_open(rig.dir, "test", &err);
    rig.hub = event_hub_new(rig.journal);
    rig.turn = turn_new(&rig.loop, rig.core, rig.journal, &effects, &err);
    rig.locks = locks_new(&rig.loop, rig.core, rig.journal, on_tell, NULL, &err);
    rig.api = (struct api){.core = rig.core,
                           .turn = rig.turn,
                           .locks = rig.locks,
                           .journal = rig.journal,
                           .hub = rig.hub,
                           .inventory = rig.inventory,
                           .ready = true};
    rig.api.server = server_new(&rig.loop, rig.path, (gid_t)-1, &handler, &err);
    if (!rig.api.server)
        fail_msg("%s", err.text);
    return 0;
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *walk)
{
    (void)found;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    server_close(rig.api.server);
    turn_close(rig.turn);
    locks_close(rig.locks);
    uv_close((uv_handle_t *)&rig.answers, NULL);
    (void)uv_run(&rig.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig.loop), 0);
    rig.core = core_free(rig.core);
    rig.hub = event_hub_free(rig.hub);
    rig.journal = journal_close(rig.journal);
    rig.inventory = inventory_free(rig.inventory);
    return nftw(rig.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- a client ------------------------------------------------------------------------------- */

struct talk {
    int fd;
    bool ended;
    size_t size;
    char text[256 * 1024];
};

static struct talk talk; /* one at a time is enough for most */

static void talk_open(struct talk *it)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *it = (struct talk){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", rig.path);
    assert_int_equal(connect(it->fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(it->fd, F_SETFL, O_NONBLOCK), 0);
}

static void talk_read(struct talk *it)
{
    struct pollfd ready = {.fd = it->fd, .events = POLLIN};
    (void)uv_run(&rig.loop, UV_RUN_NOWAIT);
    (void)poll(&ready, 1, 1);
    ssize_t length = read(it->fd, it->text + it->size, sizeof it->text - 1 - it->size);
    if (length > 0)
        it->size += (size_t)length;
    it->text[it->size] = '\0';
    it->ended = length == 0 || (length < 0 && errno != EAGAIN);
}

/* Sends what it can; a server that hangs up in between is not an error of the client's. */
static void talk_send(struct talk *it, const char *bytes, size_t size)
{
    uint64_t until = clock_now_ms() + PATIENCE_MS;
    while (size && !it->ended) {
        ssize_t sent = send(it->fd, bytes, size, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        }
        talk_read(it);
        assert_true(clock_now_ms() < until);
    }
}

static void talk_until(struct talk *it, const char *text)
{
    uint64_t until = clock_now_ms() + PATIENCE_MS;
    while (!it->ended && !(text && strstr(it->text, text))) {
        talk_read(it);
        if (clock_now_ms() > until)
            fail_msg("no '%s' in: %s", text ? text : "end", it->text);
    }
    if (text && !strstr(it->text, text))
        fail_msg("no '%s' before the end of: %s", text, it->text);
}

static const char *exchange(const char *request)
{
    talk_open(&talk);
    talk_send(&talk, request, strlen(request));
    talk_until(&talk, NULL);
    (void)close(talk.fd);
    return talk.text;
}

static const char *get(const char *path)
{
    char request[1024];
    (void)snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    return exchange(request);
}

static const char *post(const char *path, const char *type, const char *body)
{
    char request[4096];
    (void)snprintf(request, sizeof request,
                   "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: %s\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   path, type, strlen(body), body);
    return exchange(request);
}

static int status(const char *answer)
{
    int number = 0;
    if (sscanf(answer, "HTTP/1.1 %3d", &number) != 1)
        fail_msg("not an answer: '%s'", answer);
    return number;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no '%s' in: %s", part, text);
}

static void read_id(const char *answer, char id[JOB_ID_SIZE])
{
    const char *at = strstr(answer, "Location: /v1/jobs/");
    assert_non_null(at);
    assert_int_equal(sscanf(at + 19, "%23[^\r]", id), 1);
}

#endif
