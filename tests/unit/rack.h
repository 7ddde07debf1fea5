/* rack.h - a rack in virtual time for tests of the core: BMCs that obey, lie or die, nodes that
 * boot from the network or the disk, and a truth log that the core cannot see. */
#ifndef POWERCTL_TEST_RACK_H
#define POWERCTL_TEST_RACK_H

#include <stdbool.h>

#include "agent/core/core.h"

enum {
    RACK_NODES_MAX = 64,
    RACK_PENDING_MAX = 4096,
    RACK_EVENTS_MAX = 8192,
    RACK_EDGES_MAX = 4096
};

struct rack_node {
    /* faults, set by the test */
    bool dead, wrong_password, ignores_power, drops_flag, dies_after_off, always_disk;
    bool loses_off_reply;     /* does it, answers nothing: sent maybe */
    bool no_evidence;         /* restart cause unsupported */
    unsigned hangs_in_kernel; /* in its first n network boots */
    unsigned lies_in;         /* its power is read wrong once: the n-th time from now */
    unsigned lossy_percent;   /* of its requests: not done, done or done late, and no answer */
    unsigned repeats_percent; /* of its notes: seen twice */
    uint64_t off_takes_ms;    /* answers ok at once, goes off later */
    uint64_t soft_takes_ms;   /* its operating system shuts down that long */
    bool keeps_flag;          /* never consumed, never cleared */
    bool dies_at_reset;       /* a reset leaves it off */
    bool refuses_soft;
    bool disk_phones_home; /* the system on its disk tells that it is up, too */
    bool on_with_mains;    /* one with a BMC: fed again, it starts by itself */
    bool mends_with_mains; /* fed again, its BMC obeys */
    uint64_t bmc_takes_ms; /* fed again, so long is its BMC silent; UINT64_MAX: for ever */
    uint64_t bmc_back_ms;  /* when it is back; 0: not fed again yet */
    /* truth */
    bool on;
    struct next_boot flag;
    uint8_t cause;
    unsigned resets, commands, power_ons, power_offs, cycles, network_boots, disk_boots;
    unsigned sent[OPS];
};

struct rack_pending {
    uint64_t at_ms;
    bool is_note, is_off, is_command; /* a command that lands late */
    struct driver_request request;
    struct driver_reply reply;
    struct note note;
    size_t node; /* notes: only while this boot lasts */
    unsigned boot;
};

/* Nodes of rack_new_fed() hang on two PDUs, each on the outlet of its own number. */
struct rack_outlet {
    bool on, stays_on, stays_off;
    bool loses_off_reply; /* as of a node */
    bool metered, welded; /* welded: says that it is off, and feeds on */
    uint32_t milliwatts;
    unsigned ons, offs;
};

struct rack_pdu {
    bool dead, dies_after_off;
    struct rack_outlet outlet[RACK_NODES_MAX];
    unsigned sent[OPS];
};

enum { RACK_PDUS = 2 };

struct rack {
    bool fed, has_bmcs; /* by the PDUs; with BMCs behind them */
    struct rack_pdu pdu[RACK_PDUS];
    uint64_t now_ms;
    struct inventory *inventory;
    struct core *core;
    size_t count;
    struct rack_node node[RACK_NODES_MAX];
    unsigned boots[RACK_NODES_MAX];
    struct rack_pending pending[RACK_PENDING_MAX];
    size_t npending;
    struct job_event events[RACK_EVENTS_MAX];
    size_t nevents;
    uint64_t power_on_ms[RACK_EDGES_MAX]; /* every one of them */
    size_t npower_ons;
    uint64_t random;          /* state of rack_random(); the seed */
    struct rack_crash *crash; /* NULL: the agent does not die (rack_crash.h) */
};

/* Nodes n01.., each with a BMC b01.., MAC 52:54:00:00:00:01.., all off; deadlines of seconds. */
struct rack *rack_new(size_t count);
/* Those nodes fed by outlets "pdu-a/1", "pdu-b/1"...: two feeds each, and those outlets as nodes; with
 * `bmcs` the BMCs stay their controls. All feeds on where there are BMCs; else all off. */
struct rack *rack_new_fed(size_t count, bool bmcs);
/* All feeds of a node are on, or off: before a test. */
void rack_feed(struct rack *rack, size_t index, bool on);
void rack_free(struct rack *rack);

/* Submits, and runs until the job has ended; the view is the caller's to clear. */
void rack_run(struct rack *rack, const char *id, struct job_view *view);
int rack_submit(struct rack *rack, const struct job_request *request, char id[JOB_ID_SIZE],
                struct problem *problem, struct err *err);
/* The most power-ons in any second, wherever it begins. */
unsigned rack_most_power_ons(const struct rack *rack);
uint32_t rack_random(struct rack *rack, uint32_t below);
/* One event: false if nothing is left to happen before `until_ms`. */
bool rack_step(struct rack *rack, uint64_t until_ms);

#endif
