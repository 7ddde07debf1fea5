#include "agent/core/plan.h"

/* From 1: the first deadline's offset is 0, which stands for none. */
#define WAITS(deadline) .patience = 1 + offsetof(struct deadlines, deadline)

/* clang-format off */
#define READ             { .kind = STEP_READ,       WAITS(command) }
#define READ_AGAIN       { .kind = STEP_READ, .again = true, WAITS(command) }
#define REQUIRE_ON       { .kind = STEP_REQUIRE_ON }
#define COMMAND(op_, not_) { .kind = STEP_COMMAND, .op = (op_), .unless = (not_), WAITS(on) }
#define TRY_SOFT         { .kind = STEP_COMMAND, .op = OP_SOFT, .unless = POWER_OFF, WAITS(command), .soft = true }
#define SEE_OFF          { .kind = STEP_SEE, .state = POWER_OFF, WAITS(off) }
#define SEE_ON           { .kind = STEP_SEE, .state = POWER_ON,  WAITS(on) }
#define SEE_SOFT_OFF     { .kind = STEP_SEE, .state = POWER_OFF, WAITS(soft_off) }
#define LET_OFF_LAND     { .kind = STEP_SEE, .state = POWER_OFF, WAITS(off), .soft = true }
#define TRY_SOFT_OFF     { .kind = STEP_SEE, .state = POWER_OFF, WAITS(soft_off), .soft = true }
#define DWELL            { .kind = STEP_DWELL }
#define SETTLE           { .kind = STEP_SETTLE }
#define READ_BOOT        { .kind = STEP_READ_BOOT,  WAITS(command) }
#define SET_BOOT         { .kind = STEP_SET_BOOT,   WAITS(on) }
#define SET_BOOT_UNLESS_ON { .kind = STEP_SET_BOOT, .unless = POWER_ON, WAITS(on) }
#define PLACE            { .kind = STEP_PLACE }
#define TURN             { .kind = STEP_TURN }
#define TURN_UNLESS_ON   { .kind = STEP_TURN, .unless = POWER_ON }
#define EVIDENCE         { .kind = STEP_EVIDENCE,   WAITS(command) }
#define RESTARTED        { .kind = STEP_RESTARTED,  WAITS(on) }
#define UNPROVEN         { .kind = STEP_UNPROVEN }
#define WATCH            { .kind = STEP_WATCH }
#define FLAG             { .kind = STEP_FLAG,       WAITS(command) }
#define ASK_BMC          { .kind = STEP_READ, .via = VIA_CONTROL, WAITS(command), .soft = true }
#define ASK_BMC_AGAIN    { .kind = STEP_READ, .via = VIA_CONTROL, .again = true, WAITS(command), .soft = true }
#define ASK_FEEDS        { .kind = STEP_READ, .via = VIA_FEEDS, WAITS(command), .soft = true }
#define SOFT_BY_BMC      { .kind = STEP_COMMAND, .op = OP_SOFT, .via = VIA_CONTROL, .unless = POWER_OFF, WAITS(command), .soft = true }, \
                         { .kind = STEP_SEE, .via = VIA_CONTROL, .state = POWER_OFF, WAITS(soft_off), .soft = true }
#define BMC_BACK         { .kind = STEP_BMC_BACK, .via = VIA_CONTROL, WAITS(bmc_back) }
#define AS_BEFORE        { .kind = STEP_AS_BEFORE }
#define COMPARE          { .kind = STEP_COMPARE }
#define CHECK            { .kind = STEP_CHECK,      WAITS(command) }
#define END              { .kind = STEP_END }

static const struct step status[]    = { READ, END };
static const struct step check[]     = { CHECK, END };
static const struct step on[]        = { READ, TURN_UNLESS_ON, COMMAND(OP_ON, POWER_ON), SEE_ON, END };
static const struct step off[]       = { READ, COMMAND(OP_OFF, POWER_OFF), SEE_OFF, END };
static const struct step soft[]      = { READ, COMMAND(OP_SOFT, POWER_OFF), SEE_SOFT_OFF, END };
static const struct step cycle[]     = { READ, COMMAND(OP_OFF, POWER_OFF), SEE_OFF, DWELL,
                                         TURN, COMMAND(OP_ON, POWER_UNKNOWN), SEE_ON, END };
