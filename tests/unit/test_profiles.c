/* Every profile that is shipped: the configuration takes it with the least a device must say, what
 * its settings mean to each other makes sense, it names its source, and docs/profiles.md has it.
 * What each says is in tests/golden/profiles.txt; GOLDEN=write rewrites it, the diff is the review. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/io/conf_private.h"
#include "drivers/modbus/map.h"
#include "proto/cleanup.h"

enum { TEXT_SIZE = 65536, PROFILES_MAX = 100 };

static char folder[] = "/tmp/test_profiles.XXXXXX";
static glob_t files;
static char names[PROFILES_MAX][NAME_SIZE];

static const struct option_schema *schema(void *arg, const char *driver_dir, const char *driver,
                                          struct err *err)
{
    static char name[] = "modbus", help[] = "PDUs";
    static struct option_schema modbus = {.driver = name, .help = help};
    (void)arg;
    (void)driver_dir;
    modbus.table = map_options;
    if (!strcmp(driver, name))
        return &modbus;
    (void)err_set(err, ERR_CONFIG, "there is no such driver");
    return NULL;
}
static const struct conf_drivers drivers = {.schema = schema};

static char *file_text(const char *path)
{
    static char text[TEXT_SIZE];
    _cleanup_(fclosep) FILE *file = fopen(path, "re");
    if (!file)
        fail_msg("%s cannot be opened", path);
    size_t size = fread(text, 1, sizeof text - 1, file);
    assert_true(size < sizeof text - 1);
    text[size] = '\0';
    return text;
}

/* The least a device says: where it is, and how many outlets if its profile leaves that open. */
static void put_device(FILE *out, size_t i)
{
    const char *text = file_text(files.gl_pathv[i]);
    bool serial = strstr(text, "\ntransport: rtu\n") != NULL;
    fprintf(out, "  d-%s: { driver: modbus, profile: %s, %s: %s%zu%s }\n", names[i], names[i],
            serial ? "serial" : "host", serial ? "/dev/ttyS" : "192.0.2.", i + 1,
            strstr(text, "\noutlets: ") ? "" : ", outlets: 8");
}

static int set_up(void **state)
{
    char path[128], here[512];
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(glob("config/profiles/*.yaml", 0, NULL, &files), 0);
    assert_true(files.gl_pathc <= PROFILES_MAX);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *base = strrchr(files.gl_pathv[i], '/') + 1;
        (void)snprintf(names[i], sizeof names[i], "%.*s", (int)(strlen(base) - 5), base);
    }
    (void)snprintf(path, sizeof path, "%s/profiles", folder);
    assert_non_null(getcwd(here, sizeof here - 20));
    strncat(here, "/config/profiles", 20);
    assert_int_equal(symlink(here, path), 0);
    (void)snprintf(path, sizeof path, "%s/powerctl.yaml", folder);
    _cleanup_(fclosep) FILE *config = fopen(path, "we");
    assert_non_null(config);
    fprintf(config, "devices:\n");
    for (size_t i = 0; i < files.gl_pathc; i++)
        put_device(config, i);
    return 0;
}

static int tear_down(void **state)
{
    char path[128];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/profiles", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/powerctl.yaml", folder);
    (void)unlink(path);
    globfree(&files);
    return rmdir(folder);
}

static struct config *load(void)
{
    char path[128];
    struct config *config = NULL;
    struct conf_errors errors;
    (void)snprintf(path, sizeof path, "%s/powerctl.yaml", folder);
    if (conf_load(path, NULL, &drivers, &config, &errors))
        fail_msg("%s", errors.text);
    return config;
}

static const struct device *device_of(const struct config *config, const char *profile)
{
    char name[NAME_SIZE + 2];
    (void)snprintf(name, sizeof name, "d-%s", profile);
    for (size_t i = 0; i < config->inventory->ndevices; i++)
        if (!strcmp(config->inventory->devices[i].config.device, name))
            return &config->inventory->devices[i];
    fail_msg("%s is not there", name);
    return NULL;
}

/* As the driver's program does with what the agent sends it. */
static struct modbus_map map_of(const struct device *device)
{
    struct modbus_map map = {0};
    struct err err;
    options_init(map_options, &map);
    for (size_t i = 0; i < device->config.nsettings; i++)
        if (option_set(map_options, &map, device->config.settings[i].name,
                       device->config.settings[i].value, &err))
            fail_msg("%s: %s", device->config.device, err.text);
    return map;
}

static void test_each_makes_sense(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *config = load();
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const struct device *device = device_of(config, names[i]);
        struct modbus_map map = map_of(device);
        struct err err;
        if (map_check(&map, &err))
            fail_msg("%s: %s", names[i], err.text);
        assert_true(map.product[0]);
        assert_int_equal(device->outlets, map.outlets);
        assert_int_equal(device->buttons, map.kind == KIND_BUTTON);
    }
}

static void test_each_has_a_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *text = file_text(files.gl_pathv[i]), *source = strstr(text, "\nsource:");
        if (!source || !strstr(text, "\ndriver: modbus\n"))
            fail_msg("%s: which driver, and who says so?", names[i]);
        source += strlen("\nsource:");
        assert_true(!strncmp(source, " '", 2) || !strncmp(source, "\n  - '", 6));
    }
}

/* All that a profile says, in the order of the driver's table; the product first. */
static void put_profile(FILE *out, const char *name, const struct device *device)
{
    fprintf(out, "%s:", name);
    for (size_t row = 0; row < map_options.count; row++)
        for (size_t i = 0; i < device->config.nsettings; i++) {
            const struct driver_setting *setting = &device->config.settings[i];
            if (!strcmp(setting->name, map_options.rows[row].name) &&
                strcmp(setting->name, "host") != 0 && strcmp(setting->name, "serial") != 0)
                fprintf(out, " %s=%s", setting->name, setting->value);
        }
    fprintf(out, "\n");
}

static void test_golden(void **state)
{
    static const char golden[] = "tests/golden/profiles.txt";
    _cleanup_(freep) char *text = NULL;
    size_t size = 0;
    (void)state;
    _cleanup_(config_freep) struct config *config = load();
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    for (size_t i = 0; i < files.gl_pathc; i++)
        put_profile(out, names[i], device_of(config, names[i]));
    assert_int_equal(fclose(out), 0);
    const char *mode = getenv("GOLDEN");
    if (mode && !strcmp(mode, "write")) {
        _cleanup_(fclosep) FILE *file = fopen(golden, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        return;
    }
    assert_string_equal(text, file_text(golden));
}

static void test_the_document_has_each(void **state)
{
    (void)state;
    char *text = file_text("docs/profiles.md"), *end = strstr(text, "\n## What to look for");
    size_t rows = 0;
    assert_non_null(end); /* of the table of profiles */
    *end = '\0';
    for (size_t i = 0; i < files.gl_pathc; i++) {
        char row[NAME_SIZE + 8];
        (void)snprintf(row, sizeof row, "\n| `%s` |", names[i]);
        if (!strstr(text, row))
            fail_msg("docs/profiles.md has no row for %s", names[i]);
    }
    for (const char *row = text; (row = strstr(row, "\n| `")); row++)
        rows++;
    assert_int_equal(rows, files.gl_pathc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_makes_sense),
        cmocka_unit_test(test_each_has_a_source),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_the_document_has_each),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
