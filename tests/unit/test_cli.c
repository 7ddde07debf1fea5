/* The whole of powerctl against an agent made of canned answers: exit codes, what is said where,
 * and what goes over the wire. */
#include "tests/unit/cli_rig.h"

static void expect_exit(const char *nodes_of_result, int code)
{
    char result[2048];
    (void)snprintf(result, sizeof result, JSON_ANSWER("200 OK", JOB("on", "true", "%s")),
                   nodes_of_result);
    const struct row rows[] = {
        ACCEPTED, EVENTS(ENDED), RUNNING(""), {.request = "GET /v1/jobs/J1-1 ", .answer = result}};
    struct said said = AGAINST(rows, "powerctl", "on", "n1");
    if (said.code != code)
        fail_msg("exit %d, not %d, for %s\n%s%s", said.code, code, nodes_of_result, said.out,
                 said.err);
}

static void test_exit_codes_of_results(void **state)
{
    (void)state;
    expect_exit(NODE("n1", "ok", ""), 0);
    expect_exit(NODE("n1", "failed", ",\"verdict\":\"UNREACHABLE\""), 1);
    expect_exit(NODE("n1", "unverified", ""), 7);
    expect_exit(NODE("n1", "left-off", ",\"verdict\":\"LEFT_OFF\"") "," NODE("n2", "failed", ""),
                8);
}

static void test_exit_codes_of_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        int code;
    } cases[] = {{"usage", 2},     {"denied", 4},  {"busy", 6},
                 {"not-found", 2}, {"confirm", 2}, {"system", 3}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char answer[512];
        (void)snprintf(answer, sizeof answer,
                       JSON_ANSWER("409 No", "{\"type\":\"%s\",\"title\":\"because of the test\"}"),
                       cases[i].kind);
        const struct row rows[] = {{.request = "POST /v1/jobs ", .answer = answer}};
        struct said said = AGAINST(rows, "powerctl", "off", "n1");
        assert_int_equal(said.code, cases[i].code);
        assert_says(said.err, "powerctl: because of the test");
        assert_string_equal(said.out, "");
    }
}

static void test_no_agent(void **state)
{
    (void)state;
    struct timespec begin, end;
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    struct said said = run("/nowhere/powerctl.sock", "", WORDS("powerctl", "status", "n1"));
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    assert_int_equal(said.code, 3);
    assert_says(said.err, "no agent answers at /nowhere/powerctl.sock");
    assert_says(said.err, "is it the right socket? (--socket, POWERCTL_SOCKET)");
    assert_null(strstr(said.err, "systemctl"));
    assert_true(end.tv_sec - begin.tv_sec <= 1);
}

static void test_a_socket_nobody_listens_on(void **state)
{
    (void)state;
    struct agent agent;
    agent_start(&agent, NULL, 0);
    (void)kill(agent.pid, SIGKILL);
    (void)waitpid(agent.pid, NULL, 0);
    struct said said = run(agent.socket, "", WORDS("powerctl", "jobs"));
    assert_int_equal(said.code, 3);
    assert_says(said.err, "nobody listens");
    (void)unlink(agent.socket);
    (void)rmdir(agent.directory);
}

static void test_ctrl_c_leaves_the_job_alone(void **state)
{
    (void)state;
    const struct row rows[] = {
        ACCEPTED,
        {.request = "GET /v1/jobs/J1-1/events ", .answer = STREAM(": ping\n\n"), .interrupt = true},
        {.request = "GET /v1/jobs/J1-1 ", .answer = JSON_ANSWER("200 OK", JOB("on", "false", ""))}};
    struct said said = AGAINST(rows, "powerctl", "on", "n1");
    assert_int_equal(said.code, 130);
    assert_says(said.err, "Interrupted. Job J1-1 goes on.\n"
                          "  follow it:  powerctl job J1-1 --follow\n"
                          "  cancel it:  powerctl cancel J1-1\n");
}

static void test_timeout_leaves_the_job_alone(void **state)
{
    (void)state;
    const struct row rows[] = {
        ACCEPTED,
        {.request = "GET /v1/jobs/J1-1/events ", .answer = STREAM(": ping\n\n"), .hold = true},
        {.request = "GET /v1/jobs/J1-1 ", .answer = JSON_ANSWER("200 OK", JOB("on", "false", ""))}};
    struct said said = AGAINST(rows, "powerctl", "on", "n1", "--timeout", "300ms");
    assert_int_equal(said.code, 5);
    assert_says(said.err, "Waited 0.3 s. Job J1-1 goes on.");
}

