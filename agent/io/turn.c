#include "agent/io/turn.h"

#include <stdlib.h>
#include <string.h>

#include "agent/core/plan.h"
#include "agent/io/clock.h"
#include "agent/io/log.h"
#include "agent/io/sse.h"
#include "proto/cleanup.h"
#include "proto/nodeset.h"

enum {
    BATCH = 1024,        /* actions in one commit */
    ROUNDS = 64,         /* commits in one turn; what is left waits for the next round */
    RESULTS_MAX = 65536, /* kept while the journal cannot be written */
};

struct turn {
    struct core *core;
    struct journal *journal;
    struct turn_effects effects;
    uv_timer_t soon, deadline;
    int open_handles;
    bool running;
    struct action *actions; /* BATCH of them */
    size_t nactions;
    struct driver_reply *results; /* of commands, not journaled yet */
    size_t nresults, results_room;
    struct journal_job *admitted; /* the job of this turn that is not journaled yet, or NULL */
};

static void turn_now(struct turn *turn);

static void on_soon(uv_timer_t *timer)
{
    turn_now(timer->data);
}

static void on_deadline(uv_timer_t *timer)
{
    struct turn *turn = timer->data;
    core_tick(turn->core, clock_now_ms());
    turn_now(turn);
}

struct turn *turn_new(uv_loop_t *loop, struct core *core, struct journal *journal,
                      const struct turn_effects *effects, struct err *err)
{
    struct turn *turn = calloc(1, sizeof *turn);
    struct action *actions = calloc(BATCH, sizeof *actions);
    if (!turn || !actions) {
        free(turn);
        free(actions);
        (void)err_set(err, ERR_SYSTEM, "out of memory for the turn of the loop");
        return NULL;
    }
    *turn = (struct turn){.core = core,
                          .journal = journal,
                          .effects = *effects,
                          .actions = actions,
                          .open_handles = 2};
    turn->soon.data = turn->deadline.data = turn;
    (void)uv_timer_init(loop, &turn->soon);
    (void)uv_timer_init(loop, &turn->deadline);
    turn_wanted(turn);
    return turn;
}

static void on_closed(uv_handle_t *handle)
{
    struct turn *turn = handle->data;
    if (--turn->open_handles)
        return;
    free(turn->actions);
    free(turn->results);
    free(turn);
}

void turn_close(struct turn *turn)
{
    if (!turn)
        return;
    uv_close((uv_handle_t *)&turn->soon, on_closed);
    uv_close((uv_handle_t *)&turn->deadline, on_closed);
}

/* A timer of zero rather than a direct call: replies that arrive together share a commit. */
void turn_wanted(struct turn *turn)
{
    if (!turn->running && !uv_is_active((uv_handle_t *)&turn->soon))
        (void)uv_timer_start(&turn->soon, on_soon, 0, 0);
}

static void result_keep(struct turn *turn, const struct driver_reply *reply)
{
    if (turn->nresults == turn->results_room) {
        size_t room = turn->results_room ? 2 * turn->results_room : 64;
        struct driver_reply *more =
            room > RESULTS_MAX ? NULL : reallocarray(turn->results, room, sizeof *more);
        if (!more) {
            log_error("request=%llu result=dropped reason=\"too many wait for the journal\"",
                      (unsigned long long)reply->id);
            return;
        }
        turn->results = more;
        turn->results_room = room;
    }
    turn->results[turn->nresults++] = *reply;
}

void turn_reply(struct turn *turn, const struct driver_reply *reply)
{
    if (op_changes_something(reply->op))
        result_keep(turn, reply);
    core_reply(turn->core, reply, clock_now_ms());
    turn_wanted(turn);
}

void turn_note(struct turn *turn, const struct note *note)
{
    core_note(turn->core, note, clock_now_ms());
    turn_wanted(turn);
}

static bool has_event(const struct action *action)
{
    return action->kind == ACTION_TELL || (action->kind == ACTION_SEND && action->intent);
}

/* Progress is for those who watch: the next line replaces it, so it is not worth a row.  Nor is a
 * question that finds what is known: somebody's script asks 10,000 nodes every minute. */
static bool worth_a_row(const struct action *action)
{
    return has_event(action) && action->event.kind != EVENT_PROGRESS &&
           event_is_news(&action->event);
}

static bool batch_has_records(const struct turn *turn)
{
    bool any = turn->nresults || turn->admitted;
    for (size_t i = 0; i < turn->nactions && !any; i++)
        any = worth_a_row(&turn->actions[i]);
    return any;
}

static void record_end(struct turn *turn, const struct job_event *event)
{
    struct job_view view = {0};
    struct err err;
    if (core_job(turn->core, event->job, clock_now_ms(), &view, &err))
        return; /* forgotten already; recovery ends it */
    journal_end_job(turn->journal, event->job, event->unix_ms, job_view_exit_code(&view), "done");
    job_view_clear(&view);
}