static const struct step cycle_native[] = { READ, REQUIRE_ON, EVIDENCE, TURN, COMMAND(OP_CYCLE, POWER_UNKNOWN),
                                         RESTARTED, SEE_ON, END };
static const struct step reset[]     = { READ, REQUIRE_ON, EVIDENCE, TURN, COMMAND(OP_RESET, POWER_UNKNOWN),
                                         RESTARTED, SEE_ON, END };
static const struct step diag[]      = { READ, REQUIRE_ON, COMMAND(OP_DIAG, POWER_UNKNOWN), UNPROVEN, END };
static const struct step identify[]  = { COMMAND(OP_IDENTIFY, POWER_UNKNOWN), UNPROVEN, END };
static const struct step next_boot[] = { SET_BOOT, END };
static const struct step reboot[]    = { READ, TRY_SOFT, TRY_SOFT_OFF,
                                         COMMAND(OP_OFF, POWER_OFF), SEE_OFF, DWELL,
                                         TURN, COMMAND(OP_ON, POWER_UNKNOWN), SEE_ON, WATCH, END };
static const struct step reboot_net[] = { READ, PLACE, READ_AGAIN, TRY_SOFT, TRY_SOFT_OFF,
                                         COMMAND(OP_OFF, POWER_OFF), SEE_OFF, SET_BOOT, DWELL,
                                         TURN, COMMAND(OP_ON, POWER_UNKNOWN), SEE_ON, WATCH, FLAG, END };
static const struct step netboot[]   = { READ, PLACE, READ_AGAIN, COMMAND(OP_OFF, POWER_OFF), SEE_OFF, SET_BOOT, DWELL,
                                         TURN, COMMAND(OP_ON, POWER_UNKNOWN), SEE_ON, WATCH, FLAG, END };
static const struct step netboot_reset[] = { READ, PLACE, READ_AGAIN, REQUIRE_ON, SET_BOOT, EVIDENCE, TURN,
                                         COMMAND(OP_RESET, POWER_UNKNOWN), RESTARTED, SEE_ON, WATCH, FLAG, END };

/* A node with a BMC, by its feeds: that falls silent with them. While it was away the machine may have
 * started from its disk: what boots through the network is done again from its off on. */
#define OFF_ON           COMMAND(OP_OFF, POWER_OFF), SEE_OFF, DWELL, TURN, COMMAND(OP_ON, POWER_UNKNOWN), SEE_ON
#define ON_BY_BMC        TURN_UNLESS_ON, COMMAND(OP_ON, POWER_ON), SEE_ON
#define NET_BY_BMC       COMMAND(OP_OFF, POWER_OFF), SEE_OFF, SET_BOOT, DWELL, \
                         TURN, COMMAND(OP_ON, POWER_UNKNOWN), SEE_ON, WATCH, FLAG
static const struct step fed_status[]     = { ASK_BMC, ASK_FEEDS, COMPARE, END };
static const struct step fed_cycle[]      = { ASK_BMC, READ, ASK_BMC_AGAIN, OFF_ON, BMC_BACK, AS_BEFORE, ON_BY_BMC, END };
static const struct step fed_reboot[]     = { ASK_BMC, READ, ASK_BMC_AGAIN, SOFT_BY_BMC, OFF_ON, BMC_BACK, ON_BY_BMC, WATCH, END };
static const struct step fed_reboot_net[] = { ASK_BMC, READ, PLACE, READ_AGAIN, ASK_BMC_AGAIN, SOFT_BY_BMC, OFF_ON, BMC_BACK, NET_BY_BMC, END };
static const struct step fed_netboot[]    = { ASK_BMC, READ, PLACE, READ_AGAIN, ASK_BMC_AGAIN, OFF_ON, BMC_BACK, NET_BY_BMC, END };

/* Its BMC tried to switch it on, in vain. */
static const struct step escalated[]        = { READ, OFF_ON, BMC_BACK, ON_BY_BMC, END };
static const struct step escalated_reboot[] = { READ, OFF_ON, BMC_BACK, ON_BY_BMC, WATCH, END };
static const struct step escalated_net[]    = { READ, OFF_ON, BMC_BACK, NET_BY_BMC, END };
const struct step plan_bring_on_by_feeds[]  = { SETTLE, LET_OFF_LAND, TURN, COMMAND(OP_ON, POWER_UNKNOWN), SEE_ON,
                                                BMC_BACK, FLAG, AS_BEFORE, ON_BY_BMC, END };