static void test_a_dropped_stream_is_resumed(void **state)
{
    (void)state;
    const struct row rows[] = {
        ACCEPTED,
        {.request = "GET /v1/jobs/J1-1/events ",
         .needs = "Last-Event-ID: 0\r\n",
         .answer = STREAM(EVENT_LINE(
             "7", "{\"sequence\":7,\"time\":\"2026-01-31T12:00:03.000Z\",\"kind\":\"stage\","
                  "\"verb\":\"netboot\",\"job\":\"J1-1\",\"node\":\"n1\",\"outcome\":\"pending\","
                  "\"stage\":\"ADDRESSED\",\"text\":\"10.1.0.1\"}") "id: 8\ndata: {\"half"),
         .times = 1},
        {.request = "GET /v1/jobs/J1-1/events ",
         .needs = "Last-Event-ID: 7\r\n",
         .answer = STREAM(ENDED)},
        RUNNING(NODE("n1", "pending", "")),
        {.request = "GET /v1/jobs/J1-1 ",
         .answer = JSON_ANSWER("200 OK", "{\"id\":\"J1-1\",\"verb\":\"netboot\",\"nodes\":["
                                         "{\"node\":\"n1\",\"stage\":\"ADDRESSED\"}]}"),
         .times = 1},
        RESULT("netboot", NODE("n1", "ok", "")),
    };
    struct said said = AGAINST(rows, "/usr/bin/netboot-now", "n1");
    assert_int_equal(said.code, 0);
    assert_says(said.err, "12:00:03 n1 ADDRESSED 10.1.0.1\n");
    assert_null(strstr(strstr(said.err, "ADDRESSED") + 1, "ADDRESSED"));
    assert_says(said.out, "ok:         n1\n");
}

static void test_many_nodes_without_a_terminal(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.request = "POST /v1/jobs ",
         .answer = JSON_ANSWER("409 Conflict",
                               "{\"type\":\"confirm\",\"title\":\"too many\",\"count\":32,"
                               "\"confirm\":\"00ff00ff00ff00ff\",\"folded\":\"n[01-32]\"}")},
    };
    struct said said = AGAINST(rows, "powerctl", "off", "n[01-32]");
    assert_int_equal(said.code, 2);
    assert_says(said.err, "power off 32 nodes (n[01-32])?");
    assert_says(said.err, "--yes, or --max-nodes 32");
}

static void test_what_goes_over_the_wire(void **state)
{
    (void)state;
    const struct row rows[] = {{
        .request = "POST /v1/jobs ",
        .needs =
            "\r\n\r\n{\"verb\":\"reboot\",\"nodes\":\"@a!n3,n1,n2\\nn5!n2!n[7-8]\",\"key\":\"k\","
            "\"yes\":true,\"max_nodes\":9,\"options\":{\"netboot\":true,\"retry\":0,"
            "\"grace_s\":90,\"batch\":2,\"max_failures\":1}}",
        .answer = JSON_ANSWER("202 Accepted", JOB("reboot", "false", "")),
    }};
    struct said full = against(rows, 1, "n2\nn5",
                               WORDS("powerctl", "reboot", "n1", "-", "@a!n3", "--key=k", "-y",
                                     "--max-nodes=9", "--netboot", "--retry=0", "--grace=90",
                                     "--batch=2", "--max-failures=1", "-xn2,n[7-8]", "--no-wait"));
    assert_string_equal(full.out, "J1-1\n");
    assert_int_equal(full.code, 0);
}

static void test_a_known_key_says_so(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.request = "POST /v1/jobs ", .answer = JSON_ANSWER("200 OK", JOB("on", "true", ""))},
        EVENTS(ENDED),
        RESULT("on", NODE("n1", "failed", ",\"verdict\":\"UNREACHABLE\"")),
    };
    struct said said = AGAINST(rows, "powerctl", "on", "n1", "--key", "k");
    assert_int_equal(said.code, 1);
    assert_says(said.err, "J1-1 was started with this key before; nothing is sent again");
}

