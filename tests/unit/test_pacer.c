/* What the inrush limits promise: never more within any span, nobody forgotten, nobody stopped by
 * what is not his. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/pace.h"

enum { LOADS_MAX = 4096, SECOND_MS = PACE_WITHIN_MS };

/* Loads, and when each passed. */
struct bench {
    struct pace pace;
    uint64_t now_ms;
    size_t count, npassed;
    struct load load[LOADS_MAX];
    struct waiter waiter[LOADS_MAX];
    uint64_t passed_ms[LOADS_MAX]; /* 0: not yet */
    size_t order[LOADS_MAX];       /* as they passed */
};

static void begin(struct bench *bench, uint32_t per_second)
{
    memset(bench, 0, sizeof *bench);
    bench->now_ms = 1000;
    pace_begin(&bench->pace, per_second, 1000 * bench->now_ms);
}

static size_t wait_urgently(struct bench *bench, struct load load, bool urgent)
{
    size_t i = bench->count++;
    bench->load[i] = load;
    assert_int_equal(
        pace_wait(&bench->pace, &bench->waiter[i], &load, urgent, 1000 * bench->now_ms), 0);
    return i;
}

static size_t wait_for_turn(struct bench *bench, struct load load)
{
    return wait_urgently(bench, load, false);
}

static void step(struct bench *bench)
{
    uint64_t due_us;
    struct waiter *waiter;
    while ((waiter = pace_next(&bench->pace, 1000 * bench->now_ms, &due_us, NULL))) {
        size_t i = (size_t)(waiter - bench->waiter);
        assert_null(waiter->line);
        assert_int_equal(bench->passed_ms[i], 0);
        bench->passed_ms[i] = bench->now_ms;
        bench->order[bench->npassed++] = i;
    }
    if (due_us == UINT64_MAX)
        return;
    assert_true(due_us > 1000 * bench->now_ms); /* else the core would turn on the spot */
    bench->now_ms = (due_us + 999) / 1000;
}

static void run(struct bench *bench)
{
    for (size_t steps = 0; bench->npassed < bench->count; steps++) {
        assert_true(steps < 100000);
        step(bench);
    }
}

static uint64_t last_ms(const struct bench *bench)
{
    return bench->passed_ms[bench->order[bench->npassed - 1]];
}

/* The most that passed within any `span_ms`, of loads that `counts` gives a number to. */
static uint64_t most_within(const struct bench *bench, uint64_t span_ms,
                            uint64_t (*counts)(const struct load *load))
{
    uint64_t most = 0;
    for (size_t i = 0; i < bench->npassed; i++) {
        uint64_t sum = 0, from_ms = bench->passed_ms[bench->order[i]];
        for (size_t j = i; j < bench->npassed; j++) {
            const size_t at = bench->order[j];
            if (bench->passed_ms[at] >= from_ms + span_ms)
                break;
            sum += counts(&bench->load[at]);
        }
        most = sum > most ? sum : most;
    }
    return most;
}

static uint64_t each_one(const struct load *load)
{
    (void)load;
    return 1;
}

static uint64_t of_c1(const struct load *load)
{
    return !strcmp(load->circuit, "c1");
}

static uint64_t milliamps(const struct load *load)
{
    return load->inrush_ma;
}

static uint64_t of_pdu_a(const struct load *load)
{
    return !strcmp(load->device, "pdu-a");
}

/* ---- rates ---- */

static void a_rate_is_kept_and_used(void **state)
{
    static struct bench bench;
    static const uint32_t rates[] = {1, 2, 3, 4, 6, 7, 16, 333, 999, 1000, 1001, 3000};
    (void)state;
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        size_t count = rates[r] * 4 < LOADS_MAX ? rates[r] * 4 : LOADS_MAX;
        begin(&bench, rates[r]);
        for (size_t i = 0; i < count; i++)
            wait_for_turn(&bench, (struct load){.inrush_ma = 1});
        run(&bench);
        uint64_t most = most_within(&bench, SECOND_MS, each_one);
        assert_in_range(most, rates[r] - rates[r] / 500, rates[r]);
        /* Rounded up to microseconds. */
        assert_in_range(last_ms(&bench) - 1000, SECOND_MS * count / rates[r] - 1,
                        SECOND_MS * count / rates[r] + 1 + count / 1000);
        pace_clear(&bench.pace);
    }
}

