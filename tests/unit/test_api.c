/* The control API's documents: what is written is read back, requests are read strictly,
 * answers leniently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/api.h"
#include "proto/api_time.h"
#include "proto/cleanup.h"

static void test_request_comes_back(void **state)
{
    (void)state;
    char nodes[] = "@rack1,n[17-20]!n19";
    struct job_request sent = {
        .verb = VERB_REBOOT,
        .nodes = nodes,
        .key = "nightly-2026-01-31",
        .actor = "not on the wire",
        .confirm = "0123456789abcdef",
        .yes = true,
        .max_nodes = 40,
        .options = {.boot_device = BOOT_DISK,
                    .netboot = true,
                    .force = true,
                    .retry = 0,
                    .has_retry = true,
                    .timeout_s = 1800,
                    .grace_s = 120,
                    .batch = 8,
                    .max_failures = 0,
                    .has_max_failures = true,
                    .seconds = 15,
                    .native = true,
                    .feeds = true},
    };
    _cleanup_(freep) char *json = job_request_encode(&sent);
    assert_non_null(json);
    assert_null(strchr(json, '\n'));
    assert_null(strstr(json, "on the wire"));

    _cleanup_(job_request_clear) struct job_request got = {0};
    struct err err = {0};
    assert_int_equal(job_request_decode(json, &got, &err), 0);
    assert_string_equal(got.nodes, sent.nodes);
    assert_string_equal(got.actor, "");
    assert_string_equal(got.key, sent.key);
    assert_string_equal(got.confirm, sent.confirm);
    assert_int_equal(got.verb, VERB_REBOOT);
    assert_true(got.yes);
    assert_int_equal(got.max_nodes, 40);
    assert_memory_equal(&got.options, &sent.options, sizeof got.options);
}

static void test_smallest_request(void **state)
{
    (void)state;
    char nodes[] = "n01";
    struct job_request sent = {.verb = VERB_ON, .nodes = nodes};
    _cleanup_(freep) char *json = job_request_encode(&sent);
    assert_string_equal(json, "{\"verb\":\"on\",\"nodes\":\"n01\"}");
}

static void test_requests_are_strict(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"", "not JSON, line 1"},
        {"[1]", "a JSON object {...} was expected"},
        {"{\"verb\":\"on\"}", "'nodes' is missing"},
        {"{\"nodes\":\"n1\"}", "'verb' is missing"},
        {"{\"verb\":\"up\",\"nodes\":\"n1\"}", "'verb' cannot be 'up'"},
        {"{\"verb\":\"on\",\"nodes\":[\"n1\"]}", "'nodes' must be a text"},
        {"{\"verb\":\"on\",\"nodes\":\"n1\",\"node\":\"n2\"}", "unknown key 'node'"},
        {"{\"verb\":\"on\",\"nodes\":\"n1\",\"actor\":\"root\"}", "unknown key 'actor'"},
        {"{\"verb\":\"on\",\"nodes\":\"n1\",\"nodes\":\"n2\"}", "duplicate object key"},
        {"{\"verb\":\"on\",\"nodes\":\"n1\",\"yes\":1}", "'yes' must be true or false"},
        {"{\"verb\":\"on\",\"nodes\":\"n1\",\"max_nodes\":-1}", "'max_nodes' is -1"},
        {"{\"verb\":\"on\",\"nodes\":\"n1\",\"max_nodes\":4294967296}", "it must be 0 to"},
        {"{\"verb\":\"on\",\"nodes\":\"n1\",\"max_nodes\":1.5}", "must be a whole number"},
        {"{\"verb\":\"on\",\"nodes\":\"n1\",\"options\":7}", "'options' must be an object"},
        {"{\"verb\":\"on\",\"nodes\":\"n1\",\"options\":{\"retires\":1}}",
         "in 'options': unknown key 'retires'"},
        {"{\"verb\":\"off\",\"nodes\":\"n1\",\"options\":{\"feeds\":1}}",
         "in 'options': 'feeds' must be true or false"},
        {"{\"verb\":\"on\",\"nodes\":\"n1\",\"confirm\":\"0123456789abcdef0\"}",
         "'confirm' is 17 bytes long, at most 16 are taken"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct job_request out = {.max_nodes = 4711};
        struct err err = {0};
        assert_int_equal(job_request_decode(cases[i].json, &out, &err), -1);
        if (!strstr(err.text, cases[i].text))
            fail_msg("%s\n gave: %s\n not: %s", cases[i].json, err.text, cases[i].text);
        assert_int_equal(err.kind, ERR_USAGE);
        assert_int_equal(out.max_nodes, 4711);
        assert_null(out.nodes);
    }
}

static struct node_view some_node(void)
{
    struct node_view view;
    memset(&view, 0, sizeof view); /* padding too: views are compared as memory */
    (void)snprintf(view.node, sizeof view.node, "n01");
    view.outcome = OUTCOME_FAILED;
    view.verdict = VERDICT_KERNEL_STALLED;
    view.power = POWER_ON;
    view.stage = STAGE_LOADER_UP;
    view.attempt = 2;
    view.percent = 43;
    (void)snprintf(view.file, sizeof view.file, "vmlinuz");
    (void)snprintf(view.text, sizeof view.text, "no block since 12:00:03");
    view.has_next_boot = true;
    view.next_boot.valid = true;
    view.next_boot.uefi = true;
    view.next_boot.device = BOOT_NETWORK;
    view.since_ms = 14203;
    view.power_age_ms = 1001;
    view.has_watts = true;
    view.milliwatts = 123450;
    (void)snprintf(view.job, sizeof view.job, "J1a2b3c4-17");
    return view;
}

