#include "drivers/ipmi/ops.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "drivers/ipmi/ops_answers.h"
#include "proto/cleanup.h"

enum {
    NETFN_CHASSIS = 0x00,
    NETFN_APP = 0x06,
    STEPS_MAX = 7,
};

/* clang-format off */
#define CHASSIS(number, label, ...) \
    .netfn = NETFN_CHASSIS, .command = (number), .name = (label), __VA_ARGS__
#define APP(number, label, ...) \
    .netfn = NETFN_APP, .command = (number), .name = (label), __VA_ARGS__
#define CONTROL(label, value, how) \
    { { CHASSIS(0x02, "Chassis Control (" label ")", .size = 1, .data = { value }, .care = how) } }
#define BOOT_OPTION(label, ...) \
    CHASSIS(0x08, "Set System Boot Options (" label ")", .care = CARE_IDEMPOTENT, __VA_ARGS__)

#define QUESTION_OF_A_USER .optional = true, .as_user = true
#define QUESTION_IN_FULL .optional = true, .in_full = true

/* Every operation, command by command. Set in progress and acknowledge (parameters 0 and 4) are
 * refused by many BMCs (80h, 81h, CCh) that then store the flags all the same: optional.
 * Parameter 3 = 08h stops the timer that clears the flags after 60 s; OpenBMC refuses it. */
static const struct ipmi_command plans[OPS][STEPS_MAX] = {
    [OP_STATUS] = { { CHASSIS(0x01, "Get Chassis Status", .as_user = true) } },
    [OP_ON] = CONTROL("power on", 0x01, CARE_IDEMPOTENT),
    [OP_OFF] = CONTROL("power off", 0x00, CARE_IDEMPOTENT),
    [OP_SOFT] = CONTROL("soft shutdown", 0x05, CARE_IDEMPOTENT),
    [OP_RESET] = CONTROL("hard reset", 0x03, CARE_FRAGILE),
    [OP_CYCLE] = CONTROL("power cycle", 0x02, CARE_FRAGILE),
    [OP_DIAG] = CONTROL("diagnostic interrupt", 0x04, CARE_FRAGILE),
    [OP_IDENTIFY] = { { CHASSIS(0x04, "Chassis Identify", .size = 1, .care = CARE_IDEMPOTENT) } },
    [OP_BOOT_SET] = {
        { BOOT_OPTION("boot timer off", .size = 2, .data = { 0x03, 0x08 }, .optional = true) },
        { BOOT_OPTION("set in progress", .size = 2, .data = { 0x00, 0x01 }, .optional = true) },
        { BOOT_OPTION("acknowledge", .size = 3, .data = { 0x04, 0x01, 0x01 }, .optional = true) },
        { BOOT_OPTION("boot flags", .size = 6, .data = { 0x05 }) },
        { BOOT_OPTION("commit", .size = 2, .data = { 0x00, 0x02 }, .optional = true) },
        { BOOT_OPTION("set complete", .size = 2, .data = { 0x00, 0x00 }, .optional = true) },
        { CHASSIS(0x09, "Get System Boot Options (boot flags)", .size = 3, .data = { 0x05 }) },
    },
    [OP_BOOT_GET] = {
        { CHASSIS(0x09, "Get System Boot Options (boot flags)", .size = 3, .data = { 0x05 }) },
    },
    [OP_EVIDENCE] = {
        { CHASSIS(0x07, "Get System Restart Cause", QUESTION_OF_A_USER) },
        { CHASSIS(0x01, "Get Chassis Status", QUESTION_OF_A_USER) },
        { CHASSIS(0x0f, "Get POH Counter", QUESTION_OF_A_USER) },
    },
    [OP_INFO] = {
        { APP(0x37, "Get System GUID", QUESTION_IN_FULL) },
        { APP(0x08, "Get Device GUID", QUESTION_IN_FULL) },
        { APP(0x01, "Get Device ID", QUESTION_IN_FULL) },
    },
};
/* clang-format on */

