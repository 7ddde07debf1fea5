#include "agent/core/trail.h"

#include <stdio.h>
#include <string.h>

void trail_begin(struct trail *trail, const char *node)
{
    *trail = (struct trail){.attempt = 1};
    (void)snprintf(trail->node, sizeof trail->node, "%s", node);
}

/* ---- what was read or seen ---- */

static void read_power(struct trail *trail, enum power power)
{
    struct trail_facts *done = &trail->done;
    /* Told is a reading that differs from the one before: one reading, and it may be wrong. Off, then
     * on with no power-on in between: the off may still be to come. On after it is no comfort either:
     * BMCs answer ok first and act later. */
    if (done->off_sent && power == POWER_OFF)
        done->off_seen = true;
    else if (done->off_sent && power == POWER_ON && !done->on_sent)
        done->off_seen = false;
    if (power == POWER_ON && (!done->off_sent || (!done->off_seen && !done->on_sent)))
        trail->was_on = true;
}

/* Its firmware speaks: it is on. */
static void reach_stage(struct trail *trail, enum stage stage)
{
    struct trail_facts *done = &trail->done;
    done->stage = stage;
    if (stage >= STAGE_POST && done->off_seen && done->on_sent)
        done->off_sent = false;
}

/* Only task_fail() tells a note with a verdict: its end, before what is done about it. */
static void read_failure(struct trail *trail, const struct node_view *node)
{
    trail->failed = node->verdict;
    memcpy(trail->why, node->text, sizeof trail->why);
}

/* The node is on, and what was done to it before says nothing about what is done now. */
static void next_attempt(struct trail *trail, const struct node_view *node)
{
    trail->done =
        (struct trail_facts){.commanded = trail->done.commanded, .flag_set = trail->done.flag_set};
    read_power(trail, node->power);
}

void trail_event(struct trail *trail, const struct job_event *event)
{
    const struct node_view *node = &event->node;
    if (node->attempt)
        trail->attempt = node->attempt;
    switch (event->kind) {
    case EVENT_POWER:
        read_power(trail, node->power);
        break;
    case EVENT_COMMAND: /* its view tells what was read just before, where nothing had changed */
        if (node->power == POWER_ON && !trail->done.off_sent)
            trail->was_on = true;
        break;
    case EVENT_STAGE:
        reach_stage(trail, node->stage);
        break;
    case EVENT_ATTEMPT:
        next_attempt(trail, node);
        break;
    case EVENT_NOTE:
        if (node->verdict != VERDICT_NONE)
            read_failure(trail, node);
        break;
    case EVENT_OUTCOME:
        trail->ended = true;
        trail->end = *node;
        break;
    case EVENT_JOB_STARTED:
    case EVENT_JOB_ENDED:
    case EVENT_PROGRESS:
    case EVENT_LOCK:
    case EVENT_KINDS:
        break;
    }
}

/* ---- what was sent ---- */

static void switched_off(struct trail_facts *done, enum op op)
{
    bool soft_pending = done->off_soft && done->off_sent && !done->off_seen;
    done->off_sent = true;
    done->off_seen = done->on_sent = false;
    done->off_soft = op == OP_SOFT || soft_pending;
    done->stage = STAGE_NONE;
}

const struct trail_target *trail_last(const struct trail *trail)
{
    return trail->ntouched ? &trail->touched[trail->last_touched] : NULL;
}

static void touch(struct trail *trail, const struct driver_request *request)
{
    size_t at = 0;
    while (at < trail->ntouched && (trail->touched[at].outlet != request->outlet ||
                                    strcmp(trail->touched[at].device, request->device) != 0))
        at++;
    if (at == TRAIL_TARGETS_MAX) { /* no node has as many */
        trail->garbled = true;
        return;
    }
    if (at == trail->ntouched)
        trail->ntouched++;
    trail->touched[at].outlet = request->outlet;
    trail->touched[at].settings = request->settings;
    memcpy(trail->touched[at].device, request->device, NAME_SIZE);
    trail->last_touched = at;
}

void trail_intent(struct trail *trail, const struct driver_request *request)
{
    struct trail_facts *done = &trail->done;
    if (!op_changes_something(request->op))
        return;
    if (request->op == OP_BOOT_SET) {
        memcpy(trail->boot_device, request->device, NAME_SIZE);
        trail->boot_settings = request->settings;
    } else {
        touch(trail, request);
    }
    trail->before = *done;
    trail->last_op = request->op;
    trail->last_sent = TRAIL_MAYBE;
    trail->last_request = request->id;
    done->commanded = true;
    switch (request->op) {
    case OP_ON:
        done->on_sent = true;
        done->stage = STAGE_NONE;
        break;
    case OP_OFF:
    case OP_SOFT:
        switched_off(done, request->op);
        break;
    case OP_RESET: /* there are boards that it leaves dark */
    case OP_CYCLE:
        switched_off(done, request->op);
        done->restarted = done->on_sent = true;
        break;
    case OP_BOOT_SET: /* or cleared: to look once more does no harm */
        done->flag_set = true;
        break;
    case OP_STATUS:
    case OP_DIAG:
    case OP_IDENTIFY:
    case OP_BOOT_GET:
    case OP_EVIDENCE:
    case OP_INFO:
    case OPS:
        break;
    }
}

void trail_result(struct trail *trail, uint64_t request, bool ok, enum sent sent)
{
    if (request != trail->last_request || trail->last_sent != TRAIL_MAYBE)
        return;
    if (ok || sent == SENT_YES) {
        trail->last_sent = TRAIL_DONE;
    } else if (sent == SENT_NO) {
        trail->last_sent = TRAIL_NOT;
        trail->done = trail->before;
    }
}