static struct node_view quiet_node(void)
{
    struct node_view view;
    memset(&view, 0, sizeof view);
    (void)snprintf(view.node, sizeof view.node, "n02");
    view.percent = -1;
    view.power_age_ms = UINT64_MAX;
    return view;
}

static void test_node_list_comes_back(void **state)
{
    (void)state;
    struct node_view sent[] = {some_node(), quiet_node()}, *got;
    size_t count;
    char *folded, *warning;
    struct err err = {0};
    _cleanup_(freep) char *json = node_list_encode(sent, 2, "n[01-02]", "!n9 removed nothing");
    assert_int_equal(node_list_decode(json, &got, &count, &folded, &warning, &err), 0);
    assert_int_equal(count, 2);
    assert_memory_equal(got, sent, sizeof sent);
    assert_string_equal(folded, "n[01-02]");
    assert_string_equal(warning, "!n9 removed nothing");
    free(got);
    free(folded);
    free(warning);
}

static void test_outlets_come_back(void **state)
{
    (void)state;
    static const struct outlet_view sent[] = {
        {.outlet = "pdu-a/3", .node = "n20", .circuit = "c1"},
        {.outlet = "pdu-a/4", .asked = true, .text = "no answer from 10.1.0.5 in 1 s"},
        {.outlet = "pdu-a/5", .asked = true, .power = POWER_ON, .has_watts = true},
    };
    struct outlet_view *got;
    size_t count;
    struct err err = {0};
    _cleanup_(freep) char *json = outlet_list_encode(sent, 3);
    assert_string_equal(
        json, "{\"outlets\":[{\"outlet\":\"pdu-a/3\",\"node\":\"n20\",\"circuit\":\"c1\"},"
              "{\"outlet\":\"pdu-a/4\",\"power\":\"unknown\","
              "\"text\":\"no answer from 10.1.0.5 in 1 s\"},"
              "{\"outlet\":\"pdu-a/5\",\"power\":\"on\",\"watts\":0.0}]}");
    assert_int_equal(outlet_list_decode(json, &got, &count, &err), 0);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        _cleanup_(freep) char *one = outlet_view_encode(&sent[i]);
        _cleanup_(freep) char *again = outlet_view_encode(&got[i]);
        assert_string_equal(one, again);
    }
    free(got);
}

static void test_outlets_are_read_leniently(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"{}", "'outlets' must be a list"},
        {"{\"outlets\":[3]}", "outlet 1 must be an object"},
        {"{\"outlets\":[{\"node\":\"n1\"}]}", "outlet 1: 'outlet' is missing"},
        {"{\"outlets\":[{\"outlet\":\"a/1\",\"watts\":-1}]}", "'watts' must be a number of watts"},
        {"{\"outlets\":[{\"outlet\":\"a/1\",\"watts\":4294968}]}", "must be a number of watts"},
        {"{\"outlets\":[{\"outlet\":\"a/1\",\"watts\":\"9\"}]}", "must be a number of watts"},
    };
    struct outlet_view *got = NULL;
    size_t count = 0;
    struct err err = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(outlet_list_decode(cases[i].json, &got, &count, &err), -1);
        if (!strstr(err.text, cases[i].text))
            fail_msg("%s\n gave: %s\n not: %s", cases[i].json, err.text, cases[i].text);
        assert_int_equal(err.kind, ERR_PROTOCOL);
        assert_null(got);
    }
    assert_int_equal(outlet_list_decode("{\"outlets\":[{\"outlet\":\"a/1\",\"fuse\":7,"
                                        "\"watts\":12.3456}]}",
                                        &got, &count, &err),
                     0);
    assert_int_equal(count, 1);
    assert_int_equal(got->milliwatts, 12346);
    free(got);
}

