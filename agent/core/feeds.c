#include "agent/core/feeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct feeds *feeds_new(const struct inventory *inventory, const struct node *node)
{
    struct feeds *feeds = calloc(1, sizeof *feeds + node->nfeeds * sizeof feeds->each[0]);
    if (!feeds)
        return NULL;
    feeds->count = node->nfeeds;
    for (size_t i = 0; i < feeds->count; i++)
        target_freeze(&feeds->each[i].target, inventory, &node->feeds[i], node->inrush_ma,
                      (uint32_t)node->nfeeds);
    return feeds;
}

/* ---- together ---- */

enum power feeds_power(const struct feeds *feeds)
{
    enum power power = POWER_OFF;
    for (size_t i = 0; i < feeds->count; i++) {
        if (feeds->each[i].power == POWER_ON)
            return POWER_ON;
        if (feeds->each[i].power == POWER_UNKNOWN)
            power = POWER_UNKNOWN;
    }
    return power;
}

bool feeds_all_on(const struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++)
        if (feeds->each[i].power != POWER_ON)
            return false;
    return true;
}

uint32_t feeds_on_in_a_row(const struct feeds *feeds)
{
    uint32_t most = 0;
    for (size_t i = 0; i < feeds->count; i++)
        most = feeds->each[i].on_in_a_row > most ? feeds->each[i].on_in_a_row : most;
    return most;
}

void feeds_look_anew(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++)
        feeds->each[i].on_in_a_row = 0;
}

bool feeds_any_read(const struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++)
        if (feeds->each[i].power != POWER_UNKNOWN)
            return true;
    return false;
}

bool feeds_all_contacted(const struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++)
        if (!feeds->each[i].contacted)
            return false;
    return true;
}

uint32_t feeds_dwell_ms(const struct feeds *feeds, uint32_t otherwise)
{
    uint32_t longest = 0;
    for (size_t i = 0; i < feeds->count; i++) {
        uint32_t own = feeds->each[i].target.dwell_ms;
        uint32_t dwell_ms = own ? own : otherwise;
        longest = dwell_ms > longest ? dwell_ms : longest;
    }
    return longest;
}

/* ---- for people ---- */

struct list {
    char *text;
    size_t size, used;
};

static void list_add(struct list *list, const char *between, const char *item)
{
    if (list->used + 1 >= list->size)
        return;
    int length = snprintf(list->text + list->used, list->size - list->used, "%s%s",
                          list->used ? between : "", item);
    list->used += length > 0 ? (size_t)length : 0;
    if (list->used >= list->size) /* what is cut is seen to be */
        memcpy(list->text + list->size - sizeof "...", "...", sizeof "...");
}

static void list_failure(struct list *list, const struct supply *supply)
{
    char name[TARGET_NAME_SIZE], item[sizeof name + sizeof supply->err.text + 2];
    target_name(&supply->target, name);
    (void)snprintf(item, sizeof item, "%s: %s", name, supply->err.text);
    list_add(list, "; ", item);
}

static void list_state(struct list *list, const struct supply *supply)
{
    char name[TARGET_NAME_SIZE], item[sizeof name + 32];
    target_name(&supply->target, name);
    (void)snprintf(item, sizeof item, "%s %s %s", name,
                   supply->power == POWER_UNKNOWN ? "reads" : "is", power_name(supply->power));
    list_add(list, "; ", item);
}

void feeds_list(const struct feeds *feeds, enum power power, char *text, size_t size)
{
    struct list list = {text, size, 0};
    text[0] = '\0';
    for (size_t i = 0; i < feeds->count; i++) {
        char name[TARGET_NAME_SIZE];
        target_name(&feeds->each[i].target, name);
        if (feeds->each[i].power == power)
            list_add(&list, ", ", name);
    }
}

void feeds_list_not_on(const struct feeds *feeds, char *text, size_t size)
{
    struct list list = {text, size, 0};
    text[0] = '\0';
    for (size_t i = 0; i < feeds->count; i++) {
        const struct supply *supply = &feeds->each[i];
        if (supply->power == POWER_ON)
            continue;
        if (supply->part == PART_DONE && !supply->ok)
            list_failure(&list, supply);
        else
            list_state(&list, supply);
    }
}

void feeds_list_failed(const struct feeds *feeds, char *text, size_t size)
{
    struct list list = {text, size, 0};
    text[0] = '\0';
    for (size_t i = 0; i < feeds->count; i++)
        if (feeds->each[i].part == PART_DONE && !feeds->each[i].ok)
            list_failure(&list, &feeds->each[i]);
}

/* ---- one reply of many ---- */

struct tally {
    unsigned ok, failed, maybe, reached, transient;
    const struct supply *first_failed;
};

static bool is_transient(const struct err *err)
{
    return err->kind == ERR_UNREACHABLE || err->kind == ERR_TIMEOUT || err->kind == ERR_BUSY ||
           err->kind == ERR_LIMIT || err->kind == ERR_SYSTEM;
}