/* Loads come when they like: now many, now none for a while. */
static void nothing_is_saved_up(void **state)
{
    static struct bench bench;
    (void)state;
    srandom(1);
    for (uint32_t rate = 1; rate < 12; rate++) {
        begin(&bench, rate);
        while (bench.count < 300) {
            for (long i = random() % 12; i >= 0; i--)
                wait_for_turn(&bench, (struct load){.inrush_ma = 1});
            for (long i = random() % 4; i >= 0; i--)
                step(&bench);
            bench.now_ms += (uint64_t)random() % 1700;
        }
        run(&bench);
        assert_true(most_within(&bench, SECOND_MS, each_one) <= rate);
        pace_clear(&bench.pace);
    }
}

static void a_new_pacer_is_as_if_just_used_up(void **state)
{
    static struct bench bench;
    (void)state;
    begin(&bench, 4);
    wait_for_turn(&bench, (struct load){.device = "pdu-a", .stagger_ms = 700});
    wait_for_turn(&bench, (struct load){.circuit = "c1", .per_second = 2, .inrush_ma = 1});
    wait_for_turn(&bench, (struct load){.circuit = "c2", .milliamps = 9000, .inrush_ma = 10});
    wait_for_turn(
        &bench, (struct load){.circuit = "c3", .milliamps = 10, .inrush_ma = 1, .dearest_ma = 15});
    wait_for_turn(&bench, (struct load){.inrush_ma = 1});
    run(&bench);
    assert_int_equal(bench.passed_ms[4], 1000 + SECOND_MS / 4);
    assert_int_equal(bench.passed_ms[1], 1000 + SECOND_MS / 2);
    assert_in_range(bench.passed_ms[0], 1000 + 700, 1000 + 1000);
    assert_in_range(bench.passed_ms[2], 1000 + SECOND_MS,
                    1000 + SECOND_MS * 5 / 4); /* the agent's is between */
    assert_int_equal(bench.passed_ms[3], 1000 + SECOND_MS * 3 / 2);
    pace_clear(&bench.pace);
}

/* One that is met for the first time long after the start has not been used by anybody. */
static void a_pacer_met_later_is_free(void **state)
{
    static struct bench bench;
    (void)state;
    begin(&bench, 4);
    bench.now_ms += 60000;
    wait_for_turn(&bench, (struct load){.device = "pdu-a", .stagger_ms = 700});
    step(&bench);
    assert_int_equal(bench.passed_ms[0], bench.now_ms);
    pace_clear(&bench.pace);
}

/* ---- currents ---- */

static void a_current_is_never_exceeded(void **state)
{
    static struct bench bench;
    (void)state;
    srandom(2);
    for (int round = 0; round < 20; round++) {
        uint32_t dearest = 1 + (uint32_t)random() % 100;
        begin(&bench, 1000);
        while (bench.count < 200) {
            for (long i = random() % 12; i >= 0; i--)
                wait_for_turn(&bench, (struct load){.circuit = "c1",
                                                    .milliamps = 100,
                                                    .inrush_ma = 1 + (uint32_t)random() % dearest,
                                                    .dearest_ma = dearest});
            step(&bench);
            bench.now_ms += (uint64_t)random() % 900;
        }
        run(&bench);
        assert_true(most_within(&bench, SECOND_MS, milliamps) <= 100);
        pace_clear(&bench.pace);
    }
}