static void test_what_is_not_known_is_not_written(void **state)
{
    (void)state;
    struct node_view quiet = quiet_node();
    _cleanup_(freep) char *json = node_list_encode(&quiet, 1, "n02", NULL);
    assert_string_equal(json, "{\"nodes\":[{\"node\":\"n02\",\"outcome\":\"pending\","
                              "\"power\":\"unknown\",\"stage\":\"NONE\",\"since_s\":0.0}],"
                              "\"folded\":\"n02\"}");
}

static void test_foreign_bytes_do_not_break_a_list(void **state)
{
    (void)state;
    struct node_view node = quiet_node(), *got;
    size_t count;
    char *folded, *warning;
    struct err err = {0};
    (void)snprintf(node.text, sizeof node.text, "BMC says \xff\xfe \"hm\"");
    _cleanup_(freep) char *json = node_list_encode(&node, 1, "n02", NULL);
    assert_non_null(json);
    assert_int_equal(node_list_decode(json, &got, &count, &folded, &warning, &err), 0);
    assert_string_equal(got->text, "BMC says ?? \"hm\"");
    free(got);
    free(folded);
    free(warning);
}

static struct job_view some_job(struct node_view *nodes, size_t count)
{
    struct job_view job = {.id = "J1a2b3c4-17",
                           .verb = VERB_NETBOOT,
                           .key = "k",
                           .actor = "alice (uid 1000)",
                           .done = true,
                           .started_unix_ms = 1769903999123,
                           .ended_unix_ms = 1769904113456,
                           .elapsed_ms = 114333,
                           .nnodes = count,
                           .nodes = nodes};
    return job;
}

static void test_job_comes_back(void **state)
{
    (void)state;
    struct node_view nodes[] = {some_node(), quiet_node()};
    struct job_view sent = some_job(nodes, 2);
    _cleanup_(job_view_clear) struct job_view got = {0};
    struct err err = {0};
    _cleanup_(freep) char *json = job_view_encode(&sent);
    assert_non_null(strstr(json, "\"started\":\"2026-01-31T23:59:59.123Z\""));
    assert_non_null(strstr(json, "\"elapsed_s\":114.333"));
    assert_non_null(strstr(json, "\"exit_code\":1"));
    assert_int_equal(job_view_decode(json, &got, &err), 0);
    assert_string_equal(got.id, sent.id);
    assert_int_equal(got.verb, sent.verb);
    assert_string_equal(got.actor, sent.actor);
    assert_true(got.done);
    assert_false(got.cancelling);
    assert_int_equal(got.started_unix_ms, sent.started_unix_ms);
    assert_int_equal(got.ended_unix_ms, sent.ended_unix_ms);
    assert_int_equal(got.elapsed_ms, sent.elapsed_ms);
    assert_int_equal(got.nnodes, 2);
    assert_memory_equal(got.nodes, nodes, sizeof nodes);
}

static void test_answers_are_lenient(void **state)
{
    (void)state;
    _cleanup_(job_view_clear) struct job_view job = {0};
    struct err err = {0};
    assert_int_equal(job_view_decode("{\"id\":\"J1-1\",\"verb\":\"on\",\"colour\":\"blue\","
                                     "\"nodes\":[{\"node\":\"n1\",\"mood\":3}]}",
                                     &job, &err),
                     0);
    assert_int_equal(job.nnodes, 1);
    assert_int_equal(job.nodes[0].percent, -1);
    assert_int_equal(job_view_decode("{\"id\":\"J1-1\",\"verb\":\"dance\"}", &job, &err), -1);
    assert_int_equal(err.kind, ERR_PROTOCOL);
    assert_non_null(strstr(err.text, "'verb' cannot be 'dance'"));
}

