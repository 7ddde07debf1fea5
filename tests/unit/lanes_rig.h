/* lanes_rig.h - lanes, and a blocking driver for them that hangs, crashes and lies as the device's
 * config says, so that no test waits longer than the budget it gives; "while" something hangs
 * means that its budget is an hour.
 *
 * A bus is a file, which `run` holds locked while it works: whoever finds it locked says so. */
#ifndef POWERCTL_TESTS_LANES_RIG_H
#define POWERCTL_TESTS_LANES_RIG_H

#include "drivers/driver.h"
#include "drivers/host/lanes.h"

enum behaviour {
    GOOD,
    HANGS_IN_OPEN,
    HANGS_IN_RUN,
    HANGS_IN_CLOSE,
    CRASHES,
    EXITS,
    LIES,
    NO_OPEN,      /* until rig_let_go() */
    NO_ANSWER,    /* fails as a device that is silent */
    OPENS_A_FILE, /* and tells its number */
    WAITS,        /* until rig_let_go() */
};
enum { HOUR_MS = 3600000, REPLIES_MAX = 4096 };

/* Each test program has one: const struct driver driver = LANES_RIG_DRIVER; */
extern const struct driver_blocking lanes_rig_blocking;
struct rig_config {
    enum behaviour behaviour;
    char bus[128]; /* path of a file; "": it is alone */
    char note[32];
};
#define LANES_RIG_DRIVER                                                                           \
    {                                                                                              \
        .name = "test", .help = "", .config_size = sizeof(struct rig_config),                      \
        .blocking = &lanes_rig_blocking                                                            \
    }

/* What a good answer tells in its info.model: "PID SESSION DEVICE NOTE ASKED_MS". */
struct told {
    int pid;
    char opened_by[NAME_SIZE], note[32];
    uint64_t asked_ms;
};
struct told told_by(const struct driver_reply *reply);

struct rig {
    void *lanes;
    struct driver_reply replies[REPLIES_MAX]; /* in the order they came */
    size_t count;
    uint64_t next_id;
    char bus[2][128]; /* files, of two buses */
    int go[2];        /* locked until rig_let_go() */
};

int rig_set_up(void **state); /* state: struct rig */
int rig_tear_down(void **state);
#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

uint64_t rig_now_ms(void);
void rig_add(struct rig *rig, const char *name, enum behaviour behaviour);
void rig_add_config(struct rig *rig, const char *name, const struct rig_config *config);
/* On the bus of that number. */
void rig_add_on(struct rig *rig, int bus, const char *name, enum behaviour behaviour);
void rig_let_go(struct rig *rig, int bus);
uint64_t rig_ask(struct rig *rig, const char *name, enum op op, uint32_t budget_ms);
void rig_turn(struct rig *rig); /* one turn of a host's loop */
const struct driver_reply *rig_find(const struct rig *rig, uint64_t id); /* NULL: not yet */
const struct driver_reply *rig_await(struct rig *rig, uint64_t id);
void rig_check_failed(const struct driver_reply *reply, enum err_kind kind, enum sent sent,
                      const char *text);

#endif
