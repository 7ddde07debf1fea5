/* faults.h - everything that can go wrong in the simulated world, each with a name, so that a run
 * can tell which of them really happened, and how often. */
#ifndef POWERCTL_SIM_FAULTS_H
#define POWERCTL_SIM_FAULTS_H

/* clang-format off */
#define FAULT_LIST(X)                                                                               \
    /* between agent and device */                                                                  \
    X(REQUEST_LOST,         "request lost")                                                         \
    X(REPLY_LOST,           "reply lost")                                                           \
    X(REPLY_LATE,           "reply after its budget")                                               \
    X(REPLY_TWICE,          "reply duplicated")                                                     \
    X(REPLY_NEVER,          "driver hangs: no reply at all")                                        \
    X(DRIVER_DIED_UNSENT,   "driver died, not sent")                                                \
    X(DRIVER_DIED_MAYBE,    "driver died, maybe sent")                                              \
    X(BMC_SLOW,             "BMC slow")                                                             \
    X(BMC_DEAD,             "BMC dead")                                                             \
    X(BMC_BUSY,             "BMC busy")                                                             \
    X(WRONG_PASSWORD,       "wrong password")                                                       \
    X(REFUSES,              "BMC refuses")                                                          \
    /* devices that lie */                                                                          \
    X(IGNORES_POWER,        "says ok, does nothing")                                                \
    X(ACTS_LATE,            "says ok, acts late")                                                   \
    X(FLAPS,                "power flaps after power-on")                                           \
    X(READS_UNKNOWN,        "reads unknown")                                                        \
    X(READS_WRONG,          "reads the wrong state once")                                           \
    X(DROPS_FLAG,           "drops the boot flag")                                                  \
    X(KEEPS_FLAG,           "boot flag survives the boot")                                          \
    X(PERSISTENT_FLAG,      "makes the boot flag persistent")                                       \
    X(IGNORES_CLEAR,        "ignores clearing the boot flag")                                       \
    X(NO_READ_BACK,         "boot flag cannot be read back")                                        \
    X(NO_EVIDENCE,          "no restart evidence")                                                  \
    X(DIES_AFTER_OFF,       "BMC dies after power-off")                                             \
    X(DIES_AT_RESET,        "node stays dark after a reset")                                        \
    /* outlets */                                                                                   \
    X(PDU_DEAD,             "PDU dead")                                                             \
    X(OUTLET_STICKS,        "outlet says ok, and stays as it is")                                   \
    X(BMC_UNFED,            "BMC silent: nothing feeds it")                                         \
    X(BMC_COMES_BACK,       "BMC still starting after its power came back")                         \
    X(RESTORES_POWER,       "machine goes on when it is fed again")                                 \
    X(STAYS_DARK,           "machine stays off when it is fed again")                               \
    /* nodes that do not boot as told */                                                            \
    X(BOOTS_DISK,           "boots the disk although told network")                                 \
    X(HANGS_IN_POST,        "hangs in POST")                                                        \
    X(DHCP_IGNORED,         "DHCP is not answered")                                                 \
    X(OFFER_IGNORED,        "ignores the DHCP offer")                                               \
    X(WRONG_SERVER,         "another DHCP server answers")                                          \
    X(DHCP_NAK,             "DHCP NAK")                                                             \
    X(LOADER_MISSING,       "loader missing")                                                       \
    X(CONFIG_MISSING,       "loader config missing")                                                \
    X(KERNEL_MISSING,       "kernel missing")                                                       \
    X(INITRD_MISSING,       "initrd missing")                                                       \
    X(STALLS,               "transfer stalls")                                                      \
    X(HANGS_IN_LOADER,      "hangs in the loader")                                                  \
    X(HANGS_IN_KERNEL,      "hangs in the kernel")                                                  \
    X(HANGS_IN_INITRD,      "hangs in the initrd")                                                  \
    X(NEVER_PHONES,         "never phones home")                                                    \
    X(LOOPS,                "starts over again and again")                                          \
    /* evidence */                                                                                  \
    X(NOTE_LOST,            "note lost")                                                            \
    X(NOTE_TWICE,           "note duplicated")                                                      \
    X(NOTE_REORDERED,       "note out of order")                                                    \
    X(NOTE_STALE,           "note of the boot before, after the power edge")                        \
    X(NOTE_FOREIGN,         "notes of foreign MACs")                                                \
    X(PHONE_SPOOFED,        "phone-home spoofed")                                                   \
    /* clients */                                                                                   \
    X(CLIENT_OVERLAP,       "job over busy nodes")                                                  \
    X(CLIENT_CANCEL,        "job cancelled")                                                        \
    X(CLIENT_SAME_KEY,      "same key twice")                                                       \
    X(CLIENT_OTHER_KEY,     "key of another job")                                                   \
    X(CLIENT_TOO_MANY,      "too many nodes")                                                       \
    X(CLIENT_PROTECTED,     "protected node")                                                       \
    X(RELOAD,               "inventory reloaded")                                                   \
    X(RELOAD_REFUSED,       "reload refused: a job is at it")                                       \
    /* the agent */                                                                                 \
    X(KILLED_UNCOMMITTED,   "killed before the commit")                                             \
    X(KILLED_UNSENT,        "killed after the commit, before sending")                              \
    X(KILLED_IN_BATCH,      "killed with a part of the batch sent")                                 \
    X(KILLED_WAITING,       "killed with replies outstanding")                                      \
    X(ORPHAN_LOST,          "request in flight died with its driver")                               \
    X(ORPHAN_ACTED,         "request in flight acted after the agent died")                         \
    X(STOPPED,              "agent stopped and started again")                                      \
    /* time */                                                                                      \
    X(LOOP_BLOCKED,         "loop blocked for 30 s")                                                \
    X(CLOCK_31_BITS,        "clock crosses 2^31 ms")                                                \
    X(CLOCK_32_BITS,        "clock crosses 2^32 ms")
/* clang-format on */

enum fault {
#define FAULT_ENUM(name, words) FAULT_##name,
    FAULT_LIST(FAULT_ENUM)
#undef FAULT_ENUM
        FAULTS
};

const char *fault_name(enum fault fault);

#endif
