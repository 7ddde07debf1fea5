/* What a good configuration becomes. The one that is shipped as a sample: test_conf_sample.c; PDUs:
 * test_conf_power.c; errors: test_conf_errors.c. */
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

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"
#include "tests/unit/conf_folder.h"
#include "tests/unit/fixed_drivers.h"

static struct config *load(const char *name, const struct conf_overrides *overrides)
{
    char path[256];
    struct config *config = NULL;
    struct conf_errors errors;
    (void)snprintf(path, sizeof path, "%s/%s", conf_folder, name);
    if (conf_load(path, overrides, &fixed_drivers, &config, &errors))
        fail_msg("%s", errors.text);
    assert_int_equal(errors.count, 0);
    assert_null(errors.text);
    assert_non_null(config);
    return config;
}

static char *refuse(const char *name)
{
    char path[256];
    struct config *config = NULL;
    struct conf_errors errors;
    (void)snprintf(path, sizeof path, "%s/%s", conf_folder, name);
    assert_int_equal(conf_load(path, NULL, &fixed_drivers, &config, &errors), -1);
    assert_null(config);
    assert_true(errors.count > 0);
    return errors.text;
}

static const char *setting(const struct device *device, const char *name)
{
    for (size_t i = 0; i < device->config.nsettings; i++)
        if (!strcmp(device->config.settings[i].name, name))
            return device->config.settings[i].value;
    return NULL;
}

static void test_small_things(void **state)
{
    (void)state;
    conf_folder_put(
        "small.yaml",
        "deadlines: { settle: 0.5, dwell: 0, post: 90.125, command: '7' }\n"
        "agent: { socket: /tmp/s, socket_group: ops, state_dir: /tmp/d, driver_dir: /tmp/x }\n"
        "phone_home: { listen: 10.1.0.1:8670 }\n"
        "bootserver: { interfaces: eth0, logs: /var/log/a.log }\n"
        "devices:\n"
        "  bmc: { driver: ipmi, host: no, port: 0623, workarounds: [slow, idzero] }\n"
        "  pdu: { driver: pdu, host: p, outlets: 8, read: { function: 1 } }\n"
        "nodes:\n"
        "  n[1-2]: { power: 'pdu/[7-8]', up: none, mac: ['2:0:0:0:0:[1-2]',"
        " '2:0:0:0:1:[1-2]'] }\n"
        "  n3: { power: [pdu/3], up: phone-home, native_cycle: yes, boot_by: reset }\n"
        "  n4: { power: pdu/4, up: { tcp: 8022 }, firmware: legacy, protect: off }\n"
        "groups:\n",
        0644);
    _cleanup_(config_freep) struct config *config = load("small.yaml", NULL);
    const struct inventory *inventory = config->inventory;
    assert_int_equal(inventory->deadlines.settle, 500);
    assert_int_equal(inventory->deadlines.dwell, 0);
    assert_int_equal(inventory->deadlines.post, 90125);
    assert_int_equal(inventory->deadlines.command, 7000);
    assert_string_equal(config->socket, "/tmp/s");
    assert_string_equal(config->socket_group, "ops");
    assert_string_equal(config->phone_home_listen, "10.1.0.1:8670");
    assert_int_equal(config->bootserver.ninterfaces, 1);
    assert_int_equal(config->bootserver.nlogs, 1);
    /* Norway and octal: text is text. */
    assert_string_equal(setting(&inventory->devices[0], "host"), "no");
    assert_string_equal(setting(&inventory->devices[0], "port"), "0623");
    assert_string_equal(setting(&inventory->devices[0], "workarounds"), "slow,idzero");
    assert_int_equal(inventory_node(inventory, "n2")->nfeeds, 1);
    assert_int_equal(inventory_node(inventory, "n2")->feeds[0].outlet, 8);
    assert_int_equal(inventory_node(inventory, "n2")->up, UP_NOT_WATCHED);
    assert_int_equal(inventory_node(inventory, "n2")->nmacs, 2);
    assert_int_equal(inventory_node(inventory, "n3")->feeds[0].outlet, 3);
    assert_int_equal(inventory_node(inventory, "n3")->up, UP_BY_PHONE_HOME);
    assert_true(inventory_node(inventory, "n3")->native_cycle);
    assert_true(inventory_node(inventory, "n3")->boot_by_reset);
    assert_int_equal(inventory_node(inventory, "n4")->up_port, 8022);
    assert_false(inventory_node(inventory, "n4")->boot_by_reset);

    struct conf_overrides overrides = {.socket = "/o/s", .state_dir = "/o/d", .driver_dir = "/o/x"};
    _cleanup_(config_freep) struct config *other = load("small.yaml", &overrides);
    assert_string_equal(other->socket, "/o/s");
    assert_string_equal(other->state_dir, "/o/d");
    assert_string_equal(other->driver_dir, "/o/x");
}

