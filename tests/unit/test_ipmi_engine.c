/* The IPMI engine and a BMC of the farm, over a real socket: what a device that is replaced, and
 * an engine that ends, leave behind. */
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/ipmi/config.h"
#include "tests/unit/ipmi_bmc.h"

enum { BUDGET_MS = 20000, DEVICES = 16, PATIENCE_MS = 10000 };

struct bench {
    void *engine;
    struct ipmi_bmc *bmc;
    int socket;
    struct ipmi_config config;
    struct driver_credentials credentials;
    uint64_t now_ms;
    unsigned nreplies;
    struct driver_reply reply; /* the last one */
};

static void take(void *arg, const struct driver_reply *reply)
{
    struct bench *bench = arg;
    bench->nreplies++;
    bench->reply = *reply;
}

static void add(struct bench *bench, const char *name)
{
    struct err err;
    if (ipmi_engine.add(bench->engine, name, &bench->config, &bench->credentials, &err))
        fail_msg("%s", err.text);
}

static void open_bench(struct bench *bench)
{
    struct err err;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof any;
    *bench = (struct bench){.bmc = ipmi_bmc_new(), .now_ms = 1000000};
    ipmi_bmc_fault(bench->bmc, "slots", "32");
    bench->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(bench->socket, (struct sockaddr *)&any, size), 0);
    assert_int_equal(getsockname(bench->socket, (struct sockaddr *)&any, &size), 0);
    const struct driver_host host = {take, bench};
    bench->engine = ipmi_engine.create(&host, &err);
    assert_non_null(bench->engine);
    bench->credentials = (struct driver_credentials){"bmc", "admin", {"secret"}};
    bench->config = (struct ipmi_config){
        .host = "127.0.0.1",
        .port = ntohs(any.sin_port),
        .cipher_suites = {.count = 1, .value = {17}},
        .privilege = 1,
        .retransmit_ms = 400,
    };
}

static void close_bench(struct bench *bench)
{
    if (bench->engine)
        ipmi_engine.destroy(bench->engine);
    ipmi_bmc_free(bench->bmc);
    assert_int_equal(close(bench->socket), 0);
}

static void submit(struct bench *bench, uint64_t id, const char *device, enum op op)
{
    struct driver_request request = {.id = id, .op = op, .budget_ms = BUDGET_MS};
    (void)snprintf(request.device, sizeof request.device, "%s", device);
    ipmi_engine.submit(bench->engine, &request, bench->now_ms);
    ipmi_engine.turn(bench->engine, bench->now_ms);
}

/* Waits for the engine's next datagram and hands it to the BMC, its answer back if `answered`.
 * `wait_ms` 0: false if there is none. */
static bool carry(struct bench *bench, bool answered, int wait_ms)
{
    uint8_t bytes[BMC_DATAGRAM_SIZE], answer[BMC_DATAGRAM_SIZE];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    struct pollfd in = {bench->socket, POLLIN, 0};
    if (poll(&in, 1, wait_ms) != 1)
        return false;
    ssize_t got = recvfrom(bench->socket, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size);
    assert_true(got > 0);
    size_t made = ipmi_bmc_hear(bench->bmc, bytes, (size_t)got, bench->now_ms, answer);
    if (made && answered) {
        struct pollfd back = {bench->engine ? ipmi_engine.fd(bench->engine) : -1, POLLIN, 0};
        assert_true(sendto(bench->socket, answer, made, 0, (struct sockaddr *)&from, size) > 0);
        if (bench->engine && poll(&back, 1, PATIENCE_MS) == 1)
            ipmi_engine.turn(bench->engine, bench->now_ms);
    }
    return true;
}

static void carry_until_idle(struct bench *bench)
{
    while (carry(bench, true, 0))
        continue;
}

static void test_replaced_before_it_began(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    add(&bench, "b1");
    struct driver_request request = {.id = 1, .device = "b1", .op = OP_CYCLE, .budget_ms = 5000};
    ipmi_engine.submit(bench.engine, &request, bench.now_ms);
    add(&bench, "b1");
    assert_int_equal(bench.nreplies, 1);
    assert_int_equal(bench.reply.err.kind, ERR_DEVICE);
    assert_int_equal(bench.reply.err.sent, SENT_NO);
    ipmi_engine.turn(bench.engine, bench.now_ms);
    assert_int_equal(bench.nreplies, 1);
    assert_false(carry(&bench, true, 0));
    close_bench(&bench);
}

