/* journal_rig.h - a journal in a directory of its own, for tests of what it keeps.
 *
 * A test that JOURNAL_TEST() wraps finds journal_rig_dir new and empty; afterwards it is removed with
 * all that is in it.  A journal that is opened is the test's to close.  What should succeed and does
 * not fails the test, with the journal's own words. */
#ifndef POWERCTL_TEST_JOURNAL_RIG_H
#define POWERCTL_TEST_JOURNAL_RIG_H

#include "agent/io/journal.h"

extern char journal_rig_dir[64];

int journal_rig_setup(void **state);
int journal_rig_teardown(void **state);
#define JOURNAL_TEST(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, journal_rig_setup, journal_rig_teardown)

/* The journal in there, writable; `run` as for journal_open(). */
struct journal *journal_rig_open(const char *run);
void journal_rig_commit(struct journal *journal);

/* Of a cycle, at 2 s. */
struct job_event journal_rig_event(enum event_kind kind, const char *job, const char *node);

#endif
