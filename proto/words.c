#include "proto/words.h"

#include <string.h>

#include "proto/cleanup.h"

/* Finds a word in a table of names indexed by an enum. */
static int find(const char *const *names, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(names[i], word))
            return (int)i;
    return -1;
}

#define WORDS(type, prefix, table)                                                                 \
    const char *prefix##_name(type value)                                                          \
    {                                                                                              \
        return table[value];                                                                       \
    }                                                                                              \
    int prefix##_parse(const char *word, type *value)                                              \
    {                                                                                              \
        int found = find(table, ARRAY_SIZE(table), word);                                          \
        if (found < 0)                                                                             \
            return -1;                                                                             \
        *value = (type)found;                                                                      \
        return 0;                                                                                  \
    }

static const char *const ops[OPS] = {
    [OP_STATUS] = "power-status",
    [OP_ON] = "power-on",
    [OP_OFF] = "power-off",
    [OP_SOFT] = "power-soft",
    [OP_RESET] = "power-reset",
    [OP_CYCLE] = "power-cycle",
    [OP_DIAG] = "power-diag",
    [OP_IDENTIFY] = "identify",
    [OP_BOOT_SET] = "next-boot-set",
    [OP_BOOT_GET] = "next-boot-get",
    [OP_EVIDENCE] = "restart-evidence",
    [OP_INFO] = "device-info",
};
WORDS(enum op, op, ops)

bool op_changes_something(enum op op)
{
    switch (op) {
    case OP_ON:
    case OP_OFF:
    case OP_SOFT:
    case OP_RESET:
    case OP_CYCLE:
    case OP_DIAG:
    case OP_IDENTIFY:
    case OP_BOOT_SET:
        return true;
    case OP_STATUS:
    case OP_BOOT_GET:
    case OP_EVIDENCE:
    case OP_INFO:
    case OPS:
        break;
    }
    return false;
}

static const char *const powers[POWERS] = {
    [POWER_UNKNOWN] = "unknown",
    [POWER_OFF] = "off",
    [POWER_ON] = "on",
};
WORDS(enum power, power, powers)

static const char *const boot_devices[BOOT_DEVICES] = {
    [BOOT_NONE] = "none", [BOOT_NETWORK] = "network", [BOOT_DISK] = "disk",
    [BOOT_BIOS] = "bios", [BOOT_OTHER] = "other",
};

/* What admins' fingers know from ipmitool, rsetboot and nodesetboot. */
static const struct {
    const char *word;
    enum boot_device device;
} boot_device_synonyms[] = {
    {"pxe", BOOT_NETWORK}, {"net", BOOT_NETWORK},  {"hd", BOOT_DISK},
    {"setup", BOOT_BIOS},  {"default", BOOT_NONE},
};

const char *boot_device_name(enum boot_device device)
{
    return boot_devices[device];
}

int boot_device_parse(const char *word, enum boot_device *device)
{
    for (size_t i = 0; i < ARRAY_SIZE(boot_device_synonyms); i++)
        if (!strcmp(boot_device_synonyms[i].word, word)) {
            *device = boot_device_synonyms[i].device;
            return 0;
        }
    int found = find(boot_devices, ARRAY_SIZE(boot_devices), word);
    if (found < 0)
        return -1;
    *device = (enum boot_device)found;
    return 0;
}

static const char *const firmwares[FIRMWARES] = {
    [FIRMWARE_LEGACY] = "legacy",
    [FIRMWARE_UEFI] = "uefi",
};
WORDS(enum firmware, firmware, firmwares)

static const char *const verbs[VERBS] = {
    [VERB_STATUS] = "status",
    [VERB_ON] = "on",
    [VERB_OFF] = "off",
    [VERB_CYCLE] = "cycle",
    [VERB_RESET] = "reset",
    [VERB_SOFT] = "soft",
    [VERB_DIAG] = "diag",
    [VERB_IDENTIFY] = "identify",
    [VERB_NEXT_BOOT] = "next-boot",
    [VERB_REBOOT] = "reboot",
    [VERB_NETBOOT] = "netboot",
    [VERB_CHECK] = "check",
};
WORDS(enum verb, verb, verbs)

static const char *const stages[STAGES] = {
    [STAGE_NONE] = "NONE",           [STAGE_POWERED] = "POWERED", [STAGE_POST] = "POST",
    [STAGE_ADDRESSED] = "ADDRESSED", [STAGE_LOADER] = "LOADER",   [STAGE_LOADER_UP] = "LOADER_UP",
    [STAGE_CONFIG] = "CONFIG",       [STAGE_KERNEL] = "KERNEL",   [STAGE_INITRD] = "INITRD",
    [STAGE_KERNEL_UP] = "KERNEL_UP", [STAGE_ROOT] = "ROOT",       [STAGE_UP] = "UP",
};
WORDS(enum stage, stage, stages)

/* A retry is worth it where the cause can be chance: a lost packet, a firmware that ignored the
 * flag once, a boot storm.  A missing file stays missing, a wrong password stays wrong. */
