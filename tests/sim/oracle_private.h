/* oracle_private.h - what the judge remembers of each job and node. */
#ifndef POWERCTL_SIM_ORACLE_PRIVATE_H
#define POWERCTL_SIM_ORACLE_PRIVATE_H

#include "tests/sim/oracle.h"

enum { JUDGED_JOBS_MAX = 64, POWER_ONS_MAX = 4096 };

/* A reading that reached the agent. */
struct reading {
    uint64_t read_ms, delivered_ms; /* read_ms: at the device. 0: none */
    enum power power;
    bool truth_on;
};

/* One node in one job. Its target as it was when the job was admitted. */
struct judged_node {
    char name[NAME_SIZE], device[NAME_SIZE], boot_device[NAME_SIZE];
    uint32_t outlet;
    unsigned machine, boot_machine;
    enum up_proof up;
    bool was_on; /* when the job was admitted */
    uint32_t attempt;
    /* what was sent */
    uint64_t first_sent_ms;
    bool intended;              /* a command is in the journal */
    unsigned intended_life;     /* of the first */
    uint32_t restarts_maybe;    /* resets or cycles of this attempt that may be done */
    struct reading readings[2]; /* the last two, newest first */
    unsigned known_life;        /* in this life its power was read, on or off */
    bool lied_on;               /* it once read on while it was off */
    /* what really happened */
    uint64_t proof_ms;        /* only a boot since then is of this attempt */
    unsigned offs, by_others; /* off edges of this job; on edges that were not its own */
    bool flag_told;
    /* how it ended */
    bool ended;
    enum outcome outcome;
    uint64_t waited_ms, waits_since_ms;
    bool waits;
};

struct judged_job {
    char id[JOB_ID_SIZE];
    enum verb verb;
    struct job_options options;
    uint64_t admitted_ms;
    unsigned life; /* that admitted it */
    bool ended;
    size_t nnodes;
    struct judged_node nodes[MACHINES_MAX];
};

struct oracle {
    size_t njobs;
    struct judged_job jobs[JUDGED_JOBS_MAX];
    size_t npower_ons;
    uint64_t power_ons_ms[POWER_ONS_MAX];
};

struct judged_job *judged_job(struct sim *sim, const char *id);
struct judged_node *judged_node(struct judged_job *job, const char *name);
bool verb_changes(enum verb verb);
bool op_changes(enum op op);
bool to_network(const struct judged_job *job);
bool meant_off(const struct judged_job *job);

/* oracle_outcome.c */
void judge_outcome(struct sim *sim, struct judged_job *job, struct judged_node *node,
                   const struct job_event *event);
/* oracle_sends.c */
void judge_send(struct sim *sim, struct judged_job *job, struct judged_node *node, uint32_t cause);

#endif
