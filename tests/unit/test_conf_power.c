/* PDUs and their profiles, what hangs on their outlets, and what is behind a circuit. Errors:
 * test_conf_errors.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"
#include "tests/unit/conf_folder.h"
#include "tests/unit/fixed_drivers.h"

static void make_folder(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", conf_folder, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static struct config *load(const char *name, const char *driver_dir)
{
    char path[256], drivers[256];
    struct config *config = NULL;
    struct conf_errors errors;
    (void)snprintf(path, sizeof path, "%s/%s", conf_folder, name);
    (void)snprintf(drivers, sizeof drivers, "%s/%s", conf_folder, driver_dir ? driver_dir : "");
    const struct conf_overrides overrides = {.driver_dir = drivers};
    if (conf_load(path, &overrides, &fixed_drivers, &config, &errors))
        fail_msg("%s", errors.text);
    return config;
}

static struct config *load_text(const char *text)
{
    struct config *config = NULL;
    struct conf_errors errors;
    if (conf_load_text("t", text, strlen(text), &fixed_drivers, &config, &errors))
        fail_msg("%s", errors.text);
    return config;
}

static const char *setting(const struct inventory *inventory, const char *device, const char *name)
{
    for (size_t d = 0; d < inventory->ndevices; d++)
        for (size_t i = 0; i < inventory->devices[d].config.nsettings; i++)
            if (!strcmp(inventory->devices[d].config.device, device) &&
                !strcmp(inventory->devices[d].config.settings[i].name, name))
                return inventory->devices[d].config.settings[i].value;
    return NULL;
}

static const struct device *device(const struct inventory *inventory, const char *name)
{
    for (size_t i = 0; i < inventory->ndevices; i++)
        if (!strcmp(inventory->devices[i].config.device, name))
            return &inventory->devices[i];
    fail_msg("no device '%s'", name);
    return NULL;
}

static void test_nested_options(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *config =
        load_text("devices:\n"
                  "  pdu-[1-2]:\n"
                  "    driver: pdu\n"
                  "    host: 'h[1-2]'\n"
                  "    outlets: 0x18\n"
                  "    read: { function: 3, address: '[7-8]', on: [1, 0x0100] }\n"
                  "    write: { bank: yes }\n"
                  "    pulse: { ms: 5000, time: { function: 6, unit: { ms: 100 } } }\n"
                  "    dwell: { ms: 12000 }\n");
    const struct inventory *inventory = config->inventory;
    assert_string_equal(setting(inventory, "pdu-2", "read_function"), "3");
    assert_string_equal(setting(inventory, "pdu-1", "read_address"), "7");
    assert_string_equal(setting(inventory, "pdu-2", "read_address"), "8");
    assert_string_equal(setting(inventory, "pdu-2", "read_on"), "1,0x0100");
    assert_string_equal(setting(inventory, "pdu-2", "write_bank"), "yes");
    assert_string_equal(setting(inventory, "pdu-2", "pulse_ms"), "5000");
    assert_string_equal(setting(inventory, "pdu-2", "pulse_time_function"), "6");
    assert_string_equal(setting(inventory, "pdu-2", "pulse_time_unit_ms"), "100");
    assert_int_equal(device(inventory, "pdu-2")->config.nsettings, 10);
    assert_int_equal(device(inventory, "pdu-2")->outlets, 24);
    assert_int_equal(device(inventory, "pdu-2")->dwell_ms, 12000);
    assert_int_equal(device(inventory, "pdu-2")->stagger_ms, 500); /* the driver's own */
    assert_false(device(inventory, "pdu-2")->buttons);
}

