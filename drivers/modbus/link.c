#include "drivers/modbus/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/modbus/frame.h"
#include "proto/cleanup.h"

enum { UNITS = 256, NOISE_SHOWN = 12, CHARACTER_BITS = 11, QUIET_MAX_MS = 5000 };

struct link {
    const struct line_ops *ops;
    void *line;
    uint32_t transport, baud;
    char where[ADDRESS_SIZE + 8];

    bool open;
    uint32_t opened; /* so many times */
    uint16_t transaction;
    uint64_t busy_ms;  /* when a byte last went through, either way */
    uint64_t guard_ms; /* silence wanted before the next request, after an error; else 0 */

    uint64_t asked_ms, deadline_ms; /* of the request being served */
    bool was_open;                  /* since then */
    bool failed_to_open;            /* at .. */
    uint64_t open_ms;
    struct err open_err;

    bool has_answered[UNITS], is_silent[UNITS];
    uint32_t writes[UNITS];
};

/* A frame that was sent, and what came. */
struct exchange {
    const struct modbus_map *map;
    const struct pdu_request *request;
    struct frame_head head;
    uint8_t bytes[FRAME_SIZE * 2];
    size_t size;
    bool answered; /* by the unit, or its gateway; a refusal is an answer too */
    bool broken;   /* the line */
};

static const char *const transport_names[] = {
    [TRANSPORT_TCP] = "tcp", [TRANSPORT_RTU] = "rtu", [TRANSPORT_RTU_OVER_TCP] = "rtu-over-tcp"};

struct link *link_new(const struct modbus_map *map, const struct line_ops *ops, void *line)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link)
        return NULL;
    link->ops = ops;
    link->line = line;
    link->transport = map->transport;
    link->baud = map->baud;
    if (map->transport == TRANSPORT_RTU)
        (void)snprintf(link->where, sizeof link->where, "%s", map->serial);
    else
        (void)snprintf(link->where, sizeof link->where, "%s:%u", map->host, map->port);
    link->asked_ms = link_now(link);
    link->deadline_ms = UINT64_MAX;
    return link;
}

struct link *link_free(struct link *link)
{
    if (link)
        link->ops->close(link->line);
    free(link);
    return NULL;
}

uint64_t link_now(const struct link *link)
{
    return link->ops->now(link->line);
}

uint64_t link_left(const struct link *link)
{
    uint64_t end_ms = link_now(link) + LINK_MARGIN_MS;
    return link->deadline_ms > end_ms ? link->deadline_ms - end_ms : 0;
}

void link_serve(struct link *link, uint64_t asked_ms, uint64_t deadline_ms)
{
    link->asked_ms = asked_ms;
    link->deadline_ms = deadline_ms;
    link->was_open = link->open;
}

uint64_t link_asked(const struct link *link)
{
    return link->asked_ms;
}

uint32_t link_connection(const struct link *link)
{
    return link->open ? link->opened : 0;
}

uint32_t link_writes(const struct link *link, uint32_t unit)
{
    return link->writes[unit % UNITS];
}

void link_describe(const struct link *link, const struct modbus_map *map, char *text, size_t size)
{
    (void)snprintf(text, size, "modbus %s %s unit %u", transport_names[link->transport],
                   link->where, map->unit);
}

