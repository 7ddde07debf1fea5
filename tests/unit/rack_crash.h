/* rack_crash.h - an agent that dies over its rack, and the next one that takes over what it left.
 *
 * The rack keeps what a real agent has on disk: events, intents and results, a turn at a time.  The
 * agent may die before a turn is journaled, and before each of its actions is carried out: those
 * are counted, and the n-th is its last.  What it was about to send is then never sent, or lands
 * late, when the next agent is already there.  Replies on their way are lost; what devices do,
 * and notes, go on: nobody hears the notes. */
#ifndef POWERCTL_TEST_RACK_CRASH_H
#define POWERCTL_TEST_RACK_CRASH_H

#include "tests/unit/rack.h"

enum rack_fate { RACK_NEVER_SENT, RACK_LANDS_LATE };

/* The agent is to die at the n-th such moment from now (1: the next); 0: never. From the first call
 * on everything is journaled. */
void rack_die_at(struct rack *rack, unsigned moment, enum rack_fate fate);
bool rack_is_dead(const struct rack *rack);
unsigned rack_moments(const struct rack *rack); /* so far, over all lives */

/* What a turn writes: an event, and with an intent its request and result. */
struct rack_row {
    bool is_intent, has_result, ok;
    enum sent sent;
    unsigned life;
    struct driver_request request;
    struct job_event event;
};
const struct rack_row *rack_rows(const struct rack *rack, size_t *count);

/* The dead agent's core is gone, `down_ms` pass, and an empty one takes its place. */
void rack_bury(struct rack *rack, uint64_t down_ms);

/* Another agent, `down_ms` later, takes over the unfinished job of this request. Its moments count
 * from one again (rack_die_at() before). */
void rack_rise(struct rack *rack, const char *id, const struct job_request *request,
               uint64_t down_ms);
/* Of the node, folded from what is journaled now. */
void rack_trail(const struct rack *rack, const char *id, const char *node, struct trail *trail);

void rack_crash_free(struct rack_crash *crash);

/* For rack.c: does it die here, with this action (NULL: the whole turn) not carried out? */
bool rack_dies(struct rack *rack, const struct action *action);
void rack_journal(struct rack *rack, const struct action *batch, size_t count);
void rack_journal_reply(struct rack *rack, const struct driver_reply *reply);
void rack_land(struct rack *rack, const struct driver_request *request);
void rack_pass(struct rack *rack, uint64_t until_ms); /* time without an agent */

#endif
