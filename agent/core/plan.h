/* plan.h - what each verb does, as tables: read plan.c first.
 *
 * A plan is an array of steps that one node walks from top to bottom.  Steps say what, task.c
 * says how; nothing else in the agent knows the order of things. */
#ifndef POWERCTL_PLAN_H
#define POWERCTL_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/core/inventory.h"
#include "agent/core/trail.h"
#include "proto/api.h"
#include "proto/words.h"

enum step_kind {
    STEP_READ,       /* read the power state; nothing is done to a node that cannot be read */
    STEP_REQUIRE_ON, /* a node that is off fails here */
    STEP_COMMAND,    /* send `op`, unless the state is `unless` already */
    STEP_SEE,        /* read until the state is `state`, twice, settle apart */
    STEP_SETTLE,     /* a command of a dead agent may still land: wait before anything is read */
    STEP_READ_BOOT,  /* read what an earlier agent set as the next boot, and compare */
    STEP_DWELL,      /* let capacitors drain; skipped if we did not switch it off */
    STEP_SET_BOOT,   /* set the next boot, and compare with what reads back */
    STEP_PLACE,      /* wait for a place among the booting, before anything is done to it */
    STEP_TURN,       /* wait for the inrush limit */
    STEP_EVIDENCE,   /* read restart evidence, to compare with later */
    STEP_RESTARTED,  /* until the restart is proven: evidence changed, or its firmware spoke */
    STEP_UNPROVEN,   /* nothing can show that it happened: unverified */
    STEP_WATCH,      /* follow the boot until it is up, or its link is broken */
    STEP_FLAG,       /* the override must be consumed; clear it if not */
    STEP_BMC_BACK,   /* its feeds are on again: until the BMC behind them answers; from here on by
                        that BMC */
    STEP_AS_BEFORE, /* what its BMC read off before its feeds were cycled is left so: it ends here */
    STEP_COMPARE,   /* what its BMC says and what its feeds say: do they fit? */
    STEP_CHECK,     /* ask each of its devices whatever is harmless, and tell all that is wrong */
    STEP_END
};

/* What a step reads and switches. What only a machine's own device can do (soft off, reset, NMI,
 * next boot) goes to that device, whatever the step says. */
enum via {
    VIA_MEANS,   /* what the job goes by: the feeds, or its BMC; after STEP_BMC_BACK, that BMC */
    VIA_CONTROL, /* its BMC or button */
    VIA_FEEDS,   /* all of its outlets */
};

struct step {
    enum step_kind kind;
    enum via via;      /* STEP_READ, STEP_SEE, STEP_COMMAND */
    enum op op;        /* STEP_COMMAND */
    bool again;        /* STEP_READ: only if the last reading is not fresh; of a BMC before its
                          feeds go off: only if it says off, since one reading may be wrong */
    enum power unless; /* STEP_COMMAND, STEP_TURN, STEP_SET_BOOT: skip if this was read (on: of all
                          its feeds). POWER_UNKNOWN: never */
    enum power state;  /* STEP_SEE */
    size_t patience;   /* which deadline: step_patience() */
    bool soft;         /* its failure is no failure: the next step is harder, or goes without */
};

/* The plan of a verb for a node that has either a BMC or feeds. */
const struct step *plan_for(enum verb verb, const struct job_options *options, bool native_cycle,
                            bool boot_by_reset);
/* For any node: of one that has both, what goes by its feeds takes the power of its BMC away, too. */
const struct step *plan_for_node(const struct node *node, enum verb verb,
                                 const struct job_options *options);

/* Its BMC could not switch it on (feeds_after): its feeds are cycled, and the verb goes on. */
const struct step *plan_escalated(enum verb verb, const struct job_options *options);

/* What to do to a node that must not be left as it is: on again, or its override cleared. */
extern const struct step plan_bring_on[], plan_clear_boot[];
/* Its feeds may be off: they are switched on first, then its BMC is waited for, and switches it on. */
extern const struct step plan_bring_on_by_feeds[];
/* It ended well by its BMC, and how its feeds are nobody knows. */
extern const struct step plan_ask_feeds[];

/* ---- what an earlier agent left unfinished ---- */

/* How far a node had come when the agent died. */
enum left {
    LEFT_UNTOUCHED, /* nothing was sent to it */
    LEFT_ALONE,     /* its power was not touched (in this attempt); its next boot may be set */
    LEFT_OFF_OUT,   /* an off went out, or may have */
    LEFT_ON_OUT,    /* then an on */
    LEFT_RESTARTED, /* a reset, or the device's own cycle */
    LEFTS
};
enum left left_by(const struct trail_facts *done);

/* How a node that was left so is finished; NULL: it is not, and only reported. */
const struct step *plan_to_finish(enum verb verb, const struct job_options *options,
                                  enum left left);
/* The same of a node with a BMC behind its feeds, while they were being cycled. */
const struct step *plan_to_finish_cycled(enum verb verb, const struct job_options *options,
                                         enum left left);

/* From this step on: does it send what takes power away? */
bool plan_sends_off(const struct step *plan);

/* Do its verbs mean its outlets? Not where only its BMC or button can do it: a reset is not seen by
 * an outlet that stays on. */
bool plan_goes_by_feeds(const struct node *node, enum verb verb, const struct job_options *options);
/* The verbs that --feeds is for. */
bool verb_goes_by_means(enum verb verb);

bool verb_changes_something(enum verb verb); /* all but status and check */
bool verb_switches_off(enum verb verb);      /* what protected nodes are protected from */
bool verb_boots_network(enum verb verb, const struct job_options *options);

/* Milliseconds; 0: the step has none of its own. */
uint32_t step_patience(const struct step *step, const struct deadlines *deadlines);
/* How long, after a request of this step, the next one to the device is to be expected: worth
 * keeping a session for. 0: it was the last, or nobody knows. */
uint32_t step_keep_ms(const struct step *step, const struct deadlines *deadlines);

bool step_takes_grace(const struct step *step); /* --grace says how long instead */

const char *step_name(enum step_kind kind);

#endif