static void test_usage(void **state)
{
    (void)state;
    static const struct {
        const char *words[6];
        const char *says;
    } cases[] = {
        {{"powerctl", "dance"}, "there is no command 'dance'; see 'powerctl help'"},
        {{"powerctl", "statsu"}, "no command 'statsu'; did you mean 'status'? See 'powerctl help'"},
        {{"powerctl", "help", "statsu"}, "did you mean 'status'?"},
        {{"powerctl", "on", "n1", "--formt", "csv"},
         "unknown option --formt; did you mean --format? See 'powerctl on --help'"},
        {{"powerctl", "on", "n1", "--formt=csv"}, "did you mean --format?"},
        {{"netboot-now"}, "netboot-now: 'netboot-now' needs NODES...; see 'netboot-now --help'"},
        {{"netboot-now", "n1", "--bad"}, "see 'netboot-now --help'"},
        {{"powerctl", "on", "n1", "--version"}, "does not take --version"},
        {{"powerctl", "on"}, "'on' needs NODES...; see 'powerctl on --help'"},
        {{"powerctl", "on", "n1", "--colour"}, "unknown option --colour; see 'powerctl on --help'"},
        {{"powerctl", "on", "n1", "--expand"},
         "'powerctl on' does not take --expand; see 'powerctl on --help'"},
        {{"powerctl", "on", "n1", "--timeout"}, "--timeout takes a value"},
        {{"powerctl", "on", "n1", "--timeout", "soon"}, "'soon' is not a duration"},
        {{"powerctl", "on", "n1", "--max-nodes", "-3"}, "takes a number"},
        {{"powerctl", "on", "n1", "--format", "xml"},
         "--format cannot be 'xml'; it is table, json, jsonl, csv or nodeset\n"},
        {{"powerctl", "on", "a!b", "c!d"}, "only one of the words may hold"},
        {{"powerctl", "on", "n1", "-x", "a!b"}, "without ! & ^"},
        {{"powerctl", "on", "-"}, "no nodes came on standard input"},
        {{"powerctl", "next-boot", "floppy", "n1"}, "cannot be 'floppy'"},
        {{"powerctl", "plan", "jobs", "n1"}, "no plan for 'jobs'"},
        {{"powerctl", "history", "n1", "--since", "tomorrow"}, "--since: 'tomorrow' is not a time"},
        {{"powerctl", "lock", "n1"}, "powerctl lock NODES --reason TEXT"},
        {{"powerctl", "lock", "n1", "--reason=x", "--until=5"}, "--until: '5' is not a time"},
        {{"powerctl", "jobs", "n1"}, "a word too many: 'n1'"},
        {{"powerctl", "config", "shake"}, "config can only 'check'"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct said said = run("/nowhere", "", cases[i].words);
        assert_int_equal(said.code, 2);
        assert_says(said.err, cases[i].says);
        assert_string_equal(said.out, "");
    }
}

static void test_every_command_has_a_help(void **state)
{
    (void)state;
    const struct command *command;
    for (unsigned i = 0; (command = command_at(i)); i++) {
        struct said said = run("/nowhere", "", WORDS("powerctl", command->name, "--help"));
        assert_int_equal(said.code, 0);
        assert_says(said.out, command->help);
        assert_says(said.out, "usage: powerctl ");
    }
}

static void test_a_plan_is_printed(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.request = "POST /v1/plan ",
         .answer = JSON_ANSWER("200 OK", "{\"plan\":\"n1: power-off bmc-n01\\nn1: power-on\\n\"}")},
    };
    struct said said = AGAINST(rows, "powerctl", "plan", "cycle", "n1");
    assert_int_equal(said.code, 0);
    assert_string_equal(said.out, "n1: power-off bmc-n01\nn1: power-on\n");
}

static void test_nodes_and_their_warning(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.request = "GET /v1/nodes?nodes=%40a%21n9 ",
         .answer = JSON_ANSWER("200 OK", "{\"nodes\":[{\"node\":\"n1\"},{\"node\":\"n2\"}],"
                                         "\"folded\":\"n[1-2]\",\"warning\":\"!n9 removed "
                                         "nothing\"}")},
    };
    struct said said = AGAINST(rows, "powerctl", "nodes", "@a!n9");
    assert_string_equal(said.out, "n[1-2]\n");
    assert_says(said.err, "note: !n9 removed nothing");
    said = AGAINST(rows, "powerctl", "nodes", "@a!n9", "--expand");
    assert_string_equal(said.out, "n1\nn2\n");
}

static void test_cancelling_too_late_says_so(void **state)
{
    (void)state;
    const struct row late[] = {
        {.request = "DELETE /v1/jobs/J1-1 ",
         .answer = JSON_ANSWER("202 Accepted", JOB("on", "true", NODE("n1", "ok", "")))}};
    const struct row running[] = {{.request = "DELETE /v1/jobs/J1-1 ",
                                   .answer = JSON_ANSWER("202 Accepted", JOB("on", "false", ""))}};
    struct said said = AGAINST(late, "powerctl", "cancel", "J1-1");
    assert_int_equal(said.code, 0);
    assert_says(said.out, "had ended before; nothing was cancelled");
    said = AGAINST(running, "powerctl", "cancel", "J1-1");
    assert_says(said.out, "Job J1-1 is cancelled");
}

static void test_cancelling_twice_says_so(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.request = "GET /v1/jobs/J1-1 ",
         .answer = JSON_ANSWER("200 OK", "{\"id\":\"J1-1\",\"verb\":\"on\",\"done\":false,"
                                         "\"cancelling\":true,\"nodes\":[]}")}};
    struct said said = AGAINST(rows, "powerctl", "cancel", "J1-1");
    assert_says(said.out, "Job J1-1 is being cancelled already");
}

