/* sse.h - Server-Sent Events: what happened since, then what happens, to any number of readers.
 *
 * Each event is written as text once and shared by all who read it.  There are two rings:
 *
 *     news      what changed something or is about to, and power that was found to be another:
 *               for everybody who watches
 *     answers   everything of jobs that only ask: for those who follow such a job.  200 watchers
 *               have no use for 10,000 nodes that are still on
 *
 * A stream is a place in one of them and a filter.  A stream of news that resumes (Last-Event-ID)
 * or wants a job from its start first reads the journal, up to where it joined the ring: nothing
 * is lost and nothing comes twice.  Answers are not in the journal: such a stream begins at the
 * start of its job, or behind its last id, as long as the ring still has that.
 *
 *     id: 4711                    only what the journal holds has an id
 *     data: {"sequence":4711,...}
 *
 *     event: resync               the reader was so slow that the ring went round, or asked for
 *     data: {}                    what is not there any more: ask for the state again
 *
 *     : ping                      every 15 s without an event
 *
 * No sockets here: server.c asks for bytes when the client can take them. */
#ifndef POWERCTL_SSE_H
#define POWERCTL_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/io/journal.h"
#include "proto/api.h"
#include "proto/nodeset.h"

enum { SSE_RING = 8192, SSE_PING_MS = 15000, SSE_REPLAY_PAGE = 256 };

/* Of a question (status, check)? An event of no job has no verb. */
bool event_is_answer(const struct job_event *event);
/* Whether everybody is told, and the journal too: not what a question finds as it was. */
bool event_is_news(const struct job_event *event);

struct event_hub;
/* The journal is borrowed. NULL if memory ran out. */
struct event_hub *event_hub_new(struct journal *journal);
struct event_hub *event_hub_free(struct event_hub *hub); /* after its streams */

/* `journaled`: event->sequence becomes the id. */
void event_hub_publish(struct event_hub *hub, const struct job_event *event, bool journaled);
uint64_t event_hub_overruns(const struct event_hub *hub); /* resyncs so far */

struct stream;
struct stream_filter {
    char job[JOB_ID_SIZE]; /* "" : all; else the stream ends after this job's end */
    bool question;         /* that job only asks: its events are among the answers */
    bool job_ended;        /* it has ended already: replay, then end */
    struct nodeset *nodes; /* NULL: all, job events too; owned by the stream from then on */
    bool replay;           /* what there is after `after`; else only what comes */
    uint64_t after;
};
struct stream *stream_new(struct event_hub *hub, const struct stream_filter *filter,
                          uint64_t now_ms);
struct stream *stream_free(struct stream *stream);

/* Fills `buffer` (at least 1 byte) with what there is. 0: nothing now; -1: the end. */
ssize_t stream_read(struct stream *stream, char *buffer, size_t size, uint64_t now_ms);

/* Whether it is worth asking: an event (wanted or not), a ping that is due, the end. */
bool stream_has_data(const struct stream *stream, uint64_t now_ms);

#endif
