/* Replies of several feeds as one, and what a BMC and its feeds say against each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/core/feeds.h"
#include "proto/cleanup.h"

enum { TWO = 2 };

/* How one feed answered, and what it reads after it. */
struct answer {
    bool ok;
    enum err_kind kind; /* if not ok */
    enum sent sent;
    enum power power;
};

static const struct answer on = {true, ERR_NONE, SENT_YES, POWER_ON};
static const struct answer off = {true, ERR_NONE, SENT_YES, POWER_OFF};
static const struct answer mute = {true, ERR_NONE, SENT_YES, POWER_UNKNOWN};
static const struct answer done = {true, ERR_NONE, SENT_YES, POWER_UNKNOWN};
static const struct answer silent = {false, ERR_UNREACHABLE, SENT_NO, POWER_UNKNOWN};
static const struct answer lost = {false, ERR_TIMEOUT, SENT_MAYBE, POWER_UNKNOWN};
static const struct answer refused = {false, ERR_DEVICE, SENT_YES, POWER_UNKNOWN};

static const struct answer unasked = {true, ERR_NONE, SENT_NO, POWER_ON};

static struct feeds *two_feeds(void)
{
    struct feeds *feeds = calloc(1, sizeof *feeds + TWO * sizeof feeds->each[0]);
    assert_non_null(feeds);
    feeds->count = TWO;
    for (uint32_t i = 0; i < TWO; i++) {
        (void)snprintf(feeds->each[i].target.device, NAME_SIZE, "pdu-%c", 'a' + (int)i);
        feeds->each[i].target.outlet = 3;
    }
    return feeds;
}

static void give(struct supply *supply, const struct answer *answer)
{
    supply->part = answer == &unasked ? PART_NONE : PART_DONE;
    supply->ok = answer->ok;
    supply->power = answer->power;
    if (!answer->ok)
        (void)err_set_sent(&supply->err, answer->kind, answer->sent, "no luck");
}

