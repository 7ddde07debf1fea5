/* boot_server.c - what a machine does after its power edge, as the boot server's wire shows it:
 * a script of notes and truths, which a power edge cuts off. */
#include <stdio.h>
#include <string.h>

#include "proto/cleanup.h"
#include "tests/sim/coverage.h"
#include "tests/sim/sim.h"

enum { SERVER = 0x0a0000fe, OTHER_SERVER = 0x0a0000fd, FILE_BYTES = 100000 };

/* ---- writing the script ---- */

static struct script_step *add(struct machine *machine, uint32_t after_ms, int happens)
{
    static struct script_step beyond;
    struct script_step *step = machine->nscript < SCRIPT_MAX ? &machine->script[machine->nscript++]
                                                             : &beyond; /* a loop is long enough */
    *step = (struct script_step){.after_ms = after_ms, .happens = (unsigned char)happens};
    return step;
}

static struct note *add_note(struct machine *machine, uint32_t after_ms, enum note_kind kind)
{
    struct note *note = &add(machine, after_ms, HAPPENS_NOTE)->note;
    note->source = machine->by_logs ? NOTE_LOG : NOTE_CAPTURE;
    note->kind = kind;
    return note;
}

static bool goes_wrong(struct machine *machine, enum fault fault)
{
    if (!dice_percent(&machine->boot_dice, machine->bmc.percent[fault]))
        return false;
    fault_happened(fault);
    return true;
}

static struct note *add_dhcp(struct machine *machine, uint32_t after_ms, enum note_kind kind,
                             enum dhcp_class class)
{
    struct note *note = add_note(machine, after_ms, kind);
    note->mac = machine->mac;
    note->class = machine->by_logs && dice_below(&machine->boot_dice, 2) ? CLASS_UNKNOWN : class;
    if (kind == NOTE_DHCP_OFFER || kind == NOTE_DHCP_ACK || kind == NOTE_BOOTP_REPLY ||
        kind == NOTE_RARP_REPLY || kind == NOTE_DHCP_REQUEST)
        note->ip = machine->ip;
    if (kind != NOTE_DHCP_DISCOVER && kind != NOTE_BOOTP_REQUEST && kind != NOTE_RARP_REQUEST)
        note->server = (struct ipv4){SERVER};
    return note;
}

/* False: it goes no further. */
static bool script_address(struct machine *machine, enum dhcp_class class, const char *file)
{
    add_dhcp(machine, 20, NOTE_DHCP_DISCOVER, class);
    if (class == CLASS_ROM && goes_wrong(machine, FAULT_DHCP_IGNORED)) {
        if (dice_below(&machine->boot_dice, 2))
            (void)snprintf(add_dhcp(machine, 2, NOTE_DHCP_REFUSED, class)->reason, NOTE_REASON_SIZE,
                           "no address available");
        for (unsigned i = 0; i < 3; i++)
            add_dhcp(machine, 4000u << i, NOTE_DHCP_DISCOVER, class);
        return false;
    }
    if (!machine->by_logs || dice_below(&machine->boot_dice, 2))
        add_dhcp(machine, 3, NOTE_DHCP_OFFER, class);
    if (class == CLASS_ROM && goes_wrong(machine, FAULT_OFFER_IGNORED)) {
        add_dhcp(machine, 4000, NOTE_DHCP_DISCOVER, class);
        add_dhcp(machine, 3, NOTE_DHCP_OFFER, class);
        return false;
    }
    struct note *request = add_dhcp(machine, 500, NOTE_DHCP_REQUEST, class);
    if (class == CLASS_ROM && goes_wrong(machine, FAULT_WRONG_SERVER)) {
        request->server = (struct ipv4){OTHER_SERVER};
        return false;
    }
    if (class == CLASS_ROM && goes_wrong(machine, FAULT_DHCP_NAK)) {
        (void)snprintf(add_dhcp(machine, 3, NOTE_DHCP_NAK, class)->reason, NOTE_REASON_SIZE,
                       "wrong network");
        return false;
    }
    (void)snprintf(add_dhcp(machine, 3, NOTE_DHCP_ACK, class)->file, NOTE_FILE_SIZE, "%s", file);
    return true;
}

static struct note *add_file(struct machine *machine, uint32_t after_ms, enum note_kind kind,
                             const char *file)
{
    struct note *note = add_note(machine, after_ms, kind);
    note->ip = machine->ip;
    note->port = (uint16_t)(2000 + strlen(file));
    (void)snprintf(note->file, sizeof note->file, "%s", file);
    return note;
}

