/* cleanup.h - acquire, then release by scope; give away explicitly.
 *
 *     _cleanup_(job_freep) struct job *job = job_new(err);
 *     ...
 *     *out = TAKE(job);
 *
 * Destructors accept NULL. */
#ifndef POWERCTL_CLEANUP_H
#define POWERCTL_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(destructor) __attribute__((cleanup(destructor)))

#define TAKE(pointer)                                                                              \
    ({                                                                                             \
        __auto_type taken_ = (pointer);                                                            \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static inline void freep(void *pointer)
{
    free(*(void **)pointer);
}

static inline void fclosep(FILE **file)
{
    if (*file)
        (void)fclose(*file);
}

static inline void closep(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

#endif
