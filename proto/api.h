/* api.h - the control API's documents: what clients and the agent say to each other over
 * HTTP/1.1, as JSON.  docs/api.md shows each call.  The same structs are what agent/core
 * takes and makes, so no byte is parsed twice.
 *
 * Decoders are strict for requests (unknown key: an error) and ignore unknown keys in
 * responses, so that an older client can talk to a newer agent. */
#ifndef POWERCTL_API_H
#define POWERCTL_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/driver_msg.h"
#include "proto/err.h"
#include "proto/lock.h"
#include "proto/words.h"

enum {
    JOB_ID_SIZE = 24, /* "J1a2b3c4-17": unique over restarts; with NUL */
    JOB_KEY_SIZE = 128,
    JOB_TEXT_SIZE = 256,
    ACTOR_SIZE = 80,        /* "alice (uid 1000)" */
    NODES_TEXT_MAX = 65536, /* longest expression in a request */
};

/* POST /v1/jobs and POST /v1/plan */
struct job_options {
    enum boot_device boot_device; /* next-boot: what */
    bool netboot;                 /* reboot: through the network */
    bool force;                   /* reserved for preflight */
    uint32_t retry;               /* further tries of a node, for verdicts worth it */
    uint32_t timeout_s;           /* whole job per node; 0: deadlines.total */
    uint32_t grace_s;             /* reboot: how long a soft off may take; 0: deadlines.soft_off */
    uint32_t batch;               /* nodes at a time; 0: all */
    uint32_t max_failures;        /* stop the line at this many, 1 or more; with has_ */
    bool has_max_failures;
    bool has_retry;
    uint32_t seconds; /* identify */
    bool native;      /* cycle: the device's own, where the config allows it */
    bool feeds;       /* by its outlets (AC power), where it has a BMC too */
};

struct job_request {
    enum verb verb;
    char *nodes;            /* expression; owned: job_request_clear() */
    char key[JOB_KEY_SIZE]; /* "" : none */
    char actor[ACTOR_SIZE]; /* filled in by the agent from the socket, never from JSON */
    int64_t unix_ms;        /* likewise, from the clock: when it was asked; display only */
    char confirm[17];       /* hash of the set that was shown and confirmed */
    bool yes;
    bool with_lock;                /* its nodes may be locked by who asks (lock.h) */
    char on_behalf[LOCK_FOR_SIZE]; /* "for": whose locks those are */
    uint32_t max_nodes;            /* 0: not given */
    struct job_options options;
};
void job_request_clear(struct job_request *request);
char *job_request_encode(const struct job_request *request);
int job_request_decode(const char *json, struct job_request *out, struct err *err);
/* Do both say the same? If not, `name` is the first option, as on the wire, that differs ("" if
 * memory ran out, which is a difference too). */
bool job_options_same(const struct job_options *a, const struct job_options *b, char name[32]);

/* One node's part of a job; also one node's last known state (GET /v1/nodes). */
struct node_view {
    char node[NAME_SIZE];
    enum outcome outcome;
    enum verdict verdict;
    enum power power; /* as last read; power_age_ms tells when */
    enum stage stage;
    uint32_t attempt;           /* 1: the first */
    int32_t percent;            /* of the file being fetched; -1: not known */
    char file[64];              /* its base name; "" : none */
    char text[JOB_TEXT_SIZE];   /* what it is doing, or the last evidence, or why it failed */
    struct next_boot next_boot; /* with has_next_boot */
    bool has_next_boot;
    uint64_t since_ms;     /* ms since the stage or outcome was reached */
    uint64_t power_age_ms; /* ms since power was read; UINT64_MAX: never */
    char job[JOB_ID_SIZE]; /* the job that has it now; "" : none */
    bool locked;           /* somebody has reserved it: GET /v1/locks says who */
    bool has_watts;        /* its outlets are metered: */
    uint32_t milliwatts;   /* what they draw together, as last read */
};

struct job_view {
    char id[JOB_ID_SIZE];
    enum verb verb;
    char key[JOB_KEY_SIZE];
    char actor[ACTOR_SIZE];
    bool done, cancelling;
    int64_t started_unix_ms, ended_unix_ms; /* wall clock, for display; 0: not yet */
    uint64_t elapsed_ms;
    size_t nnodes;
    struct node_view *nodes; /* owned; NULL in what job_list_decode() gives */
    size_t counts[OUTCOMES]; /* nodes by outcome, where `nodes` is NULL */
    int exit_code;           /* with has_exit_code: as recorded when it ended, where its nodes'
                                outcomes may be gone */
    bool has_exit_code;
};
void job_view_clear(struct job_view *view);
size_t job_view_count(const struct job_view *view, enum outcome outcome);
int job_view_exit_code(const struct job_view *view); /* of a done job: 0 1 7 8 */
char *job_view_encode(const struct job_view *view);
int job_view_decode(const char *json, struct job_view *out, struct err *err);
/* GET /v1/jobs: {"jobs":[...]} without "nodes" arrays but with counts. */
char *job_list_encode(const struct job_view *views, size_t count);
int job_list_decode(const char *json, struct job_view **views, size_t *count, struct err *err);
void job_list_free(struct job_view *views, size_t count); /* clears each; NULL is fine */
/* GET /v1/nodes: {"nodes":[...],"folded":"n[01-16]","warning":"..."} */
char *node_list_encode(const struct node_view *views, size_t count, const char *folded,
                       const char *warning);
