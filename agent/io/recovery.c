#include "agent/io/recovery.h"

#include <stdlib.h>
#include <string.h>

#include "agent/io/log.h"
#include "proto/cleanup.h"
#include "proto/nodeset.h"

/* Verbs that switch off only to switch on again. */
static bool ends_on(enum verb verb)
{
    return verb == VERB_CYCLE || verb == VERB_REBOOT || verb == VERB_NETBOOT;
}

static bool has_outcome(const struct job_view *view, const char *node)
{
    for (size_t i = 0; i < view->nnodes; i++)
        if (!strcmp(view->nodes[i].node, node))
            return true;
    return false;
}

static void describe(const struct journal_intent *last, bool any, const struct journal_left *left,
                     char text[JOB_TEXT_SIZE])
{
    if (!any) {
        (void)snprintf(text, JOB_TEXT_SIZE, "the agent died before anything was sent");
        return;
    }
    const char *result = !last->has_result ? "its result was not seen"
                         : last->ok        ? "which the device accepted"
                                           : "which failed";
    (void)snprintf(text, JOB_TEXT_SIZE, "the agent died after %s to %s, %s; read the power state%s",
                   op_name(last->op), last->device, result,
                   left->flag ? "; its boot flag may still be set" : "");
}

static int interrupt_node(struct journal *journal, const struct journal_unfinished *job,
                          const char *name, int64_t unix_ms, struct err *err)
{
    struct journal_intent last = {0};
    int any = journal_last_intent(journal, job->id, name, &last, err);
    if (any < 0)
        return -1;
    struct journal_left left = {0};
    if (any && journal_left(journal, job->id, name, &left, err))
        return -1;
    bool off = left.off && ends_on(job->verb);
    struct job_event event = {.unix_ms = unix_ms, .kind = EVENT_OUTCOME, .verb = job->verb};
    struct node_view *node = &event.node;
    *node = (struct node_view){.outcome = off ? OUTCOME_LEFT_OFF : OUTCOME_FAILED,
                               .verdict = off ? VERDICT_LEFT_OFF : VERDICT_INTERRUPTED,
                               .percent = -1,
                               .power_age_ms = UINT64_MAX};
    memcpy(event.job, job->id, sizeof event.job);
    memcpy(node->job, job->id, sizeof node->job);
    (void)snprintf(node->node, sizeof node->node, "%s", name);
    describe(&last, any, &left, node->text);
    journal_add_event(journal, &event);
    log_error("job=%s node=%s verb=%s interrupted=%s last=%s device=%s result=%s text=\"%s\"",
              job->id, name, verb_name(job->verb), off ? "may-be-left-off" : "yes",
              any ? op_name(last.op) : "none", last.device,
              !any              ? "none"
              : last.has_result ? (last.ok ? "ok" : "failed")
                                : "not-seen",
              node->text);
    return off;
}

static int interrupt_job(struct journal *journal, const struct journal_unfinished *job,
                         int64_t unix_ms, struct err *err)
{
    _cleanup_(job_view_clear) struct job_view view = {0};
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    if (journal_job(journal, job->id, &view, err) ||
        nodeset_parse(job->nodes, NULL, &set, NULL, err))
        return -1;
    bool left_off = false;
    for (size_t i = 0; i < nodeset_count(set); i++) {
        if (has_outcome(&view, nodeset_name(set, i)))
            continue;
        int off = interrupt_node(journal, job, nodeset_name(set, i), unix_ms, err);
        if (off < 0)
            return -1;
        left_off = left_off || off;
    }
    struct job_event event = {.unix_ms = unix_ms, .kind = EVENT_JOB_ENDED, .verb = job->verb};
    event.node = (struct node_view){.outcome = OUTCOME_FAILED,
                                    .verdict = VERDICT_INTERRUPTED,
                                    .percent = -1,
                                    .power_age_ms = UINT64_MAX};
    (void)snprintf(event.node.text, sizeof event.node.text, "the agent died in the middle of it");
    memcpy(event.job, job->id, sizeof event.job);
    journal_add_event(journal, &event);
    journal_end_job(journal, job->id, unix_ms, left_off ? EXIT_LEFT_OFF : EXIT_SOME_FAILED,
                    "interrupted");
    log_error("job=%s verb=%s nodes=\"%.500s\" interrupted=yes", job->id, verb_name(job->verb),
              job->nodes);
    return 0;
}

int recovery_run(struct journal *journal, int64_t unix_ms, const struct recovery *recovery,
                 size_t *jobs, struct err *err)
{
    struct journal_unfinished *found = NULL;
    size_t count = 0, ended = 0;
    if (journal_unfinished(journal, &found, &count, err))
        return -1;
    int result = 0;
    journal_begin(journal);
    for (size_t i = 0; i < count && !result; i++) {
        if (recovery && recovery->alive(recovery->arg, found[i].id))
            continue;
        result = interrupt_job(journal, &found[i], unix_ms, err);
        ended++;
    }
    struct err lost;
    if (journal_commit(journal, &lost)) {
        *err = lost;
        result = -1;
    }
    for (size_t i = 0; i < count; i++)
        free(found[i].nodes);
    free(found);
    *jobs = ended;
    return result;
}