/* The site's own come before the shipped ones, and the device before either. */
static void test_profiles(void **state)
{
    (void)state;
    make_folder("site");
    make_folder("site/profiles");
    make_folder("site/conf.d");
    make_folder("tree");
    make_folder("tree/profiles");
    conf_folder_put("site/main.yaml",
                    "devices:\n"
                    "  a[1-3]: { driver: pdu, host: 'a[1-3]', profile: ours, stagger_ms: 7 }\n"
                    "  b: { driver: pdu, host: b, profile: shipped, read: { on: 9 } }\n",
                    0600);
    conf_folder_put("site/conf.d/c.yaml",
                    "devices: { c: { driver: pdu, host: c, profile: ../near } }\n",
                    0600); /* of that file */
    conf_folder_put("site/near", "read_function: 4\noutlets: 1\nkind: button\n", 0600);
    conf_folder_put("site/profiles/ours.yaml",
                    "source: [here, there]\nread: { function: 1 }\noutlets: 8\nstagger_ms: 5\n",
                    0600);
    conf_folder_put("tree/profiles/ours.yaml", "outlets: 99\n", 0600);
    conf_folder_put("tree/profiles/shipped.yaml",
                    "driver: pdu\nread: { function: 2, on: [5, 6] }\noutlets: 4\ndwell_ms: 3\n",
                    0600);

    _cleanup_(config_freep) struct config *config = load("site/main.yaml", "tree");
    const struct inventory *inventory = config->inventory;
    assert_string_equal(setting(inventory, "a2", "host"), "a2");
    assert_string_equal(setting(inventory, "a3", "read_function"), "1");
    assert_string_equal(setting(inventory, "a3", "stagger_ms"), "7");
    assert_int_equal(device(inventory, "a3")->outlets, 8);
    assert_int_equal(device(inventory, "a3")->stagger_ms, 7);
    assert_null(setting(inventory, "a3", "source"));
    assert_null(setting(inventory, "a3", "profile"));
    assert_null(setting(inventory, "b", "driver"));
    assert_string_equal(setting(inventory, "b", "read_function"), "2");
    assert_string_equal(setting(inventory, "b", "read_on"), "9");
    assert_int_equal(device(inventory, "b")->dwell_ms, 3);
    assert_int_equal(device(inventory, "c")->outlets, 1);
    assert_true(device(inventory, "c")->buttons);

    /* Installed: the drivers are in PREFIX/libexec/powerctl. */
    make_folder("usr");
    make_folder("usr/libexec");
    make_folder("usr/libexec/powerctl");
    make_folder("usr/share");
    make_folder("usr/share/powerctl");
    make_folder("usr/share/powerctl/profiles");
    conf_folder_put("usr/share/powerctl/profiles/shipped.yaml", "read_function: 3\noutlets: 2\n",
                    0600);
    _cleanup_(config_freep) struct config *other = load("site/main.yaml", "usr/libexec/powerctl");
    assert_int_equal(device(other->inventory, "b")->outlets, 2);
    assert_int_not_equal(inventory_fingerprint(device(inventory, "b")),
                         inventory_fingerprint(device(other->inventory, "b")));
}

/* A profile with an error, used by 200 devices: each error is there once. */
static void test_a_bad_profile_is_told_once(void **state)
{
    char path[256], text[20000];
    struct config *config = NULL;
    struct conf_errors errors;
    int size = snprintf(text, sizeof text, "devices:\n");
    (void)state;
    make_folder("once");
    make_folder("once/profiles");
    conf_folder_put("once/profiles/bad.yaml", "outlets: 8\nread: { function: 77 }\n", 0600);
    for (int i = 0; i < 200; i++)
        size += snprintf(text + size, sizeof text - (size_t)size,
                         "  p%d: { driver: pdu, host: h%d, profile: bad }\n", i, i);
    conf_folder_put("once/main.yaml", text, 0600);
    (void)snprintf(path, sizeof path, "%s/once/main.yaml", conf_folder);
    assert_int_equal(conf_load(path, NULL, &fixed_drivers, &config, &errors), -1);
    assert_int_equal(errors.count, 1);
    assert_non_null(
        strstr(errors.text, "/once/profiles/bad.yaml:2:19: error: read_function: 77 is "));
    conf_errors_clear(&errors);
}