static bool is_rtu(const struct link *link)
{
    return link->transport != TRANSPORT_TCP;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* --- the line is open, and quiet --- */

int link_open(struct link *link, struct err *err)
{
    if (link->open)
        return 0;
    if (link->failed_to_open && link->open_ms >= link->asked_ms && !link->was_open) {
        *err = link->open_err;
        return -1;
    }
    if (link_left(link) == 0)
        return err_set(err, ERR_TIMEOUT, "%s: no time is left to connect", link->where);
    uint64_t now_ms = link_now(link);
    link->failed_to_open =
        link->ops->open(link->line, now_ms + earlier(LINK_CONNECT_MS, link_left(link)), err) != 0;
    if (link->failed_to_open) {
        link->open_ms = link_left(link) ? now_ms : 0; /* 0: for want of time that others have */
        link->open_err = *err;
        return -1;
    }
    link->open = link->was_open = true;
    link->opened++;
    return 0;
}

static void close_line(struct link *link)
{
    if (link->open)
        link->ops->close(link->line);
    link->open = false;
}

/* Throws away what comes until nothing came for so long. -1: the line broke, or is never quiet. */
static int await_silence(struct link *link, uint64_t quiet_ms, struct err *err)
{
    uint64_t end_ms = earlier(link_now(link) + quiet_ms + QUIET_MAX_MS, link->deadline_ms);
    uint8_t noise[FRAME_SIZE];
    for (;;) {
        ssize_t count =
            link->ops->receive(link->line, noise, sizeof noise, link->busy_ms + quiet_ms, err);
        if (count < 0)
            return -1;
        if (count == 0)
            return 0;
        link->busy_ms = link_now(link);
        if (link->busy_ms >= end_ms)
            return err_set(err, ERR_PROTOCOL, "the line is never quiet: is there another master?");
    }
}

static uint64_t characters_ms(const struct link *link, size_t count)
{
    return is_rtu(link) ? (count * CHARACTER_BITS * 1000 + link->baud - 1) / link->baud : 0;
}

/* 3.5 characters end a frame; above 19200 baud 1.75 ms do. */
static uint64_t gap_ms(const struct link *link, const struct modbus_map *map)
{
    uint64_t least_ms = !is_rtu(link) ? 0 : link->baud > 19200 ? 2 : characters_ms(link, 4);
    return map->gap_ms > least_ms ? map->gap_ms : least_ms;
}

/* A reply on Modbus TCP tells by its connection and number what it answers: it needs no guard,
 * unless the profile wants one. */
static uint64_t guard_ms(const struct link *link, const struct modbus_map *map)
{
    if (map->guard_ms)
        return map->guard_ms;
    return is_rtu(link) ? map->timeout_ms : 0;
}

void link_expect_late(struct link *link, const struct modbus_map *map)
{
    link->guard_ms = guard_ms(link, map);
    link->busy_ms = link_now(link);
}

uint64_t link_exchange_ms(const struct link *link, const struct modbus_map *map)
{
    return map->timeout_ms + characters_ms(link, FRAME_SIZE / 4) + guard_ms(link, map);
}

static int prepare(struct link *link, const struct exchange *exchange, struct err *err)
{
    uint64_t quiet_ms = gap_ms(link, exchange->map);
    if (link->guard_ms > quiet_ms)
        quiet_ms = link->guard_ms;
    for (int tries = 2;; tries--) {
        if (!link->open && pdu_writes(exchange->request))
            return err_set(err, ERR_UNREACHABLE, "the connection is lost; nothing was written");
        if (link_open(link, err))
            return -1;
        if (await_silence(link, quiet_ms, err) == 0)
            break;
        close_line(link); /* devices close what was idle: that is no error yet */
        if (tries == 0 || err->kind != ERR_UNREACHABLE)
            return -1;
    }
    link->guard_ms = 0;
    return 0;
}

/* --- one request --- */

static int hear(struct link *link, struct exchange *exchange, uint64_t deadline_ms, struct err *err)
{
    ssize_t count = link->ops->receive(link->line, exchange->bytes + exchange->size,
                                       sizeof exchange->bytes - exchange->size, deadline_ms, err);
    if (count > 0) {
        exchange->size += (size_t)count;
        link->busy_ms = link_now(link);
    }
    exchange->broken = count < 0;
    return count < 0 ? -1 : count > 0;
}

/* The rest of what is no answer, for who reads the error. */
static void hear_out(struct link *link, struct exchange *exchange)
{
    struct err ignored;
    uint64_t quiet_ms = gap_ms(link, exchange->map) + 5;
    while (exchange->size < sizeof exchange->bytes &&
           hear(link, exchange, link_now(link) + quiet_ms, &ignored) > 0)
        continue;
}

/* Two answers to one question: the first may have been to the one before. */
static int check_nothing_follows(struct link *link, struct exchange *exchange, struct err *err)
{
    if (!is_rtu(link) || pdu_writes(exchange->request) || exchange->size == sizeof exchange->bytes)
        return 0;
    if (hear(link, exchange, link->busy_ms + gap_ms(link, exchange->map), err) > 0)
        return err_set(err, ERR_PROTOCOL, "two answers came to one question");
    return 0; /* a line that broke now broke after the answer */
}

static int silence(const struct link *link, const struct exchange *exchange, struct err *err)
{
    uint32_t unit = exchange->map->unit;
    if (exchange->size)
        return err_set(err, ERR_PROTOCOL, "the answer is cut short");
    if (link_left(link) == 0)
        return err_set(err, ERR_TIMEOUT, "no answer before its time was over");
    if (link->has_answered[unit])
        return err_set(err, ERR_TIMEOUT, "no answer within %u ms", exchange->map->timeout_ms);
    return err_set(err, ERR_UNREACHABLE,
                   "no answer within %u ms (is it powered, and its unit id %u?)",
                   exchange->map->timeout_ms, unit);
}

static int await_answer(struct link *link, struct exchange *exchange, uint16_t *values,
                        struct err *err)
{
    struct cursor pdu;
    uint64_t wait_ms = exchange->map->timeout_ms + characters_ms(link, FRAME_SIZE / 4);
    uint64_t deadline_ms = link_now(link) + earlier(wait_ms, link_left(link));
    enum frame_news news = FRAME_MORE;
    while (news == FRAME_MORE) {
        int heard = hear(link, exchange, deadline_ms, err);
        if (heard <= 0)
            return heard < 0 ? -1 : silence(link, exchange, err);
        news = frame_decode(&exchange->head, exchange->request, exchange->bytes, exchange->size,
                            &pdu, err);
    }
    if (news == FRAME_BAD) {
        hear_out(link, exchange);
        return -1;
    }
    if (check_nothing_follows(link, exchange, err))
        return -1;
    int failed = pdu_decode(exchange->request, pdu.at, pdu.left, values, err);
    exchange->answered = !failed || pdu.at[0] & PDU_EXCEPTION;
    return failed;
}

static int say(struct link *link, struct exchange *exchange, struct err *err)
{
    uint8_t pdu[PDU_SIZE], frame[FRAME_SIZE];
    size_t size = pdu_encode(exchange->request, pdu);
    if (!size)
        return err_set(err, ERR_CONFIG, "Modbus has no such request");
    size = frame_encode(&exchange->head, pdu, size, frame);
    if (pdu_writes(exchange->request))
        link->writes[exchange->map->unit]++;
    int failed =
        link->ops->send(link->line, frame, size,
                        link_now(link) + earlier(exchange->map->timeout_ms, link_left(link)), err);
    link->busy_ms = link_now(link) + characters_ms(link, size);
    exchange->broken = failed != 0;
    return failed;
}

/* What an exchange says about the unit and the line. A serial line is opened anew only if it broke:
 * it has no connection that could be stale. */
static void note(struct link *link, const struct exchange *exchange)
{
    uint32_t unit = exchange->map->unit;
    link->has_answered[unit] |= exchange->answered;
    link->is_silent[unit] = !exchange->answered && !exchange->size && link_left(link);
    if (exchange->answered)
        return;
    link->guard_ms = guard_ms(link, exchange->map);
    link->busy_ms = link_now(link); /* from now on: the silence of a time-out is none of it */
    if (link->transport != TRANSPORT_RTU || exchange->broken)
        close_line(link);
}

static int ask_once(struct link *link, struct exchange *exchange, uint16_t *values, struct err *err)
{
    exchange->size = 0;
    exchange->answered = exchange->broken = false;
    if (prepare(link, exchange, err))
        return -1;
    if (link_left(link) == 0)
        return err_set(err, ERR_TIMEOUT, "no time is left to ask");
    exchange->head = (struct frame_head){.format = is_rtu(link) ? FRAME_RTU : FRAME_TCP,
                                         .unit = (uint8_t)exchange->map->unit,
                                         .transaction = ++link->transaction};
    int failed = say(link, exchange, err);
    if (!failed) {
        failed = await_answer(link, exchange, values, err);
        if (failed && err->sent == SENT_NO)
            err->sent = SENT_MAYBE; /* explain() takes it back for a question */
    }
    note(link, exchange);
    return failed;
}

/* --- a request and its tries --- */

static void explain(const struct link *link, const struct exchange *exchange, struct err *err)
{
    char asked[80], came[NOISE_SHOWN * 3 + 16] = "";
    enum sent sent = pdu_writes(exchange->request) ? err->sent : SENT_NO;
    pdu_describe(exchange->request, asked, sizeof asked);
    err_prefix(err, "%s unit %u: %s", link->where, exchange->map->unit, asked);
    err->sent = sent;
    if (err->kind != ERR_PROTOCOL || !exchange->size)
        return;
    int at = snprintf(came, sizeof came, "; it came as");
    for (size_t i = 0; i < exchange->size && i < NOISE_SHOWN; i++)
        at += snprintf(came + at, sizeof came - (size_t)at, " %02x", exchange->bytes[i]);
    size_t length = strlen(err->text);
    (void)snprintf(err->text + length, sizeof err->text - length, "%s%s", came,
                   exchange->size > NOISE_SHOWN ? ".." : "");
}

static bool is_worth_asking_again(const struct err *err)
{
    return err->kind == ERR_PROTOCOL || err->kind == ERR_TIMEOUT || err->kind == ERR_UNREACHABLE;
}

int link_ask(struct link *link, const struct modbus_map *map, const struct pdu_request *request,
             uint16_t values[PDU_VALUES_MAX], struct err *err)
{
    struct exchange exchange = {.map = map, .request = request};
    if (map->unit == 0 || map->unit >= UNITS)
        return err_set(err, ERR_CONFIG, "%s: unit %u: nothing is sent to everybody", link->where,
                       map->unit);
    bool was_silent = link->is_silent[map->unit];
    int tries = pdu_writes(request) || was_silent ? 1 : LINK_TRIES;
    for (;;) {
        if (ask_once(link, &exchange, values, err) == 0)
            return 0;
        if (--tries == 0 || exchange.answered || !is_worth_asking_again(err) ||
            link->failed_to_open || link_left(link) < map->timeout_ms)
            break;
    }
    explain(link, &exchange, err);
    return -1;
}

void link_wait(struct link *link, uint64_t ms)
{
    struct err ignored;
    uint8_t noise[FRAME_SIZE];
    uint64_t end_ms = link_now(link) + earlier(ms, link_left(link));
    while (link_now(link) < end_ms) {
        ssize_t count = link->ops->receive(link->line, noise, sizeof noise, end_ms, &ignored);
        if (count < 0)
            close_line(link); /* and waits on */
        if (count > 0)
            link->busy_ms = link_now(link);
    }
}
