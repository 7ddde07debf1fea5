/* state.h - what the core remembers: jobs, their tasks, nodes, addresses. Private to agent/core.
 *
 * A task is one node walking one job's plan.  It owns copies of everything it needs of the node
 * (frozen when the job was admitted), so a reload never re-aims it. */
#ifndef POWERCTL_CORE_STATE_H
#define POWERCTL_CORE_STATE_H

#include "agent/core/boot.h"
#include "agent/core/core.h"
#include "agent/core/feeds.h"
#include "agent/core/memory.h"
#include "agent/core/pace.h"
#include "agent/core/plan.h"
#include "agent/core/target.h"
#include "proto/timers.h"

struct job;

enum task_phase {
    TASK_WAITS,  /* for its wave */
    TASK_QUEUES, /* for the inrush limit, or a place among the booting */
    TASK_ASKS,   /* a request is with a driver */
    TASK_RESTS,  /* until its timer */
    TASK_BOOTS,  /* boot notes move it */
    TASK_ENDED
};

struct task {
    struct timer timer; /* first: a due timer is its task */
    struct job *job;
    struct node node;      /* frozen */
    struct target control; /* likewise: its BMC or button, or none */
    struct feeds *feeds;   /* likewise: its outlets; NULL: none. Owned */
    struct check *check;   /* likewise: whom a check asks; NULL: it is none. Owned */
    bool by_feeds;         /* what "its power" is to the plan now: the feeds, or the control */
    char boot_device[NAME_SIZE], boot_driver[NAME_SIZE]; /* "" : none */
    uint64_t boot_settings;                              /* inventory_fingerprint() */

    const struct step *step;
    enum task_phase phase;
    uint64_t step_deadline_ms, pause_ms;
    struct call call;   /* in flight at its BMC or next-boot device */
    enum op request_op; /* of the last request, or round over the feeds */
    uint32_t tries;     /* of this step */
    uint32_t resends;   /* of commands in doubt, in this attempt */
    uint32_t attempt;   /* of the whole plan, from 1 */
    uint32_t vain;      /* power-ons by its BMC that failed (feeds_after) */
    uint64_t started_ms, queued_ms, ended_ms;

    enum power power;         /* as last read, for people and the journal */
    enum power control_power; /* by its BMC or button; feeds->each[] have theirs */
    uint64_t seen_ms;         /* first of two matching readings; 0: none yet */
    uint32_t contrary;        /* readings in a row of the opposite of what STEP_SEE waits for, when
                              no off was on its way any more: two decide */
    uint64_t read_ms;         /* when STEP_READ last read; 0: not yet */
    bool contacted;           /* its device answered in this job */
    bool was_on;              /* when the job began: what must not be left off */
    bool off_sent;         /* what takes its power away may have reached it, and it was not seen on
                              to stay since */
    bool off_pending;      /* a hard or soft off may still be on its way: not seen off since */
    bool was_fed;          /* of a BMC with feeds: they were on, */
    bool unfed;            /* and may be off, by us */
    bool off_before;       /* before its feeds were cut it may have been switched off, and was not
                              seen on since */
    bool cut;              /* its feeds were cycled in this attempt: once is enough */
    bool refed;            /* its feeds were switched on for the last time */
    bool bmc_away;         /* its BMC lost its power with them, and was not heard since */
    bool escalated;        /* its BMC could not switch it on: by the feeds from here */
    bool off_was_soft;     /* an operating system takes minutes to obey */
    uint64_t off_land_ms;  /* by then whatever off was sent has had its effect, or has none */
    bool skipped;          /* the last command was not needed */
    bool command_in_doubt; /* sent maybe: seen by reading only */
    bool unproven;         /* restarted or up, or not: nothing could tell (final_text: why) */
    bool resumed;          /* taken over from an agent that died */
    bool unsettled;        /* what that one sent may still land: nothing is read yet */
    bool override_set;     /* a one-shot next boot may be waiting in its BMC */
    bool brought_on;       /* that plan was to switch it on again */
    bool bringing_on;      /* walks plan_bring_on or plan_clear_boot: the end is known already */
    bool has_place;        /* counts among the booting */
    struct restart_evidence before;
    bool has_before;
    uint64_t command_ms; /* when the last command was sent */
    uint64_t asked_ms;   /* when the last request was */
    uint64_t edge_ms;    /* what was seen before is of another boot */
    bool asked_before;   /* its firmware asked for addresses before a reset: asking proves none */

    struct boot boot;
    bool boots; /* in by_mac; notes reach it */
    bool watches_port;
    struct ipv4 watched_ip;
    struct ipv4 ip; /* as last learnt */
    int told_percent;
    uint64_t told_percent_ms;