static void test_several_files_and_ethers(void **state)
{
    char path[256];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/site", conf_folder);
    assert_int_equal(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof path, "%s/site/conf.d", conf_folder);
    assert_int_equal(mkdir(path, 0755), 0);
    conf_folder_put("site/main.yaml", "limits: { confirm_above: 3 }\nethers: ethers\n", 0644);
    conf_folder_put("site/conf.d/b.yaml", "nodes: { 'n[1-2]': { power: 'bmc-[1-2]' } }\n", 0644);
    conf_folder_put(
        "site/conf.d/a.yaml",
        "devices: { 'bmc-[1-2]': { driver: ipmi, host: 'h[1-2]' } }\nlimits: { retries: 4 }\n",
        0644);
    conf_folder_put("site/conf.d/c.txt", "not yaml: [", 0644);
    conf_folder_put("site/ethers",
                    "# comment\n52:54:0:aa:0:2\tn2 # rarpd\n\n02:00:00:00:00:09 printer\n", 0644);
    _cleanup_(config_freep) struct config *config = load("site/main.yaml", NULL);
    assert_int_equal(config->inventory->limits.confirm_above, 3);
    assert_int_equal(config->inventory->limits.retries, 4);
    const struct mac mac = {{0x52, 0x54, 0, 0xaa, 0, 2}};
    assert_string_equal(inventory_node_by_mac(config->inventory, mac)->name, "n2");
    assert_int_equal(inventory_node(config->inventory, "n1")->nmacs, 0);
}

