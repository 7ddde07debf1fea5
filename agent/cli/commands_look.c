/* The commands that only ask. */
#include <string.h>

#include "agent/cli/command.h"
#include "agent/cli/nodes_argument.h"
#include "proto/cleanup.h"

int run_nodes(const struct invocation *invocation)
{
    struct err err = {0};
    _cleanup_(freep) char *expression = NULL, *folded = NULL, *warning = NULL;
    _cleanup_(freep) struct node_view *nodes = NULL;
    size_t count;
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client ||
        nodes_argument(invocation->words, invocation->count, invocation->options.exclude,
                       invocation->in, &expression, &err) ||
        client_nodes(client, expression, &nodes, &count, &folded, &warning, &err))
        return command_failed(invocation, &err);
    if (*warning)
        (void)fprintf(invocation->err, "%s: note: %s\n", invocation->program, warning);
    struct render render = command_render(invocation);
    if (!invocation->options.quiet)
        renderer_of(invocation->options.format)->nodes(&render, nodes, count, folded);
    return EXIT_OK;
}

int run_history(const struct invocation *invocation)
{
    struct err err = {0};
    _cleanup_(freep) struct job_event *events = NULL;
    size_t count;
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client || client_history(client, invocation->words[0], &events, &count, &err))
        return command_failed(invocation, &err);
    struct render render = command_render(invocation);
    renderer_of(invocation->options.format)->events(&render, events, count);
    return EXIT_OK;
}

int run_jobs(const struct invocation *invocation)
{
    struct err err = {0};
    struct job_view *jobs;
    size_t count;
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client || client_jobs(client, &jobs, &count, &err))
        return command_failed(invocation, &err);
    struct render render = command_render(invocation);
    renderer_of(invocation->options.format)->jobs(&render, jobs, count);
    job_list_free(jobs, count);
    return EXIT_OK;
}

int run_cancel(const struct invocation *invocation)
{
    struct err err = {0};
    bool too_late;
    const char *id = invocation->words[0];
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client || client_cancel(client, id, &too_late, &err))
        return command_failed(invocation, &err);
    if (invocation->options.quiet)
        return EXIT_OK;
    if (too_late)
        (void)fprintf(invocation->out, "Job %s had ended before; nothing was cancelled.\n", id);
    else
        (void)fprintf(invocation->out,
                      "Job %s is cancelled: nothing new is started, and a node between off and on "
                      "is brought on first.\n",
                      id);
    return EXIT_OK;
}

int run_version(const struct invocation *invocation)
{
    struct err err = {0};
    char version[32];
    (void)fprintf(invocation->out, "powerctl %s\n", VERSION);
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client || client_version(client, version, &err))
        (void)fprintf(invocation->out, "agent: %s\n", err.text);
    else
        (void)fprintf(invocation->out, "agent %s\n", version);
    return EXIT_OK;
}
