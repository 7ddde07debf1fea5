/* `check`: all is asked, nothing is changed, and everything that would go wrong is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/core/core.h"
#include "agent/core/lock.h"
#include "proto/cleanup.h"

enum { BMC, BOOTER, PDU_A, PDU_B, DEVICES };
enum { FED, PLAIN, APART, NODES }; /* n1: a BMC and two feeds; n2: one feed; n3: two controllers */
enum { ASKED_MAX = 64, NOTES_MAX = 16 };

/* How the rack answers, where it is not as it should be. */
struct answer {
    const char *device;
    enum op op;
    struct driver_reply reply;
    int times; /* 0: always */
};

struct rig {
    struct inventory *inventory;
    struct core *core;
    uint64_t now_ms;
    struct answer answers[4];
    int used[4];
    char asked[ASKED_MAX][NAME_SIZE + 40];
    size_t nasked, nnotes;
    struct job_event notes[NOTES_MAX];
    const char *lost; /* requests to this device vanish */
    bool cancels;     /* at the third question */
    char id[JOB_ID_SIZE];
    bool ended;
};

static const char *const names[DEVICES] = {"bmc", "cm", "pdu-a", "pdu-b"};

static struct inventory *make_inventory(void)
{
    struct err err;
    struct inventory *inventory = inventory_new();
    inventory->devices = calloc(DEVICES, sizeof *inventory->devices);
    inventory->nodes = calloc(NODES, sizeof *inventory->nodes);
    inventory->ndevices = DEVICES;
    inventory->nnodes = NODES;
    for (size_t i = 0; i < DEVICES; i++) {
        memcpy(inventory->devices[i].driver, "fake", 5);
        memcpy(inventory->devices[i].config.device, names[i], strlen(names[i]));
        inventory->devices[i].outlets = i >= PDU_A ? 8 : 0;
    }
    for (size_t i = 0; i < NODES; i++) {
        struct node *node = &inventory->nodes[i];
        (void)snprintf(node->name, NAME_SIZE, "n%zu", i + 1);
        node->control = (struct feed){.device = i == PLAIN ? DEVICE_NONE : BMC};
        node->control.circuit = CIRCUIT_NONE;
        node->next_boot = i == APART ? BOOTER : i == FED ? BMC : DEVICE_NONE;
        node->protect = true;
        node->standby_mw = 30000;
    }
    inventory->nodes[FED].nfeeds = 2;
    inventory->nodes[FED].feeds[0] = (struct feed){PDU_A, 3, CIRCUIT_NONE};
    inventory->nodes[FED].feeds[1] = (struct feed){PDU_B, 3, CIRCUIT_NONE};
    inventory->nodes[PLAIN].nfeeds = 1;
    inventory->nodes[PLAIN].feeds[0] = (struct feed){PDU_A, 4, CIRCUIT_NONE};
    assert_int_equal(inventory_seal(inventory, &err), 0);
    return inventory;
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    rig->inventory = make_inventory();
    rig->now_ms = 1000000;
    rig->core = core_new(rig->inventory, "test", rig->now_ms);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    (void)core_free(rig->core);
    (void)inventory_free(rig->inventory);
    free(rig);
    return 0;
}

/* All is well. */
static void answer_well(const struct driver_request *request, struct driver_reply *reply)
{
    reply->ok = true;
    if (request->op == OP_STATUS) {
        reply->power = POWER_ON;
        reply->has_watts = request->outlet != 0;
        reply->milliwatts = request->outlet ? 120500 : 0;
    } else if (request->op == OP_INFO) {
        reply->has_info = true;
        reply->info.outlets = request->outlet ? 8 : 0;
        (void)snprintf(reply->info.model, sizeof reply->info.model, "%s",
                       request->outlet ? "NETIO 4All" : "product 48");
        if (!request->outlet)
            memcpy(reply->info.session, "suite 17", 9);
    } else {
        assert_int_equal(request->op, OP_BOOT_GET);
        reply->has_next_boot = true;
    }
}

