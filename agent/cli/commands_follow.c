/* The commands that follow what happens: a job by its id, nodes whatever the job. */
#include <string.h>
#include <time.h>

#include "agent/cli/command.h"
#include "agent/cli/follow_job.h"
#include "agent/cli/nodes_argument.h"
#include "agent/cli/signals.h"
#include "proto/cleanup.h"

enum { WATCH_PATIENCE_MS = 60000 };

int run_show_job(const struct invocation *invocation)
{
    struct err err = {0};
    _cleanup_(job_view_clear) struct job_view job = {0};
    if (invocation->options.follow)
        return follow_job(invocation, invocation->words[0]);
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client || client_job(client, invocation->words[0], &job, &err))
        return command_failed(invocation, &err);
    struct render render = command_render(invocation);
    if (!invocation->options.quiet)
        renderer_of(invocation->options.format)->job(&render, &job);
    return job.done ? job_view_exit_code(&job) : EXIT_STILL_RUNNING;
}

struct watching {
    const struct renderer *renderer;
    struct render render;
    uint64_t deadline_ms;
    bool written, timed_out;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool on_opened(void *arg)
{
    (void)arg;
    return true;
}

static bool on_event(void *arg, const struct job_event *event)
{
    struct watching *watching = arg;
    watching->renderer->event(&watching->render, event, !watching->written);
    watching->written = true;
    return !fflush(watching->render.out); /* the reader of a pipe may have gone */
}

static bool on_tick(void *arg)
{
    struct watching *watching = arg;
    watching->timed_out = now_ms() >= watching->deadline_ms;
    return !watching->timed_out && !signals_interrupted();
}

int run_watch(const struct invocation *invocation)
{
    struct err err = {0};
    _cleanup_(freep) char *expression = NULL;
    uint64_t timeout = invocation->options.timeout_ms;
    struct watching watching = {.renderer = renderer_of(invocation->options.format),
                                .render = command_render(invocation),
                                .deadline_ms = timeout ? now_ms() + timeout : UINT64_MAX};
    const struct client_follower follower = {on_opened, on_event, on_tick, &watching};
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client ||
        nodes_argument(invocation->words, invocation->count, invocation->options.exclude,
                       invocation->in, &expression, &err) ||
        client_follow(client, NULL, expression, WATCH_PATIENCE_MS, &follower, &err)) {
        if (expression)
            nodes_forget_column(expression, &err);
        return command_failed(invocation, &err);
    }
    if (signals_interrupted())
        return EXIT_INTERRUPTED;
    return watching.timed_out ? EXIT_STILL_RUNNING : EXIT_OK;
}
