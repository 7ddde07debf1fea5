/* The core against a rack where anything may fail, in virtual time: hundreds of seeded jobs, judged
 * by the rack's truth. A failure prints its seed: `test_core_random SEED` runs that one alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "tests/unit/rack.h"

enum { NODES = 8, JOBS = 2, SEEDS = 400, QUIET_MS = 400000 };

static uint64_t first_seed = 1, last_seed = SEEDS;

#define judge(node_, true_)                                                                        \
    do {                                                                                           \
        if (!(true_))                                                                              \
            fail_msg("seed %llu, %s of %s: not so: " #true_ " (%s %s: %s)",                        \
                     (unsigned long long)run->seed, verb_name(run->asked.verb), (node_)->node,     \
                     outcome_name((node_)->outcome), verdict_name((node_)->verdict),               \
                     (node_)->text);                                                               \
    } while (0)

/* One job, and the truth when it began. */
struct run {
    struct rack *rack;
    uint64_t seed;
    struct job_request asked;
    char nodes[64];
    struct rack_node before[NODES];
    size_t first_event;
};

static void break_node(struct rack *rack, struct rack_node *node)
{
    node->dead = rack_random(rack, 12) == 0;
    node->wrong_password = rack_random(rack, 30) == 0;
    node->ignores_power = rack_random(rack, 12) == 0;
    node->drops_flag = rack_random(rack, 12) == 0;
    node->keeps_flag = rack_random(rack, 12) == 0;
    node->dies_after_off = rack_random(rack, 12) == 0;
    node->dies_at_reset = rack_random(rack, 12) == 0;
    node->always_disk = rack_random(rack, 12) == 0;
    node->no_evidence = rack_random(rack, 4) == 0;
    node->refuses_soft = rack_random(rack, 6) == 0;
    node->hangs_in_kernel = rack_random(rack, 6) == 0;
    node->lossy_percent = rack_random(rack, 3) ? 0 : rack_random(rack, 40);
    node->repeats_percent = rack_random(rack, 2) * 50;
    node->off_takes_ms = rack_random(rack, 3) ? 0 : rack_random(rack, 6000);
    node->soft_takes_ms = rack_random(rack, 2) ? 0 : rack_random(rack, 30000);
}

static void choose(struct run *run)
{
    struct rack *rack = run->rack;
    struct job_options *options = &run->asked.options;
    size_t length = 0;
    unsigned mask = 1 + rack_random(rack, (1 << NODES) - 1);
    for (unsigned i = 0; i < NODES; i++)
        if (mask & 1u << i)
            length += (size_t)snprintf(run->nodes + length, sizeof run->nodes - length, "%sn%02u",
                                       length ? "," : "", i + 1);
    run->asked = (struct job_request){
        .verb = (enum verb)rack_random(rack, VERBS), .nodes = run->nodes, .yes = true};
    options->boot_device = (enum boot_device)rack_random(rack, BOOT_OTHER);
    options->netboot = rack_random(rack, 2);
    options->native = rack_random(rack, 2);
    options->grace_s = rack_random(rack, 2) ? 40 : 0;
    options->timeout_s = rack_random(rack, 4) ? 0 : 1 + rack_random(rack, 40);
    options->batch = rack_random(rack, 2) ? 0 : 1 + rack_random(rack, 4);
    options->has_max_failures = rack_random(rack, 3) == 0;
    options->max_failures = 1 + rack_random(rack, 3);
    for (size_t i = 0; i < NODES; i++) {
        struct node *node = &rack->inventory->nodes[i];
        break_node(rack, &rack->node[i]);
        node->native_cycle = rack_random(rack, 2);
        node->boot_by_reset = rack_random(rack, 2);
        node->up = rack_random(rack, 4) ? UP_BY_PHONE_HOME : UP_NOT_WATCHED;
    }
    memcpy(run->before, rack->node, sizeof run->before);
    run->first_event = rack->nevents;
}

/* Somebody else's words: of a node that is in no job, of no node, of a node at the wrong moment. */
static void stray_note(struct rack *rack)
{
    struct note note = {.source = (enum note_source)rack_random(rack, NOTE_SOURCES),
                        .kind = (enum note_kind)rack_random(rack, NOTE_KINDS),
                        .class = (enum dhcp_class)rack_random(rack, DHCP_CLASSES),
                        .mac = {{0x52, 0x54, 0, 0, 1, (uint8_t)rack_random(rack, 99)}},
                        .ip = {0x0a0000f0 + rack_random(rack, 8)}};
    (void)snprintf(note.file, sizeof note.file, "vmlinuz");
    (void)snprintf(note.reason, sizeof note.reason, "nobody");
    core_note(rack->core, &note, rack->now_ms);
}

static bool flag_was_told(const struct run *run, const char *node)
{
    for (size_t i = run->first_event; i < run->rack->nevents; i++) {
        const struct job_event *event = &run->rack->events[i];
        if (event->kind == EVENT_NOTE && !strcmp(event->node.node, node) &&
            strstr(event->node.text, "boot flag"))
            return true;
    }
    return false;
}

