/* faults.c - every way in which a BMC can be made worse, as rows. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/peers/bmc_farm/farm.h"

enum unit { FLAG, PERCENT, MILLISECONDS, SLOTS };

#define FAULT(field, word, unit, help)                                                             \
    {                                                                                              \
        word, unit, offsetof(struct faults, field), help                                           \
    }
static const struct {
    const char *word;
    enum unit unit;
    size_t offset;
    const char *help;
} rows[] = {
    /* clang-format off */
    FAULT(dead,             "dead",             FLAG,         "answers nothing"),
    FAULT(die_after_off,    "die-after-off",    FLAG,         "answers nothing after the next power-off"),
    FAULT(ignore,           "ignore",           FLAG,         "says ok to power and boot commands, does nothing"),
    FAULT(drop_flag,        "drop-flag",        FLAG,         "says ok to boot flags, forgets them"),
    FAULT(ignore_soft,      "ignore-soft",      FLAG,         "the system does not react to a soft off"),
    FAULT(no_boot_options,  "no-boot-options",  FLAG,         "boot options are refused with CCh"),
    FAULT(no_restart_cause, "no-restart-cause", FLAG,         "restart cause is an unknown command"),
    FAULT(no_window,        "no-window",        FLAG,         "obeys a repeated packet again, as OpenBMC does"),
    FAULT(loss,             "loss",             PERCENT,      "datagrams lost, each way"),
    FAULT(duplicate,        "duplicate",        PERCENT,      "answers sent twice"),
    FAULT(busy,             "busy",             PERCENT,      "commands answered with C0h"),
    FAULT(corrupt,          "corrupt",          PERCENT,      "answers with a wrong byte"),
    FAULT(truncate,         "truncate",         PERCENT,      "answers cut short"),
    FAULT(latency,          "latency",          MILLISECONDS, "each answer held back"),
    FAULT(jitter,           "jitter",           MILLISECONDS, "and up to this much longer"),
    FAULT(power_delay,      "power-delay",      MILLISECONDS, "from a power command to its edge"),
    FAULT(cycle_time,       "cycle-time",       MILLISECONDS, "from off to on in a cycle"),
    FAULT(half_open,        "half-open",        MILLISECONDS, "until a handshake nobody finishes is forgotten"),
    FAULT(slots,            "slots",            SLOTS,        "sessions at a time"),
    FAULT(suite_3,          "suite-3",          FLAG,         "cipher suite 3 is offered"),
    FAULT(suite_17,         "suite-17",         FLAG,         "cipher suite 17 is offered"),
    /* clang-format on */
};
static const struct {
    const char *values;
    uint32_t max;
} units[] = {
    [FLAG] = {"on|off", 1},
    [PERCENT] = {"0..100", 100},
    [MILLISECONDS] = {"ms", 3600000},
    [SLOTS] = {"1..32", SLOTS_MAX},
};

struct faults faults_none(void)
{
    return (struct faults){
        .cycle_time = 200, .half_open = 3000, .slots = 5, .suite_3 = 1, .suite_17 = 1};
}

static bool value_read(enum unit unit, const char *text, uint32_t *value)
{
    if (unit == FLAG) {
        *value = strcmp(text, "on") == 0;
        return *value || strcmp(text, "off") == 0;
    }
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    *value = (uint32_t)number;
    return end != text && !*end && number <= units[unit].max;
}

int fault_set(struct farm *farm, struct bmc *bmc, const char *word, const char *value)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t number;
        if (strcmp(rows[i].word, word) != 0)
            continue;
        if (!value_read(rows[i].unit, value, &number))
            return -1;
        memcpy((char *)&bmc->faults + rows[i].offset, &number, sizeof number);
        truth(farm, bmc, "fault %s %s", word, value);
        return 0;
    }
    return -1;
}

void faults_list(FILE *out)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        fprintf(out, "  WHO %-16s %-6s  %s\n", rows[i].word, units[rows[i].unit].values,
                rows[i].help);
}
