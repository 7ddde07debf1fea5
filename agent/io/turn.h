/* turn.h - one turn of the agent: what arrived goes into the core, what the core decided goes
 * to disk, then out.
 *
 *     replies, notes, requests ─> core ─> 1. journal: intents, events, results; one commit
 *                                         2. only then: drivers, API clients, probe, log
 *                                         3. one timer, armed at core_deadline()
 *
 * Everything that arrives in one round of the loop shares a turn, and so one commit.  If the
 * commit fails nothing that changes a device is sent: each such request is answered to the core
 * as ERR_SYSTEM, sent no, and the journal stays read-only until journal_recover() succeeds;
 * questions to devices and events to clients go on.
 *
 * Jobs that only ask are not in the journal, but for the power they find to be another.
 *
 * Core, journal and loop are borrowed and must outlive the turn. */
#ifndef POWERCTL_TURN_H
#define POWERCTL_TURN_H

#include <uv.h>

#include "agent/core/core.h"
#include "agent/io/journal.h"

/* What a turn does to the world. Never called re-entrantly; none of them may call turn_now(). */
struct turn_effects {
    void (*send)(void *arg, const char *driver, const struct driver_request *request);
    /* `journaled`: event->sequence may be used to resume after it. */
    void (*tell)(void *arg, const struct job_event *event, bool journaled);
    void (*watch_port)(void *arg, struct ipv4 ip, uint16_t port);
    void (*leave_port)(void *arg, struct ipv4 ip, uint16_t port);
    void *arg;
};

struct turn;
struct turn *turn_new(uv_loop_t *loop, struct core *core, struct journal *journal,
                      const struct turn_effects *effects, struct err *err);
void turn_close(struct turn *turn); /* frees it when the loop has closed its timers */

/* The three ways in. The turn itself runs in the loop's next round. */
void turn_reply(struct turn *turn, const struct driver_reply *reply);
void turn_note(struct turn *turn, const struct note *note);
void turn_wanted(struct turn *turn); /* the core was changed by other means */

/* Admits a job and runs the turn at once: when 0 is returned the job is on disk. As
 * core_submit(), and ERR_SYSTEM if the journal cannot be written and the verb changes
 * anything. */
int turn_submit(struct turn *turn, const struct job_request *request, char id[JOB_ID_SIZE],
                bool *existing, struct problem *problem, struct err *err);
int turn_cancel(struct turn *turn, const char *id, struct err *err);

/* After journal_recover(): what ended meanwhile, jobs and nodes, is recorded as ended. */
void turn_recovered(struct turn *turn);

#endif