static const char rack[] =
    "devices:\n"
    "  bmc-[1-4]: { driver: ipmi, host: '10.1.0.[1-4]' }\n"
    "  pdu-a: { driver: pdu, host: a, outlets: 8, read: { function: 1 } }\n"
    "  pdu-b: { driver: pdu, transport: rtu, serial: /dev/s, outlets: 12, read: { function: 1 } }\n"
    "  relay: { driver: pdu, transport: rtu, serial: /dev/s, unit: 2, kind: button, outlets: 2,\n"
    "           read: { function: 1 } }\n"
    "nodes:\n"
    "  n[1-2]: { power: ['bmc-[1-2]', 'pdu-a/[1-2]', 'pdu-b/[11-12]'], feeds_after: 3,\n"
    "            next_boot: 'bmc-[1-2]', inrush_amps: 4.501, standby_watts: 12.5 }\n"
    "  n[3-4]: { power: [pdu-b/3, pdu-a/3], shares_outlets: true, protect: yes }\n"
    "  n5: { power: [pdu-a/4, relay/1], inrush_amps: 5.25 }\n"
    "  n6: { power: relay/2 }\n"
    "  n7: { power: bmc-3, inrush_amps: 5 }\n"
    "groups: { all: 'n*', some: '@all!n1' }\n"
    "circuits:\n"
    "  ups: { outlets: [pdu-a, 'pdu-b/[1-3]'], nodes: '@all!n[1-6]', nodes_per_second: 2,\n"
    "         amps: 5.25 }\n"
    "  mains: { outlets: 'pdu-b/[11-12]', amps: 32 }\n"
    "deadlines: { bmc_back: 120.5 }\n";

static void check_feed(const struct inventory *inventory, struct feed feed, const char *device_name,
                       uint32_t outlet, const char *circuit)
{
    assert_true(feed.device < inventory->ndevices);
    assert_string_equal(inventory->devices[feed.device].config.device, device_name);
    assert_int_equal(feed.outlet, outlet);
    if (circuit)
        assert_string_equal(inventory->circuits[feed.circuit].name, circuit);
    else
        assert_int_equal(feed.circuit, CIRCUIT_NONE);
}

static void test_controls_and_feeds(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *config = load_text(rack);
    const struct inventory *inventory = config->inventory;
    const struct node *n2 = inventory_node(inventory, "n2"), *n4 = inventory_node(inventory, "n4");
    const struct node *n5 = inventory_node(inventory, "n5"), *n6 = inventory_node(inventory, "n6");
    check_feed(inventory, n2->control, "bmc-2", 0, NULL);
    assert_int_equal(n2->nfeeds, 2);
    check_feed(inventory, n2->feeds[0], "pdu-a", 2, "ups");
    check_feed(inventory, n2->feeds[1], "pdu-b", 12, "mains");
    assert_false(n2->feeds_first);
    assert_int_equal(n2->feeds_after, 3);
    assert_int_equal(n2->inrush_ma, 4501);
    assert_int_equal(n2->standby_mw, 12500);
    assert_false(n2->shares_outlets);

    assert_int_equal(n4->control.device, DEVICE_NONE);
    assert_int_equal(n4->nfeeds, 2);
    check_feed(inventory, n4->feeds[0], "pdu-b", 3, "ups"); /* in the order of the list */
    check_feed(inventory, n4->feeds[1], "pdu-a", 3, "ups");
    assert_true(n4->shares_outlets);
    assert_true(n4->protect);
    assert_int_equal(n4->inrush_ma, 10000);
    assert_int_equal(n4->standby_mw, 50000);
    assert_int_equal(n4->feeds_after, 0);

    check_feed(inventory, n5->control, "relay", 1, NULL);
    assert_int_equal(n5->nfeeds, 1);
    assert_true(n5->feeds_first);
    assert_int_equal(n6->nfeeds, 0);
    assert_false(n6->feeds_first);
    check_feed(inventory, inventory_node(inventory, "n7")->control, "bmc-3", 0, "ups");
    assert_int_equal(inventory->deadlines.bmc_back, 120500);
}

static const char two_feeds[] =
    "devices:\n"
    "  bmc: { driver: ipmi, host: b }\n"
    "  pdu: { driver: pdu, host: p, outlets: 4, read: { function: 1 } }\n"
    "nodes:\n"
    "  n1: { power: [pdu/1, pdu/2], next_boot: bmc }\n"
    "  n2: { power: pdu/3 }\n";

