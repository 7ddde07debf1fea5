/* trail.h - what the journal knows of one node in a job that an agent did not live to end.
 *
 * A trail is folded from the node's rows in the order they were written: what was about to be
 * sent (an intent is on disk before its command goes out, so a command without an intent was
 * never sent), what came back, and what was read or seen.  It is all that a new agent knows when
 * it takes such a job over (core_resume()): what was not journaled did not happen, or must be
 * read from the device anew.
 *
 * Pure, and the only place that interprets those rows. */
#ifndef POWERCTL_TRAIL_H
#define POWERCTL_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/inventory.h"
#include "proto/api.h"
#include "proto/driver_msg.h"

/* How far the last command to a node is known to have come. */
enum trail_sent {
    TRAIL_NOTHING, /* no command of this job ever went to it */
    TRAIL_MAYBE,   /* its intent is on disk and no result: never sent, lost, or done */
    TRAIL_NOT,     /* it certainly did not reach the device */
    TRAIL_DONE,    /* the device took it */
};

/* What the commands so far have done to the node, or may have. */
struct trail_facts {
    bool commanded;   /* something that changes it went out, or may have */
    bool off_sent;    /* what takes its power away; and it was not seen on after off since */
    bool off_seen;    /* read off after that */
    bool off_soft;    /* the last off was a soft one */
    bool restarted;   /* reset or the device's own cycle: never again */
    bool on_sent;     /* a power-on, or such a restart, after the last off */
    bool flag_set;    /* a one-shot next boot may be waiting in its BMC */
    enum stage stage; /* as last told after the last power-on; STAGE_NONE before */
};

/* What a command to its power went to: its BMC, or one of its outlets. */
struct trail_target {
    char device[NAME_SIZE];
    uint32_t outlet;
    uint64_t settings; /* of that device; 0: not known */
};

enum { TRAIL_TARGETS_MAX = FEEDS_MAX + 1 };

struct trail {
    char node[NAME_SIZE];
    size_t ntouched; /* all that its power was commanded by */
    struct trail_target touched[TRAIL_TARGETS_MAX];
    size_t last_touched;         /* of the last command to its power, if ntouched */
    char boot_device[NAME_SIZE]; /* of the last next boot that was set; "" : none */
    uint64_t boot_settings;      /* of that device; 0: not known */
    bool garbled;         /* there is more, which nobody understands: set by who reads the rows */
    bool ended;           /* it has its outcome: nothing is left to do */
    struct node_view end; /* if ended */

    enum op last_op; /* with last_sent other than TRAIL_NOTHING */
    enum trail_sent last_sent;
    uint64_t last_request;

    bool was_on;               /* read on while no off of this job was out: not to be left off */
    struct trail_facts done;   /* of this attempt, but for flag_set and commanded */
    struct trail_facts before; /* the last command, which may turn out never to have been sent */
    uint32_t attempt;
    enum verdict failed; /* its end is known: it was only being brought on, or cleared; or NONE */
    char why[JOB_TEXT_SIZE]; /* of `failed` */
};

/* Of the last command to its power; NULL: there was none. */
const struct trail_target *trail_last(const struct trail *trail);

void trail_begin(struct trail *trail, const char *node);
/* Events of this node and job, intents and their results, oldest first. */
void trail_event(struct trail *trail, const struct job_event *event);
void trail_intent(struct trail *trail, const struct driver_request *request);
/* Of the request with this id; others are ignored. `sent` as journaled if not ok. */
void trail_result(struct trail *trail, uint64_t request, bool ok, enum sent sent);

#endif
