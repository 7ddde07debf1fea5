/* device.c - drivers, BMCs and PDUs: what becomes of a request, and what is answered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"
#include "tests/sim/coverage.h"
#include "tests/sim/oracle.h"
#include "tests/sim/sim.h"

enum { AFTER_BUDGET_MS = 6000, LIE_AGAIN_MS = 10000, CYCLE_MS = 3000, READS_BETWEEN_LIES = 4 };

static bool changes(enum op op)
{
    return op != OP_STATUS && op != OP_BOOT_GET && op != OP_EVIDENCE && op != OP_INFO;
}

static bool happens(struct endpoint *end, enum fault fault)
{
    return dice_percent(&end->dice, end->percent[fault]);
}

/* Where a request is for: a machine's BMC, or an outlet. */
struct place {
    struct endpoint *end; /* NULL: nowhere */
    struct machine *machine;
    struct outlet *outlet; /* NULL: it is for the BMC */
};

static struct place place_of(struct sim *sim, const char *device, uint32_t number)
{
    struct outlet *outlet = outlet_find(sim, device, number);
    if (outlet)
        return (struct place){&outlet->end, &sim->machines[__builtin_ctz(outlet->bodies)], outlet};
    struct machine *machine = world_bmc(sim, device, number);
    return (struct place){machine ? &machine->bmc : NULL, machine, NULL};
}

static struct place place_of_send(struct sim *sim, const struct send *send)
{
    if (send->at_outlet == OUTLETS_MAX)
        return (struct place){&sim->machines[send->machine].bmc, &sim->machines[send->machine],
                              NULL};
    struct outlet *outlet = &sim->outlets[send->at_outlet];
    return (struct place){&outlet->end, &sim->machines[send->machine], outlet};
}

static bool is_on(const struct place *at)
{
    return at->outlet ? at->outlet->on : at->machine->on;
}

/* ---- on the way there ---- */

static enum fault fate_of(struct endpoint *end, enum op op)
{
    static const enum fault fates[] = {
        FAULT_REQUEST_LOST, FAULT_REPLY_LOST,         FAULT_REPLY_LATE,        FAULT_REPLY_TWICE,
        FAULT_REPLY_NEVER,  FAULT_DRIVER_DIED_UNSENT, FAULT_DRIVER_DIED_MAYBE, FAULT_BMC_BUSY,
    };
    for (size_t i = 0; i < ARRAY_SIZE(fates); i++)
        if (happens(end, fates[i]))
            return fates[i];
    if (changes(op) && happens(end, FAULT_REFUSES))
        return FAULT_REFUSES;
    if (op == OP_STATUS && happens(end, FAULT_READS_UNKNOWN))
        return FAULT_READS_UNKNOWN;
    return FAULTS;
}

static void answer_at(struct sim *sim, uint32_t cause, const struct driver_reply *reply,
                      uint64_t at_ms)
{
    const struct send *send = &sim->sends[cause - 1];
    struct happening *back =
        sim_later(sim, at_ms > sim->now_ms ? at_ms - sim->now_ms : 0, HAPPENS_REPLY);
    back->life = send->life;
    back->cause = cause;
    back->reply = *reply;
}

static void fail_at(struct sim *sim, uint32_t cause, enum err_kind kind, enum sent sent,
                    const char *why, uint64_t at_ms)
{
    const struct send *send = &sim->sends[cause - 1];
    struct driver_reply reply = {.id = send->request, .op = send->op};
    (void)err_set_sent(&reply.err, kind, sent, "%s: %s", send->device, why);
    answer_at(sim, cause, &reply, at_ms);
}

static uint32_t wire_ms(struct endpoint *end)
{
    return dice_below(&end->dice, 12) ? dice_between(&end->dice, 1, 40)
                                      : dice_between(&end->dice, 40, WIRE_MOST_MS);
}

/* When the reply is there; a slow BMC keeps its budget just so. */
static uint64_t reply_at(struct sim *sim, struct endpoint *end, const struct send *send)
{
    uint64_t at_ms = sim->now_ms + wire_ms(end), over_ms = send->at_ms + send->budget_ms;
    if (happens(end, FAULT_BMC_SLOW)) {
        fault_happened(FAULT_BMC_SLOW);
        at_ms += dice_between(&end->dice, 500, 4500);
    }
    return at_ms < over_ms ? at_ms : over_ms - 1;
}

