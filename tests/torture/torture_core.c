/* Racks in virtual time whose core runs out of memory: jobs from their request to their end, what
 * is asked about them, reload, locks, and a job that a dead agent left. */
#include <stdlib.h>
#include <string.h>

#include "agent/core/lock.h"
#include "proto/cleanup.h"
#include "tests/torture/torture.h"
#include "tests/unit/rack.h"

const char *const torture_stops[] = {
    "core_no_memory", /* in the middle of a job there is nobody to give an error to */
    NULL,
};

enum { NODES = 3 };

static void free_rack(struct rack **rack)
{
    rack_free(*rack);
}

/* The rack itself is the test's: only what its core does counts. */
static struct rack *rack_undisturbed(void)
{
    torture_rest();
    struct rack *rack = rack_new(NODES);
    rack->node[1].hangs_in_kernel = 1;
    torture_begin();
    return rack;
}

static unsigned commands(const struct rack *rack)
{
    unsigned count = 0;
    for (size_t i = 0; i < rack->count; i++)
        count += rack->node[i].commands;
    return count;
}

static void tell_events(FILE *told, const struct rack *rack)
{
    for (size_t i = 0; i < rack->nevents; i++) {
        const struct job_event *event = &rack->events[i];
        (void)fprintf(told, "%s %s %s %s %s %d %s\n", event_kind_name(event->kind),
                      event->node.node, stage_name(event->node.stage),
                      outcome_name(event->node.outcome), verdict_name(event->node.verdict),
                      event->node.percent, event->node.text);
    }
    for (size_t i = 0; i < rack->count; i++)
        (void)fprintf(told, "n%02zu is %s after %u commands\n", i + 1,
                      rack->node[i].on ? "on" : "off", rack->node[i].commands);
}

static bool has_ended(const struct rack *rack, size_t *seen)
{
    for (; *seen < rack->nevents; (*seen)++)
        if (rack->events[*seen].kind == EVENT_JOB_ENDED)
            return true;
    return false;
}

static void run_to_the_end(struct rack *rack)
{
    size_t seen = rack->nevents ? rack->nevents - 1 : 0;
    while (!has_ended(rack, &seen))
        torture_expect(rack_step(rack, rack->now_ms + 18000000) || has_ended(rack, &seen),
                       "the job never ends");
}

/* Submits. A clean error means that nothing happened, and that it works when asked again. */
static int submit(struct rack *rack, const struct job_request *request, struct err *err)
{
    char id[JOB_ID_SIZE];
    struct problem problem = {0};
    unsigned before = commands(rack);
    size_t events = rack->nevents;
    if (!rack_submit(rack, request, id, &problem, err))
        return 0;
    torture_rest();
    torture_expect(commands(rack) == before && rack->nevents == events,
                   "a request that was refused did something");
    struct err again;
    torture_expect(!rack_submit(rack, request, id, &problem, &again),
                   "a request that was refused for want of memory is refused again");
    run_to_the_end(rack);
    return -1;
}

static int run_verb(const struct job_request *request, bool on, FILE *told, struct err *err)
{
    _cleanup_(free_rack) struct rack *rack = rack_undisturbed();
    for (size_t i = 0; i < NODES; i++)
        rack->node[i].on = on;
    if (submit(rack, request, err))
        return -1;
    run_to_the_end(rack);
    tell_events(told, rack);
    return 0;
}

static char all_nodes[] = "@all", one_node[] = "n02";

static int run_cycle(FILE *told, struct err *err)
{
    const struct job_request request = {.verb = VERB_CYCLE, .nodes = all_nodes, .key = "k1"};
    return run_verb(&request, true, told, err);
}

static int run_netboot(FILE *told, struct err *err)
{
    const struct job_request request = {
        .verb = VERB_NETBOOT, .nodes = all_nodes, .options = {.has_retry = true, .retry = 2}};
    return run_verb(&request, false, told, err);
}

