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
 * behind nobody knows.  1 MiB is kept in reserve (journal.reserve) so that running jobs can bring their nodes
 * back on when the disk fills up: using it up ends the admission of new ones. */
#ifndef POWERCTL_JOURNAL_H
#define POWERCTL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/api.h"
#include "proto/driver_msg.h"

enum {
    JOURNAL_RESERVE = 1 << 20,
    JOURNAL_KEEP_DAYS = 90,
    JOURNAL_KEEP_QUESTIONS_MS = 3600000, /* status jobs and their events */
    JOURNAL_KEEP_EVENTS = 5000000,
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

/* Opens it anew and tries to write. 0 or -1; cheap enough for every few seconds. */
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
 * a call. Returns rows deleted, or -1. */
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

/* The newest `limit` events of a node (NULL: of all), oldest first. Free the array. */
int journal_history(struct journal *journal, const char *node, size_t limit,
                    struct job_event **events, size_t *count, struct err *err);

/* Every key of the last JOURNAL_KEEP_DAYS days, for core_remember_key(). */
typedef void journal_key_fn(void *arg, const char *key, const char *id, enum verb verb,
                            const char *nodes_hash);
int journal_keys(struct journal *journal, journal_key_fn *each, void *arg, struct err *err);

/* A job of any run, as told by its events. ERR_NOT_FOUND if there is none. */
int journal_job(struct journal *journal, const char *id, struct job_view *view, struct err *err);

/* Jobs that an earlier run did not end. Free the array and each `nodes`. */
struct journal_unfinished {
    char id[JOB_ID_SIZE];
    enum verb verb;
    char *nodes;
};
int journal_unfinished(struct journal *journal, struct journal_unfinished **jobs, size_t *count,
                       struct err *err);

/* The last command journaled for a node in a job. 1: there is one, 0: none, -1: error. */
struct journal_intent {
    enum op op;
    char device[NAME_SIZE];
    bool has_result, ok;
    enum sent sent;
    int64_t unix_ms;
};
int journal_last_intent(struct journal *journal, const char *job, const char *node,
                        struct journal_intent *intent, struct err *err);

/* What all of a job's commands to a node have left behind, as far as the journal tells. 0 or -1. */
struct journal_left {
    bool off;  /* switched off, and not seen on after a power-on */
    bool flag; /* its next boot was set, and nothing was sent that uses it up */
};
int journal_left(struct journal *journal, const char *job, const char *node,
                 struct journal_left *left, struct err *err);

/* For tests: no page beyond these, as if the disk were full. */
void journal_limit_pages(struct journal *journal, unsigned pages);

#endif
