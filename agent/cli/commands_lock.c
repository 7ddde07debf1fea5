/* Reserving nodes, and who has. */
#include <string.h>
#include <time.h>

#include "agent/cli/command.h"
#include "agent/cli/nodes_argument.h"
#include "agent/cli/style.h"
#include "agent/cli/when.h"
#include "proto/cleanup.h"

int acting_for(const struct invocation *invocation, char on_behalf[LOCK_FOR_SIZE], struct err *err)
{
    const char *name = invocation->options.on_behalf;
    if (name && lock_check_for(name, err))
        return err_prefix(err, "--for");
    if (!name) { /* anybody can set it: it is for telling, not for proving */
        name = getenv("SUDO_USER");
        if (geteuid() != 0 || !name || !strcmp(name, "root") || lock_check_for(name, NULL))
            name = "";
    }
    (void)snprintf(on_behalf, LOCK_FOR_SIZE, "%s", name);
    return 0;
}

static int64_t now_unix_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int make_request(const struct invocation *invocation, struct lock_request *request,
                        struct err *err)
{
    const struct options *options = &invocation->options;
    request->steal = options->steal;
    if (options->until &&
        when_parse(options->until, WHEN_AHEAD, now_unix_ms(), &request->until_unix_ms, err))
        return err_prefix(err, "--until");
    if (options->reason && strlen(options->reason) >= sizeof request->reason)
        return err_set(err, ERR_USAGE, "--reason takes at most %zu characters",
                       sizeof request->reason - 1);
    if (options->reason)
        memcpy(request->reason, options->reason, strlen(options->reason));
    if (acting_for(invocation, request->on_behalf, err))
        return -1;
    return nodes_argument(invocation->words, invocation->count, options->exclude, invocation->in,
                          &request->nodes, err);
}

/* "lock", then what holds now; "unlock", then what held. */
static int change(const struct invocation *invocation,
                  int (*call)(struct client *client, const struct lock_request *request,
                              struct lock_view **locks, size_t *count, struct err *err))
{
    struct err err = {0};
    size_t count = 0;
    _cleanup_(lock_request_clear) struct lock_request request = {0};
    _cleanup_(freep) struct lock_view *locks = NULL;
    if (make_request(invocation, &request, &err))
        return command_failed(invocation, &err);
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client || call(client, &request, &locks, &count, &err)) {
        nodes_forget_column(request.nodes, &err);
        return command_failed(invocation, &err);
    }
    struct render render = command_render(invocation);
    if (invocation->options.quiet)
        return EXIT_OK;
    if (call == client_unlock && invocation->options.format == FORMAT_TABLE)
        (void)fputs(count ? "no longer locked:\n" : "none of these was locked\n", render.out);
    if (count || invocation->options.format != FORMAT_TABLE)
        renderer_of(invocation->options.format)->locks(&render, locks, count);
    return EXIT_OK;
}

int run_lock(const struct invocation *invocation)
{
    struct err err = {0};
    const struct options *options = &invocation->options;
    bool bare = !options->reason && !options->until && !options->steal && !options->on_behalf;
    if (!invocation->count && bare)
        return run_locks(invocation);
    if (invocation->count && options->reason && options->reason[strspn(options->reason, " ")])
        return change(invocation, client_lock);
    (void)err_set(&err, ERR_USAGE, "lock which nodes, and why? powerctl lock NODES --reason TEXT");
    return command_failed(invocation, &err);
}

int run_unlock(const struct invocation *invocation)
{
    return change(invocation, client_unlock);
}

int run_locks(const struct invocation *invocation)
{
    struct err err = {0};
    size_t count = 0;
    _cleanup_(freep) char *expression = NULL;
    _cleanup_(freep) struct lock_view *locks = NULL;
    if (invocation->count &&
        nodes_argument(invocation->words, invocation->count, invocation->options.exclude,
                       invocation->in, &expression, &err))
        return command_failed(invocation, &err);
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client || client_locks(client, expression, &locks, &count, &err)) {
        if (expression)
            nodes_forget_column(expression, &err);
        return command_failed(invocation, &err);
    }
    struct render render = command_render(invocation);
    if (!invocation->options.quiet)
        renderer_of(invocation->options.format)->locks(&render, locks, count);
    return EXIT_OK;
}

static const struct lock_view *find_lock(const struct lock_view *locks, size_t count,
                                         const char *node)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(locks[i].node, node))
            return &locks[i];
    return NULL;
}

void tell_locks_of(const struct invocation *invocation, struct client *client,
                   const struct job_view *job)
{
    _cleanup_(freep) struct lock_view *locks = NULL;
    size_t count = 0;
    bool asked = false;
    for (size_t i = 0; i < job->nnodes; i++) {
        if (!job->nodes[i].locked)
            continue;
        if (!asked && client_locks(client, NULL, &locks, &count, NULL))
            return;
        asked = true;
        const struct lock_view *lock = find_lock(locks, count, job->nodes[i].node);
        char until[CLOCK_TEXT_SIZE];
        if (!lock)
            continue;
        local_date_format(lock->until_unix_ms, until);
        (void)fprintf(invocation->out, "locked:     %s by %s%s%s: %s\n", lock->node, lock->holder,
                      lock->until_unix_ms ? ", until " : "", lock->until_unix_ms ? until : "",
                      lock->reason);
    }
}