static void test_long_texts_of_answers_are_cut_at_a_character(void **state)
{
    (void)state;
    char title[JOB_TEXT_SIZE + 8], json[JOB_TEXT_SIZE + 64];
    memset(title, 'x', sizeof title);
    memcpy(title + JOB_TEXT_SIZE - 2, "\xc3\xa9", 3); /* an e acute, over the edge */
    (void)snprintf(json, sizeof json, "{\"type\":\"busy\",\"title\":\"%s\"}", title);
    struct problem problem;
    struct err err = {0};
    assert_int_equal(problem_decode(json, &problem, &err), 0);
    assert_int_equal(strlen(problem.title), JOB_TEXT_SIZE - 2);
}

static void test_job_list_counts(void **state)
{
    (void)state;
    struct node_view nodes[] = {some_node(), quiet_node()};
    struct job_view sent[] = {some_job(nodes, 2), some_job(nodes, 1)}, *got;
    size_t count;
    struct err err = {0};
    _cleanup_(freep) char *json = job_list_encode(sent, 2);
    assert_null(strstr(json, "\"nodes\""));
    assert_int_equal(job_list_decode(json, &got, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(got[0].nnodes, 2);
    assert_null(got[0].nodes);
    assert_int_equal(job_view_count(&got[0], OUTCOME_FAILED), 1);
    assert_int_equal(job_view_count(&got[0], OUTCOME_PENDING), 1);
    assert_int_equal(job_view_count(&got[1], OUTCOME_PENDING), 0);
    assert_int_equal(job_view_exit_code(&got[1]), 1);
    job_list_free(got, count);
}

static void test_exit_code_is_the_worst_outcome(void **state)
{
    (void)state;
    static const struct {
        enum outcome outcomes[3];
        int code;
    } cases[] = {
        {{OUTCOME_OK, OUTCOME_OK, OUTCOME_OK}, 0},
        {{OUTCOME_OK, OUTCOME_UNVERIFIED, OUTCOME_OK}, 7},
        {{OUTCOME_FAILED, OUTCOME_UNVERIFIED, OUTCOME_OK}, 1},
        {{OUTCOME_OK, OUTCOME_CANCELLED, OUTCOME_UNVERIFIED}, 1},
        {{OUTCOME_OK, OUTCOME_PENDING, OUTCOME_OK}, 1},
        {{OUTCOME_FAILED, OUTCOME_LEFT_OFF, OUTCOME_UNVERIFIED}, 8},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct node_view nodes[3] = {0};
        for (size_t j = 0; j < 3; j++)
            nodes[j].outcome = cases[i].outcomes[j];
        struct job_view job = {.done = true, .nnodes = 3, .nodes = nodes};
        assert_int_equal(job_view_exit_code(&job), cases[i].code);
    }
}

static void test_event_comes_back_on_one_line(void **state)
{
    (void)state;
    struct job_event sent, got;
    memset(&sent, 0, sizeof sent);
    sent.sequence = 9007199254740993; /* more than a double holds */
    sent.unix_ms = 1769903999123;
    sent.kind = EVENT_STAGE;
    sent.verb = VERB_NETBOOT;
    (void)snprintf(sent.job, sizeof sent.job, "J1a2b3c4-17");
    sent.node = some_node();
    struct err err = {0};
    _cleanup_(freep) char *json = job_event_encode(&sent);
    assert_null(strchr(json, '\n'));
    assert_int_equal(job_event_decode(json, &got, &err), 0);
    assert_int_equal(got.sequence, sent.sequence);
    assert_int_equal(got.unix_ms, sent.unix_ms);
    assert_int_equal(got.kind, sent.kind);
    assert_int_equal(got.verb, sent.verb);
    assert_string_equal(got.job, sent.job);
    assert_memory_equal(&got.node, &sent.node, sizeof got.node);
}

static void test_nothing_of_a_device_moves_a_cursor(void **state)
{
    (void)state;
    static const char rude[] = "two\nlines \033[2J \xc2\x9b"
                               "31m \xc3\xa9";
    struct job_event sent = {.kind = EVENT_NOTE, .node = {.node = "n01"}}, got;
    memcpy(sent.node.text, rude, sizeof rude);
    _cleanup_(freep) char *json = job_event_encode(&sent);
    assert_null(strchr(json, '\n'));
    assert_int_equal(job_event_decode(json, &got, NULL), 0);
    assert_string_equal(got.node.text, "two?lines ?[2J ??31m \xc3\xa9");
}

static void test_event_list_comes_back(void **state)
{
    (void)state;
    struct job_event sent[EVENT_KINDS], *got;
    memset(sent, 0, sizeof sent);
    for (int i = 0; i < EVENT_KINDS; i++) {
        sent[i].kind = (enum event_kind)i;
        sent[i].sequence = (uint64_t)i;
    }
    size_t count;
    struct err err = {0};
    _cleanup_(freep) char *json = event_list_encode(sent, EVENT_KINDS);
    assert_int_equal(event_list_decode(json, &got, &count, &err), 0);
    assert_int_equal(count, EVENT_KINDS);
    for (int i = 0; i < EVENT_KINDS; i++)
        assert_int_equal(got[i].kind, i);
    free(got);
}

static void test_problem_comes_back(void **state)
{
    (void)state;
    struct problem sent = {.kind = ERR_CONFIRM,
                           .status = problem_status(ERR_CONFIRM),
                           .title = "32 nodes are more than 16",
                           .job = "J1-1",
                           .count = 32,
                           .confirm = "0123456789abcdef",
                           .folded = "n[01-32]"};
    struct problem got;
    struct err err = {0};
    _cleanup_(freep) char *json = problem_encode(&sent);
    assert_int_equal(problem_decode(json, &got, &err), 0);
    assert_int_equal(got.kind, ERR_CONFIRM);
    assert_int_equal(got.status, 409);
    assert_string_equal(got.title, sent.title);
    assert_string_equal(got.job, sent.job);
    assert_int_equal(got.count, 32);
    assert_string_equal(got.confirm, sent.confirm);
    assert_string_equal(got.folded, sent.folded);
}

static void test_every_kind_has_a_status_and_an_exit_code(void **state)
{
    (void)state;
    for (int kind = ERR_NONE + 1; kind < ERR_KINDS; kind++) {
        assert_in_range(problem_status((enum err_kind)kind), 400, 599);
        assert_int_not_equal(problem_exit_code((enum err_kind)kind), EXIT_OK);
    }
    assert_int_equal(problem_exit_code(ERR_USAGE), 2);
    assert_int_equal(problem_exit_code(ERR_DENIED), 4);
    assert_int_equal(problem_exit_code(ERR_CONFIRM), 2);
    assert_int_equal(problem_exit_code(ERR_BUSY), 6);
    assert_int_equal(problem_exit_code(ERR_NOT_FOUND), 2);
    assert_int_equal(problem_exit_code(ERR_SYSTEM), 3);
}

static void test_times(void **state)
{
    (void)state;
    char text[TIME_TEXT_SIZE];
    int64_t ms;
    time_format(1769903999123, text);
    assert_string_equal(text, "2026-01-31T23:59:59.123Z");
    assert_int_equal(time_parse(text, &ms), 0);
    assert_int_equal(ms, 1769903999123);
    assert_int_equal(time_parse("2024-02-29T00:00:00Z", &ms), 0);
    assert_int_equal(time_parse("2024-02-29T00:00:00.5Z", &ms), 0);
    assert_int_equal(ms % 1000, 500);
    time_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    static const char *const bad[] = {"",
                                      "now",
                                      "2026-01-31",
                                      "2026-02-30T00:00:00Z",
                                      "2026-01-31T24:00:00Z",
                                      "2026-01-31T23:59:59",
                                      "2026-01-31T23:59:59.Z",
                                      "2026-01-31T23:59:59+01:00"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(time_parse(bad[i], &ms), -1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_comes_back),
        cmocka_unit_test(test_smallest_request),
        cmocka_unit_test(test_requests_are_strict),
        cmocka_unit_test(test_node_list_comes_back),
        cmocka_unit_test(test_outlets_come_back),
        cmocka_unit_test(test_outlets_are_read_leniently),
        cmocka_unit_test(test_what_is_not_known_is_not_written),
        cmocka_unit_test(test_foreign_bytes_do_not_break_a_list),
        cmocka_unit_test(test_job_comes_back),
        cmocka_unit_test(test_answers_are_lenient),
        cmocka_unit_test(test_long_texts_of_answers_are_cut_at_a_character),
        cmocka_unit_test(test_job_list_counts),
        cmocka_unit_test(test_exit_code_is_the_worst_outcome),
        cmocka_unit_test(test_event_comes_back_on_one_line),
        cmocka_unit_test(test_nothing_of_a_device_moves_a_cursor),
        cmocka_unit_test(test_event_list_comes_back),
        cmocka_unit_test(test_problem_comes_back),
        cmocka_unit_test(test_every_kind_has_a_status_and_an_exit_code),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