static int run_waves(FILE *told, struct err *err)
{
    const struct job_request request = {
        .verb = VERB_REBOOT,
        .nodes = all_nodes,
        .options = {.batch = 1, .has_max_failures = true, .max_failures = 2, .grace_s = 5}};
    return run_verb(&request, true, told, err);
}

static int run_status(FILE *told, struct err *err)
{
    const struct job_request request = {.verb = VERB_STATUS, .nodes = all_nodes};
    return run_verb(&request, true, told, err);
}

static int run_check(FILE *told, struct err *err)
{
    const struct job_request request = {.verb = VERB_CHECK, .nodes = all_nodes};
    return run_verb(&request, true, told, err);
}

/* By their outlets, with BMCs behind them; and a check that asks both. */
static int run_fed(const struct job_request *request, FILE *told, struct err *err)
{
    torture_rest();
    _cleanup_(free_rack) struct rack *rack = rack_new_fed(NODES, true);
    for (size_t i = 0; i < NODES; i++) {
        rack->node[i].on = true;
        rack->node[i].bmc_takes_ms = 5000;
    }
    rack->inventory->deadlines.bmc_back = 60000;
    torture_begin();
    if (submit(rack, request, err))
        return -1;
    run_to_the_end(rack);
    tell_events(told, rack);
    for (size_t i = 0; i < NODES; i++)
        torture_expect(rack->node[i].on, "a node is left off");
    return 0;
}

static int run_fed_cycle(FILE *told, struct err *err)
{
    const struct job_request request = {
        .verb = VERB_CYCLE, .nodes = all_nodes, .options = {.feeds = true}};
    return run_fed(&request, told, err);
}

static int run_fed_check(FILE *told, struct err *err)
{
    const struct job_request request = {.verb = VERB_CHECK, .nodes = all_nodes};
    return run_fed(&request, told, err);
}

/* What it would do, with its inrush; and what hangs where. */
static int run_fed_questions(FILE *told, struct err *err)
{
    const struct job_request planned = {
        .verb = VERB_CYCLE, .nodes = all_nodes, .options = {.feeds = true}};
    _cleanup_(freep) struct outlet_view *outlets = NULL;
    _cleanup_(freep) char *plan = NULL;
    size_t count = 0;
    torture_rest();
    _cleanup_(free_rack) struct rack *rack = rack_new_fed(NODES, true);
    torture_begin();
    if (core_plan(rack->core, &planned, &plan, err) ||
        core_outlets(rack->core, "pdu-b", &outlets, &count, err))
        return -1;
    (void)fprintf(told, "%s", plan);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(told, "%s %s\n", outlets[i].outlet, outlets[i].node);
    return 0;
}

static int run_next_boot(FILE *told, struct err *err)
{
    const struct job_request request = {
        .verb = VERB_NEXT_BOOT, .nodes = all_nodes, .options = {.boot_device = BOOT_NETWORK}};
    return run_verb(&request, true, told, err);
}

/* Cancelled between off and on. */
static int run_cancel(FILE *told, struct err *err)
{
    const struct job_request request = {.verb = VERB_CYCLE, .nodes = all_nodes};
    struct problem problem = {0};
    char id[JOB_ID_SIZE];
    _cleanup_(free_rack) struct rack *rack = rack_undisturbed();
    for (size_t i = 0; i < NODES; i++)
        rack->node[i].on = true;
    if (rack_submit(rack, &request, id, &problem, err))
        return -1;
    while (!rack->node[0].power_offs)
        torture_expect(rack_step(rack, rack->now_ms + 60000), "nothing is switched off");
    if (core_cancel(rack->core, id, rack->now_ms, err))
        return -1;
    run_to_the_end(rack);
    tell_events(told, rack);
    for (size_t i = 0; i < NODES; i++)
        torture_expect(rack->node[i].on, "a node is left off");
    return 0;
}

