/* What `powerctl plan` tells of outlets, circuits, and how long the inrush limits take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/core.h"
#include "proto/cleanup.h"

enum { BMCS = 40, PDU_A = BMCS, PDU_B, DEVICES_MADE };
enum { C1, C2, CIRCUITS_MADE };

static void name_device(struct device *device, const char *driver, const char *name)
{
    (void)snprintf(device->driver, NAME_SIZE, "%s", driver);
    (void)snprintf(device->config.device, NAME_SIZE, "%s", name);
}

static const struct feed nothing = {DEVICE_NONE, 0, CIRCUIT_NONE};

static struct node *add_node(struct inventory *inventory, const char *name)
{
    struct node *node = &inventory->nodes[inventory->nnodes++];
    (void)snprintf(node->name, NAME_SIZE, "%s", name);
    node->control = nothing;
    node->next_boot = DEVICE_NONE;
    node->inrush_ma = 8000;
    return node;
}

/* n01..n40 with a BMC each on circuit c1; f1 and f2 with two feeds each, f3 with feeds and a BMC, s1
 * and s2 on one outlet. */
static struct inventory *a_rack(void)
{
    struct inventory *inventory = inventory_new();
    struct err err;
    inventory->ndevices = DEVICES_MADE;
    inventory->devices = calloc(DEVICES_MADE, sizeof *inventory->devices);
    inventory->nodes = calloc(64, sizeof *inventory->nodes);
    inventory->ncircuits = CIRCUITS_MADE;
    inventory->circuits = calloc(CIRCUITS_MADE, sizeof *inventory->circuits);
    inventory->circuits[C1] = (struct circuit){.name = "c1", .per_second = 2};
    inventory->circuits[C2] = (struct circuit){.name = "c2", .milliamps = 8000};
    for (uint32_t i = 0; i < BMCS; i++) {
        char name[NAME_SIZE];
        (void)snprintf(name, sizeof name, "b%02u", i + 1);
        name_device(&inventory->devices[i], "ipmi", name);
        (void)snprintf(name, sizeof name, "n%02u", i + 1);
        add_node(inventory, name)->control = (struct feed){i, 0, C1};
    }
    name_device(&inventory->devices[PDU_A], "modbus", "pdu-a");
    name_device(&inventory->devices[PDU_B], "modbus", "pdu-b");
    inventory->devices[PDU_A].stagger_ms = 500;
    inventory->devices[PDU_B].dwell_ms = 10000;
    for (uint32_t i = 1; i <= 3; i++) {
        char name[NAME_SIZE];
        (void)snprintf(name, sizeof name, "f%u", i);
        struct node *node = add_node(inventory, name);
        node->nfeeds = 2;
        node->feeds[0] = (struct feed){PDU_A, i, CIRCUIT_NONE};
        node->feeds[1] = (struct feed){PDU_B, i, C2};
        if (i == 3)
            node->control = (struct feed){0, 0, CIRCUIT_NONE};
    }
    for (uint32_t i = 1; i <= 2; i++) {
        struct node *node = add_node(inventory, i == 1 ? "s1" : "s2");
        node->nfeeds = 1;
        node->feeds[0] = (struct feed){PDU_A, 9, CIRCUIT_NONE};
        node->shares_outlets = true;
    }
    assert_int_equal(inventory_seal(inventory, &err), 0);
    return inventory;
}

static char *plan_of(enum verb verb, const char *nodes, bool feeds)
{
    struct inventory *inventory = a_rack();
    struct core *core = core_new(inventory, "1", 1000);
    struct job_request request = {.verb = verb, .options.feeds = feeds};
    char *text = NULL;
    struct err err = {0};
    request.nodes = strdup(nodes);
    if (core_plan(core, &request, &text, &err))
        fail_msg("%s", err.text);
    struct action action;
    assert_false(core_take(core, &action));
    job_request_clear(&request);
    core_free(core);
    inventory_free(inventory);
    return text;
}

static void assert_tells(const char *text, const char *what)
{
    if (!strstr(text, what))
        fail_msg("\"%s\" is not in:\n%s", what, text);
}

static void assert_silent(const char *text, const char *what)
{
    if (strstr(text, what))
        fail_msg("\"%s\" is in:\n%s", what, text);
}