/* Replaced after each datagram of a cycle, with another request in the queue. */
static void test_replaced_in_flight(void **state)
{
    (void)state;
    for (unsigned carried = 0; carried <= 5; carried++) {
        struct bench bench;
        open_bench(&bench);
        add(&bench, "b1");
        submit(&bench, 1, "b1", OP_CYCLE);
        submit(&bench, 2, "b1", OP_STATUS);
        for (unsigned i = 1; i <= carried; i++)
            assert_true(carry(&bench, i < 5, PATIENCE_MS)); /* the cycle itself: no answer */
        assert_int_equal(ipmi_bmc_controls(bench.bmc), carried == 5);
        add(&bench, "b1");
        assert_int_equal(bench.nreplies, 2);
        assert_int_equal(bench.reply.err.kind, ERR_DEVICE);
        assert_int_equal(bench.reply.err.sent, SENT_NO); /* the one in the queue */
        carry_until_idle(&bench);
        assert_int_equal(ipmi_bmc_controls(bench.bmc), carried >= 4);
        submit(&bench, 3, "b1", OP_STATUS);
        carry_until_idle(&bench);
        assert_int_equal(bench.nreplies, 3);
        assert_true(bench.reply.ok && bench.reply.id == 3);
        bench.now_ms += 4000; /* half-open sessions, whose id was not told, are forgotten */
        assert_int_equal(ipmi_bmc_sessions(bench.bmc, bench.now_ms), 0);
        close_bench(&bench);
    }
}

static void test_replaced_says_what_was_sent(void **state)
{
    (void)state;
    for (unsigned carried = 0; carried <= 5; carried++) {
        struct bench bench;
        open_bench(&bench);
        add(&bench, "b1");
        submit(&bench, 1, "b1", OP_CYCLE);
        for (unsigned i = 1; i <= carried; i++)
            assert_true(carry(&bench, i < 5, PATIENCE_MS));
        add(&bench, "b1");
        assert_int_equal(bench.nreplies, 1);
        assert_int_equal(bench.reply.err.sent, carried >= 4 ? SENT_MAYBE : SENT_NO);
        close_bench(&bench);
    }
}

static void test_replaced_among_others(void **state)
{
    (void)state;
    static const char *const names[] = {"b1", "b2", "b3", "b4"};
    static const unsigned order[] = {1, 3, 0, 2, 2, 0};
    struct bench bench;
    open_bench(&bench);
    for (unsigned i = 0; i < 4; i++)
        add(&bench, names[i]);
    for (unsigned i = 0; i < 6; i++)
        add(&bench, names[order[i]]);
    for (unsigned i = 0; i < 4; i++) {
        submit(&bench, i + 1, names[i], OP_STATUS);
        carry_until_idle(&bench);
        assert_int_equal(bench.nreplies, i + 1);
        assert_true(bench.reply.ok);
    }
    close_bench(&bench);
}

/* A device that cannot be used leaves the one before it at work. */
static void test_replaced_by_nonsense(void **state)
{
    (void)state;
    struct bench bench;
    struct err err;
    open_bench(&bench);
    add(&bench, "b1");
    submit(&bench, 1, "b1", OP_STATUS);
    bench.config.cipher_suites.count = 0;
    assert_int_equal(ipmi_engine.add(bench.engine, "b1", &bench.config, &bench.credentials, &err),
                     -1);
    carry_until_idle(&bench);
    assert_int_equal(bench.nreplies, 1);
    assert_true(bench.reply.ok);
    close_bench(&bench);
}

/* The password that was refused is left alone under its new settings, too; another is tried. */
static void test_lockout_outlives_settings(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    bench.credentials.password = (struct secret){"wrong"};
    add(&bench, "b1");
    submit(&bench, 1, "b1", OP_STATUS);
    carry_until_idle(&bench);
    assert_int_equal(ipmi_bmc_handshakes(bench.bmc), 2);
    bench.config.retransmit_ms = 500;
    add(&bench, "b1");
    submit(&bench, 2, "b1", OP_STATUS);
    carry_until_idle(&bench);
    assert_int_equal(bench.reply.err.kind, ERR_AUTH);
    assert_int_equal(ipmi_bmc_handshakes(bench.bmc), 2);
    bench.credentials.password = (struct secret){"secret"};
    add(&bench, "b1");
    submit(&bench, 3, "b1", OP_STATUS);
    carry_until_idle(&bench);
    assert_true(bench.reply.ok);
    close_bench(&bench);
}

/* An engine that ends in the middle of things: each session it had is closed. */
static void test_destroyed(void **state)
{
    (void)state;
    for (unsigned carried = DEVICES; carried <= 5 * DEVICES; carried += DEVICES / 2) {
        struct bench bench;
        char name[16];
        open_bench(&bench);
        for (unsigned i = 0; i < DEVICES; i++) {
            (void)snprintf(name, sizeof name, "b%u", i);
            add(&bench, name);
            submit(&bench, i + 1, name, OP_CYCLE);
        }
        for (unsigned i = 0; i < carried; i++)
            assert_true(carry(&bench, true, PATIENCE_MS));
        ipmi_engine.destroy(bench.engine);
        bench.engine = NULL;
        carry_until_idle(&bench);
        assert_int_equal(ipmi_bmc_sessions(bench.bmc, bench.now_ms + 4000), 0);
        close_bench(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replaced_before_it_began),
        cmocka_unit_test(test_replaced_in_flight),
        cmocka_unit_test(test_replaced_says_what_was_sent),
        cmocka_unit_test(test_replaced_among_others),
        cmocka_unit_test(test_replaced_by_nonsense),
        cmocka_unit_test(test_lockout_outlives_settings),
        cmocka_unit_test(test_destroyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
