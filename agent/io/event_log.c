#include "agent/io/event_log.h"

#include <stdlib.h>
#include <string.h>

#include "agent/core/plan.h"
#include "agent/io/log.h"
/* Out of memory: the line then lacks what came before; no reason to stop. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct last {
    char node[NAME_SIZE];
    enum stage stage;
    uint64_t at_ms;
    UT_hash_handle hh;
};

struct event_log {
    struct last *by_node;
};

struct event_log *event_log_new(void)
{
    return calloc(1, sizeof(struct event_log));
}

struct event_log *event_log_free(struct event_log *log)
{
    if (!log)
        return NULL;
    struct last *last, *next;
    HASH_ITER(hh, log->by_node, last, next)
    {
        HASH_DEL(log->by_node, last);
        free(last);
    }
    free(log);
    return NULL;
}

static struct last *last_of(struct event_log *log, const char *node)
{
    struct last *last;
    HASH_FIND_STR(log->by_node, node, last);
    if (last)
        return last;
    last = calloc(1, sizeof *last);
    if (!last)
        return NULL;
    memcpy(last->node, node, strnlen(node, sizeof last->node - 1));
    HASH_ADD_STR(log->by_node, node, last);
    return last;
}

static void write_stage(struct event_log *log, const struct job_event *event, uint64_t now_ms)
{
    const struct node_view *node = &event->node;
    struct last *last = last_of(log, node->node);
    enum stage was = last ? last->stage : STAGE_NONE;
    double after = last && last->at_ms ? (double)(now_ms - last->at_ms) / 1000 : 0;
    log_info("job=%s node=%s boot=%s->%s after=%.1fs text=\"%s\"", event->job, node->node,
             stage_name(was), stage_name(node->stage), after, node->text);
    if (last) {
        last->stage = node->stage;
        last->at_ms = now_ms;
    }
}

static void write_outcome(struct event_log *log, const struct job_event *event)
{
    const struct node_view *node = &event->node;
    struct last *last;
    HASH_FIND_STR(log->by_node, node->node, last);
    if (last) {
        HASH_DEL(log->by_node, last);
        free(last);
    }
    if (node->outcome == OUTCOME_LEFT_OFF)
        log_error("job=%s node=%s verb=%s outcome=LEFT-OFF verdict=%s text=\"%s\"", event->job,
                  node->node, verb_name(event->verb), verdict_name(node->verdict), node->text);
    else if (!verb_changes_something(event->verb) && node->outcome == OUTCOME_OK)
        log_debug("job=%s node=%s verb=%s power=%s", event->job, node->node, verb_name(event->verb),
                  power_name(node->power)); /* 10,000 lines each time somebody asks */
    else
        log_info("job=%s node=%s verb=%s outcome=%s verdict=%s text=\"%s\"", event->job, node->node,
                 verb_name(event->verb), outcome_name(node->outcome), verdict_name(node->verdict),
                 node->text);
}

void event_log_write(struct event_log *log, const struct job_event *event, uint64_t now_ms)
{
    const struct node_view *node = &event->node;
    switch (event->kind) {
    case EVENT_JOB_STARTED:
    case EVENT_JOB_ENDED:
        log_info("job=%s verb=%s event=%s outcome=%s text=\"%s\"", event->job,
                 verb_name(event->verb), event_kind_name(event->kind), outcome_name(node->outcome),
                 node->text);
        break;
    case EVENT_STAGE:
        write_stage(log, event, now_ms);
        break;
    case EVENT_OUTCOME:
        write_outcome(log, event);
        break;
    case EVENT_COMMAND:
    case EVENT_ATTEMPT:
    case EVENT_NOTE:
        log_info("job=%s node=%s event=%s attempt=%u text=\"%s\"", event->job, node->node,
                 event_kind_name(event->kind), node->attempt, node->text);
        break;
    case EVENT_POWER:
        log_info("job=%s node=%s power=%s", event->job, node->node, power_name(node->power));
        break;
    case EVENT_PROGRESS:
        log_debug("job=%s node=%s file=%s percent=%d", event->job, node->node, node->file,
                  node->percent);
        break;
    case EVENT_LOCK:
        log_info("node=%s event=lock text=\"%s\"", node->node, node->text);
        break;
    case EVENT_KINDS:
        break;
    }
}
