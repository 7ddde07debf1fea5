/* sim.h - one run of the simulator: the real agent/core in a world made of memory, in virtual
 * time, driven by one seed.
 *
 *   client ──> agent (core, journal) ──> device ──> machine ──> boot server ──> notes ─> agent
 *                        │                              │
 *                        └──────────> oracle <──────────┘   checks S1 to S16 after every event
 *
 * Everything that will happen waits in one heap, ordered by time, then by when it was put there.
 * Nothing reads a clock or an address, so a seed gives the same run, byte for byte. */
#ifndef POWERCTL_SIM_H
#define POWERCTL_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core/core.h"
#include "tests/sim/dice.h"
#include "tests/sim/faults.h"

enum {
    MACHINES_MAX = 10,
    LAMPS_MAX = 3,
    BODIES_MAX = MACHINES_MAX + LAMPS_MAX, /* machines, and what else hangs on an outlet */
    PDUS = 3,
    FEEDS = 3, /* of one machine, at most */
    OUTLETS_MAX = MACHINES_MAX * FEEDS + LAMPS_MAX,
    CIRCUITS = 2,
    NODES_MAX = MACHINES_MAX + OUTLETS_MAX, /* in the inventory */
    EDGES_MAX = 2048,
    SCRIPT_MAX = 80,
    PAST_BOOTS = 32,
    PORTS_MAX = MACHINES_MAX,
    WIRE_MOST_MS = 700,  /* a request is at its device by then, or never: less than settle */
    LATE_MOST_MS = 6000, /* a device that acts late has acted by then: less than deadlines.off */
};

/* ---- the world: what really is ---- */

/* `cause`: 1 + index of the request in sim.sends; 0: by itself. */
struct edge {
    uint64_t at_ms;
    uint32_t cause;
    bool on;
};

/* The boot since the last power-on, and what it has really come to. */
struct boot_truth {
    uint32_t number;
    uint64_t on_ms;
    bool network; /* it was told so, by its flag or its boot order, and obeys */
    bool loaded;  /* a loader or kernel went over the wire whole */
    bool kernel_up, up;
};

struct script_step {
    uint32_t after_ms;
    enum { HAPPENS_NOTE, HAPPENS_LOADED, HAPPENS_KERNEL_UP, HAPPENS_UP } happens;
    struct note note;
};

/* What a driver talks to: a machine's BMC, or an outlet. */
struct endpoint {
    struct dice dice;
    bool traits[FAULTS];      /* what is wrong with it for as long as the faults last */
    uint32_t percent[FAULTS]; /* what goes wrong with one request in a hundred */
    uint32_t act;             /* the late act that is valid; an order that came later replaces it */
    unsigned reads_since_lie;
    uint64_t lied_ms;
    uint64_t dead_until_ms; /* a BMC */
};

struct pdu {
    char name[NAME_SIZE];
    struct dice dice;
    uint32_t dead_percent, stagger_ms, dwell_ms;
    bool dead, metered, cycles; /* it can cycle an outlet by itself */
    uint64_t dead_until_ms;
};

struct outlet {
    struct endpoint end;
    unsigned index, pdu; /* of sim->outlets, sim->pdus */
    uint32_t number;     /* at its PDU, from 1 */
    unsigned circuit;    /* CIRCUITS: of none */
    bool on;
    uint32_t bodies;  /* bits: the machines that it feeds */
    uint64_t edge_ms; /* the last one, */
    uint32_t cause;   /* and of which request: 1 + index into sends; 0: by hand */
};

/* What a machine with a BMC does when it has power again. */
enum restore { RESTORES_OFF, RESTORES_ON, RESTORES_LAST };

struct machine {
    unsigned index;
    struct dice boot_dice, note_dice;
    struct endpoint bmc;
    bool on, lamp, network_first, by_logs, uefi_ipxe, etherboot, one_file, quick, nfs;
    bool by_bmc; /* its BMC controls it; else it is on as long as it is fed */
    size_t nfeeds;
    unsigned feeds[FEEDS]; /* of sim->outlets. None: its power is beyond our reach */
    bool feeds_first, ran_when_fed;
    uint64_t bmc_back_ms; /* its BMC answers from then on, after it was fed again */
    enum restore restore;
    uint32_t inrush_ma, feeds_after;
    unsigned circuit; /* of its BMC's power-on */
    struct edge edges[EDGES_MAX];
    size_t nedges;
    struct boot_truth boot;
    struct boot_truth past[PAST_BOOTS]; /* a ring of those before */
    size_t npast;
    struct script_step script[SCRIPT_MAX];
    size_t nscript;
    struct next_boot flag;
    uint32_t flag_cause;
    uint8_t restart_cause;
    uint64_t minutes_from_ms;
    uint64_t log_read_ms; /* the agent has read the log up to now by then */
    bool ip_told;         /* an ACK of this boot has reached the agent */
    struct mac mac;
    struct ipv4 ip;
};