char *node_view_encode(const struct node_view *view); /* one, on one line: jsonl */
int node_list_decode(const char *json, struct node_view **views, size_t *count, char **folded,
                     char **warning, struct err *err);

/* What changed: one Server-Sent Event, one journal row, one line of plain progress. */
enum event_kind {
    EVENT_JOB_STARTED,
    EVENT_JOB_ENDED, /* outcome OUTCOME_OK if every node is */
    EVENT_COMMAND,   /* a command is about to be sent: text "power-off bmc-n01" */
    EVENT_POWER,     /* power was read and is another */
    EVENT_STAGE,     /* stage reached */
    EVENT_PROGRESS,  /* percent (at most one per node and second) */
    EVENT_ATTEMPT,   /* another try begins; verdict and text say why the last one failed */
    EVENT_NOTE,      /* worth telling, changes nothing: text */
    EVENT_OUTCOME,   /* ended for this node */
    EVENT_LOCK,      /* locked, unlocked, stolen or expired: text; of no job and no verb */
    EVENT_KINDS
};
struct job_event {
    uint64_t sequence; /* of the journal: grows over restarts; the SSE id */
    int64_t unix_ms;   /* wall clock, display only */
    enum event_kind kind;
    enum verb verb; /* VERBS: of no job */
    char job[JOB_ID_SIZE];
    struct node_view node; /* node.node "" for job events */
};
const char *event_kind_name(enum event_kind kind);
const char *event_verb_name(const struct job_event *event); /* "" if it is of no job */
char *job_event_encode(const struct job_event *event);      /* one line, no '\n' */
int job_event_decode(const char *json, struct job_event *out, struct err *err);
/* GET /v1/history?node=: {"events":[...]} */
char *event_list_encode(const struct job_event *events, size_t count);
int event_list_decode(const char *json, struct job_event **events, size_t *count, struct err *err);

/* One outlet of a PDU, as configured. */
struct outlet_view {
    char outlet[NAME_SIZE]; /* "pdu-a/3": may stand where nodes stand in `status`, and in on, off
                               and cycle if it feeds no node */
    char node[NAME_SIZE];   /* that it feeds; "" : none. Of several, the first */
    char circuit[NAME_SIZE];
    /* Not in the agent's answer: what came of a client's `status` of it, with `asked`. */
    bool asked;
    enum power power;
    bool has_watts;
    uint32_t milliwatts;
    char text[JOB_TEXT_SIZE]; /* why its power is not known; "" */
};
/* GET /v1/outlets[?pdu=NAME]: {"outlets":[{"outlet":"pdu-a/3","node":"n20","circuit":"c1"}]} */
char *outlet_list_encode(const struct outlet_view *views, size_t count);
char *outlet_view_encode(const struct outlet_view *view); /* one, on one line: jsonl */
int outlet_list_decode(const char *json, struct outlet_view **views, size_t *count,
                       struct err *err);

/* POST /v1/plan: {"plan":"lines for people"}; *text is malloc'd. */
int plan_decode(const char *json, char **text, struct err *err);

/* GET /v1/version: {"version":"0.1.0"} */
char *version_encode(const char *version);
int version_decode(const char *json, char version[32], struct err *err);

/* Errors are application/problem+json:
 *   {"type":"busy","title":"...","status":409,"job":"J..","count":32,"confirm":"<hash>",
 *    "folded":"n[01-32]"} */
struct problem {
    enum err_kind kind;
    int status;
    char title[JOB_TEXT_SIZE];
    char job[JOB_ID_SIZE]; /* busy: whose */
    uint32_t count;        /* confirm: how many nodes */
    char confirm[17];      /* confirm: the hash to send back */
    char folded[1024];     /* confirm: which, shortened */
    struct lock_view lock; /* busy: the lock that is in the way; node "": none */
};
char *problem_encode(const struct problem *problem);
int problem_decode(const char *json, struct problem *out, struct err *err);
int problem_status(enum err_kind kind); /* HTTP status of a kind */
enum exit_code problem_exit_code(enum err_kind kind);

#endif
