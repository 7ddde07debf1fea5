#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/core/inventory.h"
#include "proto/cleanup.h"

static struct inventory *make(size_t nodes)
{
    struct inventory *inventory = inventory_new();
    assert_non_null(inventory);
    inventory->nnodes = nodes;
    inventory->nodes = calloc(nodes + 1, sizeof *inventory->nodes);
    for (size_t i = 0; i < nodes; i++) { /* backwards, to be sorted */
        struct node *node = &inventory->nodes[i];
        size_t number = nodes - i;
        (void)snprintf(node->name, sizeof node->name, "n%zu", number);
        node->nmacs = 2;
        for (size_t j = 0; j < 2; j++)
            node->macs[j] =
                (struct mac){{2, 0, (uint8_t)j, 1, (uint8_t)(number >> 8), (uint8_t)number}};
    }
    inventory->ngroups = 2;
    inventory->groups = calloc(2, sizeof *inventory->groups);
    memcpy(inventory->groups[0].name, "z", 2);
    memcpy(inventory->groups[1].name, "a", 2);
    inventory->groups[0].expression = strdup("n1");
    inventory->groups[1].expression = strdup("n[2-3]");
    return inventory;
}

static void test_defaults(void **state)
{
    (void)state;
    _cleanup_(inventory_freep) struct inventory *inventory = inventory_new();
    assert_int_equal(inventory->limits.confirm_above, 16);
    assert_int_equal(inventory->limits.power_on_per_second, 4);
    assert_int_equal(inventory->limits.booting_at_once, 20);
    assert_int_equal(inventory->limits.jobs_kept, 1000);
    assert_int_equal(inventory->limits.retries, 1);
    assert_int_equal(inventory->deadlines.post, 600000);
    assert_int_equal(inventory->deadlines.settle, 1000);
    assert_int_equal(inventory->deadlines.total, 1800000);
    assert_int_equal(inventory_seal(inventory, NULL), 0);
    assert_null(inventory_node(inventory, "n1"));
    assert_null(inventory_group(inventory, "g"));
    assert_null(inventory_node_by_mac(inventory, (struct mac){{1}}));
}

static void test_look_ups(void **state)
{
    enum { NODES = 3000 };
    (void)state;
    _cleanup_(inventory_freep) struct inventory *inventory = make(NODES);
    assert_null(inventory_node(inventory, "n1")); /* not sealed yet */
    assert_int_equal(inventory_seal(inventory, NULL), 0);
    for (size_t i = 0; i < NODES; i++) {
        const struct node *node = &inventory->nodes[i];
        char name[16];
        (void)snprintf(name, sizeof name, "n%zu", i + 1);
        assert_string_equal(node->name, name);
        assert_ptr_equal(inventory_node(inventory, name), node);
        assert_ptr_equal(inventory_node_by_mac(inventory, node->macs[1]), node);
    }
    assert_null(inventory_node(inventory, "n0"));
    assert_null(inventory_node_by_mac(inventory, (struct mac){{2, 0, 2}}));
    assert_null(inventory_node_by_mac(inventory, (struct mac){{0}}));
    assert_string_equal(inventory_group(inventory, "a"), "n[2-3]");
    assert_null(inventory_group(inventory, "b"));
}

static void test_as_a_source(void **state)
{
    (void)state;
    _cleanup_(inventory_freep) struct inventory *inventory = make(12);
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    assert_int_equal(inventory_seal(inventory, NULL), 0);
    struct nodeset_source source = inventory_source(inventory);
    struct err err;
    assert_int_equal(nodeset_parse("n*!@a", &source, &set, NULL, &err), 0);
    assert_int_equal(nodeset_count(set), 10);
    assert_int_equal(nodeset_parse("n13", &source, &set, NULL, &err), -1);
}

static void check_unknown(const struct inventory *inventory, const char *name, const char *text)
{
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    struct nodeset_source source = inventory_source(inventory);
    struct err err;
    assert_int_equal(nodeset_parse(name, &source, &set, NULL, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    assert_string_equal(err.text, text);
}

/* Who names an outlet too many, or a device for a node, is told what there is. */
static void test_what_is_no_node(void **state)
{
    static const struct device devices[] = {
        {.driver = "modbus", .config.device = "rp-a", .outlets = 6},
        {.driver = "modbus", .config.device = "plug", .outlets = 1},
        {.driver = "modbus", .config.device = "panel", .outlets = 4, .buttons = true},
        {.driver = "ipmi", .config.device = "bmc-1"},
        {.driver = "ipmi", .config.device = "bmc-2"},
    };
    (void)state;
    _cleanup_(inventory_freep) struct inventory *inventory = make(2);
    free(inventory->devices);
    inventory->devices = malloc(sizeof devices);
    assert_non_null(inventory->devices);
    memcpy(inventory->devices, devices, sizeof devices);
    inventory->ndevices = sizeof devices / sizeof *devices;
    for (size_t i = 0; i < inventory->nnodes; i++)
        inventory->nodes[i].control.device = i ? DEVICE_NONE : 3;
    assert_int_equal(inventory_seal(inventory, NULL), 0);
    check_unknown(inventory, "rp-a/7", "column 1: rp-a has 6 outlets: there is no rp-a/7");
    check_unknown(inventory, "n1,plug/2", "column 4: plug has 1 outlet: there is no plug/2");
    check_unknown(inventory, "panel/1", "column 1: panel has no outlets: there is no panel/1");
    check_unknown(inventory, "bmc-1/1", "column 1: bmc-1 has no outlets: there is no bmc-1/1");
    check_unknown(inventory, "rp-a",
                  "column 1: rp-a is a PDU, no node: its outlets are rp-a/1 to rp-a/6");
    check_unknown(inventory, "plug", "column 1: plug is a PDU, no node: its outlet is plug/1");
    check_unknown(inventory, "panel", "column 1: panel is a device, no node");
    check_unknown(inventory, "bmc-1",
                  "column 1: bmc-1 is a device, no node: name what it powers, n2");
    check_unknown(inventory, "bmc-2", "column 1: bmc-2 is a device, no node");
    check_unknown(inventory, "rp-b/1", "column 1: no node is called 'rp-b/1'");
    check_unknown(inventory, "rp", "column 1: no node is called 'rp'");
}

static void test_doubles_are_refused(void **state)
{
    struct err err;
    (void)state;
    _cleanup_(inventory_freep) struct inventory *macs = make(5), *names = make(5);
    macs->nodes[1].macs[0] = macs->nodes[3].macs[1];
    assert_int_equal(inventory_seal(macs, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, "MAC address 02:00:01:01:00:02 belongs to both 'n2' and 'n4'");
    memcpy(names->nodes[0].name, "n4", 3);
    assert_int_equal(inventory_seal(names, &err), -1);
    assert_string_equal(err.text, "two nodes are called 'n4'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_look_ups),
        cmocka_unit_test(test_as_a_source),
        cmocka_unit_test(test_what_is_no_node),
        cmocka_unit_test(test_doubles_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
