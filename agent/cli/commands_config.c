/* `config check`: the agent's own program checks, so that there is one checker. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli/command.h"
#include "proto/cleanup.h"

/* Runs it in our place; comes back only if it cannot. `directory` NULL: wherever PATH says. */
static void run_agent(const char *directory, const char *below, char **arguments)
{
    _cleanup_(freep) char *path = NULL;
    if (!directory) {
        (void)execvp("powerctld", arguments);
        return;
    }
    if (asprintf(&path, "%s%s/powerctld", directory, below) < 0)
        path = NULL;
    else
        (void)execv(path, arguments);
}

int run_config(const struct invocation *invocation)
{
    struct err err = {0};
    char program[] = "powerctld", check[] = "--check-config", named[] = "--config";
    char *arguments[] = {program, check, NULL, NULL, NULL};
    if (strcmp(invocation->words[0], "check")) {
        (void)err_set(&err, ERR_USAGE, "config can only 'check', not '%s'", invocation->words[0]);
        return command_failed(invocation, &err);
    }
    char *from_environment = getenv("POWERCTL_CONFIG");
    if (invocation->count == 2)
        arguments[3] = invocation->words[1];
    else if (from_environment && *from_environment)
        arguments[3] = from_environment;
    if (arguments[3])
        arguments[2] = named;
    char here[4096] = "";
    ssize_t size = readlink("/proc/self/exe", here, sizeof here - 1);
    char *slash = size > 0 ? strrchr(here, '/') : NULL;
    (void)fflush(invocation->out);
    if (invocation->options.quiet && !freopen("/dev/null", "w", stdout)) /* "good" is nothing new */
        return command_failed(invocation, &err);
    if (slash) {
        *slash = '\0';
        run_agent(here, "", arguments);
        run_agent(here, "/../sbin", arguments);
    }
    run_agent(NULL, "", arguments);
    (void)err_set(&err, ERR_SYSTEM, "cannot run powerctld, which checks: %s", strerror(errno));
    return command_failed(invocation, &err);
}
