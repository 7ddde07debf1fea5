/* memory.h - what powerctl does when memory runs out while it shows something: it says so and
 * ends with an exit code that is no success.  A result that is half shown, an alarm left out or an
 * empty document would be believed.  Jobs are the agent's: they go on. */
#ifndef POWERCTL_CLI_MEMORY_H
#define POWERCTL_CLI_MEMORY_H

/* Ends the program. tests/torture knows it by its name. */
void cli_no_memory(void) __attribute__((noreturn));

/* What was just made; if it is NULL for want of memory, ends the program. */
void *cli_needs(void *made);

#endif
