#include "tests/unit/rack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "tests/unit/rack_crash.h"
#include "tests/unit/rack_pdu.h"

enum { LATENCY_MS = 20 };

static struct rack *make_rack(size_t count, bool fed, bool bmcs)
{
    struct rack *rack = calloc(1, sizeof *rack);
    struct err err;
    assert_non_null(rack);
    rack->now_ms = 1000;
    rack->count = count;
    rack->fed = fed;
    rack->has_bmcs = fed && bmcs;
    struct inventory *inventory = rack->inventory = inventory_new();
    assert_non_null(inventory);
    inventory->ndevices = inventory->nnodes = count;
    inventory->devices = calloc(count + RACK_PDUS, sizeof *inventory->devices);
    inventory->nodes = calloc(count * (1 + RACK_PDUS), sizeof *inventory->nodes);
    inventory->groups = calloc(1, sizeof *inventory->groups);
    inventory->ngroups = 1;
    (void)snprintf(inventory->groups[0].name, NAME_SIZE, "all");
    inventory->groups[0].expression = malloc(32);
    (void)snprintf(inventory->groups[0].expression, 32, "n[01-%02zu]", count);
    for (size_t i = 0; i < count; i++) {
        struct device *device = &inventory->devices[i];
        struct node *node = &inventory->nodes[i];
        (void)snprintf(device->driver, NAME_SIZE, "fake");
        (void)snprintf(device->config.device, NAME_SIZE, "b%02zu", i + 1);
        (void)snprintf(node->name, NAME_SIZE, "n%02zu", i + 1);
        node->control.device = node->next_boot = (uint32_t)i;
        node->nmacs = 1;
        node->macs[0] = (struct mac){{0x52, 0x54, 0, 0, 0, (uint8_t)(i + 1)}};
        node->control.circuit = CIRCUIT_NONE;
        node->up = UP_BY_PHONE_HOME;
    }
    if (fed)
        rack_hang_on_pdus(rack);
    inventory->sees_boots = true;
    struct deadlines *deadlines = &inventory->deadlines;
    deadlines->command = 5000;
    deadlines->off = deadlines->on = 8000;
    deadlines->dwell = 2000;
    deadlines->post = 20000;
    deadlines->kernel = deadlines->kernel_up = deadlines->up = deadlines->stall = 10000;
    assert_int_equal(inventory_seal(inventory, &err), 0);
    rack->core = core_new(inventory, "test", rack->now_ms);
    assert_non_null(rack->core);
    return rack;
}

struct rack *rack_new(size_t count)
{
    return make_rack(count, false, false);
}

struct rack *rack_new_fed(size_t count, bool bmcs)
{
    return make_rack(count, true, bmcs);
}

void rack_free(struct rack *rack)
{
    core_free(rack->core);
    rack_crash_free(rack->crash);
    inventory_free(rack->inventory);
    free(rack);
}

uint32_t rack_random(struct rack *rack, uint32_t below)
{
    rack->random = rack->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(rack->random >> 33) % below;
}

static bool chance(struct rack *rack, unsigned percent)
{
    return percent && rack_random(rack, 100) < percent;
}

unsigned rack_most_power_ons(const struct rack *rack)
{
    unsigned most = 0;
    for (size_t first = 0, last = 0; last < rack->npower_ons; last++) {
        while (rack->power_on_ms[last] - rack->power_on_ms[first] >= 1000)
            first++;
        most = last - first + 1 > most ? (unsigned)(last - first + 1) : most;
    }
    return most;
}

static struct rack_pending *later(struct rack *rack, uint64_t in_ms)
{
    assert_true(rack->npending < RACK_PENDING_MAX);
    struct rack_pending *pending = &rack->pending[rack->npending++];
    *pending = (struct rack_pending){.at_ms = rack->now_ms + in_ms};
    return pending;
}

static struct note *boot_note(struct rack *rack, size_t index, uint64_t in_ms, enum note_kind kind)
{
    struct rack_pending *pending = later(rack, in_ms);
    pending->is_note = true;
    pending->node = index;
    pending->boot = rack->boots[index];
    pending->note.kind = kind;
    pending->note.source = NOTE_CAPTURE;
    pending->note.ip = (struct ipv4){0x0a000000 + (uint32_t)index + 1};
    return &pending->note;
}