static void what_fits_exactly_is_used(void **state)
{
    static struct bench bench;
    (void)state;
    begin(&bench, 1000);
    for (int i = 0; i < 40; i++)
        wait_for_turn(&bench, (struct load){.circuit = "c1", .milliamps = 100, .inrush_ma = 25});
    run(&bench);
    assert_int_equal(most_within(&bench, SECOND_MS, milliamps), 100);
    assert_in_range(last_ms(&bench), 1000 + 10 * SECOND_MS, 1000 + 11 * SECOND_MS + 1000);
    pace_clear(&bench.pace);
}

static void more_than_a_circuit_takes_passes_alone(void **state)
{
    static struct bench bench;
    (void)state;
    begin(&bench, 1000);
    for (int i = 0; i < 3; i++)
        wait_for_turn(
            &bench,
            (struct load){.circuit = "c1", .milliamps = 100, .inrush_ma = 250, .dearest_ma = 250});
    run(&bench);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(bench.passed_ms[i], 1000 + SECOND_MS * 5 / 2 * (i + 1));
    pace_clear(&bench.pace);
}

static void a_dear_one_is_not_overtaken_by_cheap_ones(void **state)
{
    static struct bench bench;
    (void)state;
    begin(&bench, 1000);
    struct load cheap = {
        .device = "pdu-a", .stagger_ms = 10, .circuit = "c1", .milliamps = 100, .inrush_ma = 10};
    struct load dear = {
        .device = "pdu-b", .stagger_ms = 10, .circuit = "c1", .milliamps = 100, .inrush_ma = 95};
    for (int i = 0; i < 20; i++)
        wait_for_turn(&bench, cheap);
    size_t at = wait_for_turn(&bench, dear);
    for (int i = 0; i < 60; i++)
        wait_for_turn(&bench, cheap);
    run(&bench);
    for (size_t i = 0; i < bench.count; i++)
        assert_true(i < at ? bench.passed_ms[i] < bench.passed_ms[at]
                           : bench.passed_ms[i] >= bench.passed_ms[at]);
    assert_true(most_within(&bench, SECOND_MS, milliamps) <= 100);
    pace_clear(&bench.pace);
}

/* ---- lines ---- */

static void one_circuit_stops_nobody_of_another(void **state)
{
    static struct bench bench;
    (void)state;
    begin(&bench, 10);
    for (int i = 0; i < 100; i++)
        wait_for_turn(&bench, (struct load){.circuit = "c1", .per_second = 1, .inrush_ma = 1});
    for (int i = 0; i < 90; i++)
        wait_for_turn(&bench, (struct load){.circuit = "c2", .per_second = 100, .inrush_ma = 1});
    while (bench.npassed < 100)
        step(&bench);
    assert_in_range(last_ms(&bench), 1000 + 10 * SECOND_MS - 100,
                    1000 + 10 * SECOND_MS + 200); /* 10 of c1, 90 of c2 */
    assert_int_equal(most_within(&bench, SECOND_MS, each_one), 10);
    assert_int_equal(most_within(&bench, SECOND_MS, of_c1), 1);
    pace_clear(&bench.pace);
}

static void a_device_keeps_its_stagger(void **state)
{
    static struct bench bench;
    (void)state;
    begin(&bench, 100);
    for (int i = 0; i < 30; i++)
        wait_for_turn(&bench, (struct load){.device = {'p', 'd', 'u', '-', i % 2 ? 'a' : 'b'},
                                            .stagger_ms = 350,
                                            .circuit = "c1",
                                            .per_second = 5,
                                            .inrush_ma = 1});
    run(&bench);
    assert_int_equal(most_within(&bench, 350, of_pdu_a), 1);
    assert_true(most_within(&bench, SECOND_MS, of_c1) <= 5);
    assert_true(last_ms(&bench) < 1000 + SECOND_MS / 5 * 30 + 1000);
    pace_clear(&bench.pace);
}

