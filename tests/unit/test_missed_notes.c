/* A packet tap that dies while nodes boot, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rack_jobs.h"

/* While the packet tap is dead a loader may be fetched unseen: nobody says that none was. */
static void what_nobody_watched_is_unverified(void **state)
{
    struct rack *rack = rack_new(2);
    (void)state;
    struct job_request netboot = rack_request(VERB_NETBOOT, "n[01-02]");
    char id[JOB_ID_SIZE];
    rack->node[0].always_disk = true;
    rack_start(rack, &netboot, id);
    while (!rack->node[0].disk_boots && rack_step(rack, UINT64_MAX))
        continue;
    core_missed_notes(rack->core);
    struct job_view view = {0};
    rack_run(rack, id, &view);
    assert_int_equal(view.nodes[0].outcome, OUTCOME_UNVERIFIED);
    assert_non_null(strstr(view.nodes[0].text, "the packet capture had died"));
    assert_int_equal(view.nodes[1].outcome, OUTCOME_OK);
    assert_int_equal(rack->node[0].power_ons, 1); /* and it is not switched off for that */
    job_view_clear(&view);
    rack_free(rack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_watched_is_unverified),
    };
    return cmocka_run_group_tests_name("missed notes", tests, NULL, NULL);
}