static struct driver_reply reply_to(struct rig *rig, const struct driver_request *request)
{
    struct driver_reply reply = {.op = request->op};
    for (size_t i = 0; i < ARRAY_SIZE(rig->answers); i++) {
        const struct answer *answer = &rig->answers[i];
        if (!answer->device || strcmp(answer->device, request->device) != 0 ||
            answer->op != request->op || (answer->times && rig->used[i] == answer->times))
            continue;
        rig->used[i]++;
        reply = answer->reply;
        reply.id = request->id;
        reply.op = request->op;
        return reply;
    }
    reply.id = request->id;
    answer_well(request, &reply);
    return reply;
}

static void take(struct rig *rig, const struct action *action)
{
    if (action->kind == ACTION_TELL && action->event.kind == EVENT_NOTE) {
        assert_true(rig->nnotes < NOTES_MAX);
        rig->notes[rig->nnotes++] = action->event;
    }
    if (action->kind == ACTION_TELL && action->event.kind == EVENT_JOB_ENDED)
        rig->ended = true;
    if (action->kind != ACTION_SEND)
        return;
    const struct driver_request *request = &action->request;
    assert_false(action->intent);
    assert_false(op_changes_something(request->op));
    assert_true(rig->nasked < ASKED_MAX);
    (void)snprintf(rig->asked[rig->nasked++], sizeof rig->asked[0], "%s%s%.0u %s", request->device,
                   request->outlet ? "/" : "", request->outlet, op_name(request->op));
    if (rig->lost && !strcmp(rig->lost, request->device))
        return;
    if (rig->cancels && rig->nasked == 3)
        assert_int_equal(core_cancel(rig->core, rig->id, rig->now_ms, NULL), 0);
    struct driver_reply reply = reply_to(rig, request);
    rig->now_ms += 5;
    core_reply(rig->core, &reply, rig->now_ms);
}

/* Runs it to its end; the caller clears the view. */
static struct job_view check(struct rig *rig, const char *nodes)
{
    char expression[64];
    struct problem problem = {0};
    struct err err = {0};
    struct job_view view = {0};
    struct action action;
    bool existing;
    (void)snprintf(expression, sizeof expression, "%s", nodes);
    struct job_request request = {.verb = VERB_CHECK, .nodes = expression, .actor = "test"};
    if (core_submit(rig->core, &request, rig->now_ms, rig->id, &existing, &problem, &err))
        fail_msg("%s", err.text);
    while (!rig->ended) {
        while (core_take(rig->core, &action))
            take(rig, &action);
        if (!rig->ended) {
            assert_true(core_deadline(rig->core) != UINT64_MAX);
            rig->now_ms = core_deadline(rig->core);
            core_tick(rig->core, rig->now_ms);
        }
    }
    assert_int_equal(core_job(rig->core, rig->id, rig->now_ms, &view, &err), 0);
    return view;
}

static void assert_found(const struct rig *rig, size_t index, enum verdict verdict,
                         const char *text)
{
    assert_true(index < rig->nnotes);
    assert_int_equal(rig->notes[index].node.verdict, verdict);
    assert_string_equal(rig->notes[index].node.text, text);
}

static void all_is_asked_and_told(void **state)
{
    struct rig *rig = *state;
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n1");
    static const char *const asked[] = {
        "bmc power-status",     "bmc device-info",     "bmc next-boot-get",
        "pdu-a/3 power-status", "pdu-a/3 device-info", "pdu-b/3 power-status",
        "pdu-b/3 device-info",
    };
    assert_int_equal(rig->nasked, ARRAY_SIZE(asked));
    for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
        assert_string_equal(rig->asked[i], asked[i]);
    assert_int_equal(view.nodes->outcome, OUTCOME_OK);
    assert_int_equal(view.nodes->power, POWER_ON);
    assert_true(view.nodes->has_watts);
    assert_int_equal(view.nodes->milliwatts, 241000);
    assert_true(view.nodes->power_age_ms < 1000);
    assert_string_equal(view.nodes->text,
                        "bmc: on, suite 17, product 48, next boot none; pdu-a outlet 3: on, "
                        "120.5 W, NETIO 4All; pdu-b outlet 3: on, 120.5 W, NETIO 4All");
    assert_int_equal(rig->nnotes, 0);
}

