/* words.h - the vocabulary: every word that crosses a border between programs, files and
 * people, once.  X_name() gives the word on the wire, X_parse() the value of a word (0, or -1
 * if there is no such word). */
#ifndef POWERCTL_WORDS_H
#define POWERCTL_WORDS_H

#include <stdbool.h>

enum {
    NAME_SIZE = 64,     /* node, device, group, credentials: with the final NUL */
    ADDRESS_SIZE = 256, /* host name or address of a device */
};

/* What a driver can be asked (driver.h says what each promises). */
enum op {
    OP_STATUS,   /* power-status */
    OP_ON,       /* power-on */
    OP_OFF,      /* power-off: hard, at once */
    OP_SOFT,     /* power-soft: ask the operating system (ACPI) */
    OP_RESET,    /* power-reset: warm, power stays on */
    OP_CYCLE,    /* power-cycle: the device's own off-and-on */
    OP_DIAG,     /* power-diag: NMI */
    OP_IDENTIFY, /* identify: the locator light */
    OP_BOOT_SET, /* next-boot-set: one shot, and read back in the same session */
    OP_BOOT_GET, /* next-boot-get */
    OP_EVIDENCE, /* restart-evidence */
    OP_INFO,     /* device-info: GUID, model */
    OPS
};
const char *op_name(enum op op);
int op_parse(const char *word, enum op *op);
bool op_changes_something(enum op op); /* false for the questions */

/* Unknown is not off: silence, nonsense and errors are unknown. */
enum power { POWER_UNKNOWN, POWER_OFF, POWER_ON, POWERS };
const char *power_name(enum power power);
int power_parse(const char *word, enum power *power);

enum boot_device { BOOT_NONE, BOOT_NETWORK, BOOT_DISK, BOOT_BIOS, BOOT_OTHER, BOOT_DEVICES };
const char *boot_device_name(enum boot_device device); /* none network disk bios other */
int boot_device_parse(const char *word,
                      enum boot_device *device); /* also pxe net hd setup default */

/* How the next boot is to be done: the EFI bit of IPMI's boot flags. */
enum firmware { FIRMWARE_LEGACY, FIRMWARE_UEFI, FIRMWARES };
const char *firmware_name(enum firmware firmware);
int firmware_parse(const char *word, enum firmware *firmware);

/* What people ask for. */
enum verb {
    VERB_STATUS,
    VERB_ON,
    VERB_OFF,
    VERB_CYCLE,
    VERB_RESET,
    VERB_SOFT,
    VERB_DIAG,
    VERB_IDENTIFY,
    VERB_NEXT_BOOT,
    VERB_REBOOT,
    VERB_NETBOOT,
    VERB_CHECK, /* read only: would it work tonight? */
    VERBS
};
const char *verb_name(enum verb verb);
int verb_parse(const char *word, enum verb *verb);

/* How far a node has come, as milestones seen: "ADDRESSED" means it has its address. */
enum stage {
    STAGE_NONE,
    STAGE_POWERED,   /* seen on, after it was seen off or reset */
    STAGE_POST,      /* the firmware asked for an address: RARP, BOOTP or DHCPDISCOVER */
    STAGE_ADDRESSED, /* and got it: DHCPACK, BOOTREPLY, RARP reply */
    STAGE_LOADER,    /* network loader fetched whole */
    STAGE_LOADER_UP, /* and running: it asked for something itself */
    STAGE_CONFIG,    /* its config or script fetched */
    STAGE_KERNEL,    /* kernel fetched whole */
    STAGE_INITRD,    /* initial RAM disk fetched whole */
    STAGE_KERNEL_UP, /* the kernel or its init spoke on the network */
    STAGE_ROOT,      /* root file system mounted or fetched */
    STAGE_UP,        /* phoned home, or its port answers */
    STAGES
};
const char *stage_name(enum stage stage);
int stage_parse(const char *word, enum stage *stage);