static void judge_ok(const struct run *run, const struct node_view *view, size_t index)
{
    const struct rack_node *is = &run->rack->node[index], *was = &run->before[index];
    enum boot_device device = run->asked.options.boot_device;
    switch (run->asked.verb) {
    case VERB_ON:
        judge(view, is->on);
        break;
    case VERB_OFF:
    case VERB_SOFT:
        judge(view, !is->on);
        break;
    case VERB_CYCLE:
    case VERB_REBOOT:
        judge(view, is->on && is->power_ons > was->power_ons);
        judge(view, !was->on || is->power_offs > was->power_offs);
        break;
    case VERB_NETBOOT:
        judge(view, is->on && is->network_boots > was->network_boots);
        break;
    case VERB_RESET:
        judge(view, is->on && is->cycles > was->cycles);
        break;
    case VERB_NEXT_BOOT:
        judge(view, is->flag.valid == (device != BOOT_NONE));
        judge(view, !is->flag.valid || is->flag.device == device);
        break;
    case VERB_STATUS:
        judge(view, (view->power == POWER_ON) == is->on);
        break;
    case VERB_DIAG:
    case VERB_IDENTIFY:
    case VERBS:
        judge(view, !"nothing can show its effect");
        break;
    }
}

static void judge_node(const struct run *run, const struct node_view *view)
{
    size_t index = (size_t)strtoul(view->node + 1, NULL, 10) - 1;
    const struct rack_node *is = &run->rack->node[index], *was = &run->before[index];
    bool meant_off = run->asked.verb == VERB_OFF || run->asked.verb == VERB_SOFT;
    judge(view, view->outcome != OUTCOME_PENDING);
    if (view->outcome == OUTCOME_OK)
        judge_ok(run, view, index);
    if (was->on && !is->on && !meant_off)
        judge(view, view->outcome == OUTCOME_LEFT_OFF);
    if (!was->on && view->attempt < 2)
        judge(view, view->outcome != OUTCOME_LEFT_OFF);
    judge(view, is->resets - was->resets <= view->attempt);
    bool wanted = run->asked.verb == VERB_NEXT_BOOT && view->outcome == OUTCOME_OK;
    if (is->flag.valid && !was->flag.valid && !wanted)
        judge(view, flag_was_told(run, view->node));
}

/* What was sent may still have its effect after the job has ended. */
static void let_settle(struct rack *rack)
{
    uint64_t until = rack->now_ms + QUIET_MS;
    while (rack_step(rack, until))
        ;
    rack->now_ms = until;
}

static void run_job(struct run *run)
{
    struct rack *rack = run->rack;
    char id[JOB_ID_SIZE];
    struct problem problem = {0};
    struct err err = {0};
    struct job_view view = {0};
    choose(run);
    uint64_t cancel_ms =
        rack_random(rack, 3) ? UINT64_MAX : rack->now_ms + rack_random(rack, 40000);
    uint64_t until_ms = rack->now_ms + 24 * UINT64_C(3600000);
    if (rack_submit(rack, &run->asked, id, &problem, &err))
        fail_msg("seed %llu: refused: %s", (unsigned long long)run->seed, err.text);
    for (;;) {
        assert_int_equal(core_job(rack->core, id, rack->now_ms, &view, &err), 0);
        if (view.done)
            break;
        job_view_clear(&view);
        if (cancel_ms <= rack->now_ms) {
            assert_int_equal(core_cancel(rack->core, id, rack->now_ms, &err), 0);
            cancel_ms = UINT64_MAX;
            continue; /* it may have ended by that */
        }
        if (rack_random(rack, 4) == 0)
            stray_note(rack);
        uint64_t next_ms = cancel_ms < until_ms ? cancel_ms : until_ms;
        if (rack_step(rack, next_ms))
            continue;
        if (next_ms == until_ms)
            fail_msg("seed %llu: %s never ended", (unsigned long long)run->seed,
                     verb_name(run->asked.verb));
        rack->now_ms = next_ms;
    }
    let_settle(rack);
    for (size_t i = 0; i < view.nnodes; i++)
        judge_node(run, &view.nodes[i]);
    job_view_clear(&view);
}

static void truth_and_reports_agree(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed <= last_seed; seed++) {
        struct rack *rack = rack_new(NODES);
        rack->random = seed * 0x9e3779b97f4a7c15;
        rack->inventory->deadlines.soft_off = 40000;
        rack->inventory->limits.booting_at_once = 1 + rack_random(rack, 4);
        rack->inventory->limits.power_on_per_second = 1 + rack_random(rack, 5);
        for (size_t i = 0; i < NODES; i++)
            rack->node[i].on = rack_random(rack, 3) != 0;
        for (size_t i = 0; i < JOBS; i++) {
            struct run run = {.rack = rack, .seed = seed};
            run_job(&run);
        }
        if (rack_most_power_ons(rack) > rack->inventory->limits.power_on_per_second)
            fail_msg("seed %llu: %u power-ons in a second", (unsigned long long)seed,
                     rack_most_power_ons(rack));
        rack_free(rack);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        first_seed = last_seed = strtoull(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(truth_and_reports_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
