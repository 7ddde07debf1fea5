/* rack_jobs.h - jobs of a rack: how a test asks for one, and how it ended. Include it behind cmocka. */
#ifndef POWERCTL_TEST_RACK_JOBS_H
#define POWERCTL_TEST_RACK_JOBS_H

#include "tests/unit/rack.h"

/* 16 nodes, all off, as *state. */
int rack_setup(void **state);
int rack_teardown(void **state);
#define RACK_TEST(test_) cmocka_unit_test_setup_teardown(test_, rack_setup, rack_teardown)

/* Of somebody who means it; the nodes are lent. */
struct job_request rack_request(enum verb verb, const char *nodes);

/* To be refused fails the test. */
void rack_start(struct rack *rack, const struct job_request *request, char id[JOB_ID_SIZE]);
/* And to its end; the view is the caller's to clear. */
struct job_view rack_do(struct rack *rack, struct job_request request);

/* In the text of any event so far. */
bool rack_was_told(const struct rack *rack, const char *text);

#define assert_outcome(view_, index_, outcome_, verdict_)                                          \
    do {                                                                                           \
        const struct node_view *seen_ = &(view_).nodes[index_];                                    \
        if (seen_->outcome != (outcome_) || seen_->verdict != (verdict_))                          \
            fail_msg("%s: %s %s (%s), not %s %s", seen_->node, outcome_name(seen_->outcome),       \
                     verdict_name(seen_->verdict), seen_->text, outcome_name(outcome_),            \
                     verdict_name(verdict_));                                                      \
    } while (0)

#endif
