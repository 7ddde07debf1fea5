#include "agent/cli/follow_job.h"

#include <string.h>
#include <time.h>

#include "agent/cli/duration.h"
#include "agent/cli/progress.h"
#include "agent/cli/report.h"
#include "agent/cli/signals.h"
#include "agent/cli/summary.h"
#include "proto/cleanup.h"

enum {
    FIRST_POLL_MS = 1500, /* events that never come: look ourselves */
    PICTURE_MS = 300,     /* a status on a terminal that takes longer is shown as it goes */
    POLL_MS = 10000,
    PATIENCE_MS = 30000, /* an agent that is being restarted comes back within it */
};

enum follow_end { GOES_ON, DONE, INTERRUPTED, TIMED_OUT };

struct following {
    const char *id;
    struct client *side; /* for whole views while the stream holds the other */
    struct board board;
    struct progress progress;
    struct findings findings; /* of a check */
    uint64_t deadline_ms, next_poll_ms;
    bool unlisted; /* a status: its nodes are listed only if it takes long */
    bool filled;
    enum follow_end end;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int64_t now_unix_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What a view shows and no event told: told now, as an event of our own. */
static void catch_up(struct following *following, const struct job_view *job, uint64_t now)
{
    for (size_t i = 0; i < job->nnodes; i++) {
        struct board_row *row = board_row(&following->board, job->nodes[i].node, now);
        if (!row || !board_differs(row, &job->nodes[i]))
            continue;
        struct job_event event = {.unix_ms = now_unix_ms(), .verb = job->verb};
        memcpy(event.job, job->id, sizeof event.job);
        event.node = job->nodes[i];
        event.kind = event.node.outcome != row->view.outcome ? EVENT_OUTCOME
                     : event.node.stage != row->view.stage   ? EVENT_STAGE
                                                             : EVENT_POWER;
        (void)board_take(&following->board, &event, now);
        following->progress.ops->event(&following->progress, &following->board, &event);
    }
}

/* The first time only the names are taken: the events since the job began follow. */
static void fill(struct following *following, const struct job_view *job, uint64_t now)
{
    struct board *board = &following->board;
    memcpy(board->job, job->id, sizeof board->job);
    board->verb = job->verb;
    board->started_unix_ms = job->started_unix_ms;
    board->started_ms = now - (job->elapsed_ms < now ? job->elapsed_ms : now);
    for (size_t i = 0; i < job->nnodes; i++)
        (void)board_row(board, job->nodes[i].node, board->started_ms);
    following->filled = true;
}

static bool look(struct following *following, bool whole)
{
    _cleanup_(job_view_clear) struct job_view job = {0};
    if (client_job(following->side, following->id, &job, NULL))
        return true; /* the stream will say what is wrong */
    uint64_t now = now_ms();
    if (!following->filled)
        fill(following, &job, now);
    if (whole)
        catch_up(following, &job, now);
    if (job.done)
        following->end = DONE;
    return !job.done;
}

static bool on_opened(void *arg)
{
    struct following *following = arg;
    bool again = following->next_poll_ms != UINT64_MAX;
    following->next_poll_ms = now_ms() + FIRST_POLL_MS;
    if (!again && following->unlisted) {
        if (following->progress.ops == &progress_tty)
            following->next_poll_ms = now_ms() + PICTURE_MS;
        return true;
    }
    return look(following, false); /* the stream goes on where it broke: it tells what was missed */
}

static bool on_event(void *arg, const struct job_event *event)
{
    struct following *following = arg;
    if (strcmp(event->job, following->id))
        return true;
    if (following->filled) {
        following->next_poll_ms = now_ms() + POLL_MS;
        (void)board_take(&following->board, event, now_ms());
        following->progress.ops->event(&following->progress, &following->board, event);
    }
    if (event->verb == VERB_CHECK)
        findings_take(&following->findings, event);
    if (event->kind == EVENT_JOB_ENDED)
        following->end = DONE;
    return following->end == GOES_ON;
}

static bool on_tick(void *arg)
{
    struct following *following = arg;
    uint64_t now = now_ms();
    if (signals_interrupted())
        following->end = INTERRUPTED;
    else if (now >= following->deadline_ms)
        following->end = TIMED_OUT;
    if (following->end != GOES_ON)
        return false;
    if (following->filled)
        following->progress.ops->tick(&following->progress, &following->board, now);
    if (now >= following->next_poll_ms) {
        following->next_poll_ms = now + POLL_MS;
        return look(following, true);
    }
    return true;
}

static void tell_goes_on(const struct invocation *invocation, const char *id, const char *why)
{
    (void)fprintf(invocation->err,
                  "%s Job %s goes on.\n"
                  "  follow it:  powerctl job %s --follow\n"
                  "  cancel it:  powerctl cancel %s\n",
                  why, id, id, id);
}

static int read_result(const struct invocation *invocation, struct client *client, const char *id,
                       struct job_view *job)
{
    struct err err = {0};
    if (client_job(client, id, job, &err))
        return command_failed(invocation, &err);
    return job->done ? job_view_exit_code(job) : EXIT_STILL_RUNNING;
}

static void show_result(const struct invocation *invocation, struct following *following,
                        const struct job_view *job, int code)
{
    findings_sort(&following->findings);
    if (invocation->options.quiet) {
        struct render plain = {.out = invocation->err, .findings = &following->findings};
        if (code != EXIT_OK) {
            summary_put(invocation->err, job);
            report_findings(&plain);
        }
        return;
    }
    struct render render = command_render(invocation);
    render.findings = &following->findings;
    renderer_of(invocation->options.format)->job(&render, job);
    if (job->verb == VERB_STATUS && invocation->options.format == FORMAT_TABLE)
        tell_locks_of(invocation, following->side, job);
}

static bool only_asks(const struct invocation *invocation)
{
    return invocation->command->verb == VERB_STATUS || invocation->command->verb == VERB_CHECK;
}

/* A status is mostly answered in a moment: what it shows is the result. */
static struct progress make_progress(const struct invocation *invocation)
{
    enum progress_style style = invocation->options.progress;
    if (invocation->options.quiet)
        style = PROGRESS_NONE;
    struct progress progress = progress_new(style, invocation->err, invocation->options.no_color);
    if (style == PROGRESS_AUTO && only_asks(invocation) && progress.ops == &progress_plain)
        progress.ops = &progress_patient;
    return progress;
}

static int conclude(const struct invocation *invocation, struct following *following,
                    struct job_view *job)
{
    char waited[DURATION_TEXT_SIZE], why[64];
    switch (following->end) {
    case DONE:
        return read_result(invocation, following->side, following->id, job);
    case INTERRUPTED:
        tell_goes_on(invocation, following->id, "\nInterrupted.");
        return EXIT_INTERRUPTED;
    case TIMED_OUT:
        duration_format(invocation->options.timeout_ms, waited);
        (void)snprintf(why, sizeof why, "Waited %s.", waited);
        tell_goes_on(invocation, following->id, why);
        return EXIT_STILL_RUNNING;
    case GOES_ON:
        break;
    }
    return EXIT_NO_AGENT;
}

static int follow(const struct invocation *invocation, const char *id, bool show,
                  struct job_view *job)
{
    struct err err = {0};
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    _cleanup_(client_freep) struct client *side =
        client ? client_new(invocation->socket, &err) : NULL;
    if (!side)
        return command_failed(invocation, &err);
    uint64_t timeout = invocation->options.timeout_ms;
    struct following following = {.id = id,
                                  .side = side,
                                  .progress = make_progress(invocation),
                                  .deadline_ms = timeout ? now_ms() + timeout : UINT64_MAX,
                                  .next_poll_ms = UINT64_MAX};
    const struct client_follower follower = {on_opened, on_event, on_tick, &following};
    following.unlisted = only_asks(invocation) && following.progress.ops != &progress_plain &&
                         following.progress.ops != &progress_json;
    int failed = client_follow(client, id, NULL, PATIENCE_MS, &follower, &err);
    following.progress.ops->end(&following.progress);
    board_clear(&following.board);
    if (!failed) {
        int code = conclude(invocation, &following, job);
        if (show && job->id[0])
            show_result(invocation, &following, job, code);
        findings_clear(&following.findings);
        return code;
    }
    findings_clear(&following.findings);
    int code = command_failed(invocation, &err);
    if (code == EXIT_NO_AGENT)
        tell_goes_on(invocation, id, "Once the agent is back:");
    return code;
}

int follow_job(const struct invocation *invocation, const char *id)
{
    _cleanup_(job_view_clear) struct job_view job = {0};
    return follow(invocation, id, true, &job);
}

int follow_job_quietly(const struct invocation *invocation, const char *id, struct job_view *job)
{
    return follow(invocation, id, false, job);
}