/* A request that was handed to a driver. */
struct send {
    uint64_t at_ms, arrived_ms, delivered_ms; /* 0: not (yet) */
    unsigned life, machine;
    uint64_t request;
    uint32_t budget_ms;
    enum op op;
    enum boot_device boot_device;
    char job[JOB_ID_SIZE], node[NAME_SIZE], device[NAME_SIZE];
    uint32_t outlet;
    unsigned at_outlet; /* of sim->outlets; OUTLETS_MAX: it is for a BMC */
    uint32_t bodies;    /* bits: whom it may switch */
    bool truth_on;      /* the machine or outlet, when the request was there */
    bool ok, delivered;
    enum power power; /* what was answered */
    enum sent sent;
};

/* ---- what will happen ---- */

enum happening_kind {
    HAPPENS_ARRIVAL, /* request at its device */
    HAPPENS_REPLY,   /* reply at the agent */
    HAPPENS_ACT,     /* a device does at last what it said it had done */
    HAPPENS_SELF,    /* power changes by itself */
    HAPPENS_RESTORE, /* a machine that has power again does as it is told to */
    HAPPENS_BOOT,    /* the next step of a boot */
    HAPPENS_NOTICE,  /* note at the agent */
    HAPPENS_PROBE,   /* the watched port is tried */
    HAPPENS_CLIENT,
    HAPPENS_STRAY, /* somebody else's packets */
    HAPPENS_BLOCK, /* the agent's loop stands still */
    HAPPENS_STOP,  /* SIGTERM */
    HAPPENS_START, /* of a new agent */
    HAPPENS_CALM,  /* faults end */
};

struct happening {
    uint64_t at_ms, order;
    enum happening_kind kind;
    unsigned life, machine;
    uint32_t number; /* act, boot, step, client */
    uint32_t cause;  /* index into sends, from 1 */
    enum fault fate; /* of a request; FAULTS: none */
    union {
        struct driver_request request;
        struct driver_reply reply;
        struct note note;
        enum op op;
    };
};

/* ---- the journal ---- */

enum row_kind { ROW_JOB, ROW_EVENT, ROW_INTENT, ROW_RESULT, ROW_END };

struct row {
    enum row_kind kind;
    unsigned life;
    uint64_t at_ms;
    char job[JOB_ID_SIZE], node[NAME_SIZE];
    union {
        struct {
            struct job_request request; /* nodes: NULL */
            char hash[17];
            size_t nnames;
            char names[NODES_MAX][NAME_SIZE];
        } admitted;
        struct job_event event;
        struct driver_request intent;
        struct driver_reply result;
    };
};

struct journal {
    struct row *rows;
    size_t nrows, room, committed;
};

/* ---- the agent's shell ---- */

struct agent {
    struct core *core;
    unsigned life; /* from 1 */
    uint64_t started_ms;
    uint32_t boundaries_left; /* until it is killed; 0: not this time */
    struct driver_reply *results;
    size_t nresults, results_room;
    const struct row *admitted; /* the job of this turn that is not journaled yet */
    struct {
        bool watched;
        struct ipv4 ip;
        uint16_t port;
        uint32_t number;
    } ports[PORTS_MAX];
};

enum { CLIENTS = 3, CLIENT_JOBS = 5 };

struct client {
    struct dice dice;
    unsigned jobs_left;
    char key[JOB_KEY_SIZE], id[JOB_ID_SIZE]; /* of its last job */
    struct job_request last;
    char nodes[512];
    bool may_cancel;
    bool hurries; /* it has waited for the agent, and wants power now */
};

struct oracle;

struct sim {
    uint64_t seed, now_ms, began_ms, event, last_order;
    struct dice agent_dice, stray_dice;
    bool strays, calm;
    struct happening **heap;
    size_t nheap, heap_room;
    uint64_t blocked_until_ms;