enum { STEP_BOOT_TIMER = 0, STEP_BOOT_FLAGS = 3, STEP_BOOT_COMPLETE = 5, STEP_DEVICE_GUID = 1 };

static bool step_exists(enum op op, unsigned step)
{
    return step < STEPS_MAX && plans[op][step].name;
}

void operation_begin(struct operation *operation, const struct driver_request *request,
                     const char *address)
{
    *operation = (struct operation){
        .request = *request,
        .reply = {.id = request->id, .op = request->op},
    };
    (void)snprintf(operation->address, sizeof operation->address, "%s", address);
    if (request->op == OP_BOOT_SET && request->boot_device == BOOT_OTHER)
        operation_fail(operation, ERR_USAGE, "%s: next boot 'other' can be read, not set", address);
}

/* Boot flags, parameter 5: valid, one shot, EFI or not, and the device. */
static void fill_boot_flags(const struct driver_request *request, uint8_t data[6])
{
    static const uint8_t devices[BOOT_DEVICES] = {
        [BOOT_NETWORK] = 0x04, [BOOT_DISK] = 0x08, [BOOT_BIOS] = 0x18};
    if (request->boot_device == BOOT_NONE)
        return; /* all zero: no override */
    data[1] = (uint8_t)(0x80 | (request->firmware == FIRMWARE_UEFI ? 0x20 : 0));
    data[2] = devices[request->boot_device];
}

void operation_command(const struct operation *operation, bool boot_timer, struct ipmi_command *out)
{
    const struct driver_request *request = &operation->request;
    unsigned step = operation->step;
    bool forget = request->boot_device == BOOT_NONE; /* nothing the timer could clear */
    if (request->op == OP_BOOT_SET && step == STEP_BOOT_TIMER && (!boot_timer || forget))
        step++;
    *out = plans[request->op][step];
    if (request->op == OP_BOOT_SET && step == STEP_BOOT_FLAGS)
        fill_boot_flags(request, out->data);
    if (request->op == OP_IDENTIFY) /* one byte of seconds is all IPMI has */
        out->data[0] = request->seconds > UINT8_MAX ? UINT8_MAX : (uint8_t)request->seconds;
}

/* What the operation is about; not its preparations, nor what is read back after it. */
static bool matters(const struct operation *operation, const struct ipmi_command *command)
{
    return !op_changes_something(operation->request.op) ||
           (!command->optional && command->care != CARE_QUESTION);
}

void operation_sent(struct operation *operation, const struct ipmi_command *command)
{
    if (!matters(operation, command))
        return;
    operation->sent = true;
    operation->acknowledged = false;
}

/* The step after this command; by its place in the plan, since the first may be skipped. */
static unsigned step_after(const struct operation *operation, const struct ipmi_command *command)
{
    const struct ipmi_command *plan = plans[operation->request.op];
    unsigned step = operation->step;
    while (step_exists(operation->request.op, step) && plan[step].name != command->name)
        step++;
    return step + 1;
}

static void finish(struct operation *operation)
{
    enum op op = operation->request.op;
    if (operation->reply.err.kind == ERR_NONE && (op == OP_EVIDENCE || op == OP_INFO) &&
        !operation->answered)
        operation_fail(operation, ERR_UNSUPPORTED, "%s: this BMC knows nothing of %s",
                       operation->address, op_name(op));
    operation->done = true;
    operation->reply.ok = operation->reply.err.kind == ERR_NONE;
}

static void go_on(struct operation *operation, const struct ipmi_command *command)
{
    operation->step = step_after(operation, command);
    if (operation->request.op == OP_INFO && operation->step == STEP_DEVICE_GUID &&
        operation->reply.info.guid[0])
        operation->step++;
    if (!step_exists(operation->request.op, operation->step))
        finish(operation);
}

