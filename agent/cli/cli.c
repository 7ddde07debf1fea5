/* From argv to a command's function and an exit code. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "agent/cli/command.h"
#include "agent/cli/signals.h"
#include "agent/cli/style.h"

int command_failed(const struct invocation *invocation, const struct err *err)
{
    (void)fprintf(invocation->err, "%s: %s\n", invocation->program, err->text);
    return (int)problem_exit_code(err->kind);
}

static unsigned columns_of(FILE *out)
{
    struct winsize size = {0};
    return ioctl(fileno(out), TIOCGWINSZ, &size) ? 0 : size.ws_col;
}

struct render command_render(const struct invocation *invocation)
{
    return (struct render){.out = invocation->out,
                           .colours = colours_wanted(invocation->out, invocation->options.no_color),
                           .expand = invocation->options.expand,
                           .columns = columns_of(invocation->out)};
}

static int usage_failed(struct invocation *invocation, struct err *err)
{
    err->kind = ERR_USAGE;
    return command_failed(invocation, err);
}

static const char *choose_socket(const struct options *options)
{
    const char *from_environment = getenv("POWERCTL_SOCKET");
    if (options->socket)
        return options->socket;
    return from_environment && *from_environment ? from_environment : CLIENT_DEFAULT_SOCKET;
}

static int check_words(const struct invocation *invocation, struct err *err)
{
    const struct command *command = invocation->command;
    int most = command->most < 0 ? 0 : command->most ? command->most : INT32_MAX;
    bool short_name = strcmp(invocation->program, "powerctl") != 0;
    if (invocation->count < command->least)
        return err_set(err, ERR_USAGE, "'%s' needs %s; see '%s --help'",
                       short_name ? invocation->program : command->name, command->words,
                       invocation->called);
    if (invocation->count > most)
        return err_set(err, ERR_USAGE, "'%s' has a word too many: '%s'", command->name,
                       invocation->words[most]);
    return 0;
}

/* argv[0] is the command's name. */
static int run_command(struct invocation *invocation, int argc, char **argv)
{
    struct err err = {0};
    int rest;
    bool short_name = strcmp(invocation->program, "powerctl") != 0;
    (void)snprintf(invocation->called, sizeof invocation->called, "%s%s%s", invocation->program,
                   short_name ? "" : " ", short_name ? "" : invocation->command->name);
    if (options_parse(argc, argv, invocation->command->takes, false, invocation->called,
                      &invocation->options, &rest, &err))
        return usage_failed(invocation, &err);
    if (invocation->options.help) {
        command_help(invocation->out, invocation->program, invocation->command);
        return EXIT_OK;
    }
    invocation->count = argc - rest;
    invocation->words = argv + rest;
    invocation->socket = choose_socket(&invocation->options);
    if (check_words(invocation, &err))
        return usage_failed(invocation, &err);
    signals_catch();
    return invocation->command->run(invocation);
}

/* Options may stand before the command too: powerctl --format json status n01. */
static int find_command(struct invocation *invocation, int argc, char **argv, int *first,
                        struct err *err)
{
    static const unsigned any = ~0U;
    if (options_parse(argc, argv, any, true, "powerctl", &invocation->options, first, err))
        return -1;
    const char *name = *first < argc ? argv[*first] : "help";
    if (invocation->options.help)
        name = "help";
    else if (invocation->options.version)
        name = "version";
    invocation->command = command_find(name);
    return invocation->command ? 0 : command_unknown(name, err);
}

int cli_run(int argc, char **argv, FILE *in, FILE *out, FILE *err_out)
{
    struct invocation invocation = {.in = in, .out = out, .err = err_out, .program = "powerctl"};
    struct err err = {0};
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = argc > 0 ? (slash ? slash + 1 : argv[0]) : "powerctl";
    int first;
    if (!strcmp(name, "netboot-now")) {
        invocation.program = "netboot-now";
        invocation.command = command_find("netboot");
        return run_command(&invocation, argc, argv);
    }
    if (find_command(&invocation, argc, argv, &first, &err))
        return usage_failed(&invocation, &err);
    if (invocation.options.version && !invocation.options.help) {
        invocation.socket = choose_socket(&invocation.options);
        return run_version(&invocation);
    }
    if (invocation.options.help || first == argc) {
        invocation.count = 0;
        int code = run_help(&invocation);
        return invocation.options.help ? code : EXIT_USAGE;
    }
    return run_command(&invocation, argc - first, argv + first);
}
