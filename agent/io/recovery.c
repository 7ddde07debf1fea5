#include "agent/io/recovery.h"

#include <stdlib.h>
#include <string.h>

#include "agent/io/log.h"
#include "proto/cleanup.h"
#include "proto/nodeset.h"

/* The wall clock may have been set back meanwhile. */
static uint64_t age(int64_t unix_ms, int64_t then_ms)
{
    return unix_ms > then_ms ? (uint64_t)(unix_ms - then_ms) : 0;
}

static bool is_known(const struct recovery *recovery, const char *id)
{
    _cleanup_(job_view_clear) struct job_view view = {0};
    return !core_job(recovery->core, id, recovery->now_ms, &view, NULL);
}

/* One that this run began or took over, and has forgotten since: it ended while the journal could not
 * be written. Its rows are of long ago, and its nodes may have been switched by others. */
static bool is_forgotten(const struct recovery *recovery, const char *id)
{
    if (recovery->again)
        return true;
    size_t length = strlen(recovery->run);
    return id[0] == 'J' && !strncmp(id + 1, recovery->run, length) && id[1 + length] == '-';
}

static int end_forgotten(const struct recovery *recovery, const char *id, struct err *err)
{
    log_warning("job=%s text=\"it ended while the journal could not be written; how is lost\"", id);
    journal_begin(recovery->journal);
    journal_end_job(recovery->journal, id, recovery->unix_ms, EXIT_SOME_FAILED, "unrecorded");
    return journal_commit(recovery->journal, err) ? -1 : 0;
}

/* What the row has beside the request's JSON is not in it. */
static void read_request(const struct journal_unfinished *job, struct job_request *request)
{
    struct err err;
    if (job_request_decode(job->request, request, &err)) /* of another version: its options */
        log_warning("job=%s text=\"its options are not understood: %s\"", job->id, err.text);
    request->verb = job->verb;
    request->unix_ms = job->started_unix_ms;
    (void)snprintf(request->key, sizeof request->key, "%s", job->key);
    (void)snprintf(request->actor, sizeof request->actor, "%s", job->actor);
}

static int take_over(const struct recovery *recovery, const struct journal_unfinished *job,
                     struct err *err)
{
    _cleanup_(job_request_clear) struct job_request request = {0};
    _cleanup_(nodeset_freep) struct nodeset *nodes = NULL;
    _cleanup_(freep) struct trail *trails = NULL;
    if (nodeset_parse(job->nodes, NULL, &nodes, NULL, err) ||
        journal_trails(recovery->journal, job->id, nodes, &trails, err))
        return -1;
    read_request(job, &request);
    size_t left = 0;
    for (size_t i = 0; i < nodeset_count(nodes); i++)
        left += !trails[i].ended;
    log_warning("job=%s verb=%s nodes=\"%.500s\" actor=\"%s\" taken_over=%zu ended_before=%zu",
                job->id, verb_name(job->verb), job->nodes, job->actor, left,
                nodeset_count(nodes) - left);
    struct resume resume = {.id = job->id,
                            .request = &request,
                            .age_ms = age(recovery->unix_ms, job->started_unix_ms),
                            .ntrails = nodeset_count(nodes),
                            .trails = trails};
    return core_resume(recovery->core, &resume, recovery->now_ms, err);
}

int recovery_run(const struct recovery *recovery, struct err *err)
{
    struct journal_unfinished *jobs = NULL;
    size_t count = 0;
    int result = 0;
    if (journal_unfinished(recovery->journal, &jobs, &count, err))
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct err here;
        if (is_known(recovery, jobs[i].id))
            continue;
        int failed = is_forgotten(recovery, jobs[i].id) ? end_forgotten(recovery, jobs[i].id, &here)
                                                        : take_over(recovery, &jobs[i], &here);
        if (!failed)
            continue;
        log_error("job=%s taken_over=no text=\"%s\"", jobs[i].id, here.text);
        *err = here;
        result = -1;
    }
    journal_unfinished_free(jobs, count);
    return result;
}

int recovery_outcomes(struct core *core, struct journal *journal, const struct inventory *inventory,
                      int64_t unix_ms, struct err *err)
{
    for (size_t i = 0; i < inventory->nnodes; i++) {
        struct job_event event;
        int found = journal_last_outcome(journal, inventory->nodes[i].name, &event, err);
        if (found < 0)
            return -1;
        if (found)
            core_remember_last(core, &event.node, age(unix_ms, event.unix_ms));
    }
    return 0;
}