    enum outcome outcome;
    enum verdict verdict;
    enum verdict final_verdict; /* what it will be after plan_bring_on */
    char final_text[JOB_TEXT_SIZE];
    uint64_t since_ms;
    char text[JOB_TEXT_SIZE];
    struct next_boot next_boot;
    bool has_next_boot, has_watts;
    uint32_t milliwatts;

    struct task *next_in_queue; /* for a place */
    struct waiter turn;         /* for the inrush limits */
};

struct job {
    char id[JOB_ID_SIZE];
    struct job_request request;
    char set_hash[17];
    char *folded;
    uint64_t started_ms, ended_ms;
    uint32_t reloads;               /* core->reloads as its targets were frozen */
    bool done, cancelling, stopped; /* stopped: max_failures reached */
    bool end_taken;                 /* the shell has its EVENT_JOB_ENDED */
    bool releasing;                 /* job_release() is at work further up */
    size_t ntasks, nended, nfailed, nreleased;
    struct task *tasks;      /* NULL once the shell has its end: then there are */
    struct node_view *views; /* a fifth of the size, as of views_ms */
    uint64_t views_ms;
    struct job *next; /* newest first */
    UT_hash_handle by_id;
};

/* One MAC of a task that boots. */
struct mac_watch {
    struct mac mac;
    struct task *task;
    UT_hash_handle hh;
};

/* Which MAC had an address last. */
struct address_entry {
    struct ipv4 ip;
    struct mac mac;
    UT_hash_handle hh;
};

/* Last known state of a node, over jobs and reloads. */
struct node_state {
    char name[NAME_SIZE];
    enum power power;
    uint64_t power_ms; /* 0: never read */
    uint64_t on_ms;    /* last switched on or restarted, as far as known; 0: never */
    uint64_t asked_ms; /* its firmware last asked for an address; 0: never */
    bool has_watts;    /* as read with the power */
    uint32_t milliwatts;
    struct task *task;     /* that holds it now; NULL: none. Questions hold nothing */
    struct node_view last; /* of its last job that ended */
    uint64_t last_ms;
    bool has_last;
    UT_hash_handle hh;
};

struct used_key {
    char key[JOB_KEY_SIZE];
    char id[JOB_ID_SIZE];
    enum verb verb;
    char set_hash[17];
    struct job_options options;
    UT_hash_handle hh;
};

enum {
    ADDRESSES_MAX = 65536,
    TASKS_KEPT_MAX = 32768, /* of ended jobs: about half a KiB each */
};

struct core {
    const struct inventory *inventory;
    char boot_id[16];
    uint64_t now_ms;
    uint64_t last_request, last_job;
    uint32_t reloads; /* so far */
    struct timers timers;
    size_t ntimers;    /* tasks alive that may need one */
    struct timer turn; /* when the next power-on may go, or waves move on */
    bool releases;     /* a task ended: look at its job's next wave */
    struct job *jobs, *jobs_by_id;
    size_t jobs_ended, tasks_ended; /* those that job_forget_old() may forget */
    struct call *by_request;
    struct mac_watch *watches;
    struct address_entry *addresses;
    struct node_state *nodes;
    struct used_key *keys;
    struct held_lock *locks; /* by node; lock.c */
    /* admission */
    struct task *queue_head, **queue_tail; /* for a place among the booting */
    uint32_t booting;
    struct pace pace; /* who may be switched on, when */
    /* actions to be taken, a ring that grows */
    struct action *actions;
    size_t action_room, action_first, action_count;
    struct core_counts counts;
};

/* core.c */
struct node_state *core_node_state(struct core *core,
                                   const char *name);              /* makes it; NULL: memory */
