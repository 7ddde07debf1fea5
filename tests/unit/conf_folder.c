#include "tests/unit/conf_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "proto/cleanup.h"
#include "tests/unit/remove_tree.h"

char conf_folder[64];

void conf_folder_put(const char *name, const char *text, mode_t mode)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", conf_folder, name);
    (void)remove(path);
    _cleanup_(fclosep) FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), mode), 0);
    assert_true(fputs(text, file) >= 0);
}

int conf_folder_set_up(void **state)
{
    char path[256];
    (void)state;
    (void)snprintf(conf_folder, sizeof conf_folder, "/tmp/%.40s.XXXXXX",
                   program_invocation_short_name);
    if (!mkdtemp(conf_folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/secrets", conf_folder);
    if (mkdir(path, 0700))
        return -1;
    conf_folder_put("secrets/bmc", "s3cret word\n", 0600);
    return 0;
}

int conf_folder_tear_down(void **state)
{
    (void)state;
    return remove_tree(conf_folder);
}
