/* past.h - what runs of the agent before this one left behind: the journal, read at the start, and
 * jobs to be taken over as soon as that is safe.
 *
 *     open      journal and core; outcomes and keys are remembered
 *     settled   no driver of the run before lives any more: its unfinished jobs are taken over
 *     look      every few seconds: a journal that could not be written is tried again, and what
 *               could not be taken over then is taken over now
 *
 * It owns the journal and the core; the turn and the locks, which are made later, are borrowed. */
#ifndef POWERCTL_PAST_H
#define POWERCTL_PAST_H

#include "agent/core/core.h"
#include "agent/io/conf.h"
#include "agent/io/journal.h"
#include "agent/io/locks.h"
#include "agent/io/turn.h"

struct past {
    struct journal *journal;
    struct core *core;
    struct turn *turn;
    struct locks *locks;
    int *lock_fd; /* on the state directory */
    char run[16], state_dir[CONF_PATH_SIZE];
    bool settled;    /* no driver of the run before lives any more */
    bool taken_over; /* what it left unfinished; once all of it was, it stays so */
};

/* A journal that is bad is no failure: then status works, and commands are refused with its text.
 * -1: out of memory. */
int past_open(struct past *past, const struct config *config, int *lock_fd, struct err *err);
void past_close(struct past *past);

void past_settled(struct past *past);

/* -1: the journal cannot be written still. */
int past_look(struct past *past);

#endif
