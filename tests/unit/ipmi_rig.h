/* ipmi_rig.h - one session, one BMC, and a network between them that does as it is told, all in
 * virtual time: a run of 20 s takes a millisecond.
 *
 * A fate names a datagram by its direction and number (1.., counted from the last rig_begin());
 * LOSE_FROM loses it and all that follow it.  Each way takes `way_ms`.  The rig does for the
 * session what the engine does: after an operation it ends it, and runs on until it is closed
 * and no datagram is under way. */
#ifndef POWERCTL_TESTS_IPMI_RIG_H
#define POWERCTL_TESTS_IPMI_RIG_H

#include "drivers/ipmi/session.h"
#include "tests/unit/ipmi_bmc.h"

enum fate { ARRIVE, LOSE, LOSE_FROM, TWICE, DELAY, CUT, FLIP };

struct rule {
    enum fate fate;
    bool to_bmc;
    unsigned number; /* 0: each */
    unsigned value;  /* DELAY: ms; CUT: bytes left; FLIP: bit */
};

enum { RULES_MAX = 4, FLIGHTS_MAX = 256 };

struct flight {
    uint64_t at_ms;
    bool to_bmc;
    size_t size;
    uint8_t bytes[IPMI_DATAGRAM_SIZE];
};

struct rig {
    struct codec *codec;
    struct login login;
    struct option_uints suites;
    struct memory memory;
    struct session session;
    struct operation operation;
    struct ipmi_bmc *bmc;
    uint64_t now_ms, begun_ms, way_ms;
    struct rule rules[RULES_MAX];
    unsigned nrules, sent, answered; /* datagrams to the BMC, and back */
    unsigned nflights;
    struct flight flights[FLIGHTS_MAX];
    /* What was seen on the wire of a command that changes something. */
    unsigned change_copies, controls; /* controls: obeyed before it began */
    uint32_t change_sequence;
    bool change_renumbered; /* sent with a second session sequence number */
    uint64_t change_first_ms, change_last_ms;
    unsigned closes; /* datagrams that were sent by session_end() and after */
    uint64_t done_ms;
    uint32_t keep_ms; /* of the requests to come */
};

extern uint8_t rig_codec; /* enum codec_kind of the rigs opened next; native at the start */
void rig_open(struct rig *rig, uint32_t suite); /* 0: 17, then 3 */
void rig_close(struct rig *rig);

/* Forgets rules and counts, not the BMC and what is remembered of it. */
void rig_begin(struct rig *rig);
void rig_rule(struct rig *rig, enum fate fate, bool to_bmc, unsigned number, unsigned value);

void rig_start(struct rig *rig, enum op op, uint32_t budget_ms);
bool rig_step(struct rig *rig);   /* the next thing that happens; false: nothing will */
void rig_finish(struct rig *rig); /* all steps */
void rig_run(struct rig *rig, enum op op, uint32_t budget_ms);
/* Only until it is answered, and all datagrams are where they go: the session may be kept. */
void rig_run_kept(struct rig *rig, enum op op, uint32_t budget_ms);

void rig_drop(struct rig *rig); /* in the middle of it, as the engine does when it ends */

/* What holds at the end of every run, whatever the network did: drivers/driver.h's promises. */
void rig_check_promises(struct rig *rig);
/* Nothing is held against the BMC, nor by it, but half-open sessions it made of late copies and
 * soon forgets. */
void rig_check_peace(struct rig *rig);

/* Holds a slot of the BMC, as another client would: half a handshake. */
void rig_take_slot(struct rig *rig);

#endif