static void dhcp_notes(struct rack *rack, size_t index, uint64_t in_ms, enum dhcp_class class)
{
    struct note *note = boot_note(rack, index, in_ms, NOTE_DHCP_DISCOVER);
    note->mac = rack->inventory->nodes[index].macs[0];
    note->class = class;
    note = boot_note(rack, index, in_ms + 5, NOTE_DHCP_ACK);
    note->mac = rack->inventory->nodes[index].macs[0];
}

static void file_note(struct rack *rack, size_t index, uint64_t in_ms, enum note_kind kind,
                      const char *file, uint64_t bytes)
{
    struct note *note = boot_note(rack, index, in_ms, kind);
    (void)snprintf(note->file, sizeof note->file, "%s", file);
    note->port = (uint16_t)(2000 + strlen(file));
    note->bytes = bytes;
    note->total = 1000;
}

static void phone_home(struct rack *rack, size_t index, uint64_t in_ms)
{
    struct note *home = boot_note(rack, index, in_ms, NOTE_PHONED_HOME);
    home->source = NOTE_PHONE_HOME;
    (void)snprintf(home->reason, sizeof home->reason, "%s", rack->inventory->nodes[index].name);
}

static void boot_from_network(struct rack *rack, size_t index)
{
    struct rack_node *node = &rack->node[index];
    node->network_boots++;
    dhcp_notes(rack, index, 3000, CLASS_ROM);
    file_note(rack, index, 3100, NOTE_FILE_ASKED, "pxelinux.0", 0);
    file_note(rack, index, 3200, NOTE_FILE_DONE, "pxelinux.0", 1000);
    file_note(rack, index, 3300, NOTE_FILE_DONE, "pxelinux.cfg/default", 1000);
    file_note(rack, index, 3400, NOTE_FILE_PROGRESS, "vmlinuz", 430);
    if (node->hangs_in_kernel) {
        node->hangs_in_kernel--;
        return;
    }
    file_note(rack, index, 3900, NOTE_FILE_DONE, "vmlinuz", 1000);
    file_note(rack, index, 4500, NOTE_FILE_DONE, "initrd.img", 1000);
    dhcp_notes(rack, index, 6000, CLASS_OS);
    phone_home(rack, index, 7000);
}

static void boot_from_disk(struct rack *rack, size_t index)
{
    rack->node[index].disk_boots++;
    dhcp_notes(rack, index, 8000, CLASS_OS);
    if (rack->node[index].disk_phones_home)
        phone_home(rack, index, 9000);
}

void rack_power_edge(struct rack *rack, size_t index, bool on)
{
    struct rack_node *node = &rack->node[index];
    rack->boots[index]++; /* notes of the boot before never come */
    node->on = on;
    if (!on) {
        node->power_offs++;
        return;
    }
    node->power_ons++;
    assert_true(rack->npower_ons < RACK_EDGES_MAX);
    rack->power_on_ms[rack->npower_ons++] = rack->now_ms;
    bool network = node->flag.valid && node->flag.device == BOOT_NETWORK && !node->always_disk;
    node->flag.valid = node->flag.valid && (node->flag.persistent || node->keeps_flag);
    if (network)
        boot_from_network(rack, index);
    else
        boot_from_disk(rack, index);
}

static void go_off(struct rack *rack, size_t index, uint64_t takes_ms)
{
    if (!takes_ms) {
        rack_power_edge(rack, index, false);
        return;
    }
    struct rack_pending *pending = later(rack, takes_ms);
    pending->is_off = true;
    pending->node = index;
}

static void restart(struct rack *rack, size_t index)
{
    struct rack_node *node = &rack->node[index];
    node->resets++;
    if (!node->on || node->ignores_power)
        return;
    rack_power_edge(rack, index, false);
    if (node->dies_at_reset)
        return;
    rack_power_edge(rack, index, true);
    node->cycles++;
    node->cause = 1;
}