/* False: it stands still, or is not there. */
static bool script_file(struct machine *machine, const char *file, enum fault missing)
{
    bool capture = !machine->by_logs;
    if (missing != FAULTS && goes_wrong(machine, missing)) {
        if (capture)
            add_file(machine, 50, NOTE_FILE_ASKED, file);
        add_file(machine, 5, NOTE_FILE_MISSING, file);
        if (dice_below(&machine->boot_dice, 2))
            add_file(machine, 2000, NOTE_FILE_MISSING, file);
        return false;
    }
    if (!capture) {
        if (goes_wrong(machine, FAULT_STALLS)) {
            add_file(machine, 9000, NOTE_FILE_FAILED, file);
            return false;
        }
        add_file(machine, dice_between(&machine->boot_dice, 50, 900), NOTE_FILE_SENT, file);
        return true;
    }
    add_file(machine, 50, NOTE_FILE_ASKED, file)->total = FILE_BYTES;
    bool stalls = goes_wrong(machine, FAULT_STALLS);
    for (unsigned part = 1; part <= 2; part++) {
        struct note *note = add_file(machine, dice_between(&machine->boot_dice, 20, 1500),
                                     NOTE_FILE_PROGRESS, file);
        note->bytes = part * FILE_BYTES / 4;
        note->total = FILE_BYTES;
    }
    if (stalls) {
        if (dice_below(&machine->boot_dice, 2))
            add_file(machine, 3000, NOTE_FILE_ABORTED, file);
        return false;
    }
    struct note *done = add_file(machine, 300, NOTE_FILE_DONE, file);
    done->bytes = done->total = FILE_BYTES;
    return true;
}

/* A virtual machine does it in a tenth. */
static uint32_t slow_or_quick(struct machine *machine, uint32_t least_ms, uint32_t most_ms)
{
    uint32_t ms = dice_between(&machine->boot_dice, least_ms, most_ms);
    return machine->quick ? ms / 10 : ms;
}

/* From the kernel's first breath to a node that is up. */
static void script_system(struct machine *machine)
{
    if (machine->boot.network && goes_wrong(machine, FAULT_HANGS_IN_KERNEL))
        return;
    add(machine, slow_or_quick(machine, 500, 3000), HAPPENS_KERNEL_UP);
    if (!machine->one_file || !machine->boot.network || dice_below(&machine->boot_dice, 2))
        (void)script_address(machine, CLASS_OS, "");
    if (machine->boot.network && goes_wrong(machine, FAULT_HANGS_IN_INITRD))
        return;
    if (machine->nfs && machine->boot.network)
        (void)snprintf(add_file(machine, 300, NOTE_NFS_MOUNT, "/srv/root")->reason,
                       NOTE_REASON_SIZE, "mount");
    if (machine->boot.network && dice_below(&machine->boot_dice, 4) == 0 &&
        !script_file(machine, "rootfs.squashfs", FAULTS))
        return;
    if (goes_wrong(machine, FAULT_NEVER_PHONES))
        return;
    add(machine, slow_or_quick(machine, 500, 3000), HAPPENS_UP);
    struct note *home = add_note(machine, 50, NOTE_PHONED_HOME);
    home->source = NOTE_PHONE_HOME;
    home->ip = machine->ip;
    char mac[MAC_TEXT_SIZE];
    mac_format(machine->mac, mac);
    (void)snprintf(home->reason, sizeof home->reason, "%s", mac);
    struct note *arp = add_note(machine, 5000, NOTE_ARP);
    arp->mac = machine->mac;
    arp->ip = machine->ip;
}

static void script_etherboot(struct machine *machine)
{
    bool rarp = dice_below(&machine->boot_dice, 2);
    add_dhcp(machine, 20, rarp ? NOTE_RARP_REQUEST : NOTE_BOOTP_REQUEST, CLASS_UNKNOWN);
    if (goes_wrong(machine, FAULT_DHCP_IGNORED))
        return;
    add_dhcp(machine, 5, rarp ? NOTE_RARP_REPLY : NOTE_BOOTP_REPLY, CLASS_UNKNOWN);
    if (!script_file(machine, "/tftpboot/kernel.node", FAULT_KERNEL_MISSING))
        return;
    add(machine, 0, HAPPENS_LOADED);
    script_system(machine);
}

static void script_loader_runs(struct machine *machine)
{
    if (machine->uefi_ipxe) {
        if (!script_address(machine, CLASS_IPXE, "boot.ipxe"))
            return;
        if (!script_file(machine, "boot.ipxe", FAULT_CONFIG_MISSING))
            return;
    } else {
        if (dice_below(&machine->boot_dice, 2))
            (void)script_file(machine, "ldlinux.c32", FAULTS);
        add_file(machine, 20, NOTE_FILE_MISSING, "pxelinux.cfg/01-52-54-00-00-00-01");
        if (!script_file(machine, "pxelinux.cfg/default", FAULT_CONFIG_MISSING))
            return;
    }
    if (!script_file(machine, "vmlinuz", FAULT_KERNEL_MISSING))
        return;
    if (dice_below(&machine->boot_dice, 5) &&
        !script_file(machine, "initrd.img", FAULT_INITRD_MISSING))
        return;
    script_system(machine);
}

