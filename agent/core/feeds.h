/* feeds.h - the outlets that feed one node: what was read of each, and what that means together.
 *
 * They are asked in rounds (ask.c): questions and offs all at once, power-ons one after the other.
 * When the last has answered, feeds_combine() makes one reply of them, so that a step knows of no
 * more than one: on if any is on; off if all are; unknown while one may feed it. Pure. */
#ifndef POWERCTL_CORE_FEEDS_H
#define POWERCTL_CORE_FEEDS_H

#include <uthash.h>

#include "agent/core/target.h"
#include "proto/api.h"
#include "proto/driver_msg.h"

struct task;
struct supply;

/* A request that is with a driver. */
struct call {
    uint64_t id; /* 0: none */
    enum op op;
    struct task *task;
    struct supply *supply; /* of which feed; NULL: of its BMC, or its next-boot device */
    UT_hash_handle by_request;
};

/* A supply's part in the round that runs, or ran last. */
enum part { PART_NONE, PART_WAITS, PART_ASKED, PART_DONE };

/* One feed at work. */
struct supply {
    struct target target;
    struct call call;
    enum part part;
    bool ok;              /* how that ended */
    struct err err;       /* if not ok */
    bool contacted;       /* its device answered in this job */
    enum power power;     /* as last read; unknown after an off, and after a question in vain */
    uint32_t on_in_a_row; /* readings of on, one after the other, since a step began to look */
    bool has_watts;
    uint32_t milliwatts; /* as last read */
};

struct feeds {
    struct err control_err;     /* why its BMC could not be read, or ERR_NONE */
    uint64_t partly_ms;         /* it reads on since then, but not by all of them; 0: it does not */
    char partly[JOB_TEXT_SIZE]; /* so it stayed: by which not; or "" */
    bool unseen; /* an agent that died had switched them: read before a good end is told */
    size_t count;
    struct supply each[]; /* in the order in which they are switched on */
};

/* NULL: out of memory. The node has feeds. */
struct feeds *feeds_new(const struct inventory *inventory, const struct node *node);

/* What they say together, as last read. */
enum power feeds_power(const struct feeds *feeds);
bool feeds_all_on(const struct feeds *feeds);
/* Of two readings in a row one may be wrong; of two feeds one each is none. */
uint32_t feeds_on_in_a_row(const struct feeds *feeds);
void feeds_look_anew(struct feeds *feeds);
bool feeds_any_read(const struct feeds *feeds);
bool feeds_all_contacted(const struct feeds *feeds);
/* The longest of theirs, or `otherwise`. */
uint32_t feeds_dwell_ms(const struct feeds *feeds, uint32_t otherwise);

/* Their replies to OP_STATUS, OP_ON or OP_OFF as one. `strict`: a question is in vain if it is for
 * one of them, though another is on. */
void feeds_combine(const struct feeds *feeds, enum op op, bool strict, struct driver_reply *reply);

/* "pdu-b outlet 3, pdu-c outlet 1": those that were read so; "" if none was. */
void feeds_list(const struct feeds *feeds, enum power power, char *text, size_t size);
/* "pdu-b outlet 3 is off; pdu-c outlet 1: no answer": those that do not read on; "" if all do. */
void feeds_list_not_on(const struct feeds *feeds, char *text, size_t size);

/* "pdu-c outlet 1: no answer": those whose last request failed; "" if none did. */
void feeds_list_failed(const struct feeds *feeds, char *text, size_t size);

/* An outlet that reads off and draws power is not off: its relay is welded, the meter is another's, or
 * its profile has on and off exchanged. Then the answer becomes a failure that says so. */
void feeds_doubt_off(struct driver_reply *reply);

/* What a BMC reads and what its feeds tell do not fit: why, or "" if they do. */
void feeds_contradict(const struct feeds *feeds, enum power control, uint32_t standby_mw,
                      char *text, size_t size);

#endif
