/* command.c - the IPMI commands there are, who may give them, and how long they must be. */
#include <string.h>

#include "tests/peers/bmc_farm/farm.h"

enum { NETFN_CHASSIS = 0x00, NETFN_APP = 0x06 };
enum { ANYBODY = 0, USER = 2, OPERATOR = 3, ADMIN = 4 };
enum {
    COMPLETION_OK = 0x00,
    COMPLETION_PRIVILEGE_TOO_HIGH = 0x81,
    COMPLETION_NO_SUCH_SESSION = 0x87,
    COMPLETION_BUSY = 0xc0,
    COMPLETION_INVALID_COMMAND = 0xc1,
    COMPLETION_TOO_SHORT = 0xc7,
    COMPLETION_PRIVILEGE = 0xd4,
};

/* One request in hand, and where its answer goes. */
struct call {
    struct farm *farm;
    struct bmc *bmc;
    struct session *session;
    const uint8_t *in;
    size_t in_size;
    uint8_t *out;
    size_t *out_size;
};

static uint8_t answer(struct call *call, const void *bytes, size_t size)
{
    memcpy(call->out, bytes, size);
    *call->out_size = size;
    return COMPLETION_OK;
}

static uint8_t get_device_id(struct call *call)
{
    static const uint8_t id[15] = {0x20, 1, 2, 0x10, 2, 0xbf, 0x57, 1, 0, 1};
    return answer(call, id, sizeof id);
}

static uint8_t get_system_guid(struct call *call)
{
    uint8_t guid[GUID_SIZE];
    bmc_guid(call->farm, call->bmc, guid);
    return answer(call, guid, sizeof guid);
}

static uint8_t get_authentication_capabilities(struct call *call)
{
    const bool asks_for_20 = call->in[0] & 0x80;
    const uint8_t capabilities[8] = {
        1,                         /* channel */
        asks_for_20 ? 0x95 : 0x15, /* extended data; straight, MD5, none */
        0x04,                      /* user names are needed, no null user */
        asks_for_20 ? 0x02 : 0,    /* RMCP+ */
    };
    return answer(call, capabilities, sizeof capabilities);
}

static uint8_t get_cipher_suites(struct call *call)
{
    const uint32_t offered[SUITES] = {
        [SUITE_3] = call->bmc->faults.suite_3,
        [SUITE_17] = call->bmc->faults.suite_17,
    };
    uint8_t list[1 + 5 * SUITES] = {1};
    size_t size = 1;
    for (enum suite suite = 0; suite < SUITES && (call->in[2] & 0x3f) == 0; suite++) {
        const struct suite_facts *facts = &suite_facts[suite];
        const uint8_t record[5] = {
            0xc0,
            facts->id,
            facts->authentication,
            0x40 | facts->integrity,
            0x80 | facts->confidentiality,
        };
        if (offered[suite]) {
            memcpy(list + size, record, sizeof record);
            size += sizeof record;
        }
    }
    return answer(call, list, size);
}

static uint8_t set_session_privilege(struct call *call)
{
    const uint8_t wanted = call->in[0] & 15;
    if (wanted > (call->session->role & 15) || wanted > ADMIN)
        return COMPLETION_PRIVILEGE_TOO_HIGH;
    if (wanted)
        call->session->privilege = wanted;
    return answer(call, &call->session->privilege, 1);
}

static uint8_t close_session(struct call *call)
{
    /* Freed only after the answer, which still needs its keys: see net.c. */
    return le32_at(call->in) == call->session->id ? COMPLETION_OK : COMPLETION_NO_SUCH_SESSION;
}

static uint8_t get_session_info(struct call *call)
{
    const uint8_t info[6] = {
        1, (uint8_t)call->bmc->faults.slots, (uint8_t)sessions_held(call->farm, call->bmc),
        2, call->session->privilege,         0x11};
    return answer(call, info, sizeof info);
}

static uint8_t get_chassis_capabilities(struct call *call)
{
    static const uint8_t capabilities[6] = {0, 0x20, 0x20, 0x20, 0x20, 0x20};
    return answer(call, capabilities, sizeof capabilities);
}

