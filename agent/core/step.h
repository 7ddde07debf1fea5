/* step.h - what step.c and the files of single steps, step_*.c, share. Private to agent/core. */
#ifndef POWERCTL_CORE_STEP_H
#define POWERCTL_CORE_STEP_H

#include "agent/core/state.h"

enum {
    PAUSE_FIRST_MS = 250,
    PAUSE_MOST_MS = 2000,
    PAUSE_SILENT_MS = 1000, /* a device that did not answer is not hurried */
    DRIVER_DEATHS = 3,      /* it is back within seconds, or not at all */
};

/* What the inrush limit counts, each time it is sent. */
static inline bool op_powers_on(enum op op)
{
    return op == OP_ON || op == OP_RESET || op == OP_CYCLE;
}

/* What a driver's failure is called. `contacted`: its device answered before. */
enum verdict step_verdict(const struct err *err, bool contacted);

/* Ends the task with the verdict that a driver's failure stands for. */
void step_fail_with(struct core *core, struct task *task, const struct err *err);

/* Worth another try of the very same request: chance, not an answer. */
bool step_is_transient(const struct err *err);

/* How long an off may take to have its effect. */
uint64_t step_time_to_land(const struct core *core, const struct task *task);

/* Rests, longer each time within one step. */
void step_pause_longer(struct core *core, struct task *task);

/* What this step's means read last. */
enum power step_reading(const struct task *task);
bool step_contacted(const struct task *task);

void step_read_begin(struct core *core, struct task *task);
void step_read_reply(struct core *core, struct task *task, const struct driver_reply *reply);
void step_require_on(struct core *core, struct task *task);
/* Its state is `unless` already. */
bool step_is_needless(const struct task *task);
void step_command_begin(struct core *core, struct task *task);
void step_command_reply(struct core *core, struct task *task, const struct driver_reply *reply);
/* Such a request reached its device: from here on what was last read says nothing. */
void step_note_effect(struct core *core, struct task *task, enum op op);
void step_see_begin(struct core *core, struct task *task);
void step_see_reply(struct core *core, struct task *task, const struct driver_reply *reply);
void step_read_boot_begin(struct core *core, struct task *task);
void step_read_boot_reply(struct core *core, struct task *task, const struct driver_reply *reply);
void step_set_boot_begin(struct core *core, struct task *task);
void step_set_boot_reply(struct core *core, struct task *task, const struct driver_reply *reply);
void step_flag_begin(struct core *core, struct task *task);
void step_flag_reply(struct core *core, struct task *task, const struct driver_reply *reply);
void step_evidence_reply(struct core *core, struct task *task, const struct driver_reply *reply);
/* Ends a task whose restart nothing could prove, after its power was seen. */
void step_end_unproven(struct core *core, struct task *task);
void step_bmc_back_begin(struct core *core, struct task *task);
void step_bmc_back_reply(struct core *core, struct task *task, const struct driver_reply *reply);
void step_as_before(struct core *core, struct task *task);
void step_compare(struct core *core, struct task *task);
/* Ends a task whose node is on, but not by all of its feeds. */
void step_end_partly(struct core *core, struct task *task);
/* It still reads on, by which feeds, and what became of the others. */
void step_still_fed(const struct task *task, char *text, size_t size);
void step_restarted_reply(struct core *core, struct task *task, const struct driver_reply *reply);

void step_check_begin(struct core *core, struct task *task);
void step_check_ask(struct core *core, struct task *task); /* the same question again */
void step_check_reply(struct core *core, struct task *task, const struct driver_reply *reply);

#endif
