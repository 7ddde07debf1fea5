/* The driver's engine: all BMCs from one loop.  Requests go into their BMC's queue; turn() lets
 * datagrams and timers move the sessions, sends what they say and hands finished replies over. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/ipmi/bmc.h"
#include "proto/cleanup.h"

enum {
    TIMERS_A_ROUND = 64, /* then the sockets are looked at: 4,096 requests start at once */
    EVENTS_A_ROUND = 128,
    ROUNDS_A_TURN = 4,    /* then the host reads the clock and its orders */
    REPLY_MARGIN_MS = 50, /* of the budget, for the way back */
};

struct engine {
    struct driver_host host;
    struct codec *codec;
    struct wire *wire;
    struct index names, addresses;
    struct timers timers;
    struct rtt pace; /* of all BMCs */
    struct bmc *all;
    size_t count;
    bool unfinished; /* the last turn() left events that fd() does not show */
};

#define owner_of(type, member, pointer) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static void engine_destroy(void *arg);

static void *engine_create(const struct driver_host *host, struct err *err)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine) {
        err_set(err, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    engine->host = *host;
    if (!(engine->codec = codec_new(err)) || !(engine->wire = wire_new(err))) {
        engine_destroy(engine);
        return NULL;
    }
    return engine;
}

static struct bmc *find_device(const struct engine *engine, const char *device)
{
    struct index_node *node = index_find(&engine->names, index_hash(device, strlen(device)));
    for (; node; node = index_next(node)) {
        struct bmc *bmc = owner_of(struct bmc, by_name, node);
        if (!strcmp(bmc->device, device))
            return bmc;
    }
    return NULL;
}

static void post(struct engine *engine, struct bmc *bmc, struct outbox *out)
{
    for (size_t i = 0; i < out->count; i++)
        wire_send(engine->wire, &bmc->peer, &out->datagram[i]);
    out->count = 0;
}

static void answer(struct engine *engine, struct operation *operation)
{
    engine->host.reply(engine->host.arg, &operation->reply);
    free(operation);
}

static void answer_late(struct engine *engine, struct bmc *bmc, uint64_t now_ms)
{
    struct operation *late;
    while ((late = queue_take_late(&bmc->queue, now_ms))) {
        operation_fail(late, ERR_TIMEOUT, "%s: not begun, earlier requests took all of %u ms",
                       bmc->address, late->request.budget_ms);
        answer(engine, late);
    }
}

/* After anything happened to a session: replies out, the next request in, the timer set. */
static void settle(struct engine *engine, struct bmc *bmc, uint64_t now_ms, struct outbox *out)
{
    struct session *session = &bmc->session;
    for (;;) {
        struct operation *operation = session->operation;
        post(engine, bmc, out);
        if (operation && !operation->done)
            break;
        if (operation) {
            session_keep(session, operation->request.keep_ms, now_ms);
            answer(engine, operation);
        }
        bool can_start = session->state == SESSION_CLOSED ||
                         (session->state == SESSION_OPEN && !session->suspect);
        if (can_start && bmc->queue.count)
            session_start(session, queue_take(&bmc->queue), now_ms, out);
        else if (session->state == SESSION_OPEN &&
                 (session->suspect || now_ms >= session->keep_until_ms))
            session_end(session, now_ms, out);
        else
            break;
    }
    uint64_t due = session_due(session), late = queue_deadline(&bmc->queue);
    due = due < late ? due : late;
    if (due == UINT64_MAX)
        timer_set(&engine->timers, &bmc->timer, UINT64_MAX);
    else
        timer_set(&engine->timers, &bmc->timer, due);
}

/* Its requests are answered as they stand, its session is given back. */
static void retire(struct engine *engine, struct bmc *bmc)
{
    struct outbox out = {0};
    struct operation *operation = TAKE(bmc->session.operation);
    for (; operation || (operation = queue_take(&bmc->queue)); operation = NULL) {
        if (!operation->done)
            operation_fail(operation, ERR_DEVICE, "%s: its settings were replaced meanwhile",
                           bmc->address);
        answer(engine, operation);
    }
    session_drop(&bmc->session, &out);
    post(engine, bmc, &out);
}

static void unlink_bmc(struct engine *engine, struct bmc *bmc)
{
    *bmc->place = bmc->next;
    if (bmc->next)
        bmc->next->place = bmc->place;
    engine->count--;
    index_remove(&engine->names, &bmc->by_name);
    index_remove(&engine->addresses, &bmc->by_address);
    timer_set(&engine->timers, &bmc->timer, UINT64_MAX);
}

static int link_bmc(struct engine *engine, struct bmc *bmc)
{
    if (timers_reserve(&engine->timers, engine->count + 1) ||
        index_add(&engine->names, &bmc->by_name, index_hash(bmc->device, strlen(bmc->device))))
        return -1;
    if (index_add(&engine->addresses, &bmc->by_address, peer_hash(&bmc->peer))) {
        index_remove(&engine->names, &bmc->by_name);
        return -1;
    }
    bmc->next = engine->all;
    bmc->place = &engine->all;
    if (bmc->next)
        bmc->next->place = &bmc->next;
    engine->all = bmc;
    engine->count++;
    return 0;
}

static int engine_add(void *arg, const char *device, const void *config,
                      const struct driver_credentials *credentials, struct err *err)
{
    struct engine *engine = arg;
    struct bmc *before = find_device(engine, device);
    struct bmc *bmc =
        bmc_new(device, config, credentials, engine->wire, engine->codec, &engine->pace, err);
    if (!bmc)
        return -1;
    if (before) {
        bmc_remember(bmc, before);
        retire(engine, before);
        unlink_bmc(engine, before);
        bmc_free(before);
        wire_flush(engine->wire);
    }
    if (link_bmc(engine, bmc)) {
        bmc_free(bmc);
        return err_set(err, ERR_SYSTEM, "%s: out of memory", device);
    }
    return 0;
}

static void refuse(struct engine *engine, const struct driver_request *request, enum err_kind kind,
                   const char *address, const char *why)
{
    struct driver_reply reply = {.id = request->id, .op = request->op};
    err_set(&reply.err, kind, "%s: %s", address, why);
    engine->host.reply(engine->host.arg, &reply);
}

static void engine_submit(void *arg, const struct driver_request *request, uint64_t now_ms)
{
    struct engine *engine = arg;
    struct bmc *bmc = find_device(engine, request->device);
    if (!bmc) {
        refuse(engine, request, ERR_CONFIG, request->device, "no BMC of that name was configured");
        return;
    }
    struct operation *operation = malloc(sizeof *operation);
    if (!operation) {
        refuse(engine, request, ERR_SYSTEM, bmc->address, "out of memory");
        return;
    }
    operation_begin(operation, request, bmc->address);
    uint32_t budget = request->budget_ms;
    uint32_t margin = budget / 10 < REPLY_MARGIN_MS ? budget / 10 : REPLY_MARGIN_MS;
    operation->deadline_ms = now_ms + budget - margin;
    if (operation->done) {
        answer(engine, operation);
    } else if (!queue_put(&bmc->queue, operation)) {
        free(operation);
        refuse(engine, request, ERR_LIMIT, bmc->address, "64 requests wait for it already");
    } else if (!bmc->session.operation) {
        timer_set(&engine->timers, &bmc->timer, now_ms); /* turn() starts it */
    } else if (!bmc->timer.place || bmc->timer.at_ms > operation->deadline_ms) {
        timer_set(&engine->timers, &bmc->timer, operation->deadline_ms);
    }
}

static int engine_fd(void *arg)
{
    return wire_fd(((struct engine *)arg)->wire);
}

static uint64_t engine_deadline(void *arg)
{
    const struct engine *engine = arg;
    return engine->unfinished ? 0 : timers_next(&engine->timers);
}

static void hear(struct engine *engine, const struct wire_event *event, uint64_t now_ms)
{
    struct index_node *node = index_find(&engine->addresses, peer_hash(&event->peer));
    for (struct index_node *next; node; node = next) {
        struct bmc *bmc = owner_of(struct bmc, by_address, node);
        struct outbox out = {0};
        next = index_next(node);
        if (!peer_equal(&bmc->peer, &event->peer))
            continue;
        switch (event->kind) {
        case WIRE_DATAGRAM:
            session_datagram(&bmc->session, event->bytes, event->size, now_ms, &out);
            break;
        case WIRE_REFUSED:
            session_refused(&bmc->session, event->error, now_ms, &out);
            break;
        case WIRE_UNSENDABLE:
            session_unsendable(&bmc->session, event->error, &out);
            break;
        }
        settle(engine, bmc, now_ms, &out);
    }
}

static bool expire(struct engine *engine, uint64_t now_ms)
{
    for (unsigned i = 0; i < TIMERS_A_ROUND; i++) {
        struct timer *timer = timers_take(&engine->timers, now_ms);
        if (!timer)
            return false;
        struct bmc *bmc = owner_of(struct bmc, timer, timer);
        struct outbox out = {0};
        answer_late(engine, bmc, now_ms);
        session_tick(&bmc->session, now_ms, &out);
        settle(engine, bmc, now_ms, &out);
    }
    return true;
}

static void engine_turn(void *arg, uint64_t now_ms)
{
    struct engine *engine = arg;
    struct wire_event event;
    bool more = true;
    for (unsigned round = 0; more && round < ROUNDS_A_TURN; round++) {
        wire_poll(engine->wire);
        for (unsigned i = 0; i < EVENTS_A_ROUND && wire_next(engine->wire, &event); i++)
            hear(engine, &event, now_ms);
        more = expire(engine, now_ms);
        wire_flush(engine->wire);
        more |= wire_has_more(engine->wire);
    }
    engine->unfinished = more;
}

static void engine_destroy(void *arg)
{
    struct engine *engine = arg;
    if (!engine)
        return;
    for (struct bmc *bmc = engine->all, *next; bmc; bmc = next) {
        struct outbox out = {0};
        next = bmc->next;
        session_drop(&bmc->session, &out);
        post(engine, bmc, &out);
        free(bmc->session.operation);
        for (struct operation *o; (o = queue_take(&bmc->queue));)
            free(o);
        bmc_free(bmc);
    }
    if (engine->wire)
        wire_flush(engine->wire);
    wire_free(engine->wire);
    codec_free(engine->codec);
    index_free(&engine->names);
    index_free(&engine->addresses);
    timers_clear(&engine->timers);
    free(engine);
}

const struct driver_engine ipmi_engine = {
    .create = engine_create,
    .add = engine_add,
    .submit = engine_submit,
    .fd = engine_fd,
    .deadline = engine_deadline,
    .turn = engine_turn,
    .destroy = engine_destroy,
};
