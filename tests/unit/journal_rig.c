#include "tests/unit/journal_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/remove_tree.h"

char journal_rig_dir[64];

int journal_rig_setup(void **state)
{
    (void)state;
    /* Hundreds of journals are opened and synced here: in memory, where there is some. */
    (void)snprintf(journal_rig_dir, sizeof journal_rig_dir, "%s/powerctl-%.24s-XXXXXX",
                   access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", program_invocation_short_name);
    return mkdtemp(journal_rig_dir) ? 0 : -1;
}

int journal_rig_teardown(void **state)
{
    (void)state;
    return remove_tree(journal_rig_dir);
}

struct journal *journal_rig_open(const char *run)
{
    struct err err = {0};
    struct journal *journal = journal_open(journal_rig_dir, run, &err);
    if (!journal || journal_writable(journal, &err))
        fail_msg("%s", err.text);
    return journal;
}

void journal_rig_commit(struct journal *journal)
{
    struct err err = {0};
    if (journal_commit(journal, &err))
        fail_msg("%s", err.text);
}

struct job_event journal_rig_event(enum event_kind kind, const char *job, const char *node)
{
    struct job_event event = {.unix_ms = 2000, .kind = kind, .verb = VERB_CYCLE};
    (void)snprintf(event.job, sizeof event.job, "%s", job);
    (void)snprintf(event.node.node, sizeof event.node.node, "%s", node);
    event.node.percent = -1;
    event.node.power_age_ms = UINT64_MAX;
    return event;
}
