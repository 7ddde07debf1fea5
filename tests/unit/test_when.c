/* Moments as people write them, in a time zone with summer time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "agent/cli/when.h"
#include "proto/api_time.h"
#include "proto/cleanup.h"

static int64_t utc(const char *text)
{
    int64_t unix_ms;
    assert_int_equal(time_parse(text, &unix_ms), 0);
    return unix_ms;
}

static void what_is_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum when_side side;
        const char *now, *then;
    } cases[] = {
        {"2h", WHEN_AHEAD, "2026-11-22T19:00:00Z", "2026-11-22T21:00:00Z"},
        {"3d", WHEN_AHEAD, "2026-11-22T19:00:00Z", "2026-11-25T19:00:00Z"},
        {"1d12h", WHEN_BEFORE, "2026-11-22T19:00:00Z", "2026-11-21T07:00:00Z"},
        /* 18:00 in Berlin is 17:00 UTC in winter */
        {"18:00", WHEN_AHEAD, "2026-11-22T16:59:59Z", "2026-11-22T17:00:00Z"},
        {"18:00", WHEN_AHEAD, "2026-11-22T17:00:00Z", "2026-11-23T17:00:00Z"},
        {"18:00", WHEN_BEFORE, "2026-11-22T17:00:00Z", "2026-11-22T17:00:00Z"},
        {"18:00", WHEN_BEFORE, "2026-11-22T16:59:59Z", "2026-11-21T17:00:00Z"},
        /* the day has 23 hours, and 25 */
        {"18:00", WHEN_AHEAD, "2026-03-28T17:00:00Z", "2026-03-29T16:00:00Z"},
        {"18:00", WHEN_AHEAD, "2026-10-24T16:00:00Z", "2026-10-25T17:00:00Z"},
        {"18:00", WHEN_AHEAD, "2026-12-31T18:00:00Z", "2027-01-01T17:00:00Z"},
        {"2026-11-24", WHEN_AHEAD, "2026-11-22T19:00:00Z", "2026-11-23T23:00:00Z"},
        {"2026-11-24T18:00", WHEN_AHEAD, "2026-11-22T19:00:00Z", "2026-11-24T17:00:00Z"},
        {"2026-07-24T18:00:30", WHEN_BEFORE, "2026-11-22T19:00:00Z", "2026-07-24T16:00:30Z"},
        {"2026-11-24T18:00Z", WHEN_AHEAD, "2026-11-22T19:00:00Z", "2026-11-24T18:00:00Z"},
        {"2028-02-29", WHEN_AHEAD, "2026-11-22T19:00:00Z", "2028-02-28T23:00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};
        int64_t got = 0;
        if (when_parse(cases[i].text, cases[i].side, utc(cases[i].now), &got, &err))
            fail_msg("%s: %s", cases[i].text, err.text);
        if (got != utc(cases[i].then))
            fail_msg("%s at %s is %lld", cases[i].text, cases[i].now, (long long)got);
    }
}

static void what_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum when_side side;
    } bad[] = {
        {"", WHEN_AHEAD},
        {"5", WHEN_AHEAD}, /* seconds? the fifth? */
        {"soon", WHEN_AHEAD},
        {"18", WHEN_AHEAD},
        {"18:0", WHEN_AHEAD},
        {"24:00", WHEN_AHEAD},
        {"18:60", WHEN_AHEAD},
        {"6:00pm", WHEN_AHEAD},
        {"2026-11-24 18:00", WHEN_AHEAD},
        {"2026-11-24T", WHEN_AHEAD},
        {"2026-11-24T18", WHEN_AHEAD},
        {"2026-13-24", WHEN_AHEAD},
        {"2027-02-29", WHEN_AHEAD},
        {"2026-11-31", WHEN_AHEAD},
        {"24.11.2026", WHEN_AHEAD},
        {"2026-11-24T18:00X", WHEN_AHEAD},
        {"2027-03-28T02:30", WHEN_AHEAD}, /* summer time begins: the clock never shows it */
        {"-2h", WHEN_AHEAD},
        {"2h ", WHEN_AHEAD},
        {"0s", WHEN_AHEAD},
        {"31d", WHEN_AHEAD},
        {"2026-11-21", WHEN_AHEAD},  /* over */
        {"2026-11-24", WHEN_BEFORE}, /* to come */
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct err err = {0};
        int64_t got = 4711;
        if (!when_parse(bad[i].text, bad[i].side, utc("2026-11-22T19:00:00Z"), &got, &err))
            fail_msg("'%s' was taken", bad[i].text);
        assert_int_equal(err.kind, ERR_USAGE);
        assert_int_equal(got, 4711);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_understood),
        cmocka_unit_test(what_is_not),
    };
    (void)setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1); /* Berlin's, without its file */
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
