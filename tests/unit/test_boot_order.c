/* A node whose next boot nobody can set: its firmware's boot order decides, and that is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rack_jobs.h"

static enum verdict verdict_after(struct rack *rack, enum verb verb)
{
    struct job_request request = rack_request(verb, "n01");
    request.options.boot_device = BOOT_NETWORK;
    request.options.has_retry = true;
    struct job_view view = rack_do(rack, request);
    enum verdict verdict = view.nodes[0].verdict;
    job_view_clear(&view);
    return verdict;
}

static void a_netboot_leaves_it_to_the_firmware(void **state)
{
    (void)state;
    struct rack *rack = rack_new(1);
    rack->inventory->nodes[0].next_boot = DEVICE_NONE;
    rack->node[0].on = true;
    assert_int_equal(verdict_after(rack, VERB_NETBOOT), VERDICT_BOOTED_LOCAL);
    assert_true(rack_was_told(rack, "its firmware's boot order decides"));
    assert_int_equal(rack->node[0].power_offs, 1);
    assert_int_equal(rack->node[0].sent[OP_BOOT_SET], 0);
    assert_true(rack->node[0].on);
    rack_free(rack);
}

static void to_set_it_is_unsupported(void **state)
{
    (void)state;
    struct rack *rack = rack_new(1);
    rack->inventory->nodes[0].next_boot = DEVICE_NONE;
    assert_int_equal(verdict_after(rack, VERB_NEXT_BOOT), VERDICT_UNSUPPORTED);
    assert_false(rack_was_told(rack, "its firmware's boot order decides"));
    assert_int_equal(rack->node[0].sent[OP_BOOT_SET], 0);
    rack_free(rack);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_netboot_leaves_it_to_the_firmware),
        cmocka_unit_test(to_set_it_is_unsupported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
