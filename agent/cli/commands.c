/* Every command: name, words, help, options, function. */
#include <string.h>

#include "agent/cli/command.h"
#include "proto/cleanup.h"
#include "proto/spelling.h"

enum {
    SHOW = TAKES_ALWAYS | TAKES_FORMAT,
    JOB = SHOW | TAKES_NODES | TAKES_WAIT | TAKES_JOB,
    POWER_JOB = JOB | TAKES_WAVES,
    FEEDS_JOB = POWER_JOB | TAKES_FEEDS,
    ASK = SHOW | TAKES_WAIT,
    PLAN = TAKES_ALWAYS | TAKES_NODES | TAKES_WAVES | TAKES_RETRY | TAKES_GRACE | TAKES_NETBOOT |
           TAKES_NATIVE | TAKES_IDENTIFY | TAKES_FEEDS,
};

/* clang-format off */
static const struct command commands[] = {
    { "status", "NODES...", "ask each device whether its node is on", ASK | TAKES_NODES | TAKES_FEEDS, 1, 0, run_job, VERB_STATUS },
    { "on", "NODES...", "power on", FEEDS_JOB, 1, 0, run_job, VERB_ON },
    { "off", "NODES...", "power off, hard, at once", FEEDS_JOB, 1, 0, run_job, VERB_OFF },
    { "cycle", "NODES...", "off, seen off, on, seen on", FEEDS_JOB | TAKES_NATIVE, 1, 0, run_job, VERB_CYCLE },
    { "reset", "NODES...", "restart; a node that is off fails", POWER_JOB, 1, 0, run_job, VERB_RESET },
    { "soft", "NODES...", "ask the operating system to power off", POWER_JOB | TAKES_GRACE, 1, 0, run_job, VERB_SOFT },
    { "diag", "NODES...", "send a diagnostic interrupt (NMI)", JOB, 1, 0, run_job, VERB_DIAG },
    { "identify", "NODES...", "light the locator", JOB | TAKES_IDENTIFY, 1, 0, run_job, VERB_IDENTIFY },
    { "next-boot", "network|disk|bios|none NODES...", "what to boot from next time, once; read back", JOB, 2, 0, run_job, VERB_NEXT_BOOT },
    { "reboot", "NODES...", "soft off, hard after --grace, on, wait until it is up", FEEDS_JOB | TAKES_GRACE | TAKES_NETBOOT | TAKES_RETRY, 1, 0, run_job, VERB_REBOOT },
    { "netboot", "NODES...", "boot through the network, now, and watch it come up", FEEDS_JOB | TAKES_RETRY, 1, 0, run_job, VERB_NETBOOT },
    { "check", "NODES...", "would it work tonight? log in to each device of a node, read only", ASK | TAKES_NODES, 1, 0, run_job, VERB_CHECK },
    { "outlets", "[PDU]", "the outlets of PDUs: on or off, what they draw, whom they feed", ASK | TAKES_EXPAND, 0, 1, run_outlets, VERB_STATUS },
    { "outlet", "on|off|cycle PDU/N...", "switch outlets that feed no node", POWER_JOB, 2, 0, run_outlet, VERBS },
    { "plan", "VERB NODES...", "what VERB would send, where and in which order; sends nothing", PLAN, 2, 0, run_plan, VERBS },
    { "nodes", "NODES...", "the set after groups and operators", SHOW | TAKES_NODES | TAKES_EXPAND, 1, 0, run_nodes, VERBS },
    { "watch", "NODES...", "tell what happens to nodes, until Ctrl-C", SHOW | TAKES_NODES | TAKES_TIMEOUT, 1, 0, run_watch, VERBS },
    { "history", "NODES...", "what happened to nodes", SHOW | TAKES_NODES | TAKES_ALL | TAKES_HISTORY, 1, 0, run_history, VERBS },
    { "lock", "[NODES...]", "reserve nodes, with a --reason: nothing is done to them; without NODES as 'locks'", SHOW | TAKES_NODES | TAKES_STEAL | TAKES_REASON, 0, 0, run_lock, VERBS },
    { "unlock", "NODES...", "release them", SHOW | TAKES_NODES | TAKES_STEAL, 1, 0, run_unlock, VERBS },
    { "locks", "[NODES...]", "which nodes are locked, by whom, until when and why", SHOW | TAKES_NODES, 0, 0, run_locks, VERBS },
    { "jobs", "", "the jobs that run or ran", SHOW | TAKES_ALL, 0, -1, run_jobs, VERBS },
    { "job", "ID", "what came of a job; exits as the job does, 5 while it runs", SHOW | TAKES_WAIT | TAKES_FOLLOW, 1, 1, run_show_job, VERBS },
    { "cancel", "ID", "stop a job: nothing new is started", TAKES_ALWAYS, 1, 1, run_cancel, VERBS },
    { "config", "check [FILE]", "check FILE, or $POWERCTL_CONFIG, or the agent's own", TAKES_ALWAYS, 1, 2, run_config, VERBS },
    { "version", "", "of this program and of the agent", TAKES_ALWAYS, 0, -1, run_version, VERBS },
    { "help", "[COMMAND]", "this text, or a command's", TAKES_ALWAYS, 0, 1, run_help, VERBS },
};
/* clang-format on */

const struct command *command_at(unsigned index)
{
    return index < ARRAY_SIZE(commands) ? &commands[index] : NULL;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

int command_unknown(const char *name, struct err *err)
{
    struct spelling spelling = spelling_of(name);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        spelling_consider(&spelling, commands[i].name);
    if (spelling.nearest)
        return err_set(err, ERR_USAGE,
                       "there is no command '%s'; did you mean '%s'? See 'powerctl help'", name,
                       spelling.nearest);
    return err_set(err, ERR_USAGE, "there is no command '%s'; see 'powerctl help'", name);
}
