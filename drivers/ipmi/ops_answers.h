/* ops_answers.h - the data of answers, into the fields of a reply. */
#ifndef POWERCTL_IPMI_OPS_ANSWERS_H
#define POWERCTL_IPMI_OPS_ANSWERS_H

#include "drivers/ipmi/ops.h"

/* Stores what a successful answer says. -1: it makes no sense and the operation needs it; the
 * reply then has the complaint. Nonsense in an optional answer is left out. */
int answer_store(struct operation *operation, const struct ipmi_command *command,
                 const struct ipmi_answer *answer);

#endif