    size_t nmachines, nlamps, noutlets;
    struct machine machines[BODIES_MAX]; /* lamps behind the machines */
    struct pdu pdus[PDUS];
    struct outlet outlets[OUTLETS_MAX];
    struct circuit circuits[CIRCUITS];
    uint32_t percent[FAULTS]; /* how likely this seed makes each */
    struct inventory *inventory;
    unsigned swap_a, swap_b; /* nodes whose machines are exchanged in this inventory */
    bool settings_differ;
    struct send *sends;
    size_t nsends, sends_room;

    struct agent agent;
    struct journal journal;
    struct client clients[CLIENTS];
    struct oracle *oracle;
    uint64_t commands_hash; /* of what was sent, to whom and when: stray notes must not change it */
    struct trace *trace;
    bool violated;
};

/* sim.c: one run. 0, or 1 if an invariant was violated (which has been printed). */
struct sim_result {
    uint64_t trace_hash, commands_hash;
    bool violated;
    char invariant[8];
    uint64_t event;
};
enum sim_show { SHOW_NOTHING, SHOW_VIOLATION, SHOW_TRACE };
struct sim_result sim_run(uint64_t seed, bool strays, enum sim_show show);
struct happening *sim_later(struct sim *sim, uint64_t in_ms, enum happening_kind kind);

/* trace.c: what happened, hashed; the last lines are kept for a failure. */
struct trace *trace_new(bool show);
struct trace *trace_free(struct trace *trace);
void trace_line(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t trace_hash(const struct trace *trace);
void trace_tail(const struct trace *trace);
void sim_violation(struct sim *sim, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool trace_violation(const struct trace *trace, char invariant[8], uint64_t *event);

/* world.c */
void world_begin(struct sim *sim);
struct inventory *world_inventory(struct sim *sim);
unsigned world_node_machine(const struct sim *sim, const char *node);
/* NULL: no such device. */
struct machine *world_bmc(struct sim *sim, const char *device, uint32_t outlet);
void world_endpoint(struct sim *sim, struct endpoint *end, uint64_t stream, bool is_outlet);

/* outlet.c: PDUs, and what hangs on them */
void outlets_begin(struct sim *sim);
void outlets_name(const struct sim *sim, struct inventory *inventory, size_t first_device);
struct outlet *outlet_find(struct sim *sim, const char *device, uint32_t number);
void outlet_switch(struct sim *sim, struct outlet *outlet, bool on, uint32_t cause);
void outlet_restore(struct sim *sim, const struct happening *happening);
bool machine_fed(const struct sim *sim, const struct machine *machine);
uint32_t bit(unsigned index);

/* machine.c */
void machine_power(struct sim *sim, struct machine *machine, bool on, uint32_t cause);
/* Somebody at the rack: by its button, or by its outlets. */
void machine_by_hand(struct sim *sim, struct machine *machine, bool on);

/* device.c */
void device_send(struct sim *sim, const struct driver_request *request, const char *job,
                 const char *node);
void device_arrival(struct sim *sim, struct happening *happening);
void device_act(struct sim *sim, const struct happening *happening);

/* boot_server.c */
void boot_start(struct sim *sim, struct machine *machine);
void boot_next(struct sim *sim, const struct happening *happening);
void boot_stray(struct sim *sim);
void boot_probe(struct sim *sim, const struct happening *happening);

/* journal.c */
struct row *journal_add(struct sim *sim, enum row_kind kind, const char *job, const char *node);
void journal_commit(struct sim *sim);
void journal_roll_back(struct journal *journal);
void journal_free(struct journal *journal);
void journal_recall(struct sim *sim); /* keys, last outcomes and unfinished jobs, into the core */

/* agent.c */
void agent_start(struct sim *sim);
void agent_stop(struct sim *sim);
void agent_turn(struct sim *sim);
void agent_reply(struct sim *sim, const struct happening *happening);
/* 0, or -1 with *err set; the job's id. */
int agent_submit(struct sim *sim, const struct job_request *request, char id[JOB_ID_SIZE],
                 bool *existing, struct problem *problem, struct err *err);
int agent_reload(struct sim *sim, struct inventory *inventory, struct err *err);

/* client.c */
void clients_begin(struct sim *sim);
void client_wakes(struct sim *sim, unsigned number);

#endif