/* A key is used once, whatever happens to memory. */
static int run_key(FILE *told, struct err *err)
{
    const struct job_request request = {.verb = VERB_CYCLE, .nodes = one_node, .key = "night"};
    struct problem problem = {0};
    char id[JOB_ID_SIZE], second[JOB_ID_SIZE];
    bool existing = false;
    _cleanup_(free_rack) struct rack *rack = rack_undisturbed();
    rack->node[1].on = true;
    if (rack_submit(rack, &request, id, &problem, err))
        return -1;
    run_to_the_end(rack);
    unsigned before = commands(rack);
    if (core_submit(rack->core, &request, rack->now_ms, second, &existing, &problem, err))
        return -1;
    torture_expect(existing && !strcmp(id, second), "a key is forgotten");
    torture_expect(commands(rack) == before, "a key is executed twice");
    (void)fprintf(told, "%s %u\n", second, before);
    return 0;
}

/* --- what is asked ------------------------------------------------------------------------- */

static void tell_nodes(FILE *told, const struct node_view *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)fprintf(told, "%s %s %s %s\n", nodes[i].node, power_name(nodes[i].power),
                      outcome_name(nodes[i].outcome), nodes[i].text);
}

static int ask(struct rack *rack, const char *id, FILE *told, struct err *err)
{
    _cleanup_(job_view_clear) struct job_view view = {0};
    _cleanup_(freep) struct node_view *nodes = NULL;
    _cleanup_(freep) char *folded = NULL, *plan = NULL;
    struct job_view *jobs = NULL;
    char warning[256];
    size_t count = 0;
    const struct job_request planned = {.verb = VERB_NETBOOT, .nodes = all_nodes};
    if (core_job(rack->core, id, rack->now_ms, &view, err) ||
        core_nodes(rack->core, "n*", rack->now_ms, &nodes, &count, &folded, warning, err) ||
        core_plan(rack->core, &planned, &plan, err))
        return -1;
    tell_nodes(told, view.nodes, view.nnodes);
    tell_nodes(told, nodes, count);
    count = core_jobs(rack->core, rack->now_ms, &jobs);
    if (!jobs)
        return err_set(err, ERR_SYSTEM, "out of memory");
    (void)fprintf(told, "%s\n%s%zu jobs, %zu nodes\n", folded, plan, count, jobs[0].nnodes);
    job_list_free(jobs, count);
    return 0;
}

static int run_questions(FILE *told, struct err *err)
{
    const struct job_request request = {.verb = VERB_ON, .nodes = all_nodes};
    struct problem problem = {0};
    char id[JOB_ID_SIZE];
    _cleanup_(free_rack) struct rack *rack = rack_undisturbed();
    torture_rest();
    if (rack_submit(rack, &request, id, &problem, err))
        return -1;
    run_to_the_end(rack);
    torture_begin();
    return ask(rack, id, told, err);
}

static int run_inventory(FILE *told, struct err *err)
{
    _cleanup_(inventory_freep) struct inventory *inventory = inventory_new();
    if (!inventory)
        return err_set(err, ERR_SYSTEM, "out of memory");
    inventory->nodes = calloc(2, sizeof *inventory->nodes);
    inventory->devices = calloc(1, sizeof *inventory->devices);
    torture_expect(inventory->nodes && inventory->devices, "the test has no memory");
    inventory->nnodes = 2;
    inventory->ndevices = 1;
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(inventory->nodes[i].name, NAME_SIZE, "n%zu", 2 - i);
        inventory->nodes[i].nmacs = 1;
        inventory->nodes[i].macs[0].byte[5] = (uint8_t)(i + 1);
    }
    if (inventory_seal(inventory, err))
        return -1;
    struct core *core = core_new(inventory, "test", 1);
    if (!core)
        return err_set(err, ERR_SYSTEM, "out of memory");
    (void)fprintf(told, "%s %s\n", inventory->nodes[0].name,
                  inventory_node(inventory, "n2") ? "found" : "not found");
    core_free(core);
    return 0;
}

