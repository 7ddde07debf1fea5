/* inventory.h - what there is: nodes, the devices that power them, groups, limits, deadlines.
 *
 * Made whole by agent/io/conf.c from the YAML files (or not at all), then never changed: a
 * reload makes another one.  Names are unique per kind; indexes are into the arrays here. */
#ifndef POWERCTL_INVENTORY_H
#define POWERCTL_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/address.h"
#include "proto/driver_msg.h"
#include "proto/nodeset.h"
#include "proto/words.h"

enum { NODE_MACS_MAX = 8, FEEDS_MAX = 8, DEVICE_NONE = UINT32_MAX, CIRCUIT_NONE = UINT32_MAX };

/* As struct driver_device, but with no more settings than it has: room for all of them is 10 KiB,
 * and there are 10,000 devices. */
struct device_config {
    char device[NAME_SIZE];
    size_t nsettings;
    struct driver_setting *settings; /* owned by the inventory */
};

struct device {
    char driver[NAME_SIZE];      /* "ipmi": the program powerctl-driver-ipmi */
    struct device_config config; /* its name, and settings for the driver */
    /* What the core must know of a PDU, from its settings or its driver's defaults for them: */
    uint32_t outlets;  /* how many; 0: it is one machine's, like a BMC */
    bool buttons;      /* each outlet presses a machine's button: it controls, and feeds nothing */
    uint32_t dwell_ms; /* an outlet stays off so long, at least; 0: deadlines.dwell */
    uint32_t stagger_ms; /* between two switch-ons at this device; 0: none */
};

/* Something that can be switched: a BMC (outlet 0), or an outlet of a PDU or button relay. */
struct feed {
    uint32_t device;  /* index; DEVICE_NONE: there is none */
    uint32_t outlet;  /* from 1; 0: the device has none */
    uint32_t circuit; /* index, or CIRCUIT_NONE: what its switching on loads */
};

/* A breaker, a phase, a UPS: so much may be switched on behind it. */
struct circuit {
    char name[NAME_SIZE];
    uint32_t per_second; /* switch-ons a second; 0: not limited by number */
    uint32_t milliamps;  /* of inrush, within any second; 0: not limited by current */
};

/* What tells that a node is up. Phone-home is believed from every node. */
enum up_proof { UP_BY_PORT, UP_BY_PHONE_HOME, UP_NOT_WATCHED };

/* What can power a node: its BMC or button (control), its outlets (feeds), or both. Of both, verbs
 * use the control, unless feeds_first or `--feeds`. The outlets of PDUs are in here too, as nodes of
 * their own called "pdu-a/3" (is_outlet): to be looked at, and switched if they feed nobody. */
struct node {
    char name[NAME_SIZE];
    struct feed control;
    size_t nfeeds;
    struct feed feeds[FEEDS_MAX]; /* in the order in which they are switched on */
    bool feeds_first;
    bool is_outlet;             /* its one feed is itself */
    char feeds_node[NAME_SIZE]; /* is_outlet: the node that it feeds, the first of several; or "" */
    bool shares_outlets;  /* other nodes may hang on its feeds: switched only together with them */
    uint32_t inrush_ma;   /* that it draws when switched on, for circuits that count amps */
    uint32_t standby_mw;  /* what it draws when its BMC says off: more is a contradiction */
    uint32_t feeds_after; /* so many power-ons by its BMC in vain, then its feeds are cycled;
                             0: never by itself */
    uint32_t next_boot;   /* device index, or DEVICE_NONE */
    enum firmware firmware;
    size_t nmacs;
    struct mac macs[NODE_MACS_MAX];
    struct ipv4 address; /* fixed one, if the config names it; else learnt from DHCP */
    enum up_proof up;
    uint16_t up_port;
    bool protect;       /* never switched off by anybody */
    bool native_cycle;  /* `cycle` may use the device's own */
    bool boot_by_reset; /* netboot: set, verify, reset, instead of off, set, on */
};

struct group {
    char name[NAME_SIZE];
    char *expression;
};

struct limits {
    uint32_t confirm_above;       /* more nodes than this need confirmation */
    uint32_t power_on_per_second; /* over all jobs; the bucket starts empty */
    uint32_t booting_at_once;     /* nodes between power-on and up, over all jobs */
    uint32_t jobs_kept;           /* ended jobs remembered in memory */
    uint32_t retries;             /* netboot, where --retry does not say */
};

/* Milliseconds. The wait for each milestone, from the one before (boot-watch table). */
struct deadlines {
    uint32_t command;  /* one request to a driver */
    uint32_t off, on;  /* until the state is seen */
    uint32_t soft_off; /* grace of a soft off */
    uint32_t dwell;    /* between seen off and on, where the device does not say */
    uint32_t settle;   /* between the two readings that confirm a state */
    uint32_t post, addressed, loader, loader_up, config, kernel, initrd, kernel_up, root, up;
    uint32_t stall;    /* a transfer that stands still */
    uint32_t missing;  /* after "not found": time for the loader to find another way */
    uint32_t bmc_back; /* from feeds on again until the BMC behind them answers */
    uint32_t total;    /* everything, for one node in one job */
};

struct inventory {
    size_t ndevices;
    struct device *devices;
    size_t nnodes;
    struct node *nodes; /* in natural order of their names; outlets behind the machines */
    size_t nmachines;   /* that are not is_outlet: filled in by inventory_seal() */
    size_t ngroups;
    struct group *groups;
    size_t ncircuits;
    struct circuit *circuits;
    struct limits limits;
    struct deadlines deadlines;
    bool sees_boots; /* a boot server is captured on or its log followed */
    /* Filled in by inventory_seal(), private: */
    uint32_t *by_name; /* hash tables over names and MACs */
    struct mac_slot *by_mac;
    size_t name_slots, mac_slots;
};

/* Defaults for limits and deadlines; empty arrays. NULL if memory ran out. */
struct inventory *inventory_new(void);
struct inventory *inventory_free(struct inventory *inventory);
void inventory_freep(struct inventory **inventory);

/* Sorts the nodes and builds the look-up tables. Call once, when all is filled in. Two nodes
 * with one MAC: ERR_CONFIG (conf.c checks before, with positions). 0 or -1. */
int inventory_seal(struct inventory *inventory, struct err *err);

/* Does it go by its feeds? `feeds`: it was asked to. */
bool node_uses_feeds(const struct node *node, bool feeds);
/* The first of what it is powered by then: its control, or its first feed. */
const struct feed *node_means(const struct node *node, bool feeds);

/* NULL if there is none. */
const struct node *inventory_node(const struct inventory *inventory, const char *name);
const struct node *inventory_node_by_mac(const struct inventory *inventory, struct mac mac);
/* Driver and settings of a device as one number, whatever their order; never 0. Another number:
 * the same name may lead to another machine. */
uint64_t inventory_fingerprint(const struct device *device);
const char *inventory_group(const struct inventory *inventory, const char *name);

/* For nodeset_parse(): groups and nodes of this inventory. */
struct nodeset_source inventory_source(const struct inventory *inventory);
/* Its `unknown`: says that a name is a device, or an outlet that a PDU has not. `arg` is the inventory. */
bool inventory_explain(const void *arg, const char *name, char *text, size_t size);

#endif