static const struct {
    const char *name, *explanation;
    bool retry;
} verdicts[VERDICTS] = {
    [VERDICT_NONE] = {"NONE", "", false},
    [VERDICT_UNREACHABLE] = {"UNREACHABLE", "its BMC or PDU does not answer", false},
    [VERDICT_WRONG_PASSWORD] = {"WRONG_PASSWORD", "its BMC does not let us in", false},
    [VERDICT_UNSUPPORTED] = {"UNSUPPORTED", "its BMC or PDU cannot do that", false},
    [VERDICT_REFUSED] = {"REFUSED", "its BMC or PDU said no", false},
    [VERDICT_BAD_REPLY] = {"BAD_REPLY", "its BMC or PDU talks nonsense", false},
    [VERDICT_AGENT_FAILED] = {"AGENT_FAILED",
                              "the agent itself could not do it: one of its drivers died, or its "
                              "journal cannot be written",
                              true},
    [VERDICT_IS_OFF] = {"IS_OFF", "it is off; use on", false},
    [VERDICT_POWER_FAILED] = {"POWER_FAILED",
                              "its BMC or PDU said ok, but the power state never followed", false},
    [VERDICT_NEXT_BOOT_NOT_STORED] = {"NEXT_BOOT_NOT_STORED",
                                      "its BMC said ok, but another next boot reads back", false},
    [VERDICT_BMC_LOST] = {"BMC_LOST", "its BMC or PDU answered, then fell silent", false},
    [VERDICT_LEFT_OFF] = {"LEFT_OFF", "it was on, we switched it off, and it was not seen on again",
                          false},
    [VERDICT_NO_NETBOOT] = {"NO_NETBOOT",
                            "powered on, but it never asked for an address: boot order, cable, "
                            "VLAN, spanning tree, or a wrong MAC in the config",
                            true},
    [VERDICT_BOOTED_LOCAL] = {"BOOTED_LOCAL",
                              "an operating system came up without a network loader: the firmware "
                              "ignored the boot flag",
                              true},
    [VERDICT_DHCP_UNANSWERED] = {"DHCP_UNANSWERED", "it asked for an address and got none", true},
    [VERDICT_OFFER_IGNORED] = {"OFFER_IGNORED", "it was offered an address and did not take it",
                               true},
    [VERDICT_WRONG_SERVER] = {"WRONG_SERVER", "another DHCP server answered it", false},
    [VERDICT_NAKED] = {"NAKED", "the DHCP server took its address back (DHCPNAK)", true},
    [VERDICT_LOADER_NOT_ASKED] = {"LOADER_NOT_ASKED",
                                  "it has an address, but asked for no loader: no boot file in the "
                                  "DHCP answer, or a firewall before TFTP",
                                  true},
    [VERDICT_LOADER_MISSING] = {"LOADER_MISSING", "the boot server does not have the loader",
                                false},
    [VERDICT_LOADER_STALLED] = {"LOADER_STALLED", "the loader's transfer stopped", true},
    [VERDICT_LOADER_DEAD] = {"LOADER_DEAD",
                             "it fetched the loader and fell silent: wrong architecture, secure "
                             "boot, or a hang",
                             true},
    [VERDICT_CONFIG_MISSING] = {"CONFIG_MISSING", "the boot server has no loader config for it",
                                false},
    [VERDICT_KERNEL_NOT_ASKED] = {"KERNEL_NOT_ASKED",
                                  "the loader has its config, but asked for no kernel", true},
    [VERDICT_KERNEL_MISSING] = {"KERNEL_MISSING", "the boot server does not have the kernel",
                                false},
    [VERDICT_KERNEL_STALLED] = {"KERNEL_STALLED", "the kernel's transfer stopped", true},
    [VERDICT_INITRD_MISSING] = {"INITRD_MISSING", "the boot server does not have the RAM disk",
                                false},
    [VERDICT_INITRD_STALLED] = {"INITRD_STALLED", "the RAM disk's transfer stopped", true},
    [VERDICT_KERNEL_SILENT] =
        {"KERNEL_SILENT",
         "it fetched kernel and RAM disk and fell silent: panic, or no driver "
         "for its network card",
         true},
    [VERDICT_ROOT_FAILED] = {"ROOT_FAILED", "its kernel runs, its root never came", true},
    [VERDICT_INIT_SILENT] = {"INIT_SILENT", "its kernel runs, but it never said that it is up",
                             true},
    [VERDICT_NOT_UP] = {"NOT_UP",
                        "it is on, but nothing says that it is up: no answer on its port, no "
                        "phone-home (up: in the config)",
                        false},
    [VERDICT_LOOPING] = {"LOOPING", "it starts its network boot again and again", false},
    [VERDICT_CONTRADICTION] = {"CONTRADICTION",
                               "its devices answer, but what they say does not fit together, or "
                               "not what is configured",
                               false},
    [VERDICT_TIMED_OUT] = {"TIMED_OUT", "the time for the whole job ran out", false},
    [VERDICT_CANCELLED] = {"CANCELLED", "cancelled", false},
    [VERDICT_INTERRUPTED] = {"INTERRUPTED", "the agent died before it was done", false},
    [VERDICT_NOT_STARTED] = {"NOT_STARTED", "the line was stopped before its turn", false},
};

const char *verdict_name(enum verdict verdict)
{
    return verdicts[verdict].name;
}

const char *verdict_explanation(enum verdict verdict)
{
    return verdicts[verdict].explanation;
}

int verdict_parse(const char *word, enum verdict *verdict)
{
    for (size_t i = 0; i < VERDICTS; i++)
        if (!strcmp(verdicts[i].name, word)) {
            *verdict = (enum verdict)i;
            return 0;
        }
    return -1;
}

bool verdict_worth_retrying(enum verdict verdict)
{
    return verdicts[verdict].retry;
}

static const char *const outcomes[OUTCOMES] = {
    [OUTCOME_PENDING] = "pending",   [OUTCOME_OK] = "ok",
    [OUTCOME_FAILED] = "failed",     [OUTCOME_UNVERIFIED] = "unverified",
    [OUTCOME_LEFT_OFF] = "left-off", [OUTCOME_CANCELLED] = "cancelled",
};
WORDS(enum outcome, outcome, outcomes)