static void two_are_one(void **state)
{
    static const struct {
        enum op op;
        bool strict;
        const struct answer *a, *b;
        bool ok;
        enum power power;
        enum err_kind kind;
        enum sent sent;
        const char *text;
    } cases[] = {
        /* on if any is on; unknown while one may be; off only if all are */
        {OP_STATUS, false, &on, &on, true, POWER_ON, ERR_NONE, SENT_NO, ""},
        {OP_STATUS, false, &off, &on, true, POWER_ON, ERR_NONE, SENT_NO, ""},
        {OP_STATUS, false, &off, &off, true, POWER_OFF, ERR_NONE, SENT_NO, ""},
        {OP_STATUS, false, &off, &mute, true, POWER_UNKNOWN, ERR_NONE, SENT_NO, ""},
        {OP_STATUS, false, &silent, &on, true, POWER_ON, ERR_NONE, SENT_NO, ""},
        {OP_STATUS, false, &off, &silent, false, POWER_UNKNOWN, ERR_UNREACHABLE, SENT_NO,
         "pdu-b outlet 3: no luck; pdu-a outlet 3 is off"},
        {OP_STATUS, true, &silent, &on, false, POWER_UNKNOWN, ERR_UNREACHABLE, SENT_NO,
         "pdu-a outlet 3: no luck; pdu-b outlet 3 is on"},
        {OP_STATUS, false, &silent, &refused, false, POWER_UNKNOWN, ERR_UNREACHABLE, SENT_NO,
         "pdu-a outlet 3: no luck; pdu-b outlet 3: no luck"},
        /* off is said by all, or read from all */
        {OP_OFF, false, &done, &done, true, POWER_UNKNOWN, ERR_NONE, SENT_NO, ""},
        {OP_OFF, false, &done, &silent, false, POWER_UNKNOWN, ERR_UNREACHABLE, SENT_MAYBE,
         "pdu-b outlet 3: no luck"},
        {OP_OFF, false, &refused, &done, false, POWER_UNKNOWN, ERR_DEVICE, SENT_MAYBE,
         "pdu-a outlet 3: no luck"},
        {OP_OFF, false, &silent, &silent, false, POWER_UNKNOWN, ERR_UNREACHABLE, SENT_NO, NULL},
        {OP_OFF, false, &silent, &lost, false, POWER_UNKNOWN, ERR_UNREACHABLE, SENT_MAYBE, NULL},
        {OP_OFF, false, &silent, &refused, false, POWER_UNKNOWN, ERR_UNREACHABLE, SENT_YES, NULL},
        /* one that refuses to go on does not keep the other from it; what chance lost is resent */
        {OP_ON, false, &done, &done, true, POWER_UNKNOWN, ERR_NONE, SENT_NO, ""},
        {OP_ON, false, &done, &refused, true, POWER_UNKNOWN, ERR_NONE, SENT_NO, ""},
        {OP_ON, false, &done, &silent, false, POWER_UNKNOWN, ERR_UNREACHABLE, SENT_MAYBE, NULL},
        {OP_ON, false, &lost, &done, false, POWER_UNKNOWN, ERR_TIMEOUT, SENT_MAYBE, NULL},
        {OP_ON, false, &silent, &silent, false, POWER_UNKNOWN, ERR_UNREACHABLE, SENT_NO, NULL},
        {OP_ON, false, &refused, &silent, false, POWER_UNKNOWN, ERR_DEVICE, SENT_YES, NULL},
        {OP_ON, false, &unasked, &unasked, true, POWER_UNKNOWN, ERR_NONE, SENT_NO, ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(freep) struct feeds *feeds = two_feeds();
        struct driver_reply reply;
        give(&feeds->each[0], cases[i].a);
        give(&feeds->each[1], cases[i].b);
        feeds_combine(feeds, cases[i].op, cases[i].strict, &reply);
        if (reply.ok != cases[i].ok || reply.power != cases[i].power ||
            reply.err.kind != cases[i].kind || reply.err.sent != cases[i].sent)
            fail_msg("case %zu: %s %s %s %s \"%s\"", i, reply.ok ? "ok" : "failed",
                     power_name(reply.power), err_kind_name(reply.err.kind),
                     sent_name(reply.err.sent), reply.err.text);
        if (cases[i].text)
            assert_string_equal(reply.err.text, cases[i].text);
        assert_int_equal(reply.op, cases[i].op);
    }
}

/* A round of power-ons that was given up: who was not asked says nothing. */
static void only_who_was_asked_counts(void **state)
{
    _cleanup_(freep) struct feeds *feeds = two_feeds();
    struct driver_reply reply;
    (void)state;
    give(&feeds->each[0], &refused);
    feeds_combine(feeds, OP_ON, false, &reply);
    assert_false(reply.ok);
    assert_string_equal(reply.err.text, "pdu-a outlet 3: no luck");
    give(&feeds->each[0], &done);
    feeds_combine(feeds, OP_ON, false, &reply);
    assert_true(reply.ok);
}

static void watts_are_those_of_all(void **state)
{
    _cleanup_(freep) struct feeds *feeds = two_feeds();
    struct driver_reply reply;
    (void)state;
    give(&feeds->each[0], &on);
    give(&feeds->each[1], &on);
    feeds->each[0].has_watts = true;
    feeds->each[0].milliwatts = 105500;
    feeds_combine(feeds, OP_STATUS, false, &reply);
    assert_false(reply.has_watts); /* half of it would be told as all */
    assert_int_equal(reply.milliwatts, 0);
    feeds->each[1].has_watts = true;
    feeds->each[1].milliwatts = 104500;
    feeds_combine(feeds, OP_STATUS, false, &reply);
    assert_true(reply.has_watts);
    assert_int_equal(reply.milliwatts, 210000);
}

static void meters_contradict(void **state)
{
    static const struct {
        enum power control, a, b;
        bool metered;
        uint32_t a_mw, b_mw;
        const char *text;
    } cases[] = {
        {POWER_ON, POWER_ON, POWER_ON, true, 100000, 110000, ""},
        {POWER_ON, POWER_ON, POWER_ON, false, 0, 0, ""},
        {POWER_ON, POWER_ON, POWER_ON, true, 0, 210000, "reads on, but pdu-a outlet 3 draws 0 W"},
        {POWER_ON, POWER_OFF, POWER_ON, true, 0, 210000, ""},
        {POWER_ON, POWER_OFF, POWER_OFF, false, 0, 0, "reads on, but its outlets are off"},
        {POWER_OFF, POWER_ON, POWER_ON, true, 6000, 7000, ""},
        {POWER_OFF, POWER_ON, POWER_ON, true, 100000, 110000,
         "reads off, but its outlets draw 210 W"},
        {POWER_OFF, POWER_OFF, POWER_OFF, true, 0, 0, ""},
        {POWER_UNKNOWN, POWER_ON, POWER_ON, true, 0, 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(freep) struct feeds *feeds = two_feeds();
        char text[JOB_TEXT_SIZE];
        feeds->each[0].power = cases[i].a;
        feeds->each[1].power = cases[i].b;
        feeds->each[0].milliwatts = cases[i].a_mw;
        feeds->each[1].milliwatts = cases[i].b_mw;
        feeds->each[0].has_watts = feeds->each[1].has_watts = cases[i].metered;
        feeds_contradict(feeds, cases[i].control, 50000, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static void the_longest_dwell_counts(void **state)
{
    _cleanup_(freep) struct feeds *feeds = two_feeds();
    (void)state;
    assert_int_equal(feeds_dwell_ms(feeds, 10000), 10000);
    feeds->each[0].target.dwell_ms = 15000;
    assert_int_equal(feeds_dwell_ms(feeds, 10000), 15000);
    feeds->each[1].target.dwell_ms = 5000;
    assert_int_equal(feeds_dwell_ms(feeds, 10000), 15000);
    feeds->each[0].target.dwell_ms = 3000;
    assert_int_equal(feeds_dwell_ms(feeds, 10000), 5000);
}

/* However long the names and texts are. */
static void texts_are_cut_not_overrun(void **state)
{
    _cleanup_(freep) struct feeds *feeds = two_feeds();
    struct driver_reply reply;
    char text[40];
    (void)state;
    for (size_t i = 0; i < TWO; i++) {
        memset(feeds->each[i].target.device, 'p', NAME_SIZE - 1);
        give(&feeds->each[i], &silent);
        memset(feeds->each[i].err.text, 'x', sizeof feeds->each[i].err.text - 1);
        feeds->each[i].err.text[sizeof feeds->each[i].err.text - 1] = '\0';
    }
    feeds_combine(feeds, OP_STATUS, false, &reply);
    assert_int_equal(strlen(reply.err.text), sizeof reply.err.text - 1);
    feeds_list_failed(feeds, text, sizeof text);
    assert_int_equal(strlen(text), sizeof text - 1);
    feeds_list_not_on(feeds, text, sizeof text);
    assert_int_equal(strlen(text), sizeof text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_are_one),
        cmocka_unit_test(only_who_was_asked_counts),
        cmocka_unit_test(watts_are_those_of_all),
        cmocka_unit_test(meters_contradict),
        cmocka_unit_test(the_longest_dwell_counts),
        cmocka_unit_test(texts_are_cut_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
