#include "agent/io/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

enum { EVERY_MS = 1000, PATIENCE_MS = 2000, AT_ONCE_MAX = 256, TURN_MS = 25 };

/* A target is asked when its turn comes round; `next` makes a ring of all of them. */
struct target {
    uint64_t key; /* ip and port */
    unsigned watchers;
    uint64_t asking; /* number of the attempt under way, 0: none */
    uint64_t due_ms;
    struct target *previous, *next;
    UT_hash_handle hh;
};

struct attempt {
    struct probes *probes;
    uint64_t key, number;
    uv_tcp_t tcp;
    uv_connect_t connect;
    uint64_t until_ms;
    struct attempt *previous, *next; /* oldest first: they all wait equally long */
};

struct probes {
    uv_loop_t *loop;
    struct evidence evidence;
    struct target *by_key, *ring; /* ring: whose turn is next */
    struct attempt *oldest, *newest;
    size_t asking;
    uint64_t attempts;
    uv_timer_t timer;
    bool closed, timer_closed, no_descriptors;
};

static uint64_t key_of(struct ipv4 ip, uint16_t port)
{
    return (uint64_t)ip.host_order << 16 | port;
}

static struct target *find(struct probes *probes, uint64_t key)
{
    struct target *target;
    HASH_FIND(hh, probes->by_key, &key, sizeof key, target);
    return target;
}

static void free_if_over(struct probes *probes)
{
    if (probes->closed && probes->timer_closed && !probes->oldest && !probes->asking)
        free(probes);
}

static void attempt_closed(uv_handle_t *handle)
{
    struct attempt *attempt = handle->data;
    struct probes *probes = attempt->probes;
    probes->asking--;
    free(attempt);
    free_if_over(probes);
}

static void unlink_attempt(struct probes *probes, struct attempt *attempt)
{
    *(attempt->previous ? &attempt->previous->next : &probes->oldest) = attempt->next;
    *(attempt->next ? &attempt->next->previous : &probes->newest) = attempt->previous;
}

static void tell(struct probes *probes, uint64_t key, enum note_kind kind, const char *reason)
{
    struct note note = {
        .at_ms = uv_now(probes->loop),
        .source = NOTE_PROBE,
        .kind = kind,
        .ip = {(uint32_t)(key >> 16)},
        .port = (uint16_t)key,
    };
    (void)snprintf(note.reason, sizeof note.reason, "%s", reason);
    probes->evidence.on_note(probes->evidence.arg, &note);
}

/* Ends an attempt; a note only if its target is still watched. */
static void finish(struct attempt *attempt, enum note_kind kind, const char *reason)
{
    struct probes *probes = attempt->probes;
    struct target *target = find(probes, attempt->key);
    unlink_attempt(probes, attempt);
    if (!uv_is_closing((uv_handle_t *)&attempt->tcp))
        uv_close((uv_handle_t *)&attempt->tcp, attempt_closed);
    if (!target || target->asking != attempt->number)
        return; /* left, or left and watched anew */
    target->asking = 0;
    tell(probes, attempt->key, kind, reason);
}

static void on_connect(uv_connect_t *connect, int status)
{
    struct attempt *attempt = connect->data;
    if (status == UV_ECANCELED)
        return; /* finish() or probes_close() did it */
    /* A reset instead of a FIN: thousands of probes leave no TIME_WAIT behind. */
    if (!status)
        (void)uv_tcp_close_reset(&attempt->tcp, attempt_closed);
    finish(attempt, status ? NOTE_PORT_CLOSED : NOTE_PORT_OPEN, status ? uv_strerror(status) : "");
}

static void tell_descriptors(struct probes *probes, int error)
{
    bool wrong = error != 0;
    if (wrong == probes->no_descriptors)
        return;
    probes->no_descriptors = wrong;
    char text[128];
    (void)snprintf(text, sizeof text, "port probe: no connection can be made: %s",
                   wrong ? uv_strerror(error) : "it can again");
    if (probes->evidence.on_problem)
        probes->evidence.on_problem(probes->evidence.arg, text, !wrong);
}

static bool is_own_trouble(int error)
{
    return error == UV_EMFILE || error == UV_ENFILE || error == UV_ENOBUFS || error == UV_ENOMEM ||
           error == UV_EADDRNOTAVAIL;
}

