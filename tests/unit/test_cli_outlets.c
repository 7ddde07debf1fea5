/* powerctl and PDUs: what goes over the wire, and what is shown. */
#include "tests/unit/cli_rig.h"

#define MAP(outlets)                                                                               \
    {                                                                                              \
        .request = "GET /v1/outlets",                                                              \
        .answer = JSON_ANSWER("200 OK", "{\"outlets\":[" outlets "]}")                             \
    }

static void test_outlets_are_asked_for_their_state(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.request = "GET /v1/outlets?pdu=pdu-b ",
         .answer = JSON_ANSWER("404 No", "{\"type\":\"not-found\",\"title\":\"no PDU is called "
                                         "'pdu-b'; did you mean 'pdu-a'?\"}")},
        MAP("{\"outlet\":\"pdu-a/1\",\"node\":\"n20\"},{\"outlet\":\"pdu-a/2\"}"),
        {.request = "POST /v1/jobs ",
         .needs = "{\"verb\":\"status\",\"nodes\":\"pdu-a/[1-2]\"}",
         .answer = JSON_ANSWER("202 Accepted", JOB("status", "false", ""))},
        EVENTS(ENDED),
        RESULT("status",
               NODE("pdu-a/1", "ok", ",\"watts\":120.44") "," NODE(
                   "pdu-a/2", "failed",
                   ",\"verdict\":\"UNREACHABLE\",\"text\":\"pdu-a outlet 2: no answer\"")),
    };
    struct said said = AGAINST(rows, "powerctl", "outlets", "pdu-a");
    assert_int_equal(said.code, 1);
    assert_string_equal(said.out, "OUTLET       STATE       WATTS  NODE         CIRCUIT\n"
                                  "pdu-a/1      on          120.4  n20          -\n"
                                  "pdu-a/2      unknown         -  -            -\n"
                                  "pdu-a/2: UNREACHABLE: no answer\n");
    said = AGAINST(rows, "powerctl", "outlets", "--format=nodeset");
    assert_string_equal(said.out, "on pdu-a/1\nunknown pdu-a/2\n");
    said = AGAINST(rows, "powerctl", "outlets", "--expand");
    assert_string_equal(said.out, "pdu-a/1\npdu-a/2\n");
    assert_int_equal(said.code, 0);
    said = AGAINST(rows, "powerctl", "outlets", "pdu-b");
    assert_int_equal(said.code, 2);
    assert_says(said.err, "did you mean 'pdu-a'?");
}

static void test_an_outlet_is_switched_like_a_node(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.request = "GET /v1/nodes?nodes=n1 ",
         .answer = JSON_ANSWER("200 OK", "{\"nodes\":[{\"node\":\"n1\"}],\"folded\":\"n1\"}")},
        {.request = "GET /v1/nodes?nodes=pdu-a",
         .answer =
             JSON_ANSWER("200 OK", "{\"nodes\":[{\"node\":\"pdu-a/7\"}],\"folded\":\"pdu-a/7\"}")},
        {.request = "POST /v1/jobs ",
         .needs = "{\"verb\":\"cycle\",\"nodes\":\"pdu-a/7\",\"key\":\"k\",\"yes\":true}",
         .answer = JSON_ANSWER("202 Accepted", JOB("cycle", "false", ""))},
    };
    struct said said =
        AGAINST(rows, "powerctl", "outlet", "cycle", "pdu-a/7", "--key=k", "-y", "--no-wait");
    assert_int_equal(said.code, 0);
    assert_string_equal(said.out, "J1-1\n");
    said = AGAINST(rows, "powerctl", "outlet", "off", "n1");
    assert_int_equal(said.code, 2);
    assert_says(said.err, "n1 is no outlet: write PDU/N, or 'powerctl off n1'");
    said = AGAINST(rows, "powerctl", "outlet", "reset", "pdu-a/7");
    assert_int_equal(said.code, 2);
    assert_says(said.err, "an outlet can be switched on, off or cycle, not 'reset'");
}

static void test_feeds_go_over_the_wire(void **state)
{
    (void)state;
    const struct row rows[] = {{
        .request = "POST /v1/jobs ",
        .needs = "{\"verb\":\"cycle\",\"nodes\":\"n20\",\"options\":{\"feeds\":true}}",
        .answer = JSON_ANSWER("202 Accepted", JOB("cycle", "false", "")),
    }};
    struct said said = AGAINST(rows, "powerctl", "cycle", "n20", "--feeds", "--no-wait");
    assert_int_equal(said.code, 0);
    said = AGAINST(rows, "powerctl", "soft", "n20", "--feeds");
    assert_int_equal(said.code, 2);
    assert_says(said.err, "'powerctl soft' does not take --feeds");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outlets_are_asked_for_their_state),
        cmocka_unit_test(test_an_outlet_is_switched_like_a_node),
        cmocka_unit_test(test_feeds_go_over_the_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