static void record(struct sim *sim, const struct driver_request *request, const char *job,
                   const char *node, const struct place *at)
{
    if (sim->nsends == sim->sends_room) {
        sim->sends_room = sim->sends_room ? 2 * sim->sends_room : 1024;
        sim->sends = reallocarray(sim->sends, sim->sends_room, sizeof *sim->sends);
        if (!sim->sends)
            abort();
    }
    struct send *send = &sim->sends[sim->nsends++];
    *send = (struct send){.at_ms = sim->now_ms,
                          .life = sim->agent.life,
                          .machine = at->machine->index,
                          .at_outlet = at->outlet ? at->outlet->index : OUTLETS_MAX,
                          .bodies = at->outlet ? at->outlet->bodies : bit(at->machine->index),
                          .request = request->id,
                          .budget_ms = request->budget_ms,
                          .op = request->op,
                          .boot_device = request->boot_device,
                          .outlet = request->outlet};
    (void)snprintf(send->job, sizeof send->job, "%s", job);
    (void)snprintf(send->node, sizeof send->node, "%s", node);
    (void)snprintf(send->device, sizeof send->device, "%s", request->device);
    coverage->sends++;
}

/* With each new attempt the agent learns the node's address anew. */
static void forget_address(struct sim *sim, const struct send *send)
{
    bool on = send->op == OP_ON || send->op == OP_RESET || send->op == OP_CYCLE;
    for (unsigned i = 0; on && i < BODIES_MAX; i++)
        if (send->bodies & bit(i))
            sim->machines[i].ip_told = false;
}

void device_send(struct sim *sim, const struct driver_request *request, const char *job,
                 const char *node)
{
    struct place at = place_of(sim, request->device, request->outlet);
    if (!at.end) {
        sim_violation(sim, "S1", "%s for %s goes to device %s, outlet %u, which is nowhere",
                      op_name(request->op), node, request->device, request->outlet);
        return;
    }
    record(sim, request, job, node, &at);
    uint32_t cause = (uint32_t)sim->nsends;
    forget_address(sim, &sim->sends[cause - 1]);
    enum fault fate = fate_of(at.end, request->op);
    uint32_t wire = wire_ms(at.end);
    bool maybe = changes(request->op) && dice_percent(&at.end->dice, 50);
    uint64_t over_ms = sim->now_ms + request->budget_ms;
    trace_line(sim, "send %u %s %s of %s: %s/%u%s", cause, job, op_name(request->op), node,
               request->device, request->outlet, fate == FAULTS ? "" : " !");
    oracle_sent(sim, cause);
    if (fate != FAULTS && fate != FAULT_BMC_BUSY && fate != FAULT_REFUSES)
        fault_happened(fate);
    if (fate == FAULT_REQUEST_LOST) {
        fail_at(sim, cause, maybe ? ERR_TIMEOUT : ERR_UNREACHABLE, maybe ? SENT_MAYBE : SENT_NO,
                "no answer", over_ms);
        return;
    }
    if (fate == FAULT_DRIVER_DIED_UNSENT || (fate == FAULT_DRIVER_DIED_MAYBE && !maybe)) {
        fail_at(sim, cause, fate == FAULT_DRIVER_DIED_UNSENT ? ERR_UNREACHABLE : ERR_DEVICE,
                fate == FAULT_DRIVER_DIED_UNSENT ? SENT_NO : SENT_MAYBE, "its driver died",
                sim->now_ms + wire);
        return;
    }
    struct happening *there = sim_later(sim, wire, HAPPENS_ARRIVAL);
    there->life = sim->agent.life;
    there->cause = cause;
    there->fate = fate;
    there->request = *request;
}

/* ---- there: power ---- */

static void dies(struct sim *sim, struct machine *machine, enum fault why, uint64_t for_ms)
{
    fault_happened(why);
    machine->bmc.dead_until_ms = for_ms == UINT64_MAX ? UINT64_MAX : sim->now_ms + for_ms;
}