static void obey(struct rack *rack, size_t index, const struct driver_request *request,
                 struct driver_reply *reply)
{
    if (rack_pdu_of(rack, request->device)) {
        rack_pdu_obey(rack, request, reply);
        return;
    }
    struct rack_node *node = &rack->node[index];
    node->commands += op_changes_something(request->op);
    node->sent[request->op]++;
    switch (request->op) {
    case OP_STATUS:
        reply->power = node->on ? POWER_ON : POWER_OFF;
        if (node->lies_in && !--node->lies_in)
            reply->power = node->on ? POWER_OFF : POWER_ON;
        break;
    case OP_ON:
        if (!node->on && !node->ignores_power && rack_is_fed(rack, index))
            rack_power_edge(rack, index, true);
        break;
    case OP_OFF:
    case OP_SOFT:
        if (request->op == OP_SOFT && node->refuses_soft) {
            reply->ok = false;
            (void)err_set(&reply->err, ERR_UNSUPPORTED, "no soft off");
            break;
        }
        if (node->on && !node->ignores_power)
            go_off(rack, index, request->op == OP_SOFT ? node->soft_takes_ms : node->off_takes_ms);
        node->dead = node->dead || node->dies_after_off;
        break;
    case OP_RESET:
    case OP_CYCLE:
        restart(rack, index);
        break;
    case OP_BOOT_SET:
        if (!node->drops_flag && !(node->keeps_flag && request->boot_device == BOOT_NONE))
            node->flag = (struct next_boot){.valid = request->boot_device != BOOT_NONE,
                                            .device = request->boot_device,
                                            .uefi = request->firmware == FIRMWARE_UEFI};
        reply->has_next_boot = true;
        reply->next_boot = node->flag;
        break;
    case OP_BOOT_GET:
        reply->has_next_boot = true;
        reply->next_boot = node->flag;
        break;
    case OP_EVIDENCE:
        if (node->no_evidence) {
            reply->ok = false;
            (void)err_set(&reply->err, ERR_UNSUPPORTED, "no restart cause");
            break;
        }
        reply->has_evidence = reply->evidence.has_cause = true;
        reply->evidence.cause = node->cause;
        break;
    case OP_DIAG:
    case OP_IDENTIFY:
    case OP_INFO:
    case OPS:
        break;
    }
}

static void serve(struct rack *rack, const struct action *action)
{
    const struct driver_request *request = &action->request;
    size_t index = rack_index_of(rack, request);
    struct rack_node *node = &rack->node[index];
    bool changes = op_changes_something(request->op);
    assert_int_equal(changes, action->intent);
    bool dead = rack_is_silent(rack, request); /* before: one that dies after off still does it */
    struct rack_pending *pending = later(rack, dead ? request->budget_ms : LATENCY_MS);
    struct driver_reply *reply = &pending->reply;
    size_t slot = rack->npending - 1;
    reply->id = request->id;
    reply->op = request->op;
    if (dead) {
        (void)err_set(&reply->err, ERR_UNREACHABLE, "no answer from %s", request->device);
        return;
    }
    if (node->wrong_password) {
        (void)err_set(&reply->err, ERR_AUTH, "%s does not accept the password", request->device);
        return;
    }
    struct driver_reply answer = *reply;
    answer.ok = true;
    enum {
        DONE,
        LOST_BEFORE,
        LOST_MAYBE,
        LOST_AFTER,
        LATE
    } fate = chance(rack, node->lossy_percent) ? 1 + rack_random(rack, 4) : DONE;
    if (fate != LOST_BEFORE && fate != LOST_MAYBE)
        obey(rack, index, request, &answer); /* may add pending notes */
    if (fate == LATE)                        /* after the core has stopped believing in it */
        rack->pending[slot].at_ms = rack->now_ms + request->budget_ms + 6000;
    if (fate == LOST_BEFORE || fate == LOST_MAYBE || fate == LOST_AFTER) {
        answer = *reply;
        (void)err_set_sent(&answer.err, ERR_TIMEOUT,
                           changes && fate != LOST_BEFORE ? SENT_MAYBE : SENT_NO, "lost");
        rack->pending[slot].at_ms = rack->now_ms + request->budget_ms;
    }
    bool *loses_off_reply = rack_loses_off_reply(rack, request);
    if (*loses_off_reply && request->op == OP_OFF) {
        *loses_off_reply = false;
        answer.ok = false;
        (void)err_set_sent(&answer.err, ERR_TIMEOUT, SENT_MAYBE, "no answer to off");
    }
    rack->pending[slot].reply = answer;
}

static void carry_out(struct rack *rack, const struct action *action)
{
    if (action->kind == ACTION_SEND)
        serve(rack, action);
    if (action->kind == ACTION_TELL || action->intent) {
        assert_true(rack->nevents < RACK_EVENTS_MAX);
        rack->events[rack->nevents++] = action->event;
    }
}

