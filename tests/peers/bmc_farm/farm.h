/* farm.h - up to 65,536 simulated BMCs in one process and one thread.
 *
 * Each is an address; one wildcard UDP socket hears for all of them (IP_PKTINFO tells who was
 * asked), so that a farm costs no descriptors and starts at once.  Time is CLOCK_MONOTONIC in
 * microseconds, read once per turn of the loop, in farm->now_us. */
#ifndef BMC_FARM_FARM_H
#define BMC_FARM_FARM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/peers/bmc_farm/agenda.h"
#include "tests/peers/bmc_farm/crypto.h"
#include "tests/peers/bmc_farm/wire.h"

enum {
    BMCS_MAX = 65536,
    SLOTS_MAX = 32,
    USER_MAX = 16,
    PASSWORD_MAX = 20,
    BMC_NAME_SIZE = 32,
    OUTGOING_MAX = 64
};

/* What is wrong with a BMC, and how it is set. Flags are 0 or 1; see faults.c for the words. */
struct faults {
    uint32_t dead, die_after_off, ignore, drop_flag, ignore_soft;
    uint32_t no_boot_options, no_restart_cause, no_window;
    uint32_t loss, duplicate, busy, corrupt, truncate;            /* percent */
    uint32_t latency, jitter, power_delay, cycle_time, half_open; /* milliseconds */
    uint32_t slots;                                               /* sessions at a time */
    uint32_t suite_3, suite_17;                                   /* offered */
};

struct password {
    struct hmac_key keys[SUITES];
};

enum session_state { SESSION_FREE, SESSION_OPENED, SESSION_GREETED, SESSION_ACTIVE };
struct session {
    enum session_state state;
    enum suite suite;
    uint32_t id, console_id;
    uint32_t newest_sequence, sequences_seen; /* bit n: newest_sequence - n was seen */
    uint32_t own_sequence;
    uint8_t role, privilege, user_size;
    char user[USER_MAX];
    uint8_t console_random[RANDOM_SIZE], own_random[RANDOM_SIZE];
    uint64_t used_us;
    struct session_keys keys;
};

struct chassis {
    bool on;
    bool last_on_by_command; /* chassis status, last power event */
    uint8_t restart_cause;
    uint32_t edge_token; /* an edge on the agenda with another token was countermanded */
    uint8_t identify;    /* chassis status, misc: 0 off, 1 timed, 2 until told */
    uint8_t policy;      /* power restore policy */
    uint8_t set_in_progress, valid_bit_clearing, acknowledge[2];
    uint8_t boot_flags[5];
    uint64_t flags_us;                  /* when set, or the last chassis control since: 60 s rule */
    uint64_t on_since_us, on_before_us; /* power-on hours */
};

/* `activated` less `closed` is what clients left behind. */
struct bmc_counts {
    uint32_t control, power_on, power_off, reset, boot_flags, network_boots, opened, activated,
        closed, asked, answered, repeated;
};

struct bmc {
    struct faults faults;
    struct chassis chassis;
    struct bmc_counts counts;
    struct password *password; /* NULL: the farm's */
    struct session *sessions;  /* SLOTS_MAX, made at the first Open Session */
    uint32_t slots_used;       /* of them, ever: those behind are not worth a look */
    uint16_t session_serial;
};

/* Over all BMCs, for stats. */
struct farm_counts {
    uint64_t received, sent, lost_in, lost_out, malformed, no_session, repeated, slots_full, denied,
        overflow, unsent;
};

struct farm {
    uint64_t now_us;
    in_addr_t first; /* host byte order */
    uint32_t count;
    struct bmc *bmcs;
    char name_stem[BMC_NAME_SIZE]; /* "n" of n01 */
    unsigned name_width, name_first;
    char user[USER_MAX + 1];
    struct password password;
    uint8_t default_boot;    /* boot device without an override */
    int udp, control, nodes; /* sockets; the last two -1 if not asked for */
    struct reply *outgoing[OUTGOING_MAX];
    uint32_t outgoing_count;
    FILE *truth; /* NULL: not asked for */
    struct agenda agenda;
    struct farm_counts counts;
    uint64_t random;
    bool quit;
};