const struct step plan_bring_on[]    = { SETTLE, FLAG, LET_OFF_LAND, TURN, COMMAND(OP_ON, POWER_UNKNOWN), SEE_ON, END };
const struct step plan_clear_boot[]  = { SETTLE, FLAG, END };

const struct step plan_ask_feeds[]   = { ASK_FEEDS, END };

/* What a dead agent left: first let land what was on the wire, then read, then finish. Off, soft, reset
 * and the device's own cycle are not in here. Power-on is: on twice is on. */
#define FINISH_ON                SETTLE, READ, TURN_UNLESS_ON, COMMAND(OP_ON, POWER_ON), SEE_ON
#define FINISH_OFF_ON            SETTLE, SEE_OFF, DWELL, TURN, COMMAND(OP_ON, POWER_UNKNOWN), SEE_ON
#define FINISH_RESTART           SETTLE, LET_OFF_LAND, READ
static const struct step finish_off[]       = { SETTLE, SEE_OFF, END };
static const struct step finish_on[]        = { FINISH_ON, END };
static const struct step finish_off_on[]    = { FINISH_OFF_ON, END };
static const struct step finish_restart[]   = { FINISH_RESTART, TURN_UNLESS_ON, COMMAND(OP_ON, POWER_ON), SEE_ON, END };
static const struct step finish_reboot[]    = { FINISH_OFF_ON, WATCH, END };
static const struct step finish_boot[]      = { FINISH_ON, WATCH, END };
static const struct step finish_net[]       = { SETTLE, SEE_OFF, SET_BOOT, DWELL,
                                                TURN, COMMAND(OP_ON, POWER_UNKNOWN), SEE_ON, WATCH, FLAG, END };
static const struct step finish_net_on[]    = { SETTLE, READ, SET_BOOT_UNLESS_ON,
                                                TURN_UNLESS_ON, COMMAND(OP_ON, POWER_ON), SEE_ON, WATCH, FLAG, END };
static const struct step finish_net_reset[] = { FINISH_RESTART, SET_BOOT_UNLESS_ON,
                                                TURN_UNLESS_ON, COMMAND(OP_ON, POWER_ON), SEE_ON, WATCH, FLAG, END };
static const struct step finish_next_boot[] = { SETTLE, READ_BOOT, END };
static const struct step finish_blind[]     = { UNPROVEN, END };

static const struct step finish_fed[]        = { FINISH_OFF_ON, BMC_BACK, AS_BEFORE, ON_BY_BMC, END };
static const struct step finish_fed_on[]     = { FINISH_ON, BMC_BACK, AS_BEFORE, ON_BY_BMC, END };
static const struct step finish_fed_reboot[] = { FINISH_OFF_ON, BMC_BACK, ON_BY_BMC, WATCH, END };
static const struct step finish_fed_boot[]   = { FINISH_ON, BMC_BACK, ON_BY_BMC, WATCH, END };
static const struct step finish_fed_net[]    = { FINISH_OFF_ON, BMC_BACK, NET_BY_BMC, END };
static const struct step finish_fed_net_on[] = { FINISH_ON, BMC_BACK, NET_BY_BMC, END };

static const struct step *const finish[VERBS][LEFTS] = {
    /*                   untouched  alone             off out         on out         restarted */
    [VERB_STATUS]    = { NULL,      NULL,             NULL,           NULL,          NULL },
    [VERB_ON]        = { NULL,      NULL,             NULL,           finish_on,     NULL },
    [VERB_OFF]       = { NULL,      NULL,             finish_off,     NULL,          NULL },
    [VERB_SOFT]      = { NULL,      NULL,             finish_off,     NULL,          NULL },
    [VERB_CYCLE]     = { NULL,      NULL,             finish_off_on,  finish_on,     finish_restart },
    [VERB_RESET]     = { NULL,      NULL,             NULL,           NULL,          finish_restart },
    [VERB_DIAG]      = { NULL,      finish_blind,     NULL,           NULL,          NULL },
    [VERB_IDENTIFY]  = { NULL,      finish_blind,     NULL,           NULL,          NULL },
    [VERB_NEXT_BOOT] = { NULL,      finish_next_boot, NULL,           NULL,          NULL },
    [VERB_REBOOT]    = { NULL,      NULL,             finish_reboot,  finish_boot,   NULL },
    [VERB_NETBOOT]   = { NULL,      finish_net,       finish_net,     finish_net_on, finish_net_reset },
};

