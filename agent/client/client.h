/* client.h - libpowerctl: the control API from the caller's side, over the agent's unix socket.
 *
 * One client is one connection, used from one thread. Every call but client_follow() waits at
 * most CLIENT_ANSWER_MS. Nothing is retried: a POST that timed out may have been taken, so ask
 * again with the same key.
 *
 * Errors: ERR_UNREACHABLE within CLIENT_CONNECT_MS if no agent listens (the text names the
 * socket and what to do); ERR_TIMEOUT if it does not answer; ERR_PROTOCOL if the answer makes no
 * sense; else what the agent's problem document says.  problem_exit_code(err.kind) is the exit
 * code for each. */
#ifndef POWERCTL_CLIENT_H
#define POWERCTL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/api.h"
#include "proto/err.h"

#define CLIENT_DEFAULT_SOCKET "/run/powerctl/powerctl.sock"
enum {
    CLIENT_CONNECT_MS = 1000,
    CLIENT_ANSWER_MS = 20000,
    CLIENT_TICK_MS = 200,
    CLIENT_ANSWER_MAX = 64 << 20, /* bytes of one answer */
};

struct client;
struct client *client_new(const char *socket, struct err *err);
struct client *client_free(struct client *client); /* returns NULL */
void client_freep(struct client **client);

/* POST /v1/jobs. *existing: the key was used before for the same request; nothing was sent
 * again. On failure *problem holds the agent's answer, all zero if there was none. */
int client_submit(struct client *client, const struct job_request *request, char id[JOB_ID_SIZE],
                  bool *existing, struct problem *problem, struct err *err);
/* POST /v1/plan. *text is malloc'd lines for people. */
int client_plan(struct client *client, const struct job_request *request, char **text,
                struct problem *problem, struct err *err);
int client_job(struct client *client, const char *id, struct job_view *view, struct err *err);
/* DELETE. *too_late: the job had ended before, nothing was cancelled. */
int client_cancel(struct client *client, const char *id, bool *too_late, struct err *err);
int client_jobs(struct client *client, struct job_view **views, size_t *count, struct err *err);
int client_nodes(struct client *client, const char *expression, struct node_view **views,
                 size_t *count, char **folded, char **warning, struct err *err);
/* Of a PDU, or of all (`pdu` NULL), as configured. Free the array. */
int client_outlets(struct client *client, const char *pdu, struct outlet_view **views,
                   size_t *count, struct err *err);
/* The last `limit` events of the nodes, oldest first. */
struct history_query {
    const char *nodes;     /* expression */
    int64_t since_unix_ms; /* 0: as far back as there is */
    unsigned limit;
    bool all; /* those of status jobs, too */
};
int client_history(struct client *client, const struct history_query *query,
                   struct job_event **events, size_t *count, struct err *err);
/* locks.c: GET (`nodes` NULL: all), POST and DELETE /v1/locks. Free the array. */
int client_locks(struct client *client, const char *nodes, struct lock_view **locks, size_t *count,
                 struct err *err);
int client_lock(struct client *client, const struct lock_request *request, struct lock_view **taken,
                size_t *count, struct err *err);
int client_unlock(struct client *client, const struct lock_request *request,
                  struct lock_view **released, size_t *count, struct err *err);
int client_version(struct client *client, char version[32], struct err *err);

/* What client_follow() tells; each returns false to stop.
 *   opened  the stream is open (first time, again after a drop, or after the agent said that
 *           events were lost): read the state whole now, with another client
 *   event   one event, in order
 *   tick    about every CLIENT_TICK_MS, and soon after a signal */
struct client_follower {
    bool (*opened)(void *arg);
    bool (*event)(void *arg, const struct job_event *event);
    bool (*tick)(void *arg);
    void *arg;
};

/* Follows the events of a job (`job` set) or of nodes (`nodes` set; both NULL: of everything)
 * until the follower stops it (0).  A dropped connection is resumed with Last-Event-ID; the
 * agent gone for longer than `patience_ms` is ERR_UNREACHABLE. */
int client_follow(struct client *client, const char *job, const char *nodes, uint64_t patience_ms,
                  const struct client_follower *follower, struct err *err);

#endif