static void restart(struct sim *sim, struct machine *machine, uint32_t cause)
{
    if (!machine->on)
        return;
    machine->bmc.act++;
    machine_power(sim, machine, false, cause);
    if (machine->bmc.traits[FAULT_DIES_AT_RESET]) {
        fault_happened(FAULT_DIES_AT_RESET);
        return;
    }
    machine->restart_cause = 1; /* chassis control */
    machine_power(sim, machine, true, cause);
}

/* An off that is still to come is not called back by a power-on: the board was on when it came. */
static void carry_out(struct sim *sim, struct machine *machine, enum op op, uint32_t cause)
{
    switch (op) {
    case OP_ON:
        if (machine->on)
            return;
        machine->bmc.act++;
        machine->restart_cause = 1;
        machine_power(sim, machine, true, cause);
        if (happens(&machine->bmc, FAULT_FLAPS)) {
            fault_happened(FAULT_FLAPS);
            uint32_t off_ms = dice_between(&machine->bmc.dice, 100, 1500);
            for (unsigned i = 0; i < 2; i++) {
                struct happening *flap = sim_later(sim, off_ms + i * off_ms, HAPPENS_SELF);
                flap->machine = machine->index;
                flap->number = i;
            }
        }
        return;
    case OP_OFF:
    case OP_SOFT:
        machine->bmc.act++;
        machine_power(sim, machine, false, cause);
        if (machine->bmc.traits[FAULT_DIES_AFTER_OFF])
            dies(sim, machine, FAULT_DIES_AFTER_OFF, UINT64_MAX);
        return;
    case OP_RESET:
    case OP_CYCLE:
        restart(sim, machine, cause);
        return;
    case OP_STATUS:
    case OP_DIAG:
    case OP_IDENTIFY:
    case OP_BOOT_SET:
    case OP_BOOT_GET:
    case OP_EVIDENCE:
    case OP_INFO:
    case OPS:
        return;
    }
}

static void carry_out_at(struct sim *sim, const struct place *at, enum op op, uint32_t cause)
{
    if (!at->outlet) {
        carry_out(sim, at->machine, op, cause);
        return;
    }
    at->end->act++;
    outlet_switch(sim, at->outlet, op == OP_ON, cause);
    if (op != OP_CYCLE)
        return;
    struct happening *back = sim_later(sim, CYCLE_MS, HAPPENS_ACT);
    back->number = at->end->act;
    back->cause = cause;
    back->op = OP_ON;
}

void device_act(struct sim *sim, const struct happening *happening)
{
    struct place at = place_of_send(sim, &sim->sends[happening->cause - 1]);
    if (happening->number != at.end->act)
        return;
    trace_line(sim, "what request %u said is done at last", happening->cause);
    carry_out_at(sim, &at, happening->op, happening->cause);
}

static bool is_power(enum op op)
{
    return op == OP_ON || op == OP_OFF || op == OP_SOFT || op == OP_RESET || op == OP_CYCLE;
}

static bool ignores(struct sim *sim, const struct place *at)
{
    enum fault why = at->outlet ? FAULT_OUTLET_STICKS : FAULT_IGNORES_POWER;
    if (!at->end->traits[why] && !happens(at->end, why))
        return false;
    fault_happened(why);
    trace_line(sim, "it is told, and does nothing");
    return true;
}

static void obey_power(struct sim *sim, const struct place *at, enum op op, uint32_t cause)
{
    struct endpoint *end = at->end;
    if (ignores(sim, at))
        return;
    uint32_t late_ms = 0;
    if (op == OP_SOFT) /* the operating system shuts down */
        late_ms = dice_between(&end->dice, 1000, 20000);
    if (happens(end, FAULT_ACTS_LATE)) {
        fault_happened(FAULT_ACTS_LATE);
        late_ms = dice_between(&end->dice, 300, LATE_MOST_MS);
    }
    if (!late_ms) {
        carry_out_at(sim, at, op, cause);
        return;
    }
    struct happening *act = sim_later(sim, late_ms, HAPPENS_ACT);
    act->machine = at->machine->index;
    act->number = op == OP_ON ? end->act : ++end->act;
    act->cause = cause;
    act->op = op;
}

/* ---- there: everything else ---- */