struct action *core_act(struct core *core, enum action_kind kind); /* zeroed, in the queue */
void core_tell(struct core *core, struct task *task, enum event_kind kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void core_tell_job(struct core *core, const struct job *job, enum event_kind kind);

/* key.c */
struct used_key *key_find(const struct core *core, const char *key); /* NULL: not used yet */
/* Is that the same request? ERR_BUSY: no, and what is another. */
int key_check(const struct used_key *used, const struct job_request *request, const char *set_hash,
              struct problem *problem, struct err *err);

void key_belongs_to(struct core *core, const char *key, const char *id);

/* lock.c */
void core_locks_free(struct core *core);

/* job.c */
/* "job J1-2 (reboot by root (uid 0), running for 4 min)" */
enum { JOB_DESCRIPTION_SIZE = 192 };
void job_describe(const struct core *core, const struct job *job, char text[JOB_DESCRIPTION_SIZE]);
void job_task_ended(struct core *core, struct task *task);
void job_release(struct core *core, struct job *job);
struct job *job_free(struct core *core, struct job *job);

/* task.c */
void task_start(struct core *core, struct task *task);
void task_on_timer(struct core *core, struct task *task);
void task_on_reply(struct core *core, struct task *task, const struct driver_reply *reply);
void task_on_turn(struct core *core, struct task *task);
/* Which power-on it waits for: what is to be switched on when its turn comes. */
const struct target *task_next_on(const struct task *task);
void task_on_note(struct core *core, struct task *task, const struct note *note);
void task_cancel(struct core *core, struct task *task);
/* Ends it, after bringing the node on again and clearing its override where that is due. */
void task_fail(struct core *core, struct task *task, enum verdict verdict, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void task_end(struct core *core, struct task *task, enum outcome outcome, enum verdict verdict);
void task_next_step(struct core *core, struct task *task);
void task_rest(struct core *core, struct task *task, uint64_t ms);
void task_view(const struct core *core, const struct task *task, struct node_view *view);
const struct deadlines *task_deadlines(const struct core *core);

/* What speaks for its power now, for people: "bmc-n01", "pdu-b outlet 3", "its outlets". */
const char *task_means(const struct task *task, char name[TARGET_NAME_SIZE]);
/* Its power is known to be this now; told, if it was another. */
void task_learn(struct core *core, struct task *task, enum power power);
/* It was read on, by what the plan goes by. */
void task_saw_on(struct task *task);
bool task_has_both(const struct task *task); /* a BMC behind feeds */

/* step_check.c: what a check is to ask, frozen. NULL: out of memory */
struct check *check_new(const struct task *task);
struct check *check_free(struct check *check);
const struct target *check_target(const struct check *check); /* that is asked now */

/* ask.c */
/* Sends `op` to what the step is for: its BMC, all of its feeds, its next-boot device. The reply, of
 * a round over the feeds one for all, comes to task_on_reply(). */
void task_ask(struct core *core, struct task *task, enum op op);
void task_ask_at(struct core *core, struct task *task, enum op op, const struct target *target);
void task_on_feed(struct core *core, struct task *task); /* a round of power-ons goes on */
/* Is the power that this step means that of its feeds? And does it ask them, now? */
bool task_is_by_feeds(const struct task *task);
bool task_asks_feeds(const struct task *task);
bool task_is_switching_on(const struct task *task); /* a round with some still to come */
/* Will a round of power-ons by this step include that one? */
bool ask_is_to_switch_on(const struct task *task, const struct step *command,
                         const struct supply *supply);
void ask_answered(struct core *core, struct call *call, const struct driver_reply *reply);
void ask_lost(struct core *core, struct task *task); /* what never came back */
void ask_forget(struct core *core, struct task *task);
void ask_no_more(struct task *task); /* a round of power-ons is given up */

/* step.c, step_*.c: what each step does when it begins, and when its reply or its rest is over */
void step_begin(struct core *core, struct task *task);
void step_reply(struct core *core, struct task *task, const struct driver_reply *reply);
void step_rested(struct core *core, struct task *task);
void step_again(struct core *core, struct task *task); /* a command that has its turn again */
/* It failed to switch the node on, and there is another way: that is gone now (feeds_after). */
bool step_escalates(struct core *core, struct task *task, enum verdict verdict, const char *text);

/* whose.c: notes to tasks */
void whose_learn(struct core *core, const struct note *note); /* who has which address */
bool whose_tells_address(const struct note *note);
struct task *whose_note(struct core *core, const struct note *note); /* NULL: of none that boots */
/* Notes of its MACs are the task's, but for those that are another's already. */
void whose_watch(struct core *core, struct task *task);
void whose_watch_no_more(struct core *core, struct task *task);

/* watch.c: a task that boots */
void watch_begin(struct core *core, struct task *task);
void watch_end(struct core *core, struct task *task);
void watch_ready(struct core *core, struct task *task); /* power edge: notes count from here */
void watch_note(struct core *core, const struct note *note);
void watch_timer(struct core *core, struct task *task);
void watch_arm(struct core *core, struct task *task);
/* A boot that an earlier agent saw as far as `stage`, after a power-on that it sent. */
void watch_resume(struct core *core, struct task *task, enum stage stage, bool off_seen);

/* resume.c: the same task, from where its trail ends */
void resume_task(struct core *core, struct task *task, const struct trail *trail);

/* admission.c */
void admission_queue(struct core *core, struct task *task);
void admission_leave(struct core *core, struct task *task); /* queue or place among the booting */
void admission_run(struct core *core);
void admission_reload(struct core *core); /* the limits are others now */
/* What switching `target` on loads. `reloaded`: it was frozen of another inventory than this. */
void admission_load(const struct pace *pace, const struct inventory *inventory,
                    const struct target *target, bool reloaded, struct load *load);

#endif