/* Why a node did not get there: the broken link, by name. words.c has the long form. */
enum verdict {
    VERDICT_NONE,
    VERDICT_UNREACHABLE,          /* its BMC or PDU does not answer */
    VERDICT_WRONG_PASSWORD,       /* its BMC does not let us in */
    VERDICT_UNSUPPORTED,          /* its BMC or PDU cannot do that */
    VERDICT_REFUSED,              /* its BMC or PDU said no */
    VERDICT_BAD_REPLY,            /* its BMC or PDU talks nonsense */
    VERDICT_AGENT_FAILED,         /* a driver died, or the journal cannot be written */
    VERDICT_IS_OFF,               /* reset, soft or diag of a node that is off */
    VERDICT_POWER_FAILED,         /* the device said ok, the power state never followed */
    VERDICT_NEXT_BOOT_NOT_STORED, /* the device said ok, the flag read back is another */
    VERDICT_BMC_LOST,             /* its BMC answered, then fell silent; nothing was left off */
    VERDICT_LEFT_OFF,             /* was on, switched off by us, not seen on again */
    VERDICT_NO_NETBOOT,           /* powered, and never asked for an address */
    VERDICT_BOOTED_LOCAL,         /* an operating system came up without a network loader */
    VERDICT_DHCP_UNANSWERED,
    VERDICT_OFFER_IGNORED,
    VERDICT_WRONG_SERVER,
    VERDICT_NAKED, /* DHCPNAK */
    VERDICT_LOADER_NOT_ASKED,
    VERDICT_LOADER_MISSING,
    VERDICT_LOADER_STALLED,
    VERDICT_LOADER_DEAD,
    VERDICT_CONFIG_MISSING,
    VERDICT_KERNEL_NOT_ASKED,
    VERDICT_KERNEL_MISSING,
    VERDICT_KERNEL_STALLED,
    VERDICT_INITRD_MISSING,
    VERDICT_INITRD_STALLED,
    VERDICT_KERNEL_SILENT,
    VERDICT_ROOT_FAILED,
    VERDICT_INIT_SILENT,
    VERDICT_NOT_UP,        /* a local boot: on, but nothing says that it is up */
    VERDICT_LOOPING,       /* back at the firmware's DHCP again and again */
    VERDICT_CONTRADICTION, /* check: its devices answer, but what they say does not fit */
    VERDICT_TIMED_OUT,     /* the total deadline */
    VERDICT_CANCELLED,
    VERDICT_INTERRUPTED, /* the agent died before it was done */
    VERDICT_NOT_STARTED, /* the line was stopped before its turn */
    VERDICTS
};
const char *verdict_name(enum verdict verdict);        /* "KERNEL_MISSING" */
const char *verdict_explanation(enum verdict verdict); /* one line for people, with what to do */
int verdict_parse(const char *word, enum verdict *verdict);
bool verdict_worth_retrying(enum verdict verdict); /* a second try can help */

/* How it ended for one node. Never "ok" for what was not seen. */
enum outcome {
    OUTCOME_PENDING, /* not ended */
    OUTCOME_OK,
    OUTCOME_FAILED,
    OUTCOME_UNVERIFIED, /* sent and accepted, and there is no way to see the effect */
    OUTCOME_LEFT_OFF,   /* failed, and the node was on before: an alarm */
    OUTCOME_CANCELLED,
    OUTCOMES
};
const char *outcome_name(enum outcome outcome);
int outcome_parse(const char *word, enum outcome *outcome);

/* Exit codes of powerctl and netboot-now. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_SOME_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NO_AGENT = 3,
    EXIT_DENIED = 4,
    EXIT_STILL_RUNNING = 5, /* the client's --timeout passed; the job goes on */
    EXIT_BUSY = 6,
    EXIT_UNVERIFIED = 7, /* nothing failed, but something could not be seen */
    EXIT_LEFT_OFF = 8,
    EXIT_INTERRUPTED = 130,
};

#endif