static void set_flag(struct sim *sim, struct machine *machine, const struct driver_request *request,
                     uint32_t cause)
{
    if (machine->bmc.traits[FAULT_DROPS_FLAG]) {
        fault_happened(FAULT_DROPS_FLAG);
        return;
    }
    if (request->boot_device == BOOT_NONE && machine->bmc.traits[FAULT_IGNORES_CLEAR]) {
        fault_happened(FAULT_IGNORES_CLEAR);
        return;
    }
    machine->flag = (struct next_boot){.valid = request->boot_device != BOOT_NONE,
                                       .device = request->boot_device,
                                       .uefi = request->firmware == FIRMWARE_UEFI};
    if (machine->flag.valid && machine->bmc.traits[FAULT_PERSISTENT_FLAG]) {
        fault_happened(FAULT_PERSISTENT_FLAG);
        machine->flag.persistent = true;
    }
    machine->flag_cause = cause;
    oracle_flag(sim, machine);
}

static enum power read_power(struct sim *sim, const struct place *at, enum fault fate)
{
    struct endpoint *end = at->end;
    if (fate == FAULT_READS_UNKNOWN)
        return POWER_UNKNOWN;
    bool on = is_on(at);
    if (++end->reads_since_lie > READS_BETWEEN_LIES && happens(end, FAULT_READS_WRONG) &&
        sim->now_ms >= end->lied_ms + LIE_AGAIN_MS) {
        fault_happened(FAULT_READS_WRONG);
        end->reads_since_lie = 0;
        end->lied_ms = sim->now_ms;
        on = !on;
    }
    return on ? POWER_ON : POWER_OFF;
}

static void read_watts(const struct sim *sim, const struct place *at, struct driver_reply *reply)
{
    enum { IDLE_MW = 4000, RUNNING_MW = 150000 };
    if (!at->outlet || !sim->pdus[at->outlet->pdu].metered)
        return;
    reply->has_watts = true;
    for (unsigned i = 0; at->outlet->on && i < BODIES_MAX; i++)
        if (at->outlet->bodies & bit(i))
            reply->milliwatts += sim->machines[i].on ? RUNNING_MW : IDLE_MW;
}

static void unsupported(struct driver_reply *reply, enum op op)
{
    reply->ok = false;
    (void)err_set(&reply->err, ERR_UNSUPPORTED, "it cannot do %s", op_name(op));
}

static void obey_boot(struct sim *sim, struct machine *machine, const struct happening *there,
                      struct driver_reply *reply)
{
    if (there->request.op == OP_BOOT_SET)
        set_flag(sim, machine, &there->request, there->cause);
    reply->has_next_boot = !machine->bmc.traits[FAULT_NO_READ_BACK];
    if (reply->has_next_boot)
        reply->next_boot = machine->flag;
    else
        fault_happened(FAULT_NO_READ_BACK);
}

static bool outlet_can(const struct sim *sim, const struct outlet *outlet, enum op op)
{
    if (op == OP_CYCLE)
        return sim->pdus[outlet->pdu].cycles;
    return op == OP_STATUS || op == OP_ON || op == OP_OFF || op == OP_INFO;
}

static void obey(struct sim *sim, const struct place *at, const struct happening *there,
                 struct driver_reply *reply)
{
    enum op op = there->request.op;
    struct machine *machine = at->machine;
    if (at->outlet && !outlet_can(sim, at->outlet, op)) {
        unsupported(reply, op);
    } else if (is_power(op)) {
        obey_power(sim, at, op, there->cause);
    } else if (op == OP_STATUS) {
        reply->power = read_power(sim, at, there->fate);
        read_watts(sim, at, reply);
    } else if (op == OP_BOOT_SET || op == OP_BOOT_GET) {
        obey_boot(sim, machine, there, reply);
    } else if (op == OP_EVIDENCE && machine->bmc.traits[FAULT_NO_EVIDENCE]) {
        fault_happened(FAULT_NO_EVIDENCE);
        unsupported(reply, op);
    } else if (op == OP_EVIDENCE) {
        reply->has_evidence = reply->evidence.has_cause = true;
        reply->evidence.cause = machine->restart_cause;
    }
}

static bool pdu_is_dead(struct sim *sim, struct pdu *pdu)
{
    bool dead = pdu->dead || pdu->dead_until_ms > sim->now_ms;
    if (!dead && dice_percent(&pdu->dice, pdu->dead_percent)) {
        pdu->dead_until_ms = sim->now_ms + dice_between(&pdu->dice, 3000, 120000);
        dead = true;
    }
    if (dead)
        fault_happened(FAULT_PDU_DEAD);
    return dead;
}

