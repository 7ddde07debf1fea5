/* boot.c - boot options (IPMI 2.0, 28.12) and the BIOS that reads them at power-up and reset. */
#include <string.h>

#include "tests/peers/bmc_farm/farm.h"

enum { SET_IN_PROGRESS = 0, VALID_BIT_CLEARING = 3, ACKNOWLEDGE = 4, BOOT_FLAGS = 5 };
enum { FLAG_VALID = 0x80, FLAG_PERSISTENT = 0x40, KEEP_VALID_AFTER_60_S = 0x08 };
enum { DEVICE_NETWORK = 1, DEVICE_SETUP = 6 };
enum {
    COMPLETION_OK = 0x00,
    COMPLETION_UNKNOWN_PARAMETER = 0x80,
    COMPLETION_SET_IN_PROGRESS = 0x81,
    COMPLETION_TOO_SHORT = 0xc7,
    COMPLETION_INVALID_FIELD = 0xcc,
};

static bool flags_expired(const struct farm *farm, const struct chassis *chassis)
{
    const uint64_t limit_us = 60000000;
    return chassis->flags_us && !(chassis->valid_bit_clearing & KEEP_VALID_AFTER_60_S) &&
           farm->now_us - chassis->flags_us > limit_us;
}

static void flags_age(struct farm *farm, struct bmc *bmc)
{
    if ((bmc->chassis.boot_flags[0] & FLAG_VALID) && flags_expired(farm, &bmc->chassis)) {
        bmc->chassis.boot_flags[0] &= (uint8_t)~FLAG_VALID;
        truth(farm, bmc, "boot flags expired after 60 s");
    }
}

const char *bios_boots_from(struct farm *farm, struct bmc *bmc)
{
    uint8_t *flags = bmc->chassis.boot_flags;
    uint8_t device = farm->default_boot;
    flags_age(farm, bmc);
    if (flags[0] & FLAG_VALID) {
        device = (flags[1] >> 2) & 15;
        if (!(flags[0] & FLAG_PERSISTENT))
            flags[0] &= (uint8_t)~FLAG_VALID;
    }
    bmc->counts.network_boots += device == DEVICE_NETWORK;
    return device == DEVICE_NETWORK ? "network" : device == DEVICE_SETUP ? "setup" : "disk";
}

static void boot_flags_set(struct farm *farm, struct bmc *bmc, const uint8_t flags[5])
{
    bmc->counts.boot_flags++;
    if (bmc->faults.ignore || bmc->faults.drop_flag) {
        truth(farm, bmc, "boot-flags %02x %02x (says ok, forgets them)", flags[0], flags[1]);
        return;
    }
    memcpy(bmc->chassis.boot_flags, flags, sizeof bmc->chassis.boot_flags);
    bmc->chassis.flags_us = farm->now_us;
    truth(farm, bmc, "boot-flags %02x %02x", flags[0], flags[1]);
}

/* data[0]: mark-invalid bit and parameter; then its value. */
uint8_t boot_option_set(struct farm *farm, struct bmc *bmc, const uint8_t *data, size_t size)
{
    static const uint8_t sizes[] = {2, 2, 2, 2, 3, 6, 2, 2};
    struct chassis *chassis = &bmc->chassis;
    const uint8_t parameter = data[0] & 0x7f;
    if (bmc->faults.no_boot_options)
        return COMPLETION_INVALID_FIELD;
    if (parameter >= sizeof sizes)
        return COMPLETION_UNKNOWN_PARAMETER;
    if (size < sizes[parameter])
        return COMPLETION_TOO_SHORT;
    switch (parameter) {
    case SET_IN_PROGRESS:
        if ((data[1] & 3) == 1 && chassis->set_in_progress == 1)
            return COMPLETION_SET_IN_PROGRESS;
        chassis->set_in_progress = data[1] & 3;
        break;
    case VALID_BIT_CLEARING:
        chassis->valid_bit_clearing = data[1] & 0x1f;
        break;
    case ACKNOWLEDGE:
        chassis->acknowledge[0] = data[1];
        chassis->acknowledge[1] =
            (uint8_t)((chassis->acknowledge[1] & ~data[1]) | (data[2] & data[1]));
        break;
    case BOOT_FLAGS:
        boot_flags_set(farm, bmc, data + 1);
        break;
    default: /* partition selectors and the like: taken, and of no effect here */
        break;
    }
    return COMPLETION_OK;
}

uint8_t boot_option_get(struct farm *farm, struct bmc *bmc, uint8_t parameter, uint8_t *data,
                        size_t *size)
{
    const struct chassis *chassis = &bmc->chassis;
    if (bmc->faults.no_boot_options)
        return COMPLETION_INVALID_FIELD;
    data[0] = 1; /* parameter version */
    data[1] = parameter;
    switch (parameter) {
    case SET_IN_PROGRESS:
        data[2] = chassis->set_in_progress;
        *size = 3;
        return COMPLETION_OK;
    case VALID_BIT_CLEARING:
        data[2] = chassis->valid_bit_clearing;
        *size = 3;
        return COMPLETION_OK;
    case ACKNOWLEDGE:
        memcpy(data + 2, chassis->acknowledge, 2);
        *size = 4;
        return COMPLETION_OK;
    case BOOT_FLAGS:
        flags_age(farm, bmc);
        memcpy(data + 2, chassis->boot_flags, 5);
        *size = 7;
        return COMPLETION_OK;
    default:
        return COMPLETION_UNKNOWN_PARAMETER;
    }
}