/* Refused boot flags still need "set complete", or the BMC stays in "set in progress". */
static void give_up(struct operation *operation)
{
    if (operation->request.op == OP_BOOT_SET && operation->step < STEP_BOOT_COMPLETE)
        operation->step = STEP_BOOT_COMPLETE;
    else
        finish(operation);
}

static enum err_kind kind_of_refusal(uint8_t code)
{
    switch (code) {
    case 0x80: /* parameter not supported, of the boot options */
    case 0xc1:
    case 0xc2:
    case 0xc9:
    case 0xcc:
    case 0xd6:
        return ERR_UNSUPPORTED;
    case 0xd4:
        return ERR_AUTH;
    case 0xc0:
    case 0xc3:
    case 0xdf:
        return ERR_BUSY;
    default:
        return ERR_DEVICE;
    }
}

static void refuse(struct operation *operation, const struct ipmi_command *command, uint8_t code)
{
    char text[96];
    enum op op = operation->request.op;
    bool is_off =
        code == 0xd5 && (op == OP_RESET || op == OP_CYCLE || op == OP_SOFT || op == OP_DIAG);
    bool was_done = operation->done;
    operation_fail(operation, kind_of_refusal(code), "%s: %s refused with %s%s%s",
                   operation->address, command->name, completion_code_text(code, text, sizeof text),
                   is_off ? ": the host is off; use on" : "",
                   code == 0xd4 ? ": this user, or the option privilege, is not enough" : "");
    /* C3h says "timeout while processing": it may have been done after all. */
    if (code == 0xc3 && matters(operation, command))
        operation->reply.err.sent = SENT_MAYBE;
    operation->done = was_done;
    give_up(operation);
}

void operation_answer(struct operation *operation, const struct ipmi_command *command,
                      const struct ipmi_answer *answer)
{
    enum op op = operation->request.op;
    bool already = answer->code == 0xd5 && (op == OP_ON || op == OP_OFF);
    bool failed = operation->reply.err.kind != ERR_NONE;
    if (matters(operation, command))
        operation->acknowledged = true;
    if (failed) { /* this was "set complete", after a refusal */
        finish(operation);
    } else if (answer->code && !already) {
        if (command->optional && answer->code != 0xd4)
            go_on(operation, command);
        else
            refuse(operation, command, answer->code);
    } else if (!answer->code && answer_store(operation, command, answer)) {
        finish(operation); /* with the complaint it made */
    } else {
        go_on(operation, command);
    }
}

void operation_busy(struct operation *operation, const struct ipmi_command *command, uint8_t code)
{
    if (matters(operation, command) && code != 0xc3)
        operation->acknowledged = true;
}

void operation_doubt(struct operation *operation, const struct ipmi_command *command, uint8_t code)
{
    char text[96];
    operation_fail(operation, kind_of_refusal(code),
                   "%s: a copy of %s was refused with %s; the first may have been done",
                   operation->address, command->name,
                   completion_code_text(code, text, sizeof text));
}

bool operation_silence(struct operation *operation, const struct ipmi_command *command)
{
    bool flags = operation->request.op == OP_BOOT_SET && operation->step <= STEP_BOOT_FLAGS &&
                 !command->optional;
    if (operation->reply.err.kind != ERR_NONE) {
        finish(operation);
        return true;
    }
    /* Unanswered boot flags: what is read back next says whether they were stored. */
    if (command->care == CARE_QUESTION || (!command->optional && !flags))
        return false;
    go_on(operation, command);
    return true;
}

void operation_fail(struct operation *operation, enum err_kind kind, const char *format, ...)
{
    char text[sizeof operation->reply.err.text];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    enum sent sent = operation->acknowledged ? SENT_YES : operation->sent ? SENT_MAYBE : SENT_NO;
    err_set_sent(&operation->reply.err, kind, sent, "%s", text);
    operation->done = true;
    operation->reply.ok = false;
}