static struct tally count_replies(const struct feeds *feeds)
{
    struct tally tally = {0};
    for (size_t i = 0; i < feeds->count; i++) {
        const struct supply *supply = &feeds->each[i];
        if (supply->part != PART_DONE)
            continue;
        tally.ok += supply->ok;
        if (supply->ok)
            continue;
        tally.failed++;
        tally.maybe += supply->err.sent == SENT_MAYBE;
        tally.reached += supply->err.sent != SENT_NO;
        tally.transient += is_transient(&supply->err);
        if (!tally.first_failed)
            tally.first_failed = supply;
    }
    return tally;
}

/* Those that failed first, then how the others read. */
static void fail_naming(const struct feeds *feeds, enum op op, const struct tally *tally,
                        enum sent sent, struct driver_reply *reply)
{
    char text[sizeof reply->err.text];
    feeds_list_failed(feeds, text, sizeof text);
    struct list list = {text, sizeof text, strlen(text)};
    for (size_t i = 0; op == OP_STATUS && i < feeds->count; i++)
        if (feeds->each[i].part == PART_DONE && feeds->each[i].ok)
            list_state(&list, &feeds->each[i]);
    reply->ok = false;
    (void)err_set_sent(&reply->err, tally->first_failed->err.kind, sent, "%s", text);
}

static void combine_states(const struct feeds *feeds, bool strict, struct driver_reply *reply)
{
    struct tally tally = count_replies(feeds);
    enum power power = feeds_power(feeds);
    if (tally.failed && (strict || power != POWER_ON)) {
        fail_naming(feeds, OP_STATUS, &tally, SENT_NO, reply);
        return;
    }
    reply->ok = reply->has_watts = true;
    reply->power = power;
    for (size_t i = 0; i < feeds->count; i++) {
        reply->has_watts = reply->has_watts && feeds->each[i].has_watts;
        reply->milliwatts += feeds->each[i].milliwatts;
    }
    if (!reply->has_watts)
        reply->milliwatts = 0;
}

/* Where some obeyed, or may have, nothing is known until all are read. */
static void combine_commands(const struct feeds *feeds, enum op op, struct driver_reply *reply)
{
    struct tally tally = count_replies(feeds);
    bool on = op == OP_ON && tally.ok && !tally.maybe && !tally.transient;
    if (on || !tally.failed) /* one that does not switch on is seen, and told, later */
        reply->ok = true;
    else if (tally.ok || tally.maybe)
        fail_naming(feeds, op, &tally, SENT_MAYBE, reply);
    else
        fail_naming(feeds, op, &tally, tally.reached ? SENT_YES : SENT_NO, reply);
}

void feeds_combine(const struct feeds *feeds, enum op op, bool strict, struct driver_reply *reply)
{
    *reply = (struct driver_reply){.op = op};
    if (op == OP_STATUS)
        combine_states(feeds, strict, reply);
    else
        combine_commands(feeds, op, reply);
}

/* ---- against the meter, and the BMC behind them ---- */

enum { NOISE_MW = 5000 }; /* of a meter on an outlet that is off; a server on standby draws more */

void feeds_doubt_off(struct driver_reply *reply)
{
    if (!reply->ok || reply->power != POWER_OFF || !reply->has_watts ||
        reply->milliwatts <= NOISE_MW)
        return;
    reply->ok = false;
    reply->power = POWER_UNKNOWN;
    (void)err_set(&reply->err, ERR_PROTOCOL,
                  "reads off, but draws %u W: its relay is stuck, or the profile is wrong",
                  reply->milliwatts / 1000);
}

enum { TEXT_ITEM = 160 };

static void while_on(const struct feeds *feeds, struct list *list)
{
    char name[TARGET_NAME_SIZE], item[TEXT_ITEM];
    for (size_t i = 0; i < feeds->count; i++) {
        const struct supply *supply = &feeds->each[i];
        target_name(&supply->target, name);
        if (supply->power != POWER_ON || !supply->has_watts || supply->milliwatts)
            continue;
        (void)snprintf(item, sizeof item, "reads on, but %s draws 0 W", name);
        list_add(list, "; ", item);
    }
    if (feeds_power(feeds) == POWER_OFF)
        list_add(list, "; ", "reads on, but its outlets are off");
}

static void while_off(const struct feeds *feeds, uint32_t standby_mw, struct list *list)
{
    uint64_t milliwatts = 0;
    char item[TEXT_ITEM];
    for (size_t i = 0; i < feeds->count; i++)
        if (feeds->each[i].has_watts)
            milliwatts += feeds->each[i].milliwatts;
    (void)snprintf(item, sizeof item, "reads off, but its outlets draw %llu W",
                   (unsigned long long)(milliwatts / 1000));
    if (milliwatts > standby_mw)
        list_add(list, "; ", item);
}

void feeds_contradict(const struct feeds *feeds, enum power control, uint32_t standby_mw,
                      char *text, size_t size)
{
    struct list list = {text, size, 0};
    text[0] = '\0';
    if (control == POWER_ON)
        while_on(feeds, &list);
    else if (control == POWER_OFF)
        while_off(feeds, standby_mw, &list);
}
