/* Nothing, but once, if it takes long: whom it waits for.  For a status that goes into a pipe. */
#include <stdlib.h>

#include "agent/cli/fold.h"
#include "agent/cli/memory.h"
#include "agent/cli/progress.h"
#include "proto/cleanup.h"

enum { PATIENCE_MS = 3000 };

static char *fold_awaited(const struct board *board)
{
    _cleanup_(freep) const char **names = cli_needs(calloc(board->count + 1, sizeof *names));
    size_t count = 0;
    for (size_t i = 0; i < board->count; i++)
        if (board->rows[i].view.outcome == OUTCOME_PENDING)
            names[count++] = board->rows[i].view.node;
    return fold_names(names, count);
}

static void patient_event(struct progress *progress, struct board *board,
                          const struct job_event *event)
{
    (void)progress, (void)board, (void)event;
}

static void patient_tick(struct progress *progress, struct board *board, uint64_t now_ms)
{
    if (progress->told || now_ms - board->started_ms < PATIENCE_MS)
        return;
    _cleanup_(freep) char *folded = fold_awaited(board);
    if (!*folded)
        return;
    progress->told = true;
    /* How long is the agent's deadlines.command, which it does not tell. */
    (void)fprintf(progress->out, "waiting for %s%s\n", folded,
                  board->verb == VERB_CHECK ? ""
                                            : " (20 s at most, if deadlines.command is as usual)");
    (void)fflush(progress->out);
}

static void patient_end(struct progress *progress)
{
    (void)fflush(progress->out);
}

const struct progress_style_ops progress_patient = {patient_event, patient_tick, patient_end};
