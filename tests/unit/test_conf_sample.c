/* config/powerctl.yaml, which people start from: it is good, and says what the defaults are. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/io/conf.h"
#include "drivers/modbus/map.h"
#include "proto/cleanup.h"
#include "tests/unit/conf_folder.h"
#include "tests/unit/fixed_drivers.h"

/* The sample has a PDU whose profile is shipped: its driver's real options. */
static const struct option_schema *sample_schema(void *arg, const char *driver_dir,
                                                 const char *driver, struct err *err)
{
    static char name[] = "modbus", help[] = "PDUs";
    static struct option_schema modbus = {.driver = name, .help = help};
    modbus.table = map_options;
    return strcmp(driver, name) ? fixed_schema(arg, driver_dir, driver, err) : &modbus;
}

static const struct conf_drivers sample_drivers = {.schema = sample_schema};

static void copy_sample(void)
{
    static char text[65536];
    _cleanup_(fclosep) FILE *sample = fopen("config/powerctl.yaml", "re");
    assert_non_null(sample);
    text[fread(text, 1, sizeof text - 1, sample)] = '\0';
    conf_folder_put("powerctl.yaml", text, 0644);

    char here[512], link[256];
    assert_non_null(getcwd(here, sizeof here - 20));
    strncat(here, "/config/profiles", 20);
    (void)snprintf(link, sizeof link, "%s/profiles", conf_folder);
    if (symlink(here, link))
        assert_int_equal(errno, EEXIST);
}

static struct config *load_sample(void)
{
    char path[256];
    struct config *config = NULL;
    struct conf_errors errors;
    copy_sample();
    (void)snprintf(path, sizeof path, "%s/powerctl.yaml", conf_folder);
    if (conf_load(path, NULL, &sample_drivers, &config, &errors))
        fail_msg("%s", errors.text);
    return config;
}

static const char *setting(const struct device *device, const char *name)
{
    for (size_t i = 0; i < device->config.nsettings; i++)
        if (!strcmp(device->config.settings[i].name, name))
            return device->config.settings[i].value;
    return NULL;
}

static void test_sample(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *config = load_sample();
    const struct inventory *inventory = config->inventory;
    assert_int_equal(inventory->nmachines, 18);
    assert_int_equal(inventory->nnodes, 18 + 8 + 8);
    assert_int_equal(inventory->ndevices, 20);
    assert_int_equal(config->ncredentials, 1);
    assert_string_equal(config->credentials[0].user, "ops");
    assert_string_equal(config->credentials[0].password.bytes, "s3cret word");

    const struct node *node = inventory_node(inventory, "n07");
    assert_non_null(node);
    const struct device *device = &inventory->devices[node->control.device];
    assert_string_equal(device->config.device, "bmc-n07");
    assert_string_equal(device->driver, "ipmi");
    assert_int_equal(device->config.nsettings, 2);
    assert_string_equal(setting(device, "host"), "10.1.0.17");
    assert_string_equal(setting(device, "credentials"), "bmc");
    assert_int_equal(node->next_boot, node->control.device);
    assert_int_equal(node->control.outlet, 0);
    assert_int_equal(node->nmacs, 1);
    assert_ptr_equal(inventory_node_by_mac(inventory, node->macs[0]), node);
    assert_int_equal(node->macs[0].byte[5], 0x07);
    assert_int_equal(node->address.host_order, 0x0a020011);
    assert_int_equal(node->firmware, FIRMWARE_UEFI);
    assert_int_equal(node->up, UP_BY_PORT);
    assert_int_equal(node->up_port, 22);
    assert_false(node->protect);
    assert_true(inventory_node(inventory, "boot1")->protect);
    assert_int_equal(inventory_node(inventory, "boot1")->next_boot, DEVICE_NONE);
    assert_string_equal(inventory_group(inventory, "compute"), "@rack1!n16");
    assert_int_equal(inventory->deadlines.total, 1800000);
    assert_string_equal(config->bootserver.interfaces[0], "eth1");
    assert_string_equal(config->bootserver.tftp_root, "/srv/tftp");
    assert_string_equal(config->bootserver.logs[0], "/var/log/dnsmasq.log");
    assert_string_equal(config->socket, "/run/powerctl/powerctl.sock");
    assert_string_equal(config->state_dir, "/var/lib/powerctl");
    assert_string_equal(config->driver_dir, "/usr/local/libexec/powerctl");
    assert_string_equal(config->phone_home_listen, "");
}

static void test_sample_of_feeds(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *config = load_sample();
    const struct inventory *inventory = config->inventory;
    const struct node *node = inventory_node(inventory, "n20");
    assert_non_null(node);
    assert_string_equal(inventory->devices[node->control.device].config.device, "bmc-n20");
    assert_int_equal(node->nfeeds, 2);
    assert_false(node->feeds_first);
    assert_int_equal(node->feeds_after, 3);
    assert_int_equal(node->inrush_ma, 10000); /* it shows defaults */
    assert_int_equal(node->standby_mw, 50000);
    const struct device *first = &inventory->devices[node->feeds[0].device];
    const struct device *second = &inventory->devices[node->feeds[1].device];
    assert_string_equal(first->config.device, "pdu-a");
    assert_int_equal(first->outlets, 8);
    assert_string_equal(setting(first, "read_function"), "1"); /* of the profile */
    assert_string_equal(second->config.device, "pdu-b");
    assert_int_equal(second->dwell_ms, 10000);
    assert_string_equal(setting(second, "transport"), "rtu");
    assert_int_equal(inventory->ncircuits, 1);
    assert_int_equal(node->feeds[0].circuit, 0);
    assert_int_equal(node->feeds[1].circuit, 0);
    assert_int_equal(node->control.circuit, CIRCUIT_NONE);
    assert_int_equal(inventory_node(inventory, "n08")->control.circuit, 0);
    assert_int_equal(inventory_node(inventory, "n09")->control.circuit, CIRCUIT_NONE);
    assert_string_equal(inventory_node(inventory, "pdu-b/1")->feeds_node, "n20");
}

/* The sample says what the defaults are; it must not lie. */
static void test_sample_shows_defaults(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *config = load_sample();
    _cleanup_(inventory_freep) struct inventory *defaults = inventory_new();
    assert_memory_equal(&config->inventory->limits, &defaults->limits, sizeof defaults->limits);
    assert_memory_equal(&config->inventory->deadlines, &defaults->deadlines,
                        sizeof defaults->deadlines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_sample_of_feeds),
        cmocka_unit_test(test_sample_shows_defaults),
    };
    return cmocka_run_group_tests(tests, conf_folder_set_up, conf_folder_tear_down);
}
