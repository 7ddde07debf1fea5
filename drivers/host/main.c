/* main() of every driver program: a table of contents.  What it does with devices is in the
 * driver's folder; how it talks to the agent is in loop.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/driver.h"
#include "drivers/host/check.h"
#include "drivers/host/loop.h"
#include "proto/cleanup.h"

static int describe(void)
{
    _cleanup_(freep) char *line = option_schema_encode(driver.name, driver.help, driver.options);
    if (!line)
        return 1;
    size_t length = strlen(line);
    (void)printf("%s%s", line, length && line[length - 1] == '\n' ? "" : "\n");
    return 0;
}

static int version(void)
{
    (void)printf("powerctl-driver-%s " VERSION "\n", driver.name);
    return 0;
}

static int help(void);

static int tell(int rc, const struct err *err)
{
    if (rc)
        (void)fprintf(stderr, "%s\n", err->text);
    return rc ? 1 : 0;
}

static int serve(void)
{
    struct err err = {0};
    int rc = host_serve(&err);
    return tell(rc, &err);
}

static int check(void)
{
    struct err err = {0};
    int rc = host_check(&err);
    return tell(rc, &err);
}

static const struct command {
    const char *word;
    int (*run)(void);
    const char *help;
} commands[] = {
    {"--describe", describe, "its options, as one line of JSON"},
    {"--check", check, "devices on stdin: what is wrong with their settings"},
    {"--version", version, "its version"},
    {"--help", help, "this list"},
};

static int help(void)
{
    (void)printf("powerctl-driver-%s: %s\n\n"
                 "Started by powerctld; by hand, it takes JSON lines on stdin:\n"
                 "  {\"device\":\"d1\",\"settings\":{...}}\n"
                 "  {\"id\":1,\"device\":\"d1\",\"op\":\"power-status\",\"budget_ms\":5000}\n\n",
                 driver.name, driver.help);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        (void)printf("  %-12s %s\n", commands[i].word, commands[i].help);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return serve();
    for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(commands); i++)
        if (!strcmp(argv[1], commands[i].word))
            return commands[i].run();
    (void)fprintf(stderr, "%s: unknown argument; see --help\n", argv[0]);
    return 2;
}
