/* feeds_rig.h - one node by its feeds, jobs of it, and how they end: for the tests of feeds. Include
 * it behind cmocka. */
#ifndef POWERCTL_TEST_FEEDS_RIG_H
#define POWERCTL_TEST_FEEDS_RIG_H

#include <stdio.h>
#include <string.h>

#include "tests/unit/rack_jobs.h"

static struct rack *rack;
static struct job_view view; /* of the last job */

static inline int end(void **state)
{
    (void)state;
    job_view_clear(&view);
    view = (struct job_view){0};
    if (rack)
        rack_free(rack);
    rack = NULL;
    return 0;
}

/* One node with two feeds and no BMC, on or off. */
static inline void fed(bool on)
{
    rack = rack_new_fed(1, false);
    rack_feed(rack, 0, on);
    rack->node[0].disk_phones_home = true;
}

/* One with a BMC behind them, on. */
static inline void fed_with_bmc(void)
{
    rack = rack_new_fed(1, true);
    rack->node[0].on = true;
    rack->node[0].bmc_takes_ms = 20000;
    rack->node[0].disk_phones_home = true;
    rack->inventory->deadlines.bmc_back = 60000;
}

static inline int submit(enum verb verb, const char *nodes, const struct job_options *options,
                         char id[JOB_ID_SIZE], struct err *err)
{
    struct problem problem = {0};
    struct job_request request = rack_request(verb, nodes);
    if (options)
        request.options = *options;
    return rack_submit(rack, &request, id, &problem, err);
}

static inline const struct node_view *do_with(enum verb verb, const struct job_options *options)
{
    char id[JOB_ID_SIZE];
    struct err err = {0};
    if (submit(verb, "n01", options, id, &err))
        fail_msg("refused: %s", err.text);
    job_view_clear(&view);
    rack_run(rack, id, &view);
    return &view.nodes[0];
}

static inline const struct node_view *run(enum verb verb)
{
    return do_with(verb, NULL);
}

#define assert_end(node_, outcome_, verdict_, text_)                                               \
    do {                                                                                           \
        const struct node_view *ended_ = (node_);                                                  \
        if (ended_->outcome != (outcome_) || ended_->verdict != (verdict_) ||                      \
            !strstr(ended_->text, (text_)))                                                        \
            fail_msg("%s %s: \"%s\", not %s %s: \"%s\"", outcome_name(ended_->outcome),            \
                     verdict_name(ended_->verdict), ended_->text, outcome_name(outcome_),          \
                     verdict_name(verdict_), (text_));                                             \
    } while (0)

static inline void assert_refused(enum verb verb, const char *nodes,
                                  const struct job_options *options, enum err_kind kind,
                                  const char *text)
{
    char id[JOB_ID_SIZE];
    struct err err = {0};
    assert_int_equal(submit(verb, nodes, options, id, &err), -1);
    if (err.kind != kind || !strstr(err.text, text))
        fail_msg("%s: \"%s\"", err_kind_name(err.kind), err.text);
}

static inline bool was_told(const char *text)
{
    return rack_was_told(rack, text);
}

static inline struct rack_outlet *feed(size_t pdu)
{
    return &rack->pdu[pdu].outlet[0];
}

static inline unsigned switched(void)
{
    return feed(0)->ons + feed(0)->offs + feed(1)->ons + feed(1)->offs;
}

#endif