static void who_sets_the_next_boot_is_asked_too(void **state)
{
    struct rig *rig = *state;
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n[2-3]");
    assert_string_equal(view.nodes[0].text, "pdu-a outlet 4: on, 120.5 W, NETIO 4All");
    assert_string_equal(view.nodes[1].text,
                        "bmc: on, suite 17, product 48; cm: suite 17, product 48, next boot none");
    assert_int_equal(job_view_exit_code(&view), EXIT_OK);
}

/* Who does not answer is not waited for again; the others are asked all the same. */
static void every_finding_is_told(void **state)
{
    struct rig *rig = *state;
    rig->answers[0] = (struct answer){.device = "bmc", .op = OP_STATUS};
    (void)err_set_sent(&rig->answers[0].reply.err, ERR_UNREACHABLE, SENT_NO, "no answer in 5 s");
    rig->answers[1] = (struct answer){.device = "pdu-b", .op = OP_STATUS};
    (void)err_set_sent(&rig->answers[1].reply.err, ERR_PROTOCOL, SENT_NO, "short frame");
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n1");
    assert_int_equal(rig->nasked, 5);
    assert_string_equal(rig->asked[1], "pdu-a/3 power-status");
    assert_string_equal(rig->asked[4], "pdu-b/3 device-info");
    assert_int_equal(rig->nnotes, 2);
    assert_found(rig, 0, VERDICT_UNREACHABLE, "bmc: no answer in 5 s");
    assert_found(rig, 1, VERDICT_BAD_REPLY, "pdu-b outlet 3: short frame");
    assert_int_equal(view.nodes->outcome, OUTCOME_FAILED);
    assert_int_equal(view.nodes->verdict, VERDICT_UNREACHABLE);
    assert_string_equal(view.nodes->text, "bmc: no answer in 5 s; 1 more finding");
    assert_int_equal(job_view_exit_code(&view), EXIT_SOME_FAILED);
}

/* A profile that does not fit is the answer to whatever is asked. */
static void the_same_answer_twice_is_one_finding(void **state)
{
    struct rig *rig = *state;
    for (size_t i = 0; i < 2; i++) {
        rig->answers[i] = (struct answer){.device = "pdu-a", .op = i ? OP_INFO : OP_STATUS};
        (void)err_set_sent(&rig->answers[i].reply.err, ERR_DEVICE, SENT_NO, "is another PDU");
    }
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n1");
    assert_int_equal(rig->nasked, 7);
    assert_int_equal(rig->nnotes, 1);
    assert_int_equal(view.nodes->verdict, VERDICT_REFUSED);
    assert_string_equal(view.nodes->text, "pdu-a outlet 3: is another PDU");
}

static void refused(void **state, enum err_kind kind, enum op op, enum verdict verdict)
{
    struct rig *rig = *state;
    rig->answers[0] = (struct answer){.device = "bmc", .op = op};
    (void)err_set_sent(&rig->answers[0].reply.err, kind, SENT_NO, "because");
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n1");
    assert_int_equal(rig->nnotes, 1);
    assert_found(rig, 0, verdict, "bmc: because");
    assert_int_equal(view.nodes->outcome, OUTCOME_FAILED);
    assert_int_equal(view.nodes->verdict, verdict);
    assert_string_equal(view.nodes->text, "bmc: because");
}

static void a_wrong_password_is_told(void **state)
{
    refused(state, ERR_AUTH, OP_STATUS, VERDICT_WRONG_PASSWORD);
}

static void missing_boot_options_are_told(void **state)
{
    refused(state, ERR_UNSUPPORTED, OP_BOOT_GET, VERDICT_UNSUPPORTED);
}

static void who_does_not_say_what_it_is_need_not(void **state)
{
    struct rig *rig = *state;
    rig->answers[0] = (struct answer){.device = "bmc", .op = OP_INFO};
    (void)err_set_sent(&rig->answers[0].reply.err, ERR_UNSUPPORTED, SENT_NO, "no such thing");
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n3");
    assert_int_equal(view.nodes->outcome, OUTCOME_OK);
    assert_string_equal(view.nodes->text, "bmc: on; cm: suite 17, product 48, next boot none");
}