static bool bmc_is_dead(struct sim *sim, struct machine *machine)
{
    struct endpoint *bmc = &machine->bmc;
    if (bmc->dead_until_ms <= sim->now_ms && happens(bmc, FAULT_BMC_DEAD))
        dies(sim, machine, FAULT_BMC_DEAD, dice_between(&bmc->dice, 3000, 120000));
    if (machine->by_bmc && !machine_fed(sim, machine))
        fault_happened(FAULT_BMC_UNFED);
    else if (machine->bmc_back_ms > sim->now_ms)
        fault_happened(FAULT_BMC_COMES_BACK);
    else if (bmc->traits[FAULT_BMC_DEAD] || bmc->dead_until_ms > sim->now_ms)
        fault_happened(FAULT_BMC_DEAD);
    else
        return false;
    return true;
}

/* True if it was answered: this device says no to everything, or nothing at all. */
static bool turned_away(struct sim *sim, const struct place *at, const struct happening *there)
{
    const struct send *send = &sim->sends[there->cause - 1];
    uint64_t soon = sim->now_ms + wire_ms(at->end);
    bool dead =
        at->outlet ? pdu_is_dead(sim, &sim->pdus[at->outlet->pdu]) : bmc_is_dead(sim, at->machine);
    if (dead) {
        fail_at(sim, there->cause, ERR_UNREACHABLE, SENT_NO, "no answer",
                send->at_ms + send->budget_ms);
    } else if (at->end->traits[FAULT_WRONG_PASSWORD]) {
        fault_happened(FAULT_WRONG_PASSWORD);
        fail_at(sim, there->cause, ERR_AUTH, SENT_NO, "wrong password", soon);
    } else if (there->fate == FAULT_BMC_BUSY) {
        fault_happened(FAULT_BMC_BUSY);
        fail_at(sim, there->cause, ERR_BUSY, SENT_NO, "all its sessions are taken", soon);
    } else if (there->fate == FAULT_REFUSES) {
        fault_happened(FAULT_REFUSES);
        fail_at(sim, there->cause, ERR_DEVICE, SENT_YES, "it says no", soon);
    } else {
        return false;
    }
    return true;
}

/* The driver dies with its agent; what it had put on the wire may arrive all the same. */
static bool orphan_is_lost(struct sim *sim, struct endpoint *end, const struct happening *there)
{
    if (there->life == sim->agent.life && sim->agent.core)
        return false;
    bool lost = dice_percent(&end->dice, 50);
    fault_happened(lost ? FAULT_ORPHAN_LOST : FAULT_ORPHAN_ACTED);
    return lost;
}

void device_arrival(struct sim *sim, struct happening *there)
{
    struct send *send = &sim->sends[there->cause - 1];
    struct place at = place_of_send(sim, send);
    if (orphan_is_lost(sim, at.end, there))
        return;
    send->arrived_ms = sim->now_ms;
    send->truth_on = is_on(&at);
    if (turned_away(sim, &at, there))
        return;
    struct driver_reply reply = {.id = there->request.id, .op = there->request.op, .ok = true};
    obey(sim, &at, there, &reply);
    send->ok = reply.ok;
    send->power = reply.power;
    uint64_t soon = reply_at(sim, at.end, send), over = send->at_ms + send->budget_ms;
    if (there->fate == FAULT_REPLY_NEVER)
        return;
    if (there->fate == FAULT_REPLY_LOST) {
        fail_at(sim, there->cause, ERR_TIMEOUT, changes(send->op) ? SENT_MAYBE : SENT_NO,
                "no answer in time", over);
        return;
    }
    if (there->fate == FAULT_DRIVER_DIED_MAYBE) {
        fail_at(sim, there->cause, ERR_DEVICE, SENT_MAYBE, "its driver died", sim->now_ms + 1);
        return;
    }
    if (there->fate == FAULT_REPLY_LATE)
        soon = over + AFTER_BUDGET_MS;
    answer_at(sim, there->cause, &reply, soon);
    if (there->fate == FAULT_REPLY_TWICE)
        answer_at(sim, there->cause, &reply, soon + 30);
}
