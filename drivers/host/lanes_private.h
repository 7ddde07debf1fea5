/* lanes_private.h - what lanes.c (the engine), lanes_buses.c (which device is on which bus),
 * lanes_events.c (what lanes tell, and what time does to them) and lanes_schedule.c (who works
 * next) share. */
#ifndef POWERCTL_DRIVERS_HOST_LANES_PRIVATE_H
#define POWERCTL_DRIVERS_HOST_LANES_PRIVATE_H

#include <uthash.h>

#include "drivers/driver.h"
#include "drivers/host/lane.h"
#include "drivers/host/lanes_queue.h"

enum lane_state { NO_LANE, IDLE, RUNNING, ENDING, KILLED };

struct lanes_device {
    char name[NAME_SIZE];
    void *config;
    bool has_credentials;
    struct driver_credentials credentials;
    struct lanes_bus *bus;
    UT_hash_handle hh;
};

/* What has one lane: the devices on one wire, or a device that is alone.
 * What each state waits for is in `until_ms`: idle time, budget, time to close; killed: none. */
struct lanes_bus {
    char key[BUS_SIZE + 16];
    bool shared;     /* named by the driver: its session mends itself, and is kept */
    bool outdated;   /* the lane knows older settings */
    size_t ndevices; /* 0: it goes with its lane */
    struct lanes_queue queue;
    enum lane_state state;
    struct lane lane;
    uint64_t until_ms, since_ms;   /* since: when its lane, or its last one, was started */
    bool silent;                   /* when it was asked last it did not answer in time */
    bool cautious;                 /* its lane is one of those for the silent */
    struct driver_request request; /* RUNNING: the one in the lane */
    bool opened;                   /* the session stands; nothing reaches a device before */
    bool killed;                   /* its last lane was, and no session has stood since */
    uint64_t opening;              /* the last place in line when the session was begun */
    bool listed;
    struct lanes_bus *prev, *next; /* while it has a queue or a lane */
    UT_hash_handle hh;
};

struct lanes {
    struct driver_host host;
    int epoll;
    struct lanes_device *by_name;
    struct lanes_bus *by_key;
    struct lanes_bus *busy; /* first: waited longest for a lane */
    size_t living, max;
    size_t cautious; /* of the living */
    bool dirty;      /* something may be started: turn() has to run */
};

void lanes_answer(struct lanes *lanes, const struct driver_request *request, const struct err *err);

struct lanes_device *lanes_find(const struct lanes *lanes, const char *name);
/* Puts the device on the bus that its config names. 0, or -1: no memory. */
int lanes_join(struct lanes *lanes, struct lanes_device *device, const void *config);
void lanes_list(struct lanes *lanes, struct lanes_bus *bus);
void lanes_unlist(struct lanes *lanes, struct lanes_bus *bus);
void lanes_free_if_unused(struct lanes *lanes, struct lanes_bus *bus);

/* Something came from the bus's lane, or it died. */
void lanes_moved(struct lanes *lanes, struct lanes_bus *bus, uint64_t now_ms);
/* New settings may mean another outlet: what was asked under the old ones is answered, and what
 * is at work under them is killed. */
void lanes_replace(struct lanes *lanes, struct lanes_device *device);
void lanes_expire(struct lanes *lanes, struct lanes_bus *bus, uint64_t now_ms);
void lanes_end(struct lanes_bus *bus, uint64_t now_ms);
void lanes_kill(struct lanes_bus *bus, uint64_t now_ms);

/* Takes note of whether it answers. */
void lanes_heard(struct lanes *lanes, struct lanes_bus *bus, bool silent);

/* Gives lanes to buses with work, and work to lanes. */
void lanes_schedule(struct lanes *lanes, uint64_t now_ms);

#endif
