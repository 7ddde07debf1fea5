/* lock.h - a node that somebody has reserved: what clients and the agent say about it.
 *
 * A lock refuses every verb that changes something on its node, for everybody: its holder is
 * often root, and so is cron.  The holder gets past it by saying so (job_request.with_lock).
 *
 * The holder is who the kernel says is at the other end of the socket ("root (uid 0)"), and for
 * whom they say they act ("root (uid 0) for alice"): with sudo everybody is root, and a second
 * root is to notice.  What follows "for" is believed, so it prevents accidents, not malice. */
#ifndef POWERCTL_LOCK_H
#define POWERCTL_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/words.h"

enum {
    LOCK_REASON_SIZE = 128,
    LOCK_FOR_SIZE = 40,
    LOCK_HOLDER_SIZE = 128, /* an actor, " for ", a name */
};

struct lock_view {
    char node[NAME_SIZE];
    char holder[LOCK_HOLDER_SIZE];
    char reason[LOCK_REASON_SIZE];
    int64_t since_unix_ms, until_unix_ms; /* wall clock; until 0: until it is unlocked */
};

/* POST /v1/locks; to unlock, only `nodes`, `on_behalf` and `steal` count. */
struct lock_request {
    char *nodes; /* expression; owned: lock_request_clear() */
    char reason[LOCK_REASON_SIZE];
    char on_behalf[LOCK_FOR_SIZE]; /* "" : nobody else; "for" on the wire */
    int64_t until_unix_ms;         /* 0: until it is unlocked */
    bool steal;                    /* take it, or take it away, whoever holds it */
    char actor[LOCK_HOLDER_SIZE];  /* filled in by the agent from the socket, never from JSON */
};
void lock_request_clear(struct lock_request *request);
char *lock_request_encode(const struct lock_request *request);
int lock_request_decode(const char *json, struct lock_request *out, struct err *err);

/* For whom somebody acts: 1 to LOCK_FOR_SIZE - 1 printable characters. 0, or -1 with ERR_USAGE. */
int lock_check_for(const char *name, struct err *err);
/* "root (uid 0)" and "alice" are "root (uid 0) for alice"; without a name the actor. */
void lock_holder(const char *actor, const char *on_behalf, char holder[LOCK_HOLDER_SIZE]);

/* GET /v1/locks: {"locks":[...]}; of POST and DELETE, those that were taken or released. */
char *lock_list_encode(const struct lock_view *locks, size_t count);
int lock_list_decode(const char *json, struct lock_view **locks, size_t *count, struct err *err);
char *lock_view_encode(const struct lock_view *lock); /* one, on one line: jsonl */

#endif