/* Its feeds were being cycled, with a BMC behind them. What is not in here is as above. */
static const struct step *const finish_cycled[VERBS][LEFTS] = {
    /*                   untouched  alone  off out            on out             restarted */
    [VERB_ON]        = { NULL,      NULL,  finish_fed,        finish_fed_on,     NULL },
    [VERB_CYCLE]     = { NULL,      NULL,  finish_fed,        finish_fed_on,     NULL },
    [VERB_REBOOT]    = { NULL,      NULL,  finish_fed_reboot, finish_fed_boot,   NULL },
    [VERB_NETBOOT]   = { NULL,      NULL,  finish_fed_net,    finish_fed_net_on, NULL },
};
/* clang-format on */

static const struct {
    const struct step *plan;
    bool changes, switches_off;
} verbs[VERBS] = {
    [VERB_STATUS] = {status, false, false},
    [VERB_ON] = {on, true, false},
    [VERB_OFF] = {off, true, true},
    [VERB_CYCLE] = {cycle, true, true},
    [VERB_RESET] = {reset, true, true},
    [VERB_SOFT] = {soft, true, true},
    [VERB_DIAG] = {diag, true, true},
    [VERB_IDENTIFY] = {identify, true, false},
    [VERB_NEXT_BOOT] = {next_boot, true, false},
    [VERB_REBOOT] = {reboot, true, true},
    [VERB_NETBOOT] = {netboot, true, true},
    [VERB_CHECK] = {check, false, false},
};

const struct step *plan_for(enum verb verb, const struct job_options *options, bool native_cycle,
                            bool boot_by_reset)
{
    if (verb == VERB_CYCLE && options->native && native_cycle)
        return cycle_native;
    if (verb == VERB_REBOOT && options->netboot)
        return reboot_net;
    if (verb == VERB_NETBOOT && boot_by_reset)
        return netboot_reset;
    return verbs[verb].plan;
}

/* Of one with both, by its feeds. What is not in here is as of any node. */
static const struct step *plan_by_feeds(enum verb verb, const struct job_options *options)
{
    switch (verb) {
    case VERB_CYCLE:
        return fed_cycle;
    case VERB_REBOOT:
        return options->netboot ? fed_reboot_net : fed_reboot;
    case VERB_NETBOOT:
        return fed_netboot;
    case VERB_STATUS:
    case VERB_ON:
    case VERB_OFF:
    case VERB_RESET:
    case VERB_SOFT:
    case VERB_DIAG:
    case VERB_IDENTIFY:
    case VERB_NEXT_BOOT:
    case VERB_CHECK:
    case VERBS:
        break;
    }
    return NULL;
}

const struct step *plan_for_node(const struct node *node, enum verb verb,
                                 const struct job_options *options)
{
    const struct step *plan = NULL;
    bool both = node->nfeeds && node->control.device != DEVICE_NONE;
    if (both && verb == VERB_STATUS)
        plan = fed_status;
    else if (both && node_uses_feeds(node, options->feeds))
        plan = plan_by_feeds(verb, options);
    return plan ? plan : plan_for(verb, options, node->native_cycle, node->boot_by_reset);
}

const struct step *plan_escalated(enum verb verb, const struct job_options *options)
{
    if (verb_boots_network(verb, options))
        return escalated_net;
    return verb == VERB_REBOOT ? escalated_reboot : escalated;
}

enum left left_by(const struct trail_facts *done)
{
    if (!done->commanded)
        return LEFT_UNTOUCHED;
    if (done->restarted)
        return LEFT_RESTARTED;
    if (done->on_sent)
        return LEFT_ON_OUT;
    return done->off_sent ? LEFT_OFF_OUT : LEFT_ALONE;
}

const struct step *plan_to_finish(enum verb verb, const struct job_options *options, enum left left)
{
    bool network = verb_boots_network(verb, options);
    return finish[network ? VERB_NETBOOT : verb][left];
}

const struct step *plan_to_finish_cycled(enum verb verb, const struct job_options *options,
                                         enum left left)
{
    bool network = verb_boots_network(verb, options);
    const struct step *plan = finish_cycled[network ? VERB_NETBOOT : verb][left];
    return plan ? plan : plan_to_finish(verb, options, left);
}

