/* The commands that only ask. */
#include <string.h>
#include <time.h>

#include "agent/cli/command.h"
#include "agent/cli/nodes_argument.h"
#include "agent/cli/when.h"
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
        client_nodes(client, expression, &nodes, &count, &folded, &warning, &err)) {
        if (expression)
            nodes_forget_column(expression, &err);
        return command_failed(invocation, &err);
    }
    if (*warning)
        (void)fprintf(invocation->err, "%s: note: %s\n", invocation->program, warning);
    struct render render = command_render(invocation);
    if (!invocation->options.quiet)
        renderer_of(invocation->options.format)->nodes(&render, nodes, count, folded);
    return EXIT_OK;
}

enum { HISTORY_SHOWN = 100, HISTORY_MAX = 10000 };

static int64_t now_unix_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int make_query(const struct options *options, struct history_query *query, struct err *err)
{
    query->all = options->all;
    query->limit = options->has_limit ? options->limit
                   : options->since   ? HISTORY_MAX
                                      : HISTORY_SHOWN;
    if (!query->limit || query->limit > HISTORY_MAX)
        return err_set(err, ERR_USAGE, "--limit takes 1 to %d", HISTORY_MAX);
    if (options->since &&
        when_parse(options->since, WHEN_BEFORE, now_unix_ms(), &query->since_unix_ms, err))
        return err_prefix(err, "--since");
    return 0;
}

int run_history(const struct invocation *invocation)
{
    struct err err = {0};
    struct history_query query = {0};
    _cleanup_(freep) struct job_event *events = NULL;
    _cleanup_(freep) char *expression = NULL;
    size_t count;
    if (make_query(&invocation->options, &query, &err) ||
        nodes_argument(invocation->words, invocation->count, invocation->options.exclude,
                       invocation->in, &expression, &err))
        return command_failed(invocation, &err);
    query.nodes = expression;
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client || client_history(client, &query, &events, &count, &err)) {
        nodes_forget_column(expression, &err);
        return command_failed(invocation, &err);
    }
    struct render render = command_render(invocation);
    if (!invocation->options.quiet)
        renderer_of(invocation->options.format)->events(&render, events, count);
    return EXIT_OK;
}

static size_t leave_out_status_jobs(struct job_view *jobs, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (jobs[i].verb == VERB_STATUS)
            job_view_clear(&jobs[i]);
        else
            jobs[kept++] = jobs[i];
    return kept;
}

/* The list does not say which nodes a job has. A job forgotten since stays as it was listed. */
static void add_nodes(struct client *client, struct job_view *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct job_view whole = {0};
        if (client_job(client, jobs[i].id, &whole, NULL))
            continue;
        job_view_clear(&jobs[i]);
        jobs[i] = whole;
    }
}

int run_jobs(const struct invocation *invocation)
{
    struct err err = {0};
    struct job_view *jobs;
    size_t count;
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client || client_jobs(client, &jobs, &count, &err))
        return command_failed(invocation, &err);
    if (!invocation->options.all)
        count = leave_out_status_jobs(jobs, count);
    if (invocation->options.format == FORMAT_TABLE)
        add_nodes(client, jobs, count);
    struct render render = command_render(invocation);
    renderer_of(invocation->options.format)->jobs(&render, jobs, count);
    job_list_free(jobs, count);
    return EXIT_OK;
}

int run_cancel(const struct invocation *invocation)
{
    struct err err = {0};
    bool too_late;
    _cleanup_(job_view_clear) struct job_view before = {0};
    const char *id = invocation->words[0];
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (client && !client_job(client, id, &before, NULL) && before.cancelling && !before.done) {
        if (!invocation->options.quiet)
            (void)fprintf(invocation->out,
                          "Job %s is being cancelled already; see 'powerctl job %s'.\n", id, id);
        return EXIT_OK;
    }
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
