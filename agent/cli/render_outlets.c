/* Outlets, for people. */
#include <string.h>

#include "agent/cli/fold.h"
#include "agent/cli/memory.h"
#include "agent/cli/render.h"
#include "agent/cli/style.h"
#include "proto/cleanup.h"

enum { LEAST = 12 };

static int width_of(const struct outlet_view *outlets, size_t count, size_t offset)
{
    size_t width = LEAST;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen((const char *)&outlets[i] + offset);
        if (length > width)
            width = length;
    }
    return (int)width;
}

static const char *or_dash(const char *text)
{
    return *text ? text : "-";
}

static void put_row(const struct render *render, const struct outlet_view *outlet, int outlets,
                    int nodes)
{
    char watts[WATTS_TEXT_SIZE] = "-";
    enum colour chosen = power_colour(outlet->power);
    bool painted = render->colours && chosen != COLOUR_NONE;
    if (outlet->has_watts)
        watts_format(outlet->milliwatts, watts);
    (void)fprintf(render->out, "%-*s %s%-8s%s %8s  %-*s %s\n", outlets, outlet->outlet,
                  colour(painted, chosen), power_name(outlet->power), colour(painted, COLOUR_NONE),
                  watts, nodes, or_dash(outlet->node), or_dash(outlet->circuit));
}

/* Those from `first` on that have its text, folded. NULL: one before it had. */
static char *fold_alike(const struct outlet_view *outlets, size_t count, size_t first)
{
    _cleanup_(freep) const char **names = cli_needs(calloc(count, sizeof *names));
    size_t n = 0;
    for (size_t i = 0; i < first; i++)
        if (!strcmp(outlets[i].text, outlets[first].text))
            return NULL;
    for (size_t i = first; i < count; i++)
        if (!strcmp(outlets[i].text, outlets[first].text))
            names[n++] = outlets[i].outlet;
    return fold_names(names, n);
}

void table_outlets(const struct render *render, const struct outlet_view *outlets, size_t count)
{
    if (!count) {
        (void)fputs("no device has outlets\n", render->out);
        return;
    }
    int names = width_of(outlets, count, offsetof(struct outlet_view, outlet));
    int nodes = width_of(outlets, count, offsetof(struct outlet_view, node));
    (void)fprintf(render->out, "%-*s %-8s %8s  %-*s %s\n", names, "OUTLET", "STATE", "WATTS", nodes,
                  "NODE", "CIRCUIT");
    for (size_t i = 0; i < count; i++)
        put_row(render, &outlets[i], names, nodes);
    for (size_t i = 0; i < count; i++) {
        _cleanup_(freep) char *folded = outlets[i].text[0] ? fold_alike(outlets, count, i) : NULL;
        if (folded)
            (void)fprintf(render->out, "%s: %s\n", folded, outlets[i].text);
    }
}
