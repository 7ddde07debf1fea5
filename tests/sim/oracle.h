/* oracle.h - the judge.  It shares no code with the product: it sees what was sent, what came
 * back, what was committed to the journal, what clients are shown, and the machines' real power
 * history, and holds all of it against the invariants after every event.
 *
 * It may use the product's plain structs and enums as data, and none of its functions. */
#ifndef POWERCTL_SIM_ORACLE_H
#define POWERCTL_SIM_ORACLE_H

#include "tests/sim/sim.h"

struct oracle *oracle_new(void);
struct oracle *oracle_free(struct oracle *oracle);

/* What happens, told at once. `cause`: 1 + index into sim->sends. */
void oracle_admitted(struct sim *sim, const char *id, const struct job_request *request,
                     size_t nnames, char names[][NAME_SIZE]);
void oracle_committed(struct sim *sim, const struct row *rows, size_t count);
void oracle_sent(struct sim *sim, uint32_t cause);
void oracle_delivered(struct sim *sim, uint32_t cause, const struct driver_reply *reply);
void oracle_edge(struct sim *sim, const struct machine *machine, const struct edge *edge);
void oracle_outlet(struct sim *sim, const struct outlet *outlet);
void oracle_flag(struct sim *sim, const struct machine *machine);
void oracle_restarted(struct sim *sim);

/* After every event, with the views of the running jobs. */
void oracle_view(struct sim *sim, const struct job_view *view);
void oracle_check(struct sim *sim);
/* At the end of a run: all must have ended. */
void oracle_finish(struct sim *sim);
bool oracle_idle(const struct sim *sim); /* no job is unfinished */

#endif
