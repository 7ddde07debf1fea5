/* Each error of the configuration has a file in tests/golden/bad that provokes it; the text is
 * compared with the .err file beside it.  GOLDEN=write writes those anew; the diff is the review.
 *
 * The files are seen through links in a folder of the test's own, where the password files with
 * their modes are: git does not keep modes. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/io/conf.h"
#include "proto/cleanup.h"
#include "tests/unit/fixed_drivers.h"
#include "tests/unit/remove_tree.h"

static char golden[4096];
static char folder[] = "/tmp/test_conf_errors.XXXXXX";

static void compare(const char *name, const char *text)
{
    static char expected[1 << 20];
    char path[5000];
    const char *mode = getenv("GOLDEN");
    bool write = mode && !strcmp(mode, "write");
    (void)snprintf(path, sizeof path, "%s/%s.err", golden, name);
    _cleanup_(fclosep) FILE *file = fopen(path, write ? "we" : "re");
    if (!file)
        fail_msg("%s is missing (GOLDEN=write makes it)", path);
    if (write) {
        assert_true(fputs(text, file) >= 0);
        return;
    }
    expected[fread(expected, 1, sizeof expected - 1, file)] = '\0';
    if (strcmp(text, expected) != 0)
        fail_msg("%s\n-- gives --\n%s-- expected --\n%s", path, text, expected);
}

static void check(const char *name, const char *path)
{
    struct config *config = NULL;
    struct conf_errors errors;
    if (!conf_load(path, NULL, &fixed_drivers, &config, &errors))
        fail_msg("%s: no error", path);
    assert_null(config);
    assert_true(errors.count > 0);
    assert_non_null(errors.text);
    assert_null(strstr(errors.text, "hunter2")); /* no password, whatever went wrong */
    compare(name, errors.text);
    conf_errors_clear(&errors);
    assert_null(errors.text);
}

static void test_each_bad_file(void **state)
{
    (void)state;
    size_t count = 0;
    DIR *entries = opendir(golden);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries));) {
        char name[300];
        const char *dot = strstr(entry->d_name, ".yaml");
        if (!dot || dot[5])
            continue;
        (void)snprintf(name, sizeof name, "%.*s", (int)(dot - entry->d_name), entry->d_name);
        check(name, entry->d_name);
        count++;
    }
    (void)closedir(entries);
    assert_true(count >= 30);
    check("two-files", "two-files/powerctl.yaml");
}

static void test_too_large(void **state)
{
    (void)state;
    _cleanup_(fclosep) FILE *file = fopen("large.yaml", "we");
    assert_non_null(file);
    assert_int_equal(ftruncate(fileno(file), 16 * 1024 * 1024 + 1), 0);
    struct config *config = NULL;
    struct conf_errors errors;
    assert_int_equal(conf_load("large.yaml", NULL, &fixed_drivers, &config, &errors), -1);
    assert_string_equal(errors.text, "large.yaml: error: is larger than 16 MiB\n");
    conf_errors_clear(&errors);
    assert_int_equal(conf_load("secrets", NULL, &fixed_drivers, &config, &errors), -1);
    assert_string_equal(errors.text, "secrets: error: is not a regular file\n");
    conf_errors_clear(&errors);
}

static int put_secret(const char *name, const char *text, mode_t mode)
{
    _cleanup_(fclosep) FILE *file = fopen(name, "we");
    return !file || fputs(text, file) < 0 || fchmod(fileno(file), mode);
}

static int link_files(void)
{
    DIR *entries = opendir(golden);
    int rc = entries ? 0 : -1;
    for (struct dirent *entry; !rc && (entry = readdir(entries));) {
        char target[5000];
        (void)snprintf(target, sizeof target, "%s/%s", golden, entry->d_name);
        if (entry->d_name[0] != '.')
            rc = symlink(target, entry->d_name);
    }
    if (entries)
        (void)closedir(entries);
    return rc;
}

static int set_up(void **state)
{
    (void)state;
    if (!realpath("tests/golden/bad", golden) || !mkdtemp(folder) || chdir(folder) ||
        link_files() || mkdir("secrets", 0700))
        return -1;
    char *longer = NULL;
    if (asprintf(&longer, "%064d\n", 0) < 0)
        return -1;
    int rc = put_secret("secrets/good", "hunter2\n", 0600) ||
             put_secret("secrets/open", "hunter2\n", 0644) ||
             put_secret("secrets/empty", "\n", 0600) || put_secret("secrets/long", longer, 0600) ||
             put_secret("secrets/lines", "hunter2\nhunter2\n", 0600) ||
             symlink("good", "secrets/link");
    free(longer);
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    return chdir("/") || remove_tree(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bad_file),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
