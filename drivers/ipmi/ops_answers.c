#include "drivers/ipmi/ops_answers.h"

#include <stdio.h>
#include <string.h>

#include "proto/cleanup.h"

enum message { /* netfn << 8 | command */
               CHASSIS_STATUS = 0x0001,
               RESTART_CAUSE = 0x0007,
               BOOT_OPTIONS_GET = 0x0009,
               POWER_ON_HOURS = 0x000f,
               DEVICE_ID = 0x0601,
               DEVICE_GUID = 0x0608,
               SYSTEM_GUID = 0x0637,
};

static bool store_status(struct driver_reply *reply, const struct ipmi_answer *answer)
{
    if (answer->size < 3)
        return false;
    reply->power = answer->data[0] & 0x01 ? POWER_ON : POWER_OFF;
    if (reply->op == OP_EVIDENCE) {
        reply->evidence.has_last_event = true;
        reply->evidence.last_event = answer->data[1];
    }
    return true;
}

static bool store_cause(struct restart_evidence *evidence, const struct ipmi_answer *answer)
{
    if (answer->size < 1)
        return false;
    evidence->has_cause = true;
    evidence->cause = answer->data[0] & 0x0f;
    return true;
}

static bool store_power_on_time(struct restart_evidence *evidence, const struct ipmi_answer *answer)
{
    const uint8_t *data = answer->data;
    if (answer->size < 5 || !data[0]) /* no minutes per count: no unit, no time */
        return false;
    uint32_t counts = (uint32_t)data[1] | (uint32_t)data[2] << 8 | (uint32_t)data[3] << 16 |
                      (uint32_t)data[4] << 24;
    uint64_t minutes = (uint64_t)counts * data[0];
    evidence->has_power_on_minutes = true;
    evidence->power_on_minutes = minutes > UINT32_MAX ? UINT32_MAX : (uint32_t)minutes;
    return true;
}

static bool store_boot_flags(struct driver_reply *reply, const struct ipmi_answer *answer)
{
    const uint8_t *data = answer->data; /* version, selector, then parameter 5 */
    if (answer->size < 4 || (data[1] & 0x7f) != 0x05)
        return false;
    static const enum boot_device devices[16] = {
        BOOT_NONE,  BOOT_NETWORK, BOOT_DISK,  BOOT_OTHER, BOOT_OTHER, BOOT_OTHER,
        BOOT_BIOS,  BOOT_OTHER,   BOOT_OTHER, BOOT_OTHER, BOOT_OTHER, BOOT_OTHER,
        BOOT_OTHER, BOOT_OTHER,   BOOT_OTHER, BOOT_OTHER,
    };
    bool marked_invalid = data[1] & 0x80;
    reply->has_next_boot = true;
    reply->next_boot = (struct next_boot){
        .valid = (data[2] & 0x80) && !marked_invalid,
        .persistent = data[2] & 0x40,
        .uefi = data[2] & 0x20,
        .device = devices[data[3] >> 2 & 0x0f],
    };
    return true;
}

/* IPMI sends a GUID from its last byte to its first (20.8), as FreeIPMI prints it too. Some
 * BMCs send SMBIOS order: it is an identity to compare, not to show in other tools. */
static bool store_guid(struct driver_reply *reply, const struct ipmi_answer *answer)
{
    static const uint8_t zeros[16] = {0};
    const uint8_t *g = answer->data;
    if (answer->size != 16 || !memcmp(g, zeros, sizeof zeros))
        return false;
    (void)snprintf(reply->info.guid, sizeof reply->info.guid,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", g[15],
                   g[14], g[13], g[12], g[11], g[10], g[9], g[8], g[7], g[6], g[5], g[4], g[3],
                   g[2], g[1], g[0]);
    reply->has_info = true;
    return true;
}

static bool store_device_id(struct driver_reply *reply, const struct ipmi_answer *answer)
{
    const uint8_t *d = answer->data;
    if (answer->size < 11)
        return false;
    unsigned manufacturer = (unsigned)d[6] | (unsigned)d[7] << 8 | (unsigned)(d[8] & 0x0f) << 16;
    unsigned product = (unsigned)d[9] | (unsigned)d[10] << 8;
    (void)snprintf(reply->info.model, sizeof reply->info.model,
                   "manufacturer %u, product %u, firmware %u.%02x", manufacturer, product,
                   d[2] & 0x7fU, d[3]);
    reply->has_info = true;
    return true;
}

static bool store(struct driver_reply *reply, const struct ipmi_command *command,
                  const struct ipmi_answer *answer)
{
    switch (command->netfn << 8 | command->command) {
    case CHASSIS_STATUS:
        return store_status(reply, answer);
    case RESTART_CAUSE:
        return store_cause(&reply->evidence, answer);
    case POWER_ON_HOURS:
        return store_power_on_time(&reply->evidence, answer);
    case BOOT_OPTIONS_GET:
        return store_boot_flags(reply, answer);
    case SYSTEM_GUID:
    case DEVICE_GUID:
        return store_guid(reply, answer);
    case DEVICE_ID:
        return store_device_id(reply, answer);
    default: /* commands that only do something */
        return true;
    }
}

int answer_store(struct operation *operation, const struct ipmi_command *command,
                 const struct ipmi_answer *answer)
{
    struct driver_reply *reply = &operation->reply;
    if (store(reply, command, answer)) {
        operation->answered = true;
        reply->has_evidence = reply->op == OP_EVIDENCE;
        return 0;
    }
    if (command->optional)
        return 0;
    operation_fail(operation, ERR_PROTOCOL, "%s: %s was answered with %u bytes that make no sense",
                   operation->address, command->name, answer->size);
    return -1;
}

const char *completion_code_text(uint8_t code, char *buffer, size_t size)
{
    static const struct {
        uint8_t code;
        const char *meaning;
    } codes[] = {
        {0x80, "parameter not supported"},
        {0x81, "set in progress by another, or privilege above this user's"},
        {0x82, "parameter is read-only"},
        {0xc0, "node busy"},
        {0xc1, "invalid command"},
        {0xc2, "command invalid for this LUN"},
        {0xc3, "timeout while processing"},
        {0xc4, "out of space"},
        {0xc5, "reservation cancelled"},
        {0xc6, "request data truncated"},
        {0xc7, "request data length invalid"},
        {0xc8, "request data too long"},
        {0xc9, "parameter out of range"},
        {0xca, "cannot return that many bytes"},
        {0xcb, "not present"},
        {0xcc, "invalid data field"},
        {0xcd, "illegal for this sensor or record"},
        {0xce, "response could not be provided"},
        {0xcf, "duplicate request"},
        {0xd0, "SDR repository in update mode"},
        {0xd1, "firmware update in progress"},
        {0xd2, "BMC is initialising"},
        {0xd3, "destination unavailable"},
        {0xd4, "insufficient privilege"},
        {0xd5, "not possible in present state"},
        {0xd6, "sub-function disabled"},
        {0xdf, "busy"},
        {0xff, "unspecified error"},
    };
    const char *meaning = "a code of this BMC's own";
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (codes[i].code == code)
            meaning = codes[i].meaning;
    (void)snprintf(buffer, size, "%02Xh (%s)", code, meaning);
    return buffer;
}

bool completion_code_worth_retrying(uint8_t code, enum ipmi_care care)
{
    return code == 0xc0 || (care != CARE_FRAGILE && (code == 0xc3 || code == 0xdf));
}