static void test_who_sets_the_next_boot_is_the_control(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *config = load_text(two_feeds);
    const struct node *n1 = inventory_node(config->inventory, "n1");
    check_feed(config->inventory, n1->control, "bmc", 0, NULL);
    assert_true(n1->feeds_first);
    assert_int_equal(inventory_node(config->inventory, "n2")->control.device, DEVICE_NONE);
}

static void test_outlets_are_nodes(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *config = load_text(rack);
    const struct inventory *inventory = config->inventory;
    assert_int_equal(inventory->nmachines, 7);
    assert_int_equal(inventory->nnodes, 7 + 8 + 12); /* no buttons among them */
    for (size_t i = 0; i < inventory->nnodes; i++)
        assert_int_equal(inventory->nodes[i].is_outlet, i >= 7);
    const struct node *third = inventory_node(inventory, "pdu-a/3");
    const struct node *last = inventory_node(inventory, "pdu-b/12");
    const struct node *spare = inventory_node(inventory, "pdu-a/8");
    assert_null(inventory_node(inventory, "pdu-a/9"));
    assert_null(inventory_node(inventory, "pdu-a/0"));
    assert_null(inventory_node(inventory, "relay/1"));
    assert_string_equal(third->feeds_node, "n3"); /* and n4 */
    assert_string_equal(last->feeds_node, "n2");
    assert_string_equal(inventory_node(inventory, "pdu-a/4")->feeds_node, "n5");
    assert_string_equal(spare->feeds_node, "");
    assert_int_equal(spare->control.device, DEVICE_NONE);
    assert_int_equal(spare->next_boot, DEVICE_NONE);
    assert_int_equal(spare->nfeeds, 1);
    check_feed(inventory, spare->feeds[0], "pdu-a", 8, "ups");
    assert_ptr_equal(node_means(spare, false), &spare->feeds[0]);
    assert_int_equal(spare->inrush_ma, 5250); /* more than its circuit has would wait for ever */
    assert_int_equal(spare->up, UP_NOT_WATCHED);
    check_feed(inventory, inventory_node(inventory, "pdu-b/4")->feeds[0], "pdu-b", 4, NULL);
}

static void test_circuits(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *config = load_text(rack);
    const struct inventory *inventory = config->inventory;
    assert_int_equal(inventory->ncircuits, 2);
    assert_string_equal(inventory->circuits[0].name, "ups");
    assert_int_equal(inventory->circuits[0].per_second, 2);
    assert_int_equal(inventory->circuits[0].milliamps, 5250);
    assert_string_equal(inventory->circuits[1].name, "mains");
    assert_int_equal(inventory->circuits[1].per_second, 0);
    assert_int_equal(inventory->circuits[1].milliamps, 32000);
}

/* What the driver of the test says: of each device, by its name. */
static int contradict(void *arg, const char *driver_dir, const char *driver, const char *devices,
                      char **answers, struct err *err)
{
    static const char *const texts[][2] = {
        {"a1", "read_address is wrong with something"},
        {"b", "outlets: it has none of them"},
        {"c", "outlets: it has none of them"},
        {"d", "pulse_time_function and others"},
        {"e", "What a device!"},
        {"f", "read_on: not mine"},
        {"i", "transport tcp needs a host"},
        {"j", "serial: it has one line"},
    };
    size_t size = 0;
    FILE *out = open_memstream(answers, &size);
    (void)arg;
    (void)driver_dir;
    assert_non_null(out);
    assert_non_null(devices);
    if (!strcmp(driver, "ipmi"))
        return fclose(out), err_set(err, ERR_TIMEOUT, "it does not end");
    assert_null(strstr(devices, "\"a2\"")); /* one of each row is enough */
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct err refusal;
        char name[32];
        (void)snprintf(name, sizeof name, "{\"device\":\"%s\"", texts[i][0]);
        if (!strstr(devices, name))
            continue;
        (void)err_set(&refusal, ERR_CONFIG, "%s", texts[i][1]);
        _cleanup_(freep) char *line = driver_refusal_encode(texts[i][0], &refusal);
        assert_true(fputs(line, out) >= 0);
    }
    return fclose(out);
}

