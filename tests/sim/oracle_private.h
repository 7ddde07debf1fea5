/* oracle_private.h - what the judge remembers of each job and node. */
#ifndef POWERCTL_SIM_ORACLE_PRIVATE_H
#define POWERCTL_SIM_ORACLE_PRIVATE_H

#include "tests/sim/oracle.h"

enum { JUDGED_JOBS_MAX = 64, POWER_ONS_MAX = 8192, TARGETS_MAX = FEEDS + 1 };

/* A reading that reached the agent. */
struct reading {
    uint64_t read_ms, delivered_ms; /* read_ms: at the device. 0: none */
    enum power power;
    bool truth_on;
};

/* What a node was powered by when its job was admitted: its BMC, then its outlets. */
struct judged_target {
    char device[NAME_SIZE];
    uint32_t number;
    unsigned outlet;            /* of sim->outlets; OUTLETS_MAX: a BMC */
    uint32_t circuit, cost_ma;  /* what its power-on loads */
    struct reading readings[2]; /* the last two, newest first */
};

/* One node in one job. */
struct judged_node {
    char name[NAME_SIZE], boot_device[NAME_SIZE];
    size_t ntargets, first_feed; /* feeds are targets[first_feed] and behind; 0: no BMC */
    struct judged_target targets[TARGETS_MAX];
    bool by_feeds;  /* the job goes by its outlets */
    bool was_fed;   /* when the job was admitted */
    bool feeds_off; /* in this attempt one of its outlets was told to be off */
    bool all_off;   /* and since then all of them once were */
    bool repaired;  /* it is told as a failure, and brought on again */
    unsigned machine, boot_machine;
    enum up_proof up;
    bool was_on; /* when the job was admitted */
    uint32_t attempt;
    /* what was sent */
    uint64_t first_sent_ms;
    bool intended;           /* a command is in the journal */
    unsigned intended_life;  /* of the first */
    uint32_t restarts_maybe; /* resets or cycles of this attempt that may be done */
    unsigned known_life;     /* in this life its power was read, on or off */
    bool lied_on, lied_off;  /* it once read on while it was off, off while it was on */
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
    struct judged_node nodes[NODES_MAX];
};

struct power_on {
    uint64_t at_ms;
    char device[NAME_SIZE];
    uint32_t circuit, cost_ma;
};

struct oracle {
    size_t njobs;
    struct judged_job jobs[JUDGED_JOBS_MAX];
    size_t npower_ons;
    struct power_on power_ons[POWER_ONS_MAX];
};

struct judged_job *judged_job(struct sim *sim, const char *id);
struct judged_node *judged_node(struct judged_job *job, const char *name);
bool verb_changes(enum verb verb);
bool op_changes(enum op op);
bool to_network(const struct judged_job *job);
bool meant_off(const struct judged_job *job);

bool has_both(const struct judged_node *node);
bool has_feeds(const struct judged_node *node);
struct judged_target *judged_target(struct judged_node *node, const char *device, uint32_t number);

/* oracle_feeds.c */
void judge_on_after_off(struct sim *sim, const struct judged_job *job, struct judged_node *node,
                        const struct send *send);
void judge_inrush(struct sim *sim, const struct judged_target *target);
void judge_shared(struct sim *sim, struct judged_job *job, const struct send *send);
void judge_feeds(struct sim *sim, const struct judged_job *job, const struct judged_node *node,
                 bool on);
void judge_fed_cycle(struct sim *sim, const struct judged_job *job, const struct judged_node *node);
void judge_told_power(struct sim *sim, const struct judged_node *node, enum power told);
void judge_unfed(struct sim *sim, const struct judged_job *job, const struct judged_node *node,
                 const struct job_event *event);

/* oracle_outcome.c */
/* It is so, or was so when `target` was last read, and somebody else has changed it since. */
bool target_was_so(const struct sim *sim, const struct judged_job *job,
                   const struct judged_node *node, const struct judged_target *target, bool on);
void judge_read_twice(struct sim *sim, const struct judged_job *job, const struct judged_node *node,
                      const struct judged_target *target, bool on);
void judge_outcome(struct sim *sim, struct judged_job *job, struct judged_node *node,
                   const struct job_event *event);
/* oracle_sends.c */
void judge_send(struct sim *sim, struct judged_job *job, struct judged_node *node, uint32_t cause);

#endif