static void record_action(struct turn *turn, struct action *action)
{
    if (!worth_a_row(action))
        return;
    journal_add_event(turn->journal, &action->event);
    if (action->kind == ACTION_SEND)
        journal_add_intent(turn->journal, &action->request, action->event.job,
                           action->event.node.node, action->event.unix_ms);
    if (action->event.kind == EVENT_JOB_ENDED)
        record_end(turn, &action->event);
}

/* Nothing that anything is sent upon: only what questions found. */
static bool batch_can_wait(const struct turn *turn)
{
    bool waits = !turn->nresults && !turn->admitted;
    for (size_t i = 0; i < turn->nactions && waits; i++)
        waits = !worth_a_row(&turn->actions[i]) || event_is_answer(&turn->actions[i].event);
    return waits;
}

static int record_batch(struct turn *turn, struct err *err)
{
    if (batch_can_wait(turn))
        journal_begin_unhurried(turn->journal);
    else
        journal_begin(turn->journal);
    if (turn->admitted)
        journal_add_job(turn->journal, turn->admitted);
    for (size_t i = 0; i < turn->nresults; i++)
        journal_add_result(turn->journal, &turn->results[i], clock_unix_ms());
    for (size_t i = 0; i < turn->nactions; i++)
        record_action(turn, &turn->actions[i]);
    return journal_commit(turn->journal, err);
}

/* True if everything of this batch is on disk. */
static bool commit_batch(struct turn *turn, struct err *err)
{
    if (!batch_has_records(turn))
        return true;
    bool was_writable = journal_writable(turn->journal, NULL) == 0;
    int result = record_batch(turn, err);
    if (result == 1) {
        log_error("journal=full text=\"%s\" reserve=used", err->text);
        result = record_batch(turn, err);
    }
    if (result == 0) {
        turn->nresults = 0;
        turn->admitted = NULL;
        return true;
    }
    if (was_writable)
        log_error("journal=read-only text=\"%s\"", err->text);
    return false;
}

/* Short: it ends up in the text of a node. Why, the log has told. */
static void refuse_send(struct turn *turn, const struct action *action)
{
    struct driver_reply reply = {.id = action->request.id, .op = action->request.op};
    (void)err_set(&reply.err, ERR_SYSTEM,
                  "%s was not sent to %s: the journal cannot be written, the agent's log says why",
                  op_name(action->request.op), action->request.device);
    core_reply(turn->core, &reply, clock_now_ms());
}

static void carry_out(struct turn *turn, struct action *action, bool journaled)
{
    const struct turn_effects *effects = &turn->effects;
    bool refused = action->kind == ACTION_SEND && action->intent && !journaled;
    if (has_event(action) && !refused) {
        bool has_row = journaled && worth_a_row(action);
        if (!has_row)
            action->event.sequence = journal_last_sequence(turn->journal);
        effects->tell(effects->arg, &action->event, has_row);
    }
    switch (action->kind) {
    case ACTION_SEND:
        if (refused)
            refuse_send(turn, action);
        else
            effects->send(effects->arg, action->driver, &action->request);
        break;
    case ACTION_TELL:
        break;
    case ACTION_WATCH_PORT:
        effects->watch_port(effects->arg, action->ip, action->port);
        break;
    case ACTION_LEAVE_PORT:
        effects->leave_port(effects->arg, action->ip, action->port);
        break;
    }
}

/* False if there was nothing to do. */
static bool round_once(struct turn *turn, struct err *err)
{
    int64_t unix_ms = clock_unix_ms();
    turn->nactions = 0;
    while (turn->nactions < BATCH && core_take(turn->core, &turn->actions[turn->nactions]))
        turn->actions[turn->nactions++].event.unix_ms = unix_ms;
    if (!turn->nactions && !turn->nresults && !turn->admitted)
        return false;
    bool journaled = commit_batch(turn, err);
    for (size_t i = 0; i < turn->nactions; i++)
        carry_out(turn, &turn->actions[i], journaled);
    return turn->nactions > 0;
}

static void arm_deadline(struct turn *turn)
{
    uint64_t deadline = core_deadline(turn->core), now_ms = clock_now_ms();
    if (deadline == UINT64_MAX) {
        (void)uv_timer_stop(&turn->deadline);
        return;
    }
    uv_update_time(turn->deadline.loop); /* libuv counts from its cached time */
    (void)uv_timer_start(&turn->deadline, on_deadline, deadline > now_ms ? deadline - now_ms : 0,
                         0);
}

static void turn_now(struct turn *turn)
{
    struct err err = {0};
    int rounds = 0;
    turn->running = true;
    while (rounds < ROUNDS && round_once(turn, &err))
        rounds++;
    turn->running = false;
    if (rounds == ROUNDS)
        turn_wanted(turn);
    arm_deadline(turn);
}

