/* The outlets of PDUs: what they are, and switching those that feed no node. */
#include <stdlib.h>
#include <string.h>

#include "agent/cli/command.h"
#include "agent/cli/fold.h"
#include "agent/cli/follow_job.h"
#include "agent/cli/memory.h"
#include "agent/cli/nodes_argument.h"
#include "agent/cli/summary.h"
#include "proto/cleanup.h"

/* As many of the longest names still fit into one expression. */
enum { ASKED_AT_ONCE = NODES_TEXT_MAX / NAME_SIZE };

static struct outlet_view *find(struct outlet_view *outlets, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(outlets[i].outlet, name))
            return &outlets[i];
    return NULL;
}

/* "pdu-b outlet 3: no answer": its row says which, and the others of a dead PDU say the same. */
static const char *without_name(const char *text, const char *outlet)
{
    char name[NAME_SIZE + 20];
    const char *slash = strchr(outlet, '/');
    if (!slash)
        return text;
    int length =
        snprintf(name, sizeof name, "%.*s outlet %s: ", (int)(slash - outlet), outlet, slash + 1);
    return strncmp(text, name, (size_t)length) ? text : text + length;
}

static void take_answer(struct outlet_view *outlet, const struct node_view *node)
{
    bool failed = node->outcome != OUTCOME_OK && node->outcome != OUTCOME_PENDING;
    outlet->power = failed ? POWER_UNKNOWN : node->power;
    outlet->has_watts = !failed && node->has_watts;
    outlet->milliwatts = node->milliwatts;
    if (failed)
        (void)snprintf(outlet->text, sizeof outlet->text, "%s%s%.225s", verdict_name(node->verdict),
                       node->text[0] ? ": " : "", without_name(node->text, outlet->outlet));
}

static char *fold_outlets(const struct outlet_view *outlets, size_t count)
{
    _cleanup_(freep) const char **names = cli_needs(calloc(count, sizeof *names));
    for (size_t i = 0; i < count; i++)
        names[i] = outlets[i].outlet;
    return fold_names(names, count);
}

/* What cannot be asked, and what the answer lacks, is unknown. */
static int ask(const struct invocation *invocation, struct client *client,
               struct outlet_view *outlets, size_t count, struct job_view *job)
{
    struct err err = {0};
    struct problem problem;
    char id[JOB_ID_SIZE];
    bool existing;
    _cleanup_(job_request_clear) struct job_request request = {.verb = VERB_STATUS};
    request.nodes = fold_outlets(outlets, count);
    if (client_submit(client, &request, id, &existing, &problem, &err))
        return command_failed(invocation, &err);
    int code = follow_job_quietly(invocation, id, job);
    for (size_t i = 0; i < count; i++)
        outlets[i].asked = true;
    for (size_t i = 0; i < job->nnodes; i++) {
        struct outlet_view *outlet = find(outlets, count, job->nodes[i].node);
        if (outlet)
            take_answer(outlet, &job->nodes[i]);
    }
    return code;
}

static int ask_all(const struct invocation *invocation, struct client *client,
                   struct outlet_view *outlets, size_t count)
{
    int worst = EXIT_OK;
    for (size_t first = 0; first < count; first += ASKED_AT_ONCE) {
        _cleanup_(job_view_clear) struct job_view job = {0};
        size_t left = count - first;
        int code = ask(invocation, client, outlets + first,
                       left < ASKED_AT_ONCE ? left : ASKED_AT_ONCE, &job);
        if (code != EXIT_OK)
            worst = code;
        if (!job.id[0]) /* interrupted, or refused: it was said */
            return code;
        if (code != EXIT_OK && invocation->options.quiet)
            summary_put(invocation->err, &job);
    }
    return worst;
}

static bool all_asked(const struct outlet_view *outlets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!outlets[i].asked)
            return false;
    return true;
}

int run_outlets(const struct invocation *invocation)
{
    struct err err = {0};
    size_t count = 0;
    _cleanup_(freep) struct outlet_view *outlets = NULL;
    const char *pdu = invocation->count ? invocation->words[0] : NULL;
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client || client_outlets(client, pdu, &outlets, &count, &err))
        return command_failed(invocation, &err);
    for (size_t i = 0; invocation->options.expand && i < count; i++)
        (void)fprintf(invocation->out, "%s\n", outlets[i].outlet);
    if (invocation->options.expand)
        return EXIT_OK;
    int code = ask_all(invocation, client, outlets, count);
    if (!all_asked(outlets, count) || invocation->options.quiet)
        return code;
    struct render render = command_render(invocation);
    renderer_of(invocation->options.format)->outlets(&render, outlets, count);
    return code;
}

/* A machine that slipped in would be switched, too. */
static int only_outlets(struct client *client, const struct job_request *request, struct err *err)
{
    _cleanup_(freep) struct node_view *nodes = NULL;
    _cleanup_(freep) char *folded = NULL, *warning = NULL;
    size_t count = 0;
    if (client_nodes(client, request->nodes, &nodes, &count, &folded, &warning, err)) {
        nodes_forget_column(request->nodes, err);
        return -1;
    }
    for (size_t i = 0; i < count; i++)
        if (!strchr(nodes[i].node, '/'))
            return err_set(err, ERR_USAGE, "%s is no outlet: write PDU/N, or 'powerctl %s %s'",
                           nodes[i].node, verb_name(request->verb), nodes[i].node);
    return 0;
}

int run_outlet(const struct invocation *invocation)
{
    struct err err = {0};
    enum verb verb = VERBS;
    _cleanup_(job_request_clear) struct job_request request = {0};
    if (verb_parse(invocation->words[0], &verb) ||
        (verb != VERB_ON && verb != VERB_OFF && verb != VERB_CYCLE)) {
        (void)err_set(&err, ERR_USAGE, "an outlet can be switched on, off or cycle, not '%s'",
                      invocation->words[0]);
        return command_failed(invocation, &err);
    }
    if (make_job_request(invocation, verb, invocation->words + 1, invocation->count - 1, &request,
                         &err))
        return command_failed(invocation, &err);
    _cleanup_(client_freep) struct client *client = client_new(invocation->socket, &err);
    if (!client || only_outlets(client, &request, &err))
        return command_failed(invocation, &err);
    return run_request(invocation, client, &request);
}
