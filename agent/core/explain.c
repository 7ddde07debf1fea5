/* explain.c - a plan for people: what would be sent, where, in which order, how long at most. */
#include <stdio.h>
#include <string.h>

#include "agent/core/job.h"
#include "agent/core/state.h"
#include "proto/cleanup.h"

static const struct step *plan_of(const struct job_request *request, const struct node *node)
{
    return plan_for(request->verb, &request->options, node->native_cycle, node->boot_by_reset);
}

static void explain_step(FILE *out, unsigned number, const struct step *step,
                         const struct core *core, const struct job_request *request)
{
    const struct deadlines *deadlines = &core->inventory->deadlines;
    const struct limits *limits = &core->inventory->limits;
    uint32_t patience = step_patience(step, deadlines);

    (void)fprintf(out, "  %2u. %s", number, step_name(step->kind));
    if (step->kind == STEP_COMMAND)
        (void)fprintf(out, " %s", op_name(step->op));
    if (step->kind == STEP_COMMAND && step->unless != POWER_UNKNOWN)
        (void)fprintf(out, ", unless it is %s already", power_name(step->unless));
    if (step->kind == STEP_SEE)
        (void)fprintf(out, " %s, twice, %.1f s apart", power_name(step->state),
                      (double)deadlines->settle / 1000);
    if (step->kind == STEP_SET_BOOT)
        (void)fprintf(out, ": %s, once",
                      boot_device_name(verb_boots_network(request->verb, &request->options)
                                           ? BOOT_NETWORK
                                           : request->options.boot_device));
    if (step->kind == STEP_DWELL)
        (void)fprintf(out, " %.1f s, if we switched it off", (double)deadlines->dwell / 1000);
    if (step->kind == STEP_READ && step->again)
        (void)fprintf(out, " again, if it had to wait");
    if (step->kind == STEP_PLACE)
        (void)fprintf(out, ": at most %u nodes boot at once", limits->booting_at_once);
    if (step->kind == STEP_TURN)
        (void)fprintf(out, ": at most %u power-ons a second", limits->power_on_per_second);
    if (step->kind == STEP_WATCH)
        (void)fprintf(out, ", at most %.0f s for everything", (double)deadlines->total / 1000);
    if (patience)
        (void)fprintf(out, " (within %.1f s)", (double)patience / 1000);
    if (step->soft)
        (void)fprintf(out, "; if not, go on harder");
    (void)fputc('\n', out);
}

static void explain_plan(FILE *out, const struct core *core, const struct job_request *request,
                         const struct step *plan)
{
    unsigned number = 0;
    for (const struct step *step = plan; step->kind != STEP_END; step++)
        explain_step(out, ++number, step, core, request);
}

static void explain_devices(FILE *out, const struct core *core, const struct job_request *request,
                            const struct nodeset *set)
{
    for (size_t i = 0; i < nodeset_count(set); i++) {
        const struct node *node = inventory_node(core->inventory, nodeset_name(set, i));
        const struct feed *means = node_means(node, request->options.feeds);
        const struct device *power = &core->inventory->devices[means->device];
        (void)fprintf(out, "  %s: power by %s (%s)", node->name, power->config.device,
                      power->driver);
        if (means->outlet)
            (void)fprintf(out, " outlet %u", means->outlet);
        if (node->next_boot != DEVICE_NONE)
            (void)fprintf(out, ", next boot by %s, %s",
                          core->inventory->devices[node->next_boot].config.device,
                          firmware_name(node->firmware));
        (void)fprintf(out, "%s\n", node->protect ? ", PROTECTED" : "");
    }
}

static void explain(FILE *out, const struct core *core, const struct job_request *request,
                    const struct nodeset *set, const char *folded)
{
    const struct step *told[4] = {NULL};
    size_t ntold = 0;
    (void)fprintf(out, "%s %s: %zu nodes; nothing is sent by asking\n", verb_name(request->verb),
                  folded, nodeset_count(set));
    if (request->options.batch)
        (void)fprintf(out, "in waves of %u%s\n", request->options.batch,
                      request->options.has_max_failures ? ", stopped by failures" : "");
    for (size_t i = 0; i < nodeset_count(set); i++) {
        const struct node *node = inventory_node(core->inventory, nodeset_name(set, i));
        const struct step *plan = plan_of(request, node);
        bool known = false;
        for (size_t j = 0; j < ntold; j++)
            known = known || told[j] == plan;
        if (known || ntold == ARRAY_SIZE(told))
            continue;
        told[ntold++] = plan;
        (void)fprintf(out, "each node like %s:\n", node->name);
        explain_plan(out, core, request, plan);
    }
    uint32_t rate = core->inventory->limits.power_on_per_second;
    if (verb_changes_something(request->verb) && nodeset_count(set) > rate)
        (void)fprintf(out, "all power-ons take at least %.0f s by the inrush limit\n",
                      (double)nodeset_count(set) / rate);
    (void)fputs("nodes:\n", out);
    explain_devices(out, core, request, set);
}

int core_plan(const struct core *core, const struct job_request *request, char **text,
              struct err *err)
{
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    _cleanup_(freep) char *folded = NULL, *made = NULL;
    size_t size = 0;
    if (job_resolve(core, request, &set, err))
        return -1;
    folded = nodeset_fold(set);
    FILE *out = open_memstream(&made, &size);
    if (!folded || !out) {
        if (out)
            (void)fclose(out);
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    explain(out, core, request, set, folded);
    if (fclose(out))
        return err_set(err, ERR_SYSTEM, "out of memory");
    *text = TAKE(made);
    return 0;
}