/* It is told where the option stands with which the text begins; of a profile once. */
static void test_contradictions(void **state)
{
    static const struct conf_drivers drivers = {.schema = fixed_schema, .check = contradict};
    static const char *const expected[] = {
        "main.yaml:2:84: error: 'a1': read_address is wrong with something",
        "profiles/p.yaml:1:10: error: 'b': outlets: it has none of them",
        "profiles/p.yaml:4:30: error: 'd': pulse_time_function and others",
        "main.yaml:6:3: error: 'e': What a device!",
        "main.yaml:7:39: error: 'f': read_on: not mine",
        "main.yaml:8:3: error: driver 'ipmi': it does not end",
        "main.yaml:10:30: error: 'i': transport tcp needs a host",
        "main.yaml:11:38: error: 'j': serial: it has one line",
    };
    struct config *config = NULL;
    struct conf_errors errors;
    char path[256];
    (void)state;
    make_folder("wrong");
    make_folder("wrong/profiles");
    conf_folder_put("wrong/profiles/p.yaml",
                    "outlets: 8\n"
                    "read_function: 1\n"
                    "pulse:\n"
                    "  { ms: 5, time: { function: 6 } }\n",
                    0600);
    conf_folder_put(
        "wrong/main.yaml",
        "devices:\n"
        "  a[1-2]: { driver: pdu, host: 'a[1-2]', outlets: 1, read: { function: 1, address: 7 } }\n"
        "  b: { driver: pdu, host: b, profile: p }\n"
        "  c: { driver: pdu, host: c, profile: p }\n"
        "  d: { driver: pdu, host: d, profile: p }\n"
        "  e: { driver: pdu, host: e, outlets: 1, read: { function: 1 } }\n"
        "  f: { driver: pdu, host: f, profile: p }\n"
        "  g: { driver: ipmi, host: g }\n"
        "  h: { driver: pdu, host: h, profile: p }\n"
        "  i: { driver: pdu, profile: p }\n"
        "  j: { driver: pdu, host: j, serial: /dev/none, profile: p }\n"
        "nodes: { n1: { power: b/1 } }\n",
        0600);
    (void)snprintf(path, sizeof path, "%s/wrong/main.yaml", conf_folder);
    assert_int_equal(conf_load(path, NULL, &drivers, &config, &errors), -1);
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        if (!strstr(errors.text, expected[i]))
            fail_msg("%s is missing in\n%s", expected[i], errors.text);
    assert_int_equal(errors.count, ARRAY_SIZE(expected));
    conf_errors_clear(&errors);
}

/* PDUs alone are a configuration: their outlets can be switched. */
static void test_no_machines(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *config =
        load_text("devices: { p: { driver: pdu, host: h, outlets: 2, read: { function: 1 } } }\n");
    assert_int_equal(config->inventory->nmachines, 0);
    assert_int_equal(config->inventory->nnodes, 2);
}

/* The example of the fuzzer's corpus is a good one, its profiles included. */
static void test_corpus(void **state)
{
    static char text[65536];
    (void)state;
    _cleanup_(fclosep) FILE *file = fopen("tests/fuzz/corpus/config/outlets.yaml", "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    _cleanup_(config_freep) struct config *config = load_text(text);
    assert_int_equal(config->inventory->nnodes, 5 + 8 + 4);
    assert_string_equal(setting(config->inventory, "pdu-a", "read_on"), "1,0x2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nested_options),
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_a_bad_profile_is_told_once),
        cmocka_unit_test(test_controls_and_feeds),
        cmocka_unit_test(test_who_sets_the_next_boot_is_the_control),
        cmocka_unit_test(test_outlets_are_nodes),
        cmocka_unit_test(test_circuits),
        cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_no_machines),
        cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests(tests, conf_folder_set_up, conf_folder_tear_down);
}
