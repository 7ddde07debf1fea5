/* The heap of deadlines: in order, whatever was set, moved and unset before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/timers.h"

static void timers_come_in_order(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    struct timers timers = {0};
    static struct timer timer[COUNT];
    assert_int_equal(timers_next(&timers), UINT64_MAX);
    assert_int_equal(timers_reserve(&timers, COUNT), 0);
    for (unsigned i = 0; i < COUNT; i++)
        timer_set(&timers, &timer[i], i * 7919U % 1009U);
    for (unsigned i = 0; i < COUNT; i += 3)
        timer_set(&timers, &timer[i], UINT64_MAX);
    for (unsigned i = 1; i < COUNT; i += 3)
        timer_set(&timers, &timer[i], i * 104729U % 2003U);
    uint64_t last = 0;
    unsigned taken = 0;
    for (struct timer *t; (t = timers_take(&timers, 5000)); taken++) {
        assert_true(t->at_ms >= last);
        assert_int_equal(t->place, 0);
        last = t->at_ms;
    }
    assert_int_equal(taken, COUNT - (COUNT + 2) / 3);
    timers_clear(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