/* As agent/io/turn.c does it: all of a turn is journaled at once, then carried out one by one. */
static void drain(struct rack *rack)
{
    static struct action batch[512];
    for (;;) {
        size_t count = 0;
        while (count < ARRAY_SIZE(batch) && core_take(rack->core, &batch[count]))
            count++;
        if (count && rack_dies(rack, NULL))
            return;
        rack_journal(rack, batch, count);
        if (!count)
            return;
        for (size_t i = 0; i < count; i++) {
            if (rack_dies(rack, &batch[i]))
                return;
            carry_out(rack, &batch[i]);
        }
    }
}

void rack_land(struct rack *rack, const struct driver_request *request)
{
    struct driver_reply nobody = {0};
    if (!rack_is_silent(rack, request))
        obey(rack, rack_index_of(rack, request), request, &nobody);
}

/* What happens whether an agent lives or not. */
static bool happens_anyway(struct rack *rack, const struct rack_pending *pending)
{
    if (pending->is_command)
        rack_land(rack, &pending->request);
    if (pending->is_off && rack->node[pending->node].on)
        rack_power_edge(rack, pending->node, false);
    return pending->is_command || pending->is_off;
}

static struct rack_pending take_pending(struct rack *rack, size_t index)
{
    struct rack_pending pending = rack->pending[index];
    memmove(&rack->pending[index], &rack->pending[index + 1],
            (--rack->npending - index) * sizeof pending);
    return pending;
}

void rack_pass(struct rack *rack, uint64_t until_ms)
{
    for (;;) {
        size_t first = rack->npending;
        for (size_t i = 0; i < rack->npending; i++)
            if (rack->pending[i].at_ms <= until_ms &&
                (first == rack->npending || rack->pending[i].at_ms < rack->pending[first].at_ms))
                first = i;
        if (first == rack->npending)
            break;
        rack->now_ms =
            rack->pending[first].at_ms > rack->now_ms ? rack->pending[first].at_ms : rack->now_ms;
        struct rack_pending pending = take_pending(rack, first);
        (void)happens_anyway(rack, &pending);
    }
    rack->now_ms = until_ms;
}

bool rack_step(struct rack *rack, uint64_t until_ms)
{
    drain(rack);
    if (rack_is_dead(rack))
        return true;
    size_t first = rack->npending;
    uint64_t at = core_deadline(rack->core);
    for (size_t i = 0; i < rack->npending; i++)
        if (rack->pending[i].at_ms <= at) {
            at = rack->pending[i].at_ms;
            first = i;
        }
    if (at > until_ms)
        return false;
    rack->now_ms = at > rack->now_ms ? at : rack->now_ms;
    if (first == rack->npending) {
        core_tick(rack->core, rack->now_ms);
    } else {
        struct rack_pending pending = take_pending(rack, first);
        if (happens_anyway(rack, &pending)) {
            ;
        } else if (!pending.is_note) {
            rack_journal_reply(rack, &pending.reply);
            core_reply(rack->core, &pending.reply, rack->now_ms);
        } else if (pending.boot == rack->boots[pending.node]) {
            core_note(rack->core, &pending.note, rack->now_ms);
            if (chance(rack, rack->node[pending.node].repeats_percent))
                core_note(rack->core, &pending.note, rack->now_ms);
        }
    }
    drain(rack);
    return true;
}

int rack_submit(struct rack *rack, const struct job_request *request, char id[JOB_ID_SIZE],
                struct problem *problem, struct err *err)
{
    bool existing;
    int failed = core_submit(rack->core, request, rack->now_ms, id, &existing, problem, err);
    drain(rack);
    return failed;
}

void rack_run(struct rack *rack, const char *id, struct job_view *view)
{
    enum { STEPS_MAX = 200000, HOURS_MAX = 5 };
    struct err err;
    uint64_t until = rack->now_ms + HOURS_MAX * UINT64_C(3600000);
    for (int steps = 0; steps < STEPS_MAX; steps++) {
        assert_int_equal(core_job(rack->core, id, rack->now_ms, view, &err), 0);
        if (view->done)
            return;
        job_view_clear(view);
        if (!rack_step(rack, until))
            fail_msg("job %s never ended", id);
    }
    fail_msg("job %s took too many steps", id);
}
