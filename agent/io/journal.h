/* journal.h - what was asked, what was about to be sent, what came back: on disk before it
 * happens.  SQLite, WAL, synchronous=FULL, one writer, STATE_DIR/journal.db.
 *
 * Everything one turn of the loop has to say is one transaction: journal_begin(), any number of
 * journal_add_*(), journal_commit().  An error in between is kept and told by the commit, which
 * then rolls back: nothing of that turn is on disk, and nothing of it may be sent.
 *
 * A journal that cannot be written (damaged, disk full, no such directory) is an object all the
 * same: journal_writable() tells why not, adding fails, reading gives what can be read.  The
 * agent then admits no job that changes anything, and status goes on.  journal_recover() tries
 * again; before that nothing is written after any error but a full disk: what a failed fsync left
 * behind nobody knows.  1 MiB is kept in reserve (journal.reserve) so that running jobs can bring
 * their nodes back on when the disk fills up: using it up ends the admission of new ones. */
#ifndef POWERCTL_JOURNAL_H
#define POWERCTL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core/trail.h"
#include "proto/api.h"
#include "proto/driver_msg.h"
#include "proto/lock.h"
#include "proto/nodeset.h"

enum {
    JOURNAL_RESERVE = 1 << 20,
    JOURNAL_KEEP_DAYS = 90,
    JOURNAL_KEEP_EVENTS = 1000000, /* 0.3 GB; a start reads through it in 0.4 s */
    JOURNAL_NODES_BY_INDEX = 256,
    JOURNAL_SEARCHED_MAX = 500000,
    JOURNAL_SLICE = 5000, /* rows deleted at once: a turn is never held up for long */
};

struct journal;

/* `run` names this life of the agent: request ids are unique in one run only. NULL only if memory
 * ran out. */
struct journal *journal_open(const char *state_dir, const char *run, struct err *err);
struct journal *journal_close(struct journal *journal); /* returns NULL */
void journal_freep(struct journal **journal);

/* 0, or -1 with why not and what to do. */
int journal_writable(const struct journal *journal, struct err *err);

/* Is the file still there? If not, nothing is written before journal_recover(). */
void journal_look(struct journal *journal);

/* Opens it anew and tries to write. -1: in vain; 0: it goes on; 1: there is one again, but what
 * was in it is gone. Cheap enough for every few seconds. */
int journal_recover(struct journal *journal, struct err *err);

struct journal_job {
    char id[JOB_ID_SIZE];
    enum verb verb;
    const char *nodes; /* folded */
    char nodes_hash[17];
    const char *key; /* "": none */
    const char *actor;
    const char *request; /* JSON, as api.h encodes it */
    int64_t started_unix_ms;
};

void journal_begin(struct journal *journal);
/* The same for what nothing is sent upon (power that a question found): its commit does not wait
 * for the disk. The next one that does takes it along; a power cut before that loses it, the end of
 * the agent does not. */
void journal_begin_unhurried(struct journal *journal);
void journal_add_job(struct journal *journal, const struct journal_job *job);
void journal_end_job(struct journal *journal, const char *id, int64_t unix_ms, int exit,
                     const char *how); /* "done", "interrupted" */
void journal_add_event(struct journal *journal, struct job_event *event); /* sets its sequence */
/* Right after its EVENT_COMMAND, whose sequence it shares. */
void journal_add_intent(struct journal *journal, const struct driver_request *request,
                        const char *job, const char *node, int64_t unix_ms);
void journal_add_result(struct journal *journal, const struct driver_reply *reply, int64_t unix_ms);
/* 0: on disk. -1: nothing of it is. 1: neither, but the disk was full and the reserve is freed
 * now: begin and add it all again, once. */
int journal_commit(struct journal *journal, struct err *err);

uint64_t journal_last_sequence(const struct journal *journal); /* of what was committed */
uint64_t journal_commits(const struct journal *journal);

/* Deletes what is older than `keep_days` or more than `keep_events`, at most JOURNAL_SLICE rows
 * a call; but not what tells of a job without an end, or of a node that was left off since. Returns
 * rows deleted, or -1. */
int journal_trim(struct journal *journal, int64_t unix_ms, uint32_t keep_days, uint64_t keep_events,
                 struct err *err);

/* One row of events, lent for the call. Returning false ends the reading. */
struct journal_row {
    uint64_t sequence;
    const char *job, *node, *json;
    bool job_ended; /* it is the job's last */
};
typedef bool journal_row_fn(void *arg, const struct journal_row *row);

/* Events with after < sequence <= until, oldest first; `job` may be NULL. Rows read, or -1. */
int journal_read(struct journal *journal, uint64_t after, uint64_t until, const char *job,
                 size_t limit, journal_row_fn *each, void *arg, struct err *err);

/* The newest `limit` events that are asked for, oldest first; of nodes, also those with which their
 * jobs began, which say who asked. Free the array. Of more than JOURNAL_NODES_BY_INDEX nodes, or of
 * all, JOURNAL_SEARCHED_MAX rows are searched at most. */
struct journal_query {
    const struct nodeset *nodes; /* NULL: all, and jobs */
    int64_t since_unix_ms;       /* 0: as far back as there is */
    bool questions;              /* those of status jobs, too */
    size_t limit;
};
int journal_history(struct journal *journal, const struct journal_query *query,
                    struct job_event **events, size_t *count, struct err *err);

/* Every key whose job is still on record, for core_remember_key(); lent for the call. */
struct journal_key {
    const char *key, *id;
    enum verb verb;
    const char *nodes_hash;
    const char *request; /* JSON, as api.h encodes it */
};
typedef void journal_key_fn(void *arg, const struct journal_key *key);
int journal_keys(struct journal *journal, journal_key_fn *each, void *arg, struct err *err);

/* A job of any run, as told by its events. ERR_NOT_FOUND if there is none. */
int journal_job(struct journal *journal, const char *id, struct job_view *view, struct err *err);

/* Jobs without an end, of any run, oldest first. */
struct journal_unfinished {
    char id[JOB_ID_SIZE], key[JOB_KEY_SIZE], actor[ACTOR_SIZE];
    enum verb verb;
    char *nodes;   /* folded */
    char *request; /* JSON, as api.h encodes it */
    int64_t started_unix_ms;
};
int journal_unfinished(struct journal *journal, struct journal_unfinished **jobs, size_t *count,
                       struct err *err);
void journal_unfinished_free(struct journal_unfinished *jobs, size_t count);

/* What is known of each of the job's nodes, in the order of the set. Free the array. Where
 * a row makes no sense its trail is `garbled`: what was sent is not guessed. 0 or -1. */
int journal_trails(struct journal *journal, const char *job, const struct nodeset *nodes,
                   struct trail **trails, struct err *err);

/* How the last job that was more than a question ended for a node. 1: *event tells, 0: there was
 * none, -1: error. Cheap: an index holds the outcomes. */
int journal_last_outcome(struct journal *journal, const char *node, struct job_event *event,
                         struct err *err);

/* Locks: within a transaction, one row a node. */
void journal_put_lock(struct journal *journal, const struct lock_view *lock);
void journal_drop_lock(struct journal *journal, const char *node);
typedef void journal_lock_fn(void *arg, const struct lock_view *lock);
int journal_locks(struct journal *journal, journal_lock_fn *each, void *arg, struct err *err);

/* For tests: no page beyond these, as if the disk were full. */
void journal_limit_pages(struct journal *journal, unsigned pages);

#endif