static void in_the_order_in_which_they_came(void **state)
{
    static struct bench bench;
    (void)state;
    begin(&bench, 50);
    for (int i = 0; i < 100; i++) {
        struct load load = {.stagger_ms = 1, .inrush_ma = 1};
        (void)snprintf(load.device, sizeof load.device, "pdu-%d", i % 7);
        wait_for_turn(&bench, load);
    }
    run(&bench);
    for (size_t i = 0; i < bench.count; i++)
        assert_int_equal(bench.order[i], i);
    pace_clear(&bench.pace);
}

static void the_urgent_go_first_in_their_order(void **state)
{
    static struct bench bench;
    (void)state;
    begin(&bench, 10);
    struct load here = {.inrush_ma = 1};
    struct load there = {.circuit = "c1", .per_second = 9, .inrush_ma = 1};
    for (int i = 0; i < 10; i++)
        wait_for_turn(&bench, i % 2 ? here : there);
    for (int i = 0; i < 4; i++)
        wait_urgently(&bench, i % 2 ? here : there, true);
    run(&bench);
    for (size_t i = 0; i < 4; i++)
        assert_true(bench.order[i] >= 10);
    assert_true(bench.passed_ms[10] < bench.passed_ms[12]);
    assert_true(bench.passed_ms[11] < bench.passed_ms[13]);
    pace_clear(&bench.pace);
}

/* It needs two, and others come again and again who need one of them each. */
static void one_with_two_pacers_has_its_turn_too(void **state)
{
    static struct bench bench;
    (void)state;
    begin(&bench, 1000);
    struct load device = {.device = "pdu-a", .stagger_ms = 900};
    struct load circuit = {.circuit = "c1", .per_second = 1, .inrush_ma = 1};
    struct load both = device;
    (void)snprintf(both.circuit, sizeof both.circuit, "c1");
    both.per_second = 1;
    both.inrush_ma = 1;
    wait_for_turn(&bench, device);
    wait_for_turn(&bench, circuit);
    bench.now_ms += 100;
    size_t at = wait_for_turn(&bench, both);
    for (int i = 0; i < 1000; i++)
        wait_for_turn(&bench, i % 2 ? device : circuit);
    run(&bench);
    assert_true(bench.passed_ms[at] < 1000 + 10000);
    pace_clear(&bench.pace);
}

static void who_leaves_is_not_waited_for(void **state)
{
    static struct bench bench;
    uint64_t due_us;
    (void)state;
    begin(&bench, 1);
    bench.now_ms += 60000;
    for (int i = 0; i < 4; i++)
        wait_for_turn(&bench, (struct load){.circuit = "c1", .per_second = i % 2 ? 1 : 0});
    pace_leave(&bench.pace, &bench.waiter[0]);
    pace_leave(&bench.pace, &bench.waiter[3]);
    pace_leave(&bench.pace, &bench.waiter[3]); /* again: nothing */
    step(&bench);
    assert_int_equal(bench.order[0], 1);
    pace_leave(&bench.pace, &bench.waiter[2]);
    assert_null(pace_next(&bench.pace, 1000 * bench.now_ms, &due_us, NULL));
    assert_int_equal(due_us, UINT64_MAX);
    wait_for_turn(&bench, (struct load){.inrush_ma = 1}); /* its line was over */
    step(&bench);
    step(&bench);
    assert_int_equal(bench.order[1], 4);
    pace_clear(&bench.pace);
}

static void another_limit_counts_at_once(void **state)
{
    static struct bench bench;
    (void)state;
    begin(&bench, 1);
    struct load load = {.device = "pdu-a",
                        .stagger_ms = 1000,
                        .circuit = "c1",
                        .per_second = 1,
                        .milliamps = 1,
                        .inrush_ma = 1};
    for (int i = 0; i < 100; i++)
        wait_for_turn(&bench, load);
    step(&bench);
    step(&bench);
    assert_int_equal(bench.npassed, 1);
    pace_limit_agent(&bench.pace, 100, 1000 * bench.now_ms);
    pace_limit_device(&bench.pace, "pdu-a", 0);
    pace_limit_circuit(&bench.pace, "c1", 50, 20);
    pace_limit_circuit(&bench.pace, "nobody", 1, 1);
    pace_limit_device(&bench.pace, "nobody", 1);
    run(&bench);
    assert_in_range(last_ms(&bench), 1000 + 6 * SECOND_MS - 100, 1000 + 7 * SECOND_MS + 1000);
    pace_clear(&bench.pace);
}