static void make_folder(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", conf_folder, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

/* One node, and whatever else is said. */
static void put_config(const char *name, const char *rest)
{
    char text[2048];
    (void)snprintf(text, sizeof text,
                   "devices: { bmc: { driver: ipmi, host: h } }\n"
                   "nodes: { n1: { power: bmc%s",
                   rest);
    conf_folder_put(name, text, 0644);
}

/* The text of the warnings; NULL if there are none. */
static char *warn(const char *name)
{
    struct conf_errors warnings = {.count = 77};
    struct conf_overrides overrides = {.warnings = &warnings};
    config_free(load(name, &overrides));
    assert_int_equal(warnings.count == 0, warnings.text == NULL);
    return warnings.text;
}

static void test_warnings(void **state)
{
    char text[1024], expected[2048];
    (void)state;
    conf_folder_put("there.log", "", 0644);
    (void)snprintf(text, sizeof text,
                   ", next_boot: bmc } }\nbootserver:\n  interfaces: [lo, eth-none]\n"
                   "  logs: [%s/there.log, %s/none.log, %s]\n",
                   conf_folder, conf_folder, conf_folder);
    put_config("warn.yaml", text);
    _cleanup_(freep) char *both = warn("warn.yaml");
    (void)snprintf(
        expected, sizeof expected,
        "%s/warn.yaml:4:20: warning: there is no network interface 'eth-none' here: nothing is "
        "seen on it\n  interfaces: [lo, eth-none]\n                   ^\n"
        "%s/warn.yaml:5:%zu: warning: cannot read %s/none.log: No such file or directory; it is "
        "not followed until that is mended\n",
        conf_folder, conf_folder, strlen("  logs: [/there.log, ") + strlen(conf_folder) + 1,
        conf_folder);
    assert_non_null(both);
    assert_memory_equal(both, expected, strlen(expected));
    assert_non_null(strstr(both, "is a folder, not a log\n"));

    _cleanup_(config_freep) struct config *unasked = load("warn.yaml", NULL);
    assert_true(unasked->inventory->sees_boots);

    put_config("one.yaml", ", next_boot: bmc } }\nbootserver: { interfaces: lo }\n");
    assert_null(warn("one.yaml"));
}

static void test_warns_if_nothing_is_seen(void **state)
{
    char expected[512];
    (void)state;
    put_config("blind.yaml", ", next_boot: bmc } }\n");
    _cleanup_(freep) char *blind = warn("blind.yaml");
    (void)snprintf(expected, sizeof expected,
                   "%s/blind.yaml:2:28: warning: nothing will be seen of a network boot: "
                   "bootserver names no interfaces and no logs\n",
                   conf_folder);
    assert_non_null(blind);
    assert_memory_equal(blind, expected, strlen(expected));
    _cleanup_(config_freep) struct config *config = load("blind.yaml", NULL);
    assert_false(config->inventory->sees_boots);

    put_config("local.yaml", " } }\n"); /* boots nothing from the network: nothing to see */
    assert_null(warn("local.yaml"));
    put_config("logs.yaml", ", next_boot: bmc } }\nbootserver: { logs: /dev/null }\n");
    assert_null(warn("logs.yaml"));
    _cleanup_(config_freep) struct config *logs = load("logs.yaml", NULL);
    assert_true(logs->inventory->sees_boots);
}

/* Two devices on one line that is not there: one warning. */
static void test_warns_of_serial_lines(void **state)
{
    char text[1024], expected[512];
    (void)state;
    conf_folder_put("tty", "", 0644);
    (void)snprintf(text, sizeof text,
                   "devices:\n"
                   "  a: { driver: pdu, transport: rtu, serial: %s/tty, outlets: 1,"
                   " read: { function: 1 } }\n"
                   "  b[1-2]: { driver: pdu, transport: rtu, unit: '[1-2]', outlets: 1,"
                   " read: { function: 1 }, serial: %s/none }\n",
                   conf_folder, conf_folder);
    conf_folder_put("serial.yaml", text, 0644);
    _cleanup_(freep) char *warnings = warn("serial.yaml");
    (void)snprintf(expected, sizeof expected,
                   "%s/serial.yaml:3:100: warning: %s/none: No such file or directory; 'b1' is "
                   "unreachable until that is mended\n",
                   conf_folder, conf_folder);
    assert_non_null(warnings);
    if (strncmp(warnings, expected, strlen(expected)) != 0)
        fail_msg("%s-- expected --\n%s", warnings, expected);
    assert_null(strstr(strstr(warnings, "warning:") + 1, "warning:"));
}

/* /dev/serial/by-id/.. is a link to /dev/ttyUSB0: an outlet of one would be an outlet of the other. */
static void test_one_serial_line_has_many_names(void **state)
{
    char text[1024], path[256], link[256];
    struct config *config = NULL;
    struct conf_errors errors;
    (void)state;
    conf_folder_put("ttyUSB0", "", 0644);
    (void)snprintf(link, sizeof link, "%s/by-id", conf_folder);
    assert_int_equal(symlink("ttyUSB0", link), 0);
    (void)snprintf(text, sizeof text,
                   "devices:\n"
                   "  a: { driver: pdu, transport: rtu, serial: %s/ttyUSB0, outlets: 1,"
                   " read: { function: 1 } }\n"
                   "  b: { driver: pdu, transport: rtu, serial: %s/by-id, outlets: 1,"
                   " read: { function: 1 } }\n",
                   conf_folder, conf_folder);
    conf_folder_put("names.yaml", text, 0644);
    (void)snprintf(path, sizeof path, "%s/names.yaml", conf_folder);
    assert_int_equal(conf_load(path, NULL, &fixed_drivers, &config, &errors), -1);
    assert_non_null(strstr(errors.text, "'b' and 'a' (at "));
    assert_non_null(strstr(errors.text, "are one device"));
    conf_errors_clear(&errors);
    assert_int_equal(unlink(link), 0);
}

static void test_no_warnings_beside_errors(void **state)
{
    char path[256];
    struct config *config = NULL;
    struct conf_errors errors, warnings = {.count = 77};
    struct conf_overrides overrides = {.warnings = &warnings};
    (void)state;
    put_config("wrong.yaml", ", next_boot: none } }\nbootserver: { interfaces: eth-none }\n");
    (void)snprintf(path, sizeof path, "%s/wrong.yaml", conf_folder);
    assert_int_equal(conf_load(path, &overrides, &fixed_drivers, &config, &errors), -1);
    assert_int_equal(errors.count, 1);
    assert_int_equal(warnings.count, 0);
    assert_null(warnings.text);
    conf_errors_clear(&errors);
}

static void expect_driver_dir(const char *program, const char *expected)
{
    char path[256], found[CONF_PATH_SIZE], wanted[256];
    (void)snprintf(path, sizeof path, "%s/%s", conf_folder, program);
    (void)snprintf(wanted, sizeof wanted, "%s/%s", conf_folder, expected);
    conf_driver_dir(path, found);
    assert_string_equal(found, *expected ? wanted : "/usr/local/libexec/powerctl");
}

static void test_driver_dir_is_found_from_the_program(void **state)
{
    char found[CONF_PATH_SIZE];
    (void)state;
    make_folder("pc");
    make_folder("pc/sbin");
    expect_driver_dir("pc/sbin/powerctld", "");
    make_folder("pc/libexec");
    expect_driver_dir("pc/sbin/powerctld", "");
    make_folder("pc/libexec/powerctl");
    expect_driver_dir("pc/sbin/powerctld", "pc/libexec/powerctl");
    expect_driver_dir("pc/sbin/powerctld (deleted)", "pc/libexec/powerctl"); /* upgraded */
    conf_folder_put("pc/sbin/powerctl-driver-ipmi", "", 0755);
    expect_driver_dir("pc/sbin/powerctld", "pc/sbin");
    conf_driver_dir("", found);
    assert_string_equal(found, "/usr/local/libexec/powerctl");
}

static void test_missing_and_unsafe_files(void **state)
{
    char expected[600];
    (void)state;
    _cleanup_(freep) char *missing = refuse("nowhere.yaml");
    (void)snprintf(expected, sizeof expected,
                   "%s/nowhere.yaml: error: cannot be read: No such file or directory\n",
                   conf_folder);
    assert_string_equal(missing, expected);

    conf_folder_put("foreign.yaml", "credentials: { a: { user: u, password_file: foreign } }\n",
                    0644);
    conf_folder_put("foreign", "hunter2\n", 0600);
    if (geteuid()) /* only root can give a file away */
        return;
    char path[256];
    (void)snprintf(path, sizeof path, "%s/foreign", conf_folder);
    assert_int_equal(chown(path, 12345, 0), 0);
    _cleanup_(freep) char *foreign = refuse("foreign.yaml");
    (void)snprintf(
        expected, sizeof expected,
        "%s/foreign.yaml:1:45: error: %s/foreign belongs to user 12345, who could change "
        "it; run: chown 0 %s/foreign\n",
        conf_folder, conf_folder, conf_folder);
    assert_memory_equal(foreign, expected, strlen(expected));
    assert_null(strstr(foreign, "hunter2"));
}

static void test_passwords(void **state)
{
    static const struct {
        const char *file, *password;
    } cases[] = {
        {"plain", "plain"},
        {"dos\r\n", "dos"},
        {" spaces stay \n", " spaces stay "},
        {"012345678901234567890123456789012345678901234567890123456789012\r\n",
         "012345678901234567890123456789012345678901234567890123456789012"},
    };
    (void)state;
    put_config("p.yaml", " } }\ncredentials: { a: { user: u, password_file: p } }\n");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        conf_folder_put("p", cases[i].file, 0400);
        _cleanup_(config_freep) struct config *config = load("p.yaml", NULL);
        assert_string_equal(config->credentials[0].password.bytes, cases[i].password);
    }
}