bool plan_sends_off(const struct step *plan)
{
    const struct step *step = plan;
    while (step->kind != STEP_END && (step->kind != STEP_COMMAND || step->op == OP_ON))
        step++;
    return step->kind == STEP_COMMAND;
}

bool verb_goes_by_means(enum verb verb)
{
    return verb == VERB_ON || verb == VERB_OFF || verb == VERB_CYCLE || verb == VERB_REBOOT ||
           verb == VERB_NETBOOT;
}

bool plan_goes_by_feeds(const struct node *node, enum verb verb, const struct job_options *options)
{
    bool only_control = verb_changes_something(verb) && !verb_goes_by_means(verb) &&
                        node->control.device != DEVICE_NONE;
    return !only_control && node_uses_feeds(node, options->feeds);
}

bool verb_changes_something(enum verb verb)
{
    return verbs[verb].changes;
}

bool verb_switches_off(enum verb verb)
{
    return verbs[verb].switches_off;
}

bool verb_boots_network(enum verb verb, const struct job_options *options)
{
    return verb == VERB_NETBOOT || (verb == VERB_REBOOT && options->netboot);
}

uint32_t step_patience(const struct step *step, const struct deadlines *deadlines)
{
    if (!step->patience)
        return 0;
    return *(const uint32_t *)((const char *)deadlines + step->patience - 1);
}

uint32_t step_keep_ms(const struct step *step, const struct deadlines *deadlines)
{
    enum { SLACK_MS = 3000, MOST_MS = 20000 }; /* BMCs have few sessions, and others want one */
    bool repeats = step->kind == STEP_SEE || step->kind == STEP_RESTARTED ||
                   step->kind == STEP_BMC_BACK || step->kind == STEP_CHECK;
    uint64_t wait_ms = (uint64_t)deadlines->settle + SLACK_MS;
    uint32_t until_again_ms = repeats ? (uint32_t)wait_ms : 0;
    bool goes_on = false;
    for (const struct step *next = step + 1;; next++) {
        switch (next->kind) {
        case STEP_REQUIRE_ON:
        case STEP_TURN:
            continue;
        case STEP_DWELL:
            wait_ms += deadlines->dwell;
            continue;
        case STEP_SETTLE:
            wait_ms += deadlines->settle;
            continue;
        case STEP_READ:
        case STEP_COMMAND:
        case STEP_SEE:
        case STEP_READ_BOOT:
        case STEP_SET_BOOT:
        case STEP_EVIDENCE:
        case STEP_RESTARTED:
        case STEP_FLAG:
            goes_on = true;
            break;
        case STEP_BMC_BACK: /* its sessions die with it */
        case STEP_AS_BEFORE:
        case STEP_COMPARE:
        case STEP_CHECK:
        case STEP_PLACE: /* for as long as others boot */
        case STEP_WATCH:
        case STEP_UNPROVEN:
        case STEP_END:
            break;
        }
        break;
    }
    return goes_on && wait_ms <= MOST_MS ? (uint32_t)wait_ms : until_again_ms;
}

bool step_takes_grace(const struct step *step)
{
    return step->kind == STEP_SEE && step->patience == 1 + offsetof(struct deadlines, soft_off);
}

const char *step_name(enum step_kind kind)
{
    static const char *const names[] = {
        [STEP_READ] = "read the power state",
        [STEP_REQUIRE_ON] = "fail if it is off",
        [STEP_COMMAND] = "send",
        [STEP_SEE] = "see it",
        [STEP_SETTLE] = "let what is on the wire land",
        [STEP_READ_BOOT] = "read the next boot",
        [STEP_DWELL] = "dwell",
        [STEP_SET_BOOT] = "set the next boot and read it back",
        [STEP_PLACE] = "wait for a place",
        [STEP_TURN] = "wait for its turn",
        [STEP_EVIDENCE] = "read restart evidence",
        [STEP_RESTARTED] = "see that it restarted",
        [STEP_UNPROVEN] = "cannot be verified",
        [STEP_WATCH] = "follow its boot",
        [STEP_FLAG] = "see that the boot flag was consumed",
        [STEP_BMC_BACK] = "wait for the BMC behind its feeds",
        [STEP_AS_BEFORE] = "leave it off if its BMC read off before",
        [STEP_COMPARE] = "compare what its BMC and its feeds say",
        [STEP_CHECK] = "ask each of its devices for power, next boot and model, read only",
        [STEP_END] = "end",
    };
    return names[kind];
}
