/* lanes_private.h - what lanes.c (the engine), lanes_events.c (what lanes tell, and what time
 * does to them) and lanes_schedule.c (who works next) share. */
#ifndef POWERCTL_DRIVERS_HOST_LANES_PRIVATE_H
#define POWERCTL_DRIVERS_HOST_LANES_PRIVATE_H

#include <uthash.h>

#include "drivers/driver.h"
#include "drivers/host/lane.h"
#include "drivers/host/lanes_queue.h"

enum lane_state { NO_LANE, IDLE, RUNNING, ENDING, KILLED };

/* What each state waits for is in `until_ms`: idle time, budget, time to close; killed: none. */
struct lanes_device {
    char name[NAME_SIZE];
    void *config;
    bool has_credentials, outdated; /* outdated: the lane knows an older config */
    struct driver_credentials credentials;
    struct lanes_queue queue;
    enum lane_state state;
    struct lane lane;
    uint64_t until_ms, since_ms;   /* since: when its lane was started */
    struct driver_request request; /* RUNNING: the one in the lane */
    bool opened;                   /* the session stands; nothing reaches a device before */
    bool listed;
    struct lanes_device *prev, *next; /* while it has a queue or a lane */
    UT_hash_handle hh;
};

struct lanes {
    struct driver_host host;
    int epoll;
    struct lanes_device *by_name;
    struct lanes_device *busy; /* first: waited longest for a lane */
    size_t living;
    bool dirty; /* something may be started: turn() has to run */
};

void lanes_answer(struct lanes *lanes, const struct driver_request *request, const struct err *err);
void lanes_list(struct lanes *lanes, struct lanes_device *device);
void lanes_unlist(struct lanes *lanes, struct lanes_device *device);

/* Something came from the device's lane, or it died. */
void lanes_moved(struct lanes *lanes, struct lanes_device *device, uint64_t now_ms);
/* New settings may mean another outlet: what was asked under the old ones is answered, and what
 * is at work is killed. */
void lanes_replace(struct lanes *lanes, struct lanes_device *device);
void lanes_expire(struct lanes *lanes, struct lanes_device *device, uint64_t now_ms);
void lanes_end(struct lanes_device *device, uint64_t now_ms);
void lanes_kill(struct lanes_device *device, uint64_t now_ms);

/* Gives lanes to devices with work, and work to lanes. */
void lanes_schedule(struct lanes *lanes, uint64_t now_ms);

#endif
