/* core.h - every decision of the agent.  (state, event, now_ms) -> new state and actions.
 *
 * Pure: no clock, socket, file, thread or log.  The shell (agent/io) feeds events in with the
 * monotonic time, then takes all actions out and carries them out in order: first it journals
 * and syncs what is to be journaled, then it sends.
 *
 *   request ─┐
 *   reply   ─┼─> core ─> send a request to a driver   (journaled first if it changes something)
 *   note    ─┤           tell what changed            (journal, API clients, log)
 *   tick    ─┘           watch or leave a port        (probe)
 *
 * Files: plan (what each verb does, as tables), job (one request over many nodes), refuse (which are
 * not admitted), task (one node walking its plan), step (what its steps mean), ask (requests to its
 * BMC, or to all of its feeds at once), feeds (what those say together), boot (stage machine), whose
 * (which task a note is about), watch (a task that boots), admission (who may be switched on, when),
 * pacer and pace (inrush limits), trail and resume (what a dead agent left), lock. */
#ifndef POWERCTL_CORE_H
#define POWERCTL_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core/inventory.h"
#include "agent/core/trail.h"
#include "proto/api.h"
#include "proto/driver_msg.h"
#include "proto/note.h"

struct core;

enum action_kind {
    ACTION_SEND,       /* request: to its device's driver. `intent`: journal and sync first */
    ACTION_TELL,       /* event: journal, then clients */
    ACTION_WATCH_PORT, /* node, ip, port: probe it about every second, make notes */
    ACTION_LEAVE_PORT, /* node, ip, port: stop that */
};

struct action {
    enum action_kind kind;
    bool intent;
    char driver[NAME_SIZE]; /* ACTION_SEND: which driver program */
    struct driver_request request;
    struct job_event event; /* TELL, and the EVENT_COMMAND behind an intent */
    struct ipv4 ip;
    uint16_t port;
};

/* `boot_id` makes job ids unique over restarts ("1a2b3c4"). The inventory is borrowed and must
 * outlive the core or be replaced by core_reload(). NULL if memory ran out. */
struct core *core_new(const struct inventory *inventory, const char *boot_id, uint64_t now_ms);
struct core *core_free(struct core *core);

/* ERR_BUSY if a running job commands a device that this inventory lacks or has other settings
 * for: the name a target was frozen with would lead to another machine. 0 or -1. */
int core_may_reload(const struct core *core, const struct inventory *inventory, struct err *err);

/* Another inventory, after core_may_reload(). Running jobs go on with the targets that were frozen
 * when they were admitted, but at today's inrush limits. The old one may be freed afterwards. */
void core_reload(struct core *core, const struct inventory *inventory, uint64_t now_ms);

/* Admits a job, or says why not (ERR_USAGE, ERR_DENIED, ERR_CONFIRM, ERR_BUSY). Nothing has
 * been sent when it fails. A key that was used for the same verb, set and options: 0, *existing
 * true, the old job's id. On ERR_CONFIRM and ERR_BUSY *problem says which nodes, whose job or
 * whose lock. */
int core_submit(struct core *core, const struct job_request *request, uint64_t now_ms,
                char id[JOB_ID_SIZE], bool *existing, struct problem *problem, struct err *err);

/* Takes over a job that an earlier agent did not live to end, under its old id: call it at the
 * start, before anything else is submitted, when no driver of that agent lives any more.  Nothing
 * is sent again that may have been done: each node without an outcome is read first (after
 * deadlines.settle, for what was still on the wire), then finished or reported (plan_to_finish()
 * says how, as a table):
 *   nothing was sent to it         cancelled, INTERRUPTED; nothing is done to it now either
 *   off, and it still reads on     not sent again: INTERRUPTED once its patience is over
 *   off on the way to on           switched on and seen on: that is finishing, not repeating
 *   a reset or native cycle        never sent again; brought on if it is dark
 *   a next boot set for it         used up by the boot it was for, or cleared
 *   its feeds cut                  by the feeds: on again, its BMC waited for, and on by that
 *   on and booting                 watched on; what was missed meanwhile is not held against it,
 *                                  and not for it either: UP without a transfer seen is unverified
 * There are no further attempts. Nodes that are not in the inventory any more, or whose device is
 * another, and outlets that feed a node by now, are reported and not touched; what is protected by
 * now is not switched off. ERR_SYSTEM: out of memory. */
struct resume {
    const char *id;
    const struct job_request *request; /* `nodes` is not used */
    uint64_t age_ms;                   /* how long ago it was started, by the wall clock */
    size_t ntrails;
    const struct trail *trails; /* one for each node of the job */
};
int core_resume(struct core *core, const struct resume *resume, uint64_t now_ms, struct err *err);

/* The outcome a node's last job had, as the journal has it: shown by core_nodes() until another
 * job ends. A node LEFT OFF is not forgotten because the agent was restarted. */
void core_remember_last(struct core *core, const struct node_view *last, uint64_t age_ms);

/* A key from the journal of an earlier run, so that it is not executed again: of `request`, key,
 * verb and options count. -1: out of memory. */
int core_remember_key(struct core *core, const char *id, const struct job_request *request,
                      const char *nodes_hash);

/* The job that was admitted under this key is not to be: it could not be journaled. */
void core_forget_key(struct core *core, const char *key, const char *id);

/* Stops a job: nothing new is started; a node between off and on is brought on first. */
int core_cancel(struct core *core, const char *id, uint64_t now_ms, struct err *err);

void core_reply(struct core *core, const struct driver_reply *reply, uint64_t now_ms);
void core_note(struct core *core, const struct note *note, uint64_t now_ms);
/* A source of notes died, or is back: what boots now may have done things that nobody saw. */
void core_missed_notes(struct core *core);
void core_tick(struct core *core, uint64_t now_ms);
uint64_t core_deadline(const struct core *core); /* when core_tick() is due; UINT64_MAX: never */

/* The next action, in order; false: none left. */
bool core_take(struct core *core, struct action *action);

/* Views for the API; filled in by value, to be cleared by the caller. */
int core_job(const struct core *core, const char *id, uint64_t now_ms, struct job_view *view,
             struct err *err);
/* Without their nodes, but with counts: many jobs of many nodes would be gigabytes. *views is
 * NULL if memory ran out. */
size_t core_jobs(const struct core *core, uint64_t now_ms, struct job_view **views);
int core_nodes(const struct core *core, const char *expression, uint64_t now_ms,
               struct node_view **views, size_t *count, char **folded, char warning[256],
               struct err *err);

/* The outlets of a PDU, or of all (`pdu` NULL), as configured, in natural order. ERR_NOT_FOUND, with
 * what was perhaps meant: there is none of this name. */
int core_outlets(const struct core *core, const char *pdu, struct outlet_view **views,
                 size_t *count, struct err *err);

/* What a job would do, one line each; sends nothing. malloc'd text. */
int core_plan(const struct core *core, const struct job_request *request, char **text,
              struct err *err);

/* For /metrics: counts by what they count. */
struct core_counts {
    uint64_t jobs_running, jobs_total, nodes, nodes_on, nodes_off, nodes_unknown, booting;
    uint64_t outcomes[OUTCOMES], verdicts[VERDICTS], requests[OPS], failures[ERR_KINDS];
    uint64_t notes[NOTE_SOURCES], notes_unmatched;
};
void core_count(const struct core *core, struct core_counts *counts);

#endif
