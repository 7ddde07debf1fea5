#include "agent/cli/findings.h"

#include <stdlib.h>
#include <string.h>

#include "agent/cli/memory.h"
#include "proto/nodeset.h"

enum { FINDINGS_MAX = 65536, ROOM_FIRST = 64 };

void findings_clear(struct findings *findings)
{
    free(findings->list);
    *findings = (struct findings){0};
}

/* Room is a power of two, and full when the count is. */
static void make_room(struct findings *findings)
{
    size_t count = findings->count;
    if (count && (count < ROOM_FIRST || count & (count - 1)))
        return;
    size_t room = count ? 2 * count : ROOM_FIRST;
    findings->list = cli_needs(realloc(findings->list, room * sizeof *findings->list));
}

void findings_take(struct findings *findings, const struct job_event *event)
{
    const struct node_view *node = &event->node;
    if (event->kind != EVENT_NOTE || !node->node[0] || findings->count == FINDINGS_MAX)
        return;
    make_room(findings);
    struct finding *finding = &findings->list[findings->count];
    finding->order = findings->count++;
    finding->verdict = node->verdict;
    memcpy(finding->node, node->node, sizeof finding->node);
    memcpy(finding->text, node->text, sizeof finding->text);
}

static int compare(const void *a, const void *b)
{
    const struct finding *left = a, *right = b;
    int names = name_compare(left->node, right->node);
    return names ? names : (left->order > right->order) - (left->order < right->order);
}

void findings_sort(struct findings *findings)
{
    if (findings->count)
        qsort(findings->list, findings->count, sizeof *findings->list, compare);
}

bool finding_is_alone(const struct findings *findings, size_t index)
{
    const char *node = findings->list[index].node;
    bool before = index && !strcmp(findings->list[index - 1].node, node);
    bool after = index + 1 < findings->count && !strcmp(findings->list[index + 1].node, node);
    return !before && !after;
}