static void a_busy_device_is_asked_again(void **state)
{
    struct rig *rig = *state;
    rig->answers[0] = (struct answer){.device = "bmc", .op = OP_STATUS, .times = 2};
    (void)err_set_sent(&rig->answers[0].reply.err, ERR_BUSY, SENT_NO, "no free session");
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n1");
    assert_int_equal(view.nodes->outcome, OUTCOME_OK);
    assert_int_equal(rig->nasked, 9);
}

static void a_device_that_stays_busy_is_a_finding(void **state)
{
    struct rig *rig = *state;
    rig->answers[0] = (struct answer){.device = "bmc", .op = OP_STATUS};
    (void)err_set_sent(&rig->answers[0].reply.err, ERR_BUSY, SENT_NO, "no free session");
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n1");
    assert_int_equal(view.nodes->outcome, OUTCOME_FAILED);
    assert_found(rig, 0, VERDICT_REFUSED, "bmc: no free session");
}

static void boots_from(struct rig *rig, bool persistent)
{
    rig->answers[0] = (struct answer){
        .device = "bmc",
        .op = OP_BOOT_GET,
        .reply = {.ok = true,
                  .has_next_boot = true,
                  .next_boot = {.valid = true, .persistent = persistent, .device = BOOT_NETWORK}}};
}

static void a_boot_device_for_good_is_wrong(void **state)
{
    struct rig *rig = *state;
    boots_from(rig, true);
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n1");
    assert_int_equal(view.nodes->verdict, VERDICT_CONTRADICTION);
    assert_string_equal(view.nodes->text, "bmc is set to boot from network for good: clear it "
                                          "(powerctl next-boot none n1)");
}

static void a_boot_device_that_waits_is_told(void **state)
{
    struct rig *rig = *state;
    boots_from(rig, false);
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n1");
    assert_int_equal(view.nodes->outcome, OUTCOME_OK);
    assert_int_equal(rig->nnotes, 1);
    assert_found(rig, 0, VERDICT_NONE, "bmc is set to boot from network the next time");
}

static void contradicts(struct rig *rig, const char *text)
{
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n1");
    assert_int_equal(view.nodes->outcome, OUTCOME_FAILED);
    assert_int_equal(view.nodes->verdict, VERDICT_CONTRADICTION);
    assert_int_equal(rig->nnotes, 1);
    assert_string_equal(view.nodes->text, text);
}

static void an_outlet_that_draws_nothing_contradicts_its_bmc(void **state)
{
    struct rig *rig = *state;
    rig->answers[0] = (struct answer){
        .device = "pdu-b",
        .op = OP_STATUS,
        .reply = {.ok = true, .power = POWER_ON, .has_watts = true, .milliwatts = 0}};
    contradicts(rig, "reads on, but pdu-b outlet 3 draws 0 W");
}

static void a_node_that_is_off_draws_little(void **state)
{
    struct rig *rig = *state;
    rig->answers[0] = (struct answer){
        .device = "bmc", .op = OP_STATUS, .reply = {.ok = true, .power = POWER_OFF}};
    contradicts(rig, "reads off, but its outlets draw 241 W");
}

static void a_silent_bmc_without_mains_is_explained(void **state)
{
    struct rig *rig = *state;
    struct driver_reply off = {.ok = true, .power = POWER_OFF};
    rig->answers[0] = (struct answer){.device = "bmc", .op = OP_STATUS};
    (void)err_set_sent(&rig->answers[0].reply.err, ERR_UNREACHABLE, SENT_NO, "bmc: no answer");
    rig->answers[1] = (struct answer){.device = "pdu-a", .op = OP_STATUS, .reply = off};
    rig->answers[2] = (struct answer){.device = "pdu-b", .op = OP_STATUS, .reply = off};
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n1");
    assert_string_equal(view.nodes->text, "bmc: no answer");
    assert_int_equal(rig->nnotes, 2);
    assert_found(rig, 1, VERDICT_NONE, "its outlets are off: there is no mains power");
}