static int fold_view(const struct job_view *view, char **folded, char hash[17], struct err *err)
{
    _cleanup_(freep) const char **names = calloc(view->nnodes + 1, sizeof *names);
    if (!names)
        return err_set(err, ERR_SYSTEM, "out of memory for a job");
    for (size_t i = 0; i < view->nnodes; i++)
        names[i] = view->nodes[i].node;
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    if (nodeset_from_names(names, view->nnodes, &set, err))
        return -1;
    nodeset_hash(set, hash);
    *folded = nodeset_fold(set);
    return *folded ? 0 : err_set(err, ERR_SYSTEM, "out of memory for a job");
}

/* The row of a job is written in the turn that admits it, before its first command. */
static int journal_admitted(struct turn *turn, const struct job_request *request, const char *id,
                            struct err *err)
{
    _cleanup_(job_view_clear) struct job_view view = {0};
    _cleanup_(freep) char *folded = NULL, *json = job_request_encode(request);
    struct journal_job job = {.verb = request->verb,
                              .key = request->key,
                              .actor = request->actor,
                              .request = json,
                              .started_unix_ms = clock_unix_ms()};
    (void)snprintf(job.id, sizeof job.id, "%s", id);
    if (!json)
        return err_set(err, ERR_SYSTEM, "out of memory for a job");
    if (core_job(turn->core, id, clock_now_ms(), &view, err) ||
        fold_view(&view, &folded, job.nodes_hash, err))
        return -1;
    job.nodes = folded;
    turn->admitted = &job;
    turn_now(turn);
    bool written = !turn->admitted;
    turn->admitted = NULL;
    return written ? 0 : journal_writable(turn->journal, err);
}

int turn_submit(struct turn *turn, const struct job_request *request, char id[JOB_ID_SIZE],
                bool *existing, struct problem *problem, struct err *err)
{
    bool changes = verb_changes_something(request->verb);
    if (changes && journal_writable(turn->journal, err))
        return err_prefix(err, "no command is sent that is not journaled first");
    if (core_submit(turn->core, request, clock_now_ms(), id, existing, problem, err))
        return -1;
    if (*existing)
        return 0;
    if (!changes) {
        turn_now(turn);
        return 0;
    }
    struct err lost = {0};
    if (journal_admitted(turn, request, id, &lost) == 0)
        return 0;
    (void)core_cancel(turn->core, id, clock_now_ms(), NULL);
    core_forget_key(turn->core, request->key, id); /* asked again, it is to be done */
    turn_wanted(turn);
    *err = lost;
    return err_prefix(err, "nothing was sent");
}

int turn_cancel(struct turn *turn, const char *id, struct err *err)
{
    if (core_cancel(turn->core, id, clock_now_ms(), err))
        return -1;
    turn_now(turn);
    return 0;
}

static bool has_outcome(const struct job_view *view, const char *node)
{
    for (size_t i = 0; i < view->nnodes; i++)
        if (!strcmp(view->nodes[i].node, node) && view->nodes[i].outcome != OUTCOME_PENDING)
            return true;
    return false;
}

/* How nodes ended while nothing could be written: a node LEFT OFF must be known to the next agent. */
static void record_outcomes(struct turn *turn, const struct job_view *view)
{
    _cleanup_(job_view_clear) struct job_view known = {0};
    struct err err;
    if (journal_job(turn->journal, view->id, &known, &err))
        return;
    for (size_t i = 0; i < view->nnodes; i++) {
        struct job_event event = {.unix_ms = clock_unix_ms(),
                                  .kind = EVENT_OUTCOME,
                                  .verb = view->verb,
                                  .node = view->nodes[i]};
        if (event.node.outcome == OUTCOME_PENDING || has_outcome(&known, event.node.node))
            continue;
        memcpy(event.job, view->id, sizeof event.job);
        journal_add_event(turn->journal, &event);
    }
}

void turn_recovered(struct turn *turn)
{
    struct journal_unfinished *jobs = NULL;
    size_t count = 0;
    struct err err = {0};
    if (journal_unfinished(turn->journal, &jobs, &count, &err))
        return;
    journal_begin(turn->journal);
    for (size_t i = 0; i < count; i++) {
        _cleanup_(job_view_clear) struct job_view view = {0};
        if (core_job(turn->core, jobs[i].id, clock_now_ms(), &view, NULL))
            continue;
        record_outcomes(turn, &view);
        if (view.done)
            journal_end_job(turn->journal, jobs[i].id, clock_unix_ms(), job_view_exit_code(&view),
                            "done");
    }
    journal_unfinished_free(jobs, count);
    if (journal_commit(turn->journal, &err))
        log_error("journal=read-only text=\"%s\"", err.text);
    turn_wanted(turn);
}
