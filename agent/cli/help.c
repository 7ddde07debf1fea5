#include <string.h>

#include "agent/cli/command.h"

void command_help(FILE *out, const char *program, const struct command *command)
{
    if (!strcmp(program, "netboot-now"))
        (void)fprintf(out, "usage: netboot-now [OPTION]... %s\n\n", command->words);
    else
        (void)fprintf(out, "usage: powerctl %s [OPTION]...%s%s\n\n", command->name,
                      command->words[0] ? " " : "", command->words);
    (void)fprintf(out, "%s: %s\n\n", command->name, command->help);
    options_help(out, command->takes);
    if (command->takes & TAKES_NODES)
        (void)fputs("\nNODES: n01  n[01-16,20]  @rack1  a,b (both)  a!b (a without b)\n"
                    "       a&b (in both)  a^b (in one only)  - (read from standard input)\n"
                    "       pdu-a/[1-4] (outlets of a PDU)\n",
                    out);
}

static void overview(FILE *out)
{
    (void)fputs("usage: powerctl COMMAND [OPTION]... [WORD]...\n\n", out);
    const struct command *command;
    for (unsigned i = 0; (command = command_at(i)); i++)
        (void)fprintf(out, "  %-10s %s\n", command->name, command->help);
    (void)fputs("\n"
                "'powerctl COMMAND --help' shows its options. 'netboot-now' is 'powerctl "
                "netboot'.\n"
                "\n"
                "exit: 0 all ok             1 some nodes failed     2 usage or config\n"
                "      3 no agent           4 not allowed           5 waited --timeout, job goes "
                "on\n"
                "      6 busy or locked     7 some not verifiable   8 a node was LEFT OFF\n"
                "      130 interrupted, job goes on\n",
                out);
}

int run_help(const struct invocation *invocation)
{
    if (!invocation->count) {
        overview(invocation->out);
        return EXIT_OK;
    }
    const struct command *command = command_find(invocation->words[0]);
    struct err err = {0};
    if (!command) {
        (void)command_unknown(invocation->words[0], &err);
        return command_failed(invocation, &err);
    }
    command_help(invocation->out, "powerctl", command);
    return EXIT_OK;
}