/* A kernel that is an EFI program with its RAM disk inside, and a fixed address: one file, and
 * then the system. */
static void script_one_file(struct machine *machine)
{
    if (!script_address(machine, CLASS_ROM, "node.efi") ||
        !script_file(machine, "node.efi", FAULT_LOADER_MISSING))
        return;
    add(machine, 0, HAPPENS_LOADED);
    script_system(machine);
}

static void script_network(struct machine *machine)
{
    unsigned rounds = goes_wrong(machine, FAULT_LOOPS) ? 6 : 1;
    for (unsigned round = 1; round <= rounds; round++) {
        const char *loader = machine->uefi_ipxe ? "ipxe.efi" : "pxelinux.0";
        if (!script_address(machine, CLASS_ROM, loader) ||
            !script_file(machine, loader, FAULT_LOADER_MISSING))
            return;
        add(machine, 0, HAPPENS_LOADED);
        if (goes_wrong(machine, FAULT_HANGS_IN_LOADER))
            return;
        if (round == rounds)
            script_loader_runs(machine);
        else
            add(machine, 3000, HAPPENS_LOADED);
    }
}

/* ---- playing it ---- */

static void schedule(struct sim *sim, struct machine *machine, uint32_t step)
{
    if (step == machine->nscript)
        return;
    struct happening *next = sim_later(sim, machine->script[step].after_ms, HAPPENS_BOOT);
    next->machine = machine->index;
    next->cause = machine->boot.number;
    next->number = step;
}

static bool told_network(struct machine *machine)
{
    if (!machine->flag.valid)
        return machine->network_first;
    bool network = machine->flag.device == BOOT_NETWORK;
    if (machine->flag.persistent)
        return network;
    if (machine->bmc.traits[FAULT_KEEPS_FLAG])
        fault_happened(FAULT_KEEPS_FLAG);
    else
        machine->flag.valid = false;
    return network;
}

void boot_start(struct sim *sim, struct machine *machine)
{
    bool network = told_network(machine);
    if (network && goes_wrong(machine, FAULT_BOOTS_DISK))
        network = false;
    machine->boot = (struct boot_truth){
        .number = machine->boot.number, .on_ms = sim->now_ms, .network = network};
    machine->nscript = 0;
    if (goes_wrong(machine, FAULT_HANGS_IN_POST))
        return;
    add(machine, slow_or_quick(machine, 1500, 5000), HAPPENS_NOTE)->note.kind = NOTE_KINDS;
    if (!network)
        script_system(machine);
    else if (machine->etherboot)
        script_etherboot(machine);
    else if (machine->one_file)
        script_one_file(machine);
    else
        script_network(machine);
    schedule(sim, machine, 0);
}

static void notice(struct sim *sim, struct machine *machine, const struct note *note,
                   uint64_t in_ms)
{
    struct happening *notice = sim_later(sim, in_ms, HAPPENS_NOTICE);
    notice->machine = machine->index;
    notice->number = machine->boot.number;
    notice->note = *note;
    notice->note.at_ms = sim->now_ms;
}

static bool note_fault(struct machine *machine, enum fault fault)
{
    return dice_percent(&machine->note_dice, machine->bmc.percent[fault]);
}

/* From the wire to the agent; a phone-home comes straight. */
static void emit(struct sim *sim, struct machine *machine, const struct note *note)
{
    uint32_t in_ms = dice_between(&machine->note_dice, 1, 5);
    /* Without its class a request that comes late is somebody else's: nothing could tell. */
    bool asks = note->kind == NOTE_DHCP_DISCOVER || note->kind == NOTE_DHCP_REQUEST ||
                note->kind == NOTE_BOOTP_REQUEST || note->kind == NOTE_RARP_REQUEST;
    bool straight = note->kind == NOTE_PHONED_HOME || (asks && note->class == CLASS_UNKNOWN);
    if (note_fault(machine, FAULT_NOTE_LOST)) {
        fault_happened(FAULT_NOTE_LOST);
        return;
    }
    if (!straight && note_fault(machine, FAULT_NOTE_REORDERED)) {
        fault_happened(FAULT_NOTE_REORDERED);
        in_ms += dice_between(&machine->note_dice, 100, 12000);
    } else if (!straight && note_fault(machine, FAULT_NOTE_STALE)) {
        in_ms += dice_between(&machine->note_dice, 3000, 60000);
    }
    if (note->source == NOTE_LOG) { /* no line of a log overtakes another */
        if (sim->now_ms + in_ms < machine->log_read_ms)
            in_ms = (uint32_t)(machine->log_read_ms - sim->now_ms);
        machine->log_read_ms = sim->now_ms + in_ms;
    }
    notice(sim, machine, note, in_ms);
    if (note_fault(machine, FAULT_NOTE_TWICE)) {
        fault_happened(FAULT_NOTE_TWICE);
        uint32_t again_ms = dice_between(&machine->note_dice, 1, 400);
        notice(sim, machine, note, in_ms + (straight || note->source == NOTE_LOG ? 0 : again_ms));
    }
}