/* Those who wait already go on as they are; who comes now has the new limit too. */
static void a_new_kind_of_limit_holds_for_who_comes(void **state)
{
    static struct bench bench;
    (void)state;
    begin(&bench, 100);
    struct load load = {.circuit = "c1", .per_second = 50, .inrush_ma = 10};
    for (int i = 0; i < 10; i++)
        wait_for_turn(&bench, load);
    load.milliamps = 10;
    pace_limit_agent(&bench.pace, 100, 1000 * bench.now_ms);
    for (int i = 0; i < 5; i++)
        wait_for_turn(&bench, load);
    run(&bench);
    for (size_t i = 0; i < 10; i++)
        assert_true(bench.passed_ms[i] < 1000 + SECOND_MS);
    for (size_t i = 0; i < 5; i++)
        assert_true(bench.passed_ms[10 + i] >= 1000 + SECOND_MS * (i + 1));
    pace_clear(&bench.pace);
}

static void it_tells_what_was_waited_for(void **state)
{
    static struct bench bench;
    static const char *const texts[] = {
        "stagger of pdu-a (one each 0.5 s)", "current of circuit c1 (16.0 A a second)",
        "circuit c2 (3 a second)", "limits.power_on_per_second (4 a second)"};
    uint64_t due_us;
    const struct pacer *last;
    (void)state;
    begin(&bench, 4);
    wait_for_turn(&bench, (struct load){.device = "pdu-a", .stagger_ms = 500});
    wait_for_turn(&bench, (struct load){.circuit = "c1", .milliamps = 16000, .inrush_ma = 1});
    wait_for_turn(&bench, (struct load){.circuit = "c2", .per_second = 3});
    wait_for_turn(&bench, (struct load){.inrush_ma = 1});
    for (size_t found = 0; found < 4;) {
        char text[PACER_TEXT_SIZE];
        struct waiter *waiter = pace_next(&bench.pace, 1000 * bench.now_ms, &due_us, &last);
        if (!waiter) {
            bench.now_ms = (due_us + 999) / 1000;
            continue;
        }
        found++;
        pacer_describe(last, text);
        if (waiter == &bench.waiter[3]) /* the first of all */
            assert_string_equal(text, texts[3]);
        else if (strcmp(text, texts[3]) != 0)
            assert_string_equal(text, texts[waiter - bench.waiter]);
    }
    pace_clear(&bench.pace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_is_kept_and_used),
        cmocka_unit_test(nothing_is_saved_up),
        cmocka_unit_test(a_new_pacer_is_as_if_just_used_up),
        cmocka_unit_test(a_pacer_met_later_is_free),
        cmocka_unit_test(a_current_is_never_exceeded),
        cmocka_unit_test(what_fits_exactly_is_used),
        cmocka_unit_test(more_than_a_circuit_takes_passes_alone),
        cmocka_unit_test(a_dear_one_is_not_overtaken_by_cheap_ones),
        cmocka_unit_test(one_circuit_stops_nobody_of_another),
        cmocka_unit_test(a_device_keeps_its_stagger),
        cmocka_unit_test(in_the_order_in_which_they_came),
        cmocka_unit_test(the_urgent_go_first_in_their_order),
        cmocka_unit_test(one_with_two_pacers_has_its_turn_too),
        cmocka_unit_test(who_leaves_is_not_waited_for),
        cmocka_unit_test(another_limit_counts_at_once),
        cmocka_unit_test(a_new_kind_of_limit_holds_for_who_comes),
        cmocka_unit_test(it_tells_what_was_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