static inline uint32_t bmc_index(const struct farm *farm, const struct bmc *bmc)
{
    return (uint32_t)(bmc - farm->bmcs);
}

/* farm.c */
struct bmc *farm_bmc(struct farm *farm, in_addr_t address);           /* host byte order; or NULL */
struct bmc *farm_named(struct farm *farm, const char *name);          /* name or address; or NULL */
const char *bmc_name(const struct farm *farm, const struct bmc *bmc); /* static buffer */
const char *bmc_address(const struct farm *farm, const struct bmc *bmc); /* static buffer */
void bmc_guid(const struct farm *farm, const struct bmc *bmc, uint8_t guid[GUID_SIZE]);
void password_set(struct password *password, const char *text);
bool chance(struct farm *farm, uint32_t percent);
uint32_t random_below(struct farm *farm, uint32_t limit); /* repeatable by --seed */

/* session.c: the handshake, and who holds which session. */
size_t session_setup(struct farm *farm, struct bmc *bmc, uint8_t payload_type,
                     const uint8_t *payload, size_t size, uint8_t *answer); /* a whole packet */
struct session *session_find(struct farm *farm, struct bmc *bmc, uint32_t id);
bool session_sequence_is_new(const struct bmc *bmc, struct session *session, uint32_t sequence);
uint32_t sessions_held(const struct farm *farm, const struct bmc *bmc);
void sessions_forget(struct bmc *bmc);

/* packets.c: a datagram as it came, and the answer's size; 0: none. Faults of the network are
 * not its matter. */
size_t packet_hear(struct farm *farm, struct bmc *bmc, const uint8_t *bytes, size_t size,
                   uint8_t answer[PACKET_MAX]);

/* command.c: one request, its answer's data and completion code. `session` may be NULL. */
uint8_t command_run(struct farm *farm, struct bmc *bmc, struct session *session,
                    const struct request *request, uint8_t *data, size_t *size);

/* chassis.c: power, and boot.c: the next boot. `enum chassis_control` is the wire's. */
enum chassis_control {
    CONTROL_OFF,
    CONTROL_ON,
    CONTROL_CYCLE,
    CONTROL_RESET,
    CONTROL_DIAG,
    CONTROL_SOFT,
    CONTROLS
};
uint8_t chassis_control(struct farm *farm, struct bmc *bmc, enum chassis_control control);
void chassis_edge_due(struct farm *farm, struct bmc *bmc, enum edge edge);
void chassis_button(struct farm *farm, struct bmc *bmc, bool on);
uint32_t chassis_on_minutes(const struct farm *farm, const struct bmc *bmc);
uint8_t boot_option_set(struct farm *farm, struct bmc *bmc, const uint8_t *data, size_t size);
uint8_t boot_option_get(struct farm *farm, struct bmc *bmc, uint8_t parameter, uint8_t *data,
                        size_t *size);
const char *bios_boots_from(struct farm *farm, struct bmc *bmc); /* consumes a one-shot flag */

/* faults.c */
int fault_set(struct farm *farm, struct bmc *bmc, const char *word, const char *value);
struct faults faults_none(void);
void faults_list(FILE *out);

/* truth.c */
void truth(struct farm *farm, const struct bmc *bmc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void nodes_tell(struct farm *farm, const struct bmc *bmc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* command_line.c (control socket), report.c and net.c */
void steer(struct farm *farm, char *command, char *answer, size_t size);
void report_bmc(struct farm *farm, const struct bmc *bmc, char *answer, size_t size);
void report_farm(struct farm *farm, char *answer, size_t size);
int report_dump(struct farm *farm, const char *path); /* a line a BMC, see report.c */
void report_zero(struct farm *farm);                  /* all counts */
int net_open(struct farm *farm, uint16_t *port);
void net_receive(struct farm *farm);
/* Takes the reply, which goes out with others; net_flush() lets none wait. */
void net_send(struct farm *farm, struct reply *reply);
void net_flush(struct farm *farm);

#endif
