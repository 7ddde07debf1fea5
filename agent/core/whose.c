/* whose.c - which task a boot note is about.
 *
 * Notes carry a MAC, or only an address; addresses are remembered with the MAC that had them
 * last.  Only nodes that boot under a task are watched; everything else only teaches addresses. */
#include "agent/core/memory.h"
#include "agent/core/state.h"

/* ---- addresses ---- */

static void learn_address(struct core *core, struct mac mac, struct ipv4 ip)
{
    struct address_entry *entry;
    HASH_FIND(hh, core->addresses, &ip, sizeof ip, entry);
    if (!entry) {
        if (HASH_COUNT(core->addresses) >= ADDRESSES_MAX) { /* the oldest goes */
            struct address_entry *oldest = core->addresses;
            HASH_DEL(core->addresses, oldest);
            free(oldest);
        }
        entry = core_allocate(sizeof *entry);
        entry->ip = ip;
        HASH_ADD(hh, core->addresses, ip, sizeof entry->ip, entry);
    }
    entry->mac = mac;
}

static struct mac mac_of(const struct core *core, struct ipv4 ip)
{
    struct address_entry *entry;
    HASH_FIND(hh, core->addresses, &ip, sizeof ip, entry);
    return entry ? entry->mac : (struct mac){0};
}

bool whose_tells_address(const struct note *note)
{
    return mac_known(note->mac) && ipv4_known(note->ip) &&
           (note->kind == NOTE_DHCP_ACK || note->kind == NOTE_BOOTP_REPLY ||
            note->kind == NOTE_RARP_REPLY || note->kind == NOTE_ARP);
}

void whose_learn(struct core *core, const struct note *note)
{
    if (whose_tells_address(note))
        learn_address(core, note->mac, note->ip);
}

/* ---- which task ---- */

static struct task *task_by_mac(const struct core *core, struct mac mac)
{
    struct mac_watch *watch;
    HASH_FIND(hh, core->watches, &mac, sizeof mac, watch);
    return watch ? watch->task : NULL;
}

/* The token is what the node calls itself: a MAC or a name. Anybody can send one, so the address
 * it comes from must be the node's, where we know that. */
static struct task *task_by_token(struct core *core, const struct note *note)
{
    struct mac mac;
    struct task *task = NULL;
    if (!mac_parse(note->reason, &mac)) {
        task = task_by_mac(core, mac);
    } else {
        struct node_state *state;
        HASH_FIND_STR(core->nodes, note->reason, state);
        if (state && state->task && state->task->boots)
            task = state->task;
    }
    if (task && ipv4_known(task->ip) && !ipv4_equal(task->ip, note->ip))
        return NULL;
    return task;
}

static struct task *task_by_ip(const struct core *core, struct ipv4 ip)
{
    struct mac mac = mac_of(core, ip);
    return mac_known(mac) ? task_by_mac(core, mac) : NULL;
}

struct task *whose_note(struct core *core, const struct note *note)
{
    if (note->kind == NOTE_PHONED_HOME)
        return task_by_token(core, note);
    if (mac_known(note->mac))
        return task_by_mac(core, note->mac);
    return ipv4_known(note->ip) ? task_by_ip(core, note->ip) : NULL;
}

/* ---- who is watched ---- */

void whose_watch(struct core *core, struct task *task)
{
    for (size_t i = 0; i < task->node.nmacs; i++) {
        if (task_by_mac(core, task->node.macs[i]))
            continue;
        struct mac_watch *watch = core_allocate(sizeof *watch);
        watch->mac = task->node.macs[i];
        watch->task = task;
        HASH_ADD(hh, core->watches, mac, sizeof watch->mac, watch);
        if (!i && ipv4_known(task->node.address))
            learn_address(core, watch->mac, task->node.address);
    }
}

void whose_watch_no_more(struct core *core, struct task *task)
{
    for (size_t i = 0; i < task->node.nmacs; i++) {
        struct mac_watch *watch;
        HASH_FIND(hh, core->watches, &task->node.macs[i], sizeof(struct mac), watch);
        if (watch && watch->task == task) {
            HASH_DEL(core->watches, watch);
            free(watch);
        }
    }
}