static void ask(struct probes *probes, struct target *target)
{
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (!attempt)
        return;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)target->key),
                             .sin_addr.s_addr = htonl((uint32_t)(target->key >> 16))};
    attempt->probes = probes;
    attempt->key = target->key;
    attempt->until_ms = uv_now(probes->loop) + PATIENCE_MS;
    attempt->tcp.data = attempt->connect.data = attempt;
    (void)uv_tcp_init(probes->loop, &attempt->tcp);
    attempt->previous = probes->newest;
    *(probes->newest ? &probes->newest->next : &probes->oldest) = attempt;
    probes->newest = attempt;
    probes->asking++;
    target->asking = attempt->number = ++probes->attempts;
    int error =
        uv_tcp_connect(&attempt->connect, &attempt->tcp, (struct sockaddr *)&to, on_connect);
    if (is_own_trouble(error)) {
        target->asking = 0; /* no note: it says nothing about the node */
        finish(attempt, NOTE_PORT_CLOSED, "");
        tell_descriptors(probes, error);
        return;
    }
    if (error)
        finish(attempt, NOTE_PORT_CLOSED, uv_strerror(error));
    if (!probes->closed)
        tell_descriptors(probes, 0);
}

static void end_the_overdue(struct probes *probes, uint64_t now_ms)
{
    while (!probes->closed && probes->oldest && probes->oldest->until_ms <= now_ms)
        finish(probes->oldest, NOTE_PORT_CLOSED, "no answer in 2 s");
}

static void on_turn(uv_timer_t *timer)
{
    struct probes *probes = timer->data;
    uint64_t now_ms = uv_now(probes->loop);
    end_the_overdue(probes, now_ms);
    size_t count = probes->closed ? 0 : HASH_COUNT(probes->by_key);
    /* A share of all targets each turn, so that they spread over the second. */
    size_t share = count * TURN_MS / EVERY_MS + 1;
    for (size_t i = 0; i < count && share && !probes->closed && probes->ring; i++) {
        struct target *target = probes->ring;
        if (probes->asking >= AT_ONCE_MAX || target->due_ms > now_ms)
            break; /* the ring is in order of due times, nearly */
        probes->ring = target->next;
        if (target->asking)
            continue;
        target->due_ms = now_ms + EVERY_MS;
        share--;
        ask(probes, target);
    }
    if (!probes->closed && !probes->by_key && !probes->oldest)
        (void)uv_timer_stop(timer);
}

struct probes *probes_new(uv_loop_t *loop, const struct evidence *evidence, struct err *err)
{
    struct probes *probes = calloc(1, sizeof *probes);
    if (!probes) {
        (void)err_set(err, ERR_SYSTEM, "port probe: out of memory");
        return NULL;
    }
    probes->loop = loop;
    probes->evidence = *evidence;
    probes->timer.data = probes;
    (void)uv_timer_init(loop, &probes->timer);
    return probes;
}

static void join_ring(struct probes *probes, struct target *target)
{
    struct target *first = probes->ring;
    target->next = first ? first : target;
    target->previous = first ? first->previous : target;
    target->next->previous = target;
    target->previous->next = target;
    probes->ring = target; /* a newcomer is asked first */
}

static void leave_ring(struct probes *probes, struct target *target)
{
    target->previous->next = target->next;
    target->next->previous = target->previous;
    if (probes->ring == target)
        probes->ring = target->next == target ? NULL : target->next;
}

int probe_watch(struct probes *probes, struct ipv4 ip, uint16_t port, struct err *err)
{
    struct target *target = find(probes, key_of(ip, port));
    if (target) {
        target->watchers++;
        return 0;
    }
    if (HASH_COUNT(probes->by_key) >= PROBE_TARGETS_MAX)
        return err_set(err, ERR_LIMIT, "port probe: more than %d ports", PROBE_TARGETS_MAX);
    target = calloc(1, sizeof *target);
    if (!target)
        return err_set(err, ERR_SYSTEM, "port probe: out of memory");
    target->key = key_of(ip, port);
    target->watchers = 1;
    join_ring(probes, target);
    HASH_ADD(hh, probes->by_key, key, sizeof target->key, target);
    if (!uv_is_active((uv_handle_t *)&probes->timer))
        (void)uv_timer_start(&probes->timer, on_turn, 0, TURN_MS);
    return 0;
}

static void forget(struct probes *probes, struct target *target)
{
    HASH_DEL(probes->by_key, target);
    leave_ring(probes, target);
    free(target);
}

void probe_leave(struct probes *probes, struct ipv4 ip, uint16_t port)
{
    struct target *target = find(probes, key_of(ip, port));
    if (!target || --target->watchers)
        return;
    forget(probes, target);
    /* With the last one gone the timer rests; attempts under way end by themselves. */
    if (!probes->by_key && !probes->oldest)
        (void)uv_timer_stop(&probes->timer);
}

static void timer_closed(uv_handle_t *handle)
{
    struct probes *probes = handle->data;
    probes->timer_closed = true;
    free_if_over(probes);
}

struct probes *probes_close(struct probes *probes)
{
    if (!probes || probes->closed)
        return NULL;
    probes->closed = true;
    while (probes->by_key)
        forget(probes, probes->by_key);
    while (probes->oldest)
        finish(probes->oldest, NOTE_PORT_CLOSED, "");
    uv_close((uv_handle_t *)&probes->timer, timer_closed);
    return NULL;
}