static uint8_t get_chassis_status(struct call *call)
{
    const struct chassis *chassis = &call->bmc->chassis;
    const uint8_t status[4] = {
        (uint8_t)(chassis->policy << 5 | chassis->on),
        chassis->last_on_by_command ? 0x10 : 0,
        (uint8_t)(0x40 | chassis->identify << 4),
        0,
    };
    return answer(call, status, sizeof status);
}

static uint8_t run_chassis_control(struct call *call)
{
    return chassis_control(call->farm, call->bmc, call->in[0] & 15);
}

static uint8_t chassis_identify(struct call *call)
{
    const bool until_told = call->in_size > 1 && (call->in[1] & 1);
    const bool off = call->in_size > 0 && call->in[0] == 0 && !until_told;
    call->bmc->chassis.identify = until_told ? 2 : off ? 0 : 1;
    truth(call->farm, call->bmc, "identify %s", off ? "off" : "on");
    return COMPLETION_OK;
}

static uint8_t set_restore_policy(struct call *call)
{
    const uint8_t policy = call->in[0] & 7, supported = 7;
    if (policy < 3) {
        call->bmc->chassis.policy = policy;
        truth(call->farm, call->bmc, "restore-policy %d", policy);
    }
    return answer(call, &supported, 1);
}

static uint8_t get_restart_cause(struct call *call)
{
    const uint8_t cause[2] = {call->bmc->chassis.restart_cause, 1};
    if (call->bmc->faults.no_restart_cause)
        return COMPLETION_INVALID_COMMAND;
    return answer(call, cause, sizeof cause);
}

static uint8_t set_boot_option(struct call *call)
{
    return boot_option_set(call->farm, call->bmc, call->in, call->in_size);
}

static uint8_t get_boot_option(struct call *call)
{
    return boot_option_get(call->farm, call->bmc, call->in[0] & 0x7f, call->out, call->out_size);
}

static uint8_t get_power_on_hours(struct call *call)
{
    uint8_t hours[5] = {1}; /* a count is one minute */
    put_le32(hours + 1, chassis_on_minutes(call->farm, call->bmc));
    return answer(call, hours, sizeof hours);
}

static const struct {
    uint8_t netfn, command, privilege;
    size_t at_least;
    uint8_t (*run)(struct call *call);
} commands[] = {
    {NETFN_APP, 0x01, USER, 0, get_device_id},
    {NETFN_APP, 0x37, ANYBODY, 0, get_system_guid},
    {NETFN_APP, 0x38, ANYBODY, 2, get_authentication_capabilities},
    {NETFN_APP, 0x3b, USER, 1, set_session_privilege},
    {NETFN_APP, 0x3c, USER, 4, close_session},
    {NETFN_APP, 0x3d, USER, 1, get_session_info},
    {NETFN_APP, 0x54, ANYBODY, 3, get_cipher_suites},
    {NETFN_CHASSIS, 0x00, USER, 0, get_chassis_capabilities},
    {NETFN_CHASSIS, 0x01, USER, 0, get_chassis_status},
    {NETFN_CHASSIS, 0x02, OPERATOR, 1, run_chassis_control},
    {NETFN_CHASSIS, 0x04, OPERATOR, 0, chassis_identify},
    {NETFN_CHASSIS, 0x06, OPERATOR, 1, set_restore_policy},
    {NETFN_CHASSIS, 0x07, USER, 0, get_restart_cause},
    {NETFN_CHASSIS, 0x08, OPERATOR, 1, set_boot_option},
    {NETFN_CHASSIS, 0x09, OPERATOR, 3, get_boot_option},
    {NETFN_CHASSIS, 0x0f, USER, 0, get_power_on_hours},
};

uint8_t command_run(struct farm *farm, struct bmc *bmc, struct session *session,
                    const struct request *request, uint8_t *data, size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].netfn != request->netfn || commands[i].command != request->command)
            continue;
        struct call call = {farm, bmc, session, request->data, request->size, data, size};
        if (session && chance(farm, bmc->faults.busy))
            return COMPLETION_BUSY;
        if (commands[i].privilege > (session ? session->privilege : ANYBODY)) {
            farm->counts.denied++;
            return COMPLETION_PRIVILEGE;
        }
        if (request->size < commands[i].at_least)
            return COMPLETION_TOO_SHORT;
        return commands[i].run(&call);
    }
    return COMPLETION_INVALID_COMMAND;
}
