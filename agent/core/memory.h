/* memory.h - what the core does when memory runs out.
 *
 * Whoever asks for something (a job, a view, a plan, a lock) gets ERR_SYSTEM, and nothing was done:
 * all that a job needs is had before it is admitted.  But an event that comes in (a reply, a note, a
 * timer) has nobody to give an error to, and half of it must not happen: an action lost is a command
 * that the journal knows of and nobody sends; an address lost is a node called silent that is up,
 * and cycled once more.  There the agent stops.  Its journal is whole, and the next one finishes
 * what it finds (resume.c). */
#ifndef POWERCTL_CORE_MEMORY_H
#define POWERCTL_CORE_MEMORY_H

#include <stddef.h>

/* Stops the agent. tests/torture knows it by its name. */
void core_no_memory(void) __attribute__((noreturn));

/* What an event needs: zeroed. Never NULL. */
void *core_allocate(size_t size);

/* Its tables too: not exit(), which would look like an orderly end. */
#include <uthash.h>
#undef uthash_fatal
#define uthash_fatal(message) core_no_memory()

#endif