/* Another inventory, in the middle of a job. */
static int run_reload(FILE *told, struct err *err)
{
    const struct job_request request = {.verb = VERB_CYCLE, .nodes = all_nodes};
    struct problem problem = {0};
    char id[JOB_ID_SIZE];
    _cleanup_(free_rack) struct rack *rack = rack_undisturbed();
    torture_rest();
    _cleanup_(free_rack) struct rack *other = rack_new(NODES);
    torture_begin();
    for (size_t i = 0; i < NODES; i++)
        rack->node[i].on = true;
    if (rack_submit(rack, &request, id, &problem, err))
        return -1;
    for (int i = 0; i < 5; i++)
        torture_expect(rack_step(rack, rack->now_ms + 60000), "nothing happens");
    if (core_may_reload(rack->core, other->inventory, err))
        return -1;
    core_reload(rack->core, other->inventory, rack->now_ms);
    run_to_the_end(rack);
    tell_events(told, rack);
    core_reload(rack->core, rack->inventory, rack->now_ms);
    return 0;
}

static int run_locks(FILE *told, struct err *err)
{
    const struct lock_request wanted = {.nodes = all_nodes, .reason = "memory", .actor = "root"};
    const struct lock_request over = {.nodes = one_node, .actor = "root"};
    struct lock_changes plan = {0};
    struct problem problem = {0};
    _cleanup_(freep) struct lock_view *locks = NULL;
    size_t count = 0;
    _cleanup_(free_rack) struct rack *rack = rack_undisturbed();
    if (core_lock_plan(rack->core, &wanted, 1000, UINT64_MAX, 1, &plan, &problem, err))
        return -1;
    core_locks_apply(rack->core, &plan);
    lock_changes_clear(&plan);
    if (core_unlock_plan(rack->core, &over, 2000, &plan, &problem, err))
        return -1;
    core_locks_apply(rack->core, &plan);
    lock_changes_clear(&plan);
    if (core_locks(rack->core, NULL, 3000, &locks, &count, err))
        return -1;
    for (size_t i = 0; i < count; i++)
        (void)fprintf(told, "%s %s\n", locks[i].node, locks[i].reason);
    return 0;
}

/* --- a job that a dead agent left ---------------------------------------------------------- */

static int run_resume(FILE *told, struct err *err)
{
    const struct job_request request = {.verb = VERB_CYCLE, .nodes = all_nodes, .key = "night"};
    struct trail trails[NODES];
    const struct resume resume = {
        .id = "Jdead-1", .request = &request, .age_ms = 5000, .ntrails = NODES, .trails = trails};
    _cleanup_(free_rack) struct rack *rack = rack_undisturbed();
    for (size_t i = 0; i < NODES; i++) {
        trail_begin(&trails[i], rack->inventory->nodes[i].name);
        rack->node[i].on = i == 2;
    }
    const struct driver_request off = {.id = 1, .device = "b01", .op = OP_OFF, .budget_ms = 5000};
    trail_intent(&trails[0], &off);
    if (core_resume(rack->core, &resume, rack->now_ms, err)) {
        torture_expect(!commands(rack) && !rack->nevents, "a job not taken over did something");
        return -1;
    }
    run_to_the_end(rack);
    tell_events(told, rack);
    return 0;
}

int main(void)
{
    static const struct torture_case cases[] = {
        {"inventory", run_inventory},
        {"status", run_status},
        {"cycle", run_cycle},
        {"check", run_check},
        {"netboot", run_netboot},
        {"waves", run_waves},
        {"next-boot", run_next_boot},
        {"cancel", run_cancel},
        {"key", run_key},
        {"questions", run_questions},
        {"reload", run_reload},
        {"locks", run_locks},
        {"resume", run_resume},
        {"fed-cycle", run_fed_cycle},
        {"fed-check", run_fed_check},
        {"fed-questions", run_fed_questions},
    };
    return torture_main("core", cases, ARRAY_SIZE(cases));
}