/* Driver programs that are well and badly behaved, as shell scripts. */
static void test_driver_programs(void **state)
{
    struct err err = {0};
    char expected[300];
    (void)state;
    conf_folder_put(
        "powerctl-driver-good",
        "#!/bin/sh\necho x >> $0.calls\n[ \"$1\" = --describe ] && echo '{\"driver\":\"good\","
        "\"help\":\"h\",\"options\":[{\"name\":\"host\",\"type\":\"text\"}]}'\n",
        0755);
    conf_folder_put("powerctl-driver-echoes", "#!/bin/sh\n[ \"$1\" = --check ] && cat\n", 0755);
    conf_folder_put("powerctl-driver-fails", "#!/bin/sh\nexit 3\n", 0755);
    conf_folder_put("powerctl-driver-dies", "#!/bin/sh\nkill -9 $$\n", 0755);
    conf_folder_put("powerctl-driver-babbles", "#!/bin/sh\necho hello\n", 0755);
    conf_folder_put("powerctl-driver-floods", "#!/bin/sh\nexec cat /dev/zero\n", 0755);
    conf_folder_put("powerctl-driver-other",
                    "#!/bin/sh\necho '{\"driver\":\"good\",\"help\":\"\",\"options\":[]}'\n", 0755);
    struct conf_drivers *drivers = conf_drivers_new();
    assert_non_null(drivers);
    const struct option_schema *good = drivers->schema(drivers->arg, conf_folder, "good", &err);
    if (!good)
        fail_msg("%s", err.text);
    assert_int_equal(good->table.count, 1);
    assert_ptr_equal(drivers->schema(drivers->arg, conf_folder, "good", &err), good);
    (void)snprintf(expected, sizeof expected, "%s/powerctl-driver-good.calls", conf_folder);
    struct stat calls;
    assert_int_equal(stat(expected, &calls), 0);
    assert_int_equal(calls.st_size, 2); /* asked once */

    static const char *const bad[][2] = {
        {"none",
         "cannot run %s/powerctl-driver-none: No such file or directory (agent.driver_dir or "
         "--driver-dir says where drivers are)"},
        {"godo", "cannot run %s/powerctl-driver-godo: No such file or directory; did you mean "
                 "'good'? (agent.driver_dir or --driver-dir says where drivers are)"},
        {"fails", "%s/powerctl-driver-fails --describe failed with exit status 3"},
        {"dies", "%s/powerctl-driver-dies --describe died of signal 9"},
        {"floods", "%s/powerctl-driver-floods --describe says more than 65535 bytes"},
        {"other", "%s/powerctl-driver-other describes itself as driver 'good'"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        const char *text = bad[i][1], *rest = strstr(text, "%s") + 2;
        assert_null(drivers->schema(drivers->arg, conf_folder, bad[i][0], &err));
        (void)snprintf(expected, sizeof expected, "%.*s%s%s", (int)(rest - 2 - text), text,
                       conf_folder, rest);
        assert_string_equal(err.text, expected);
    }
    assert_null(drivers->schema(drivers->arg, conf_folder, "babbles", &err));
    assert_int_equal(err.kind, ERR_PROTOCOL);

    static const char lines[] = "one\ntwo\n";
    _cleanup_(freep) char *answers = NULL;
    if (drivers->check(drivers->arg, conf_folder, "echoes", lines, &answers, &err))
        fail_msg("%s", err.text);
    assert_string_equal(answers, lines);
    assert_int_equal(drivers->check(drivers->arg, conf_folder, "fails", lines, &answers, &err), -1);
    (void)snprintf(expected, sizeof expected,
                   "%s/powerctl-driver-fails --check failed with exit status 3", conf_folder);
    assert_string_equal(err.text, expected);
    conf_drivers_free(drivers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_things),
        cmocka_unit_test(test_several_files_and_ethers),
        cmocka_unit_test(test_missing_and_unsafe_files),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_warns_if_nothing_is_seen),
        cmocka_unit_test(test_warns_of_serial_lines),
        cmocka_unit_test(test_one_serial_line_has_many_names),
        cmocka_unit_test(test_no_warnings_beside_errors),
        cmocka_unit_test(test_driver_dir_is_found_from_the_program),
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_driver_programs),
    };
    return cmocka_run_group_tests(tests, conf_folder_set_up, conf_folder_tear_down);
}
