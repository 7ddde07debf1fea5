/* event_log.h - the core's events as log lines, one a fact:
 *
 *     job=J1a2-3 node=n01 boot=POST->ADDRESSED after=3.2s text="10.1.0.21 from 10.1.0.1"
 *
 * What a stage came from and how long it took is remembered per node and attempt. */
#ifndef POWERCTL_EVENT_LOG_H
#define POWERCTL_EVENT_LOG_H

#include "proto/api.h"

struct event_log;
struct event_log *event_log_new(void); /* NULL if memory ran out */
struct event_log *event_log_free(struct event_log *log);
void event_log_write(struct event_log *log, const struct job_event *event, uint64_t now_ms);

#endif