#define NO_NODE "{\"type\":\"usage\",\"title\":\"column 1: no node is called 'm99'\"}"

static void test_a_column_of_one_word_is_not_told(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.request = "POST /v1/", .answer = JSON_ANSWER("400 Bad Request", NO_NODE)},
        {.request = "GET /v1/", .answer = JSON_ANSWER("400 Bad Request", NO_NODE)},
    };
    static const char *const lines[][5] = {
        {"powerctl", "on", "m99"}, {"powerctl", "plan", "on", "m99"}, {"powerctl", "nodes", "m99"}};
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct said said = against(rows, ARRAY_SIZE(rows), "", lines[i]);
        assert_int_equal(said.code, 2);
        assert_string_equal(said.err, "powerctl: no node is called 'm99'\n");
    }
    struct said said = AGAINST(rows, "powerctl", "on", "m99", "n1");
    assert_string_equal(said.err, "powerctl: column 1: no node is called 'm99'\n");
}

static void test_jobs_leave_out_status(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.request = "GET /v1/jobs ",
         .answer =
             JSON_ANSWER("200 OK", "{\"jobs\":[{\"id\":\"J1-1\",\"verb\":\"on\",\"done\":true},"
                                   "{\"id\":\"J1-2\",\"verb\":\"status\",\"done\":true}]}")},
        RESULT("on", NODE("n1", "ok", "") "," NODE("n2", "ok", "")),
    };
    struct said said = AGAINST(rows, "powerctl", "jobs");
    assert_says(said.out, " 2 ok   n[1-2]\n");
    assert_null(strstr(said.out, "J1-2"));
    said = AGAINST(rows, "powerctl", "jobs", "--format", "nodeset");
    assert_string_equal(said.out, "J1-1\n");
    said = AGAINST(rows, "powerctl", "jobs", "--all", "--format", "nodeset");
    assert_string_equal(said.out, "J1-1\nJ1-2\n");
}

static void test_history_asks_for_what_is_wanted(void **state)
{
    (void)state;
#define ANSWER JSON_ANSWER("200 OK", "{\"events\":[{\"kind\":\"power\",\"node\":\"n1\"}]}")
    const struct row rows[] = {
        {.request = "GET /v1/history?limit=100&nodes=n1%2Cn2 ", .answer = ANSWER},
        {.request = "GET /v1/history?limit=7&since=2026-01-31T23:00:00.000Z&all=true&nodes=n1 ",
         .answer = ANSWER},
    };
    struct said said = AGAINST(rows, "powerctl", "history", "n1", "n2", "--format", "nodeset");
    assert_string_equal(said.out, "power n1\n");
    said = AGAINST(rows, "powerctl", "history", "n1", "--all", "-n7", "--since=2026-01-31T23:00Z");
    assert_int_equal(said.code, 0);
}

static void test_version_as_an_option(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.request = "GET /v1/version ", .answer = JSON_ANSWER("200 OK", "{\"version\":\"9.8\"}")}};
    struct said said = AGAINST(rows, "powerctl", "--version");
    assert_int_equal(said.code, 0);
    assert_string_equal(said.out, "powerctl " VERSION "\nagent 9.8\n");
}

static void test_an_answer_that_makes_no_sense(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.request = "GET /v1/jobs ", .answer = JSON_ANSWER("200 OK", "<html>")}};
    struct said said = AGAINST(rows, "powerctl", "jobs");
    assert_int_equal(said.code, 3);
    assert_says(said.err, "cannot read the agent's answer about jobs");
}

int main(void)
{
    (void)unsetenv("SUDO_USER"); /* for whom locks would be */
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_codes_of_results),
        cmocka_unit_test(test_exit_codes_of_refusals),
        cmocka_unit_test(test_no_agent),
        cmocka_unit_test(test_a_socket_nobody_listens_on),
        cmocka_unit_test(test_ctrl_c_leaves_the_job_alone),
        cmocka_unit_test(test_timeout_leaves_the_job_alone),
        cmocka_unit_test(test_a_dropped_stream_is_resumed),
        cmocka_unit_test(test_many_nodes_without_a_terminal),
        cmocka_unit_test(test_what_goes_over_the_wire),
        cmocka_unit_test(test_a_known_key_says_so),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_every_command_has_a_help),
        cmocka_unit_test(test_a_plan_is_printed),
        cmocka_unit_test(test_nodes_and_their_warning),
        cmocka_unit_test(test_cancelling_too_late_says_so),
        cmocka_unit_test(test_cancelling_twice_says_so),
        cmocka_unit_test(test_a_column_of_one_word_is_not_told),
        cmocka_unit_test(test_jobs_leave_out_status),
        cmocka_unit_test(test_history_asks_for_what_is_wanted),
        cmocka_unit_test(test_version_as_an_option),
        cmocka_unit_test(test_an_answer_that_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