void boot_next(struct sim *sim, const struct happening *happening)
{
    struct machine *machine = &sim->machines[happening->machine];
    if (happening->cause != machine->boot.number) /* its power went */
        return;
    const struct script_step *step = &machine->script[happening->number];
    switch (step->happens) {
    case HAPPENS_NOTE:
        if (step->note.kind != NOTE_KINDS)
            emit(sim, machine, &step->note);
        break;
    case HAPPENS_LOADED:
        machine->boot.loaded = true;
        break;
    case HAPPENS_KERNEL_UP:
        machine->boot.kernel_up = true;
        break;
    case HAPPENS_UP:
        machine->boot.up = true;
        trace_line(sim, "machine %u is up", machine->index + 1);
        break;
    }
    schedule(sim, machine, happening->number + 1);
}

void boot_probe(struct sim *sim, const struct happening *happening)
{
    enum { EVERY_MS = 1500 };
    struct machine *machine = &sim->machines[happening->machine];
    struct agent *agent = &sim->agent;
    if (!agent->core || !agent->ports[machine->index].watched ||
        agent->ports[machine->index].number != happening->number)
        return;
    struct note note = {.at_ms = sim->now_ms,
                        .source = NOTE_PROBE,
                        .kind = machine->on && machine->boot.up ? NOTE_PORT_OPEN : NOTE_PORT_CLOSED,
                        .ip = machine->ip,
                        .port = agent->ports[machine->index].port};
    core_note(agent->core, &note, sim->now_ms);
    agent_turn(sim);
    struct happening *again = sim_later(sim, EVERY_MS, HAPPENS_PROBE);
    again->machine = happening->machine;
    again->number = happening->number;
}

/* ---- somebody else's words ---- */

static void spoof(struct sim *sim, struct note *note)
{
    struct machine *machine =
        &sim->machines[dice_below(&sim->stray_dice, (uint32_t)sim->nmachines)];
    char mac[MAC_TEXT_SIZE];
    mac_format(machine->mac, mac);
    note->source = NOTE_PHONE_HOME;
    note->kind = NOTE_PHONED_HOME;
    note->ip = (struct ipv4){0x0a0000c8};
    note->mac = (struct mac){0};
    (void)snprintf(note->reason, sizeof note->reason, "%s", mac);
    /* Where the agent has not learnt the node's address it believes the token: that is known. */
    if (!machine->ip_told)
        (void)snprintf(note->reason, sizeof note->reason, "nobody");
    else
        fault_happened(FAULT_PHONE_SPOOFED);
}

void boot_stray(struct sim *sim)
{
    struct dice *dice = &sim->stray_dice;
    sim_later(sim, dice_between(dice, 100, 4000), HAPPENS_STRAY);
    static const char *const files[] = {"vmlinuz", "initrd.img", "pxelinux.0", "kernel.node", ""};
    struct note note = {.at_ms = sim->now_ms,
                        .source = (enum note_source)dice_below(dice, NOTE_SOURCES),
                        .kind = (enum note_kind)dice_below(dice, NOTE_KINDS),
                        .class = (enum dhcp_class)dice_below(dice, DHCP_CLASSES),
                        .mac = {{0x52, 0x54, 0, 0, 1, (uint8_t)dice_below(dice, 99)}},
                        .ip = {0x0a0000f0 + dice_below(dice, 8)}};
    (void)snprintf(note.file, sizeof note.file, "%s", files[dice_below(dice, ARRAY_SIZE(files))]);
    (void)snprintf(note.reason, sizeof note.reason, "nobody");
    if (dice_below(dice, 3) == 0)
        spoof(sim, &note);
    else
        fault_happened(FAULT_NOTE_FOREIGN);
    /* Not together with a deadline of the core: a note is a tick as well, and would come before a
     * reply of the same millisecond. */
    if (!sim->agent.core || !sim->strays || core_deadline(sim->agent.core) <= sim->now_ms)
        return;
    core_note(sim->agent.core, &note, sim->now_ms);
    agent_turn(sim);
}
