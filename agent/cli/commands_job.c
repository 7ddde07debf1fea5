/* The commands that make a job: a request, perhaps a question, then following it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli/command.h"
#include "agent/cli/confirm.h"
#include "agent/cli/follow_job.h"
#include "agent/cli/nodes_argument.h"
#include "proto/cleanup.h"

enum { IDENTIFY_S = 15, QUESTIONS_MAX = 3 };

static void take_options(const struct options *options, struct job_request *request)
{
    request->yes = options->yes;
    request->max_nodes = options->max_nodes;
    request->with_lock = options->with_lock;
    request->options.netboot = options->netboot;
    request->options.native = options->native;
    request->options.feeds = options->feeds;
    request->options.retry = options->retry;
    request->options.has_retry = options->has_retry;
    request->options.batch = options->batch;
    request->options.max_failures = options->max_failures;
    request->options.has_max_failures = options->has_max_failures;
    request->options.grace_s = options->grace_s;
    if (request->verb == VERB_IDENTIFY && !options->stop)
        request->options.seconds = options->has_seconds ? options->seconds : IDENTIFY_S;
}

int make_job_request(const struct invocation *invocation, enum verb verb, char **words, int count,
                     struct job_request *request, struct err *err)
{
    const struct options *options = &invocation->options;
    request->verb = verb;
    take_options(options, request);
    if (options->key && (!*options->key || strlen(options->key) >= JOB_KEY_SIZE))
        return err_set(err, ERR_USAGE, "--key takes 1 to %d characters", JOB_KEY_SIZE - 1);
    if (options->key)
        memcpy(request->key, options->key, strlen(options->key));
    if (acting_for(invocation, request->on_behalf, err))
        return -1;
    if (options->has_max_nodes && !options->max_nodes)
        return err_set(err, ERR_USAGE, "--max-nodes 0 would refuse everything");
    if (verb == VERB_NEXT_BOOT) {
        if (boot_device_parse(words[0], &request->options.boot_device) ||
            request->options.boot_device == BOOT_OTHER)
            return err_set(err, ERR_USAGE,
                           "next-boot cannot be '%s'; it is network, disk, bios or none", words[0]);
        words++;
        count--;
    }
    return nodes_argument(words, count, options->exclude, invocation->in, &request->nodes, err);
}

/* Shown and typed: the confirmation holds for exactly the set that was shown. */
static int ask_first(const struct invocation *invocation, struct job_request *request,
                     const struct problem *problem, struct err *err)
{
    bool at_terminal = isatty(fileno(invocation->in)) == 1 && isatty(fileno(invocation->err)) == 1;
    if (!problem->confirm[0])
        return -1;
    if (!at_terminal)
        return err_set(err, ERR_CONFIRM,
                       "%s %u nodes (%.60s%s)? nobody is there to ask; add --yes, or --max-nodes "
                       "%u",
                       verb_phrase(request->verb), problem->count, problem->folded,
                       strlen(problem->folded) > 60 ? "..." : "", problem->count);
    if (!confirm_ask(invocation->in, invocation->err, request->verb, problem))
        return err_set(err, ERR_CONFIRM, "not confirmed; nothing was done");
    memcpy(request->confirm, problem->confirm, sizeof request->confirm);
    return 0;
}

static int submit(const struct invocation *invocation, struct client *client,
                  struct job_request *request, char id[JOB_ID_SIZE], bool *existing,
                  struct err *err)
{
    struct problem problem;
    /* The set may change between question and answer; then the question comes again. */
    for (int i = 0; i < QUESTIONS_MAX; i++) {
        if (!client_submit(client, request, id, existing, &problem, err)) {
            if (*existing && !invocation->options.quiet)
                (void)fprintf(invocation->err,
                              "job %s was started with this key before; nothing is sent again\n",
                              id);
            return 0;
        }
        nodes_forget_column(request->nodes, err);
        if (err->kind != ERR_CONFIRM || ask_first(invocation, request, &problem, err))
            return -1;
    }
    return err_set(err, ERR_CONFIRM, "the nodes keep changing; nothing was done");
}

int run_request(const struct invocation *invocation, struct client *client,
                struct job_request *request)
{
    struct err err = {0};
    char id[JOB_ID_SIZE];
    bool existing;
    if (submit(invocation, client, request, id, &existing, &err))
        return command_failed(invocation, &err);
    if (invocation->options.no_wait) {
        (void)fprintf(invocation->out, "%s\n", id);
        return EXIT_OK;
    }
    int code = follow_job(invocation, id);
    if (existing && invocation->options.quiet && code != EXIT_OK)
        (void)fprintf(invocation->err, "Key %s was used for this before: nothing was sent again.\n",
                      request->key);
    return code;
}

int run_job(const struct invocation *invocation)
{
    struct err err = {0};
    _cleanup_(job_request_clear) struct job_request request = {0};
    if (make_job_request(invocation, invocation->command->verb, invocation->words,
                         invocation->count, &request, &err))
        return command_failed(invocation, &err);
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    return client ? run_request(invocation, client, &request) : command_failed(invocation, &err);
}

int run_plan(const struct invocation *invocation)
{
    struct err err = {0};
    struct problem problem;
    enum verb verb;
    _cleanup_(freep) char *text = NULL;
    _cleanup_(job_request_clear) struct job_request request = {0};
    if (verb_parse(invocation->words[0], &verb)) {
        (void)err_set(&err, ERR_USAGE, "there is no plan for '%s'; see 'powerctl help'",
                      invocation->words[0]);
        return command_failed(invocation, &err);
    }
    if (verb == VERB_NEXT_BOOT && invocation->count < 3) {
        (void)err_set(&err, ERR_USAGE, "write: plan next-boot network|disk|bios|none NODES");
        return command_failed(invocation, &err);
    }
    if (make_job_request(invocation, verb, invocation->words + 1, invocation->count - 1, &request,
                         &err))
        return command_failed(invocation, &err);
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client || client_plan(client, &request, &text, &problem, &err)) {
        nodes_forget_column(request.nodes, &err);
        return command_failed(invocation, &err);
    }
    (void)fputs(text, invocation->out);
    return EXIT_OK;
}