static void one_dead_feed_of_two_is_no_redundancy(void **state)
{
    struct rig *rig = *state;
    rig->answers[0] = (struct answer){
        .device = "pdu-b", .op = OP_STATUS, .reply = {.ok = true, .power = POWER_OFF}};
    contradicts(rig, "it is fed by others, but pdu-b outlet 3 is off");
}

static void an_outlet_beyond_the_last_is_found(void **state)
{
    struct rig *rig = *state;
    rig->answers[0] = (struct answer){.device = "pdu-a",
                                      .op = OP_INFO,
                                      .reply = {.ok = true, .has_info = true, .info.outlets = 2}};
    contradicts(rig, "pdu-a says that it has 2 outlets: there is no 3");
}

static void a_driver_that_never_answers_is_a_finding(void **state)
{
    struct rig *rig = *state;
    rig->lost = "pdu-a";
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n1");
    assert_int_equal(rig->nasked, 6); /* it is not asked who it is */
    assert_int_equal(rig->nnotes, 1);
    assert_int_equal(view.nodes->verdict, VERDICT_UNREACHABLE);
    assert_string_equal(view.nodes->text, "pdu-a outlet 3: the driver of pdu-a never answered");
}

static void a_check_can_be_cancelled(void **state)
{
    struct rig *rig = *state;
    rig->cancels = true;
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n1");
    assert_int_equal(rig->nasked, 3);
    assert_int_equal(view.nodes->outcome, OUTCOME_CANCELLED);
}

/* Its targets are frozen: names may lead elsewhere by now, or be gone. */
static void a_reload_meanwhile_changes_nothing(void **state)
{
    struct rig *rig = *state;
    char all[] = "n1", id[JOB_ID_SIZE];
    struct job_request request = {.verb = VERB_CHECK, .nodes = all, .actor = "test"};
    struct problem problem = {0};
    struct action action;
    struct err err;
    bool existing;
    assert_int_equal(core_submit(rig->core, &request, rig->now_ms, id, &existing, &problem, &err),
                     0);
    struct inventory *empty = inventory_new();
    assert_int_equal(inventory_seal(empty, &err), 0);
    core_reload(rig->core, empty, rig->now_ms);
    while (!rig->ended && core_take(rig->core, &action))
        take(rig, &action);
    assert_true(rig->ended);
    assert_int_equal(rig->nasked, 7);
    assert_string_equal(rig->asked[5], "pdu-b/3 power-status");
    rig->core = core_free(rig->core);
    (void)inventory_free(empty);
}

/* Protected they all are; locked, too. */
static void locked_nodes_are_checked(void **state)
{
    struct rig *rig = *state;
    struct lock_view lock = {.node = "n1", .holder = "alice", .reason = "memory"};
    assert_int_equal(core_remember_lock(rig->core, &lock, UINT64_MAX, NULL), 0);
    _cleanup_(job_view_clear) struct job_view view = check(rig, "n1");
    assert_int_equal(view.nodes->outcome, OUTCOME_OK);
    assert_true(view.nodes->locked);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(all_is_asked_and_told),
        TEST(who_sets_the_next_boot_is_asked_too),
        TEST(every_finding_is_told),
        TEST(the_same_answer_twice_is_one_finding),
        TEST(a_wrong_password_is_told),
        TEST(missing_boot_options_are_told),
        TEST(who_does_not_say_what_it_is_need_not),
        TEST(a_busy_device_is_asked_again),
        TEST(a_device_that_stays_busy_is_a_finding),
        TEST(a_boot_device_for_good_is_wrong),
        TEST(a_boot_device_that_waits_is_told),
        TEST(an_outlet_that_draws_nothing_contradicts_its_bmc),
        TEST(a_node_that_is_off_draws_little),
        TEST(a_silent_bmc_without_mains_is_explained),
        TEST(one_dead_feed_of_two_is_no_redundancy),
        TEST(an_outlet_beyond_the_last_is_found),
        TEST(a_driver_that_never_answers_is_a_finding),
        TEST(a_check_can_be_cancelled),
        TEST(a_reload_meanwhile_changes_nothing),
        TEST(locked_nodes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
