/* findings.h - what a check found, more than a node's one text holds: the notes of its events. */
#ifndef POWERCTL_FINDINGS_H
#define POWERCTL_FINDINGS_H

#include "proto/api.h"

struct finding {
    char node[NAME_SIZE];
    size_t order;         /* in which it came */
    enum verdict verdict; /* VERDICT_NONE: worth telling, but nothing is wrong */
    char text[JOB_TEXT_SIZE];
};

struct findings {
    size_t count;
    struct finding *list;
};
void findings_clear(struct findings *findings);

/* Keeps what the event says, if it is a note about a node. Of too many the rest is left out: the
 * nodes' own texts count them. */
void findings_take(struct findings *findings, const struct job_event *event);

/* By node, and of each in the order they came. */
void findings_sort(struct findings *findings);
/* Is it the only one about its node? They are sorted. */
bool finding_is_alone(const struct findings *findings, size_t index);

#endif