static void few_are_told_one_by_one(void **state)
{
    _cleanup_(freep) char *text = plan_of(VERB_ON, "n[01-04]", false);
    (void)state;
    assert_tells(text, "inrush: n01 after 0.0 s, n02 after 0.6 s, n03 after 1.1 s, n04 after 1.6 s"
                       "\n  4 power-ons, the last after 1.6 s at the earliest; limited most by "
                       "circuit c1 (2 a second)\n");
    assert_tells(text, "  n04: power by b04 (ipmi, circuit c1)\n");
}

static void many_are_folded(void **state)
{
    _cleanup_(freep) char *text = plan_of(VERB_CYCLE, "n[01-40]", false);
    (void)state;
    assert_tells(text, "inrush: n01 after 0.0 s, n02 after 0.6 s, n03 after 1.1 s, ... n40 after "
                       "21.4 s\n  40 power-ons, the last after 21.4 s");
}

static void feeds_are_told_with_their_limits(void **state)
{
    _cleanup_(freep) char *text = plan_of(VERB_CYCLE, "f[1-2]", false);
    (void)state;
    assert_tells(text, "f1: power by pdu-a/1 (modbus), pdu-b/1 (modbus, circuit c2)\n");
    assert_tells(text, "dwell 10.0 s"); /* pdu-b asks for that, and pdu-a for the 5 s of all */
    assert_tells(text, "by 2 outlets: all off, each read back, before any is switched on");
    /* 4 A a feed, 8 A a second; half a second at pdu-a. */
    assert_tells(text, "inrush: f1 after 0.0 s, f2 after 0.6 s\n  4 power-ons, the last after "
                       "0.8 s");
}

static void a_node_with_both_goes_by_what_is_asked(void **state)
{
    _cleanup_(freep) char *by_bmc = plan_of(VERB_CYCLE, "f3", false);
    _cleanup_(freep) char *by_feeds = plan_of(VERB_CYCLE, "f3", true);
    (void)state;
    assert_tells(by_bmc, "f3: power by b01 (ipmi), fed by pdu-a/3 (modbus), pdu-b/3");
    assert_tells(by_bmc, "dwell 5.0 s");
    assert_silent(by_bmc, "inrush:"); /* one, and at once */
    assert_tells(by_feeds,
                 "f3: power by pdu-a/3 (modbus), pdu-b/3 (modbus, circuit c2), and by b01");
    assert_tells(by_feeds, "dwell 10.0 s");
    assert_tells(by_feeds,
                 "read the power state by its BMC (within 20.0 s); if not, go on without");
    assert_tells(by_feeds, "send power-off by its outlets, unless it is off already");
    assert_tells(by_feeds, "see it on by its BMC, twice");
}

static void who_shares_an_outlet_is_named(void **state)
{
    _cleanup_(freep) char *text = plan_of(VERB_OFF, "s1", false);
    (void)state;
    assert_tells(text, "s1: power by pdu-a/9 (modbus), on one outlet with s2\n");
    assert_silent(text, "inrush");
}

static void what_switches_nothing_on_has_no_inrush(void **state)
{
    static const enum verb verbs[] = {VERB_STATUS, VERB_OFF, VERB_NEXT_BOOT};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        _cleanup_(freep) char *text = plan_of(verbs[i], "n[01-40]", false);
        assert_silent(text, "inrush");
    }
}

static void whose_next_boot_nobody_sets_is_told(void **state)
{
    _cleanup_(freep) char *netboot = plan_of(VERB_NETBOOT, "f1", false);
    _cleanup_(freep) char *cycle = plan_of(VERB_CYCLE, "f1", false);
    (void)state;
    assert_tells(netboot, "pdu-b/1 (modbus, circuit c2), next boot: nobody sets it, its firmware's "
                          "boot order decides\n");
    assert_silent(netboot, "boot flag");
    assert_silent(netboot, "read it back");
    assert_silent(cycle, "next boot");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_are_told_one_by_one),
        cmocka_unit_test(many_are_folded),
        cmocka_unit_test(feeds_are_told_with_their_limits),
        cmocka_unit_test(a_node_with_both_goes_by_what_is_asked),
        cmocka_unit_test(who_shares_an_outlet_is_named),
        cmocka_unit_test(what_switches_nothing_on_has_no_inrush),
        cmocka_unit_test(whose_next_boot_nobody_sets_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
