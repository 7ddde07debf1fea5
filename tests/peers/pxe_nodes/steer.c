/* steer.c - what bmc_farm and tests say to the nodes. One line, one answer:
 *
 *     WHO on|reset network|disk|setup      power, from the BMC
 *     WHO off
 *     WHO hang STAGE [N%] [boot K]         does not get past it (N% into its transfer)
 *     WHO disk [boot K]                    boots its disk, whatever it was told, in silence
 *     WHO disk-os [boot K]                 the same, with a system that asks for an address
 *     WHO clear                            no faults any more
 *     report                               one JSON line a node
 *     quit
 *
 * WHO is a name or `all`; STAGE is post, loader, config, kernel, initrd, boot or init. */
#include <stdlib.h>
#include <string.h>

#include "tests/peers/pxe_nodes/nodes.h"

enum { WORDS_MAX = 7 };

static size_t split(char *line, const char *words[WORDS_MAX])
{
    size_t count = 0;
    char *rest = line, *word;
    while (count < WORDS_MAX - 1 && (word = strsep(&rest, " ")))
        if (*word)
            words[count++] = word;
    words[count] = NULL;
    return count;
}

static int number(const char *word, char end, unsigned max, unsigned *value)
{
    char *rest;
    unsigned long n = word ? strtoul(word, &rest, 10) : max + 1ul;
    if (n > max || rest == word || *rest != end || (end && rest[1]))
        return -1;
    *value = (unsigned)n;
    return 0;
}

static int stage_named(const char *word, enum stage *stage)
{
    static const enum stage hanging[] = {STAGE_POST,   STAGE_LOADER, STAGE_CONFIG, STAGE_KERNEL,
                                         STAGE_INITRD, STAGE_BOOT,   STAGE_INIT};
    for (size_t i = 0; word && i < sizeof hanging / sizeof hanging[0]; i++) {
        if (strcmp(stage_names[hanging[i]], word) == 0) {
            *stage = hanging[i];
            return 0;
        }
    }
    return -1;
}

static int fault_parse(struct fault *fault, const char *const *words)
{
    *fault = (struct fault){.percent = 100};
    if (strcmp(*words, "disk") == 0)
        fault->kind = FAULT_DISK;
    else if (strcmp(*words, "disk-os") == 0)
        fault->kind = FAULT_DISK_OS;
    else if (strcmp(*words, "hang") == 0 && stage_named(*++words, &fault->stage) == 0)
        fault->kind = FAULT_HANG;
    else
        return -1;
    words++;
    if (*words && fault->kind == FAULT_HANG && number(*words, '%', 100, &fault->percent) == 0)
        words++;
    if (*words && strcmp(*words, "boot") == 0) {
        if (number(words[1], '\0', 1000, &fault->boot))
            return -1;
        words += 2;
    }
    return *words ? -1 : 0;
}

static int fault_add(struct node *node, const struct fault *fault)
{
    for (size_t i = 0; i < FAULTS_MAX; i++) {
        if (node->faults[i].kind == FAULT_NONE) {
            node->faults[i] = *fault;
            return 0;
        }
    }
    return -1;
}

static int node_told(struct swarm *swarm, struct node *node, const char *const *words)
{
    struct fault fault;
    if (strcmp(words[0], "off") == 0) {
        node_power(swarm, node, false, "");
        return 0;
    }
    if (strcmp(words[0], "on") == 0 || strcmp(words[0], "reset") == 0) {
        const bool reset = words[0][0] == 'r';
        if (reset == (node->stage != STAGE_OFF))
            node_power(swarm, node, true, words[1] ? words[1] : "network");
        return 0;
    }
    if (strcmp(words[0], "clear") == 0) {
        memset(node->faults, 0, sizeof node->faults);
        return 0;
    }
    return fault_parse(&fault, words) ? -1 : fault_add(node, &fault);
}

static void report(struct swarm *swarm, char *answer, size_t size)
{
    size_t used = 0;
    for (unsigned i = 0; i < swarm->count && used < size; i++) {
        const struct node *node = &swarm->nodes[i];
        int n = snprintf(answer + used, size - used,
                         "{\"name\":\"%s\",\"stage\":\"%s\",\"boots\":%u,\"loaders\":%u,"
                         "\"kernels\":%u,\"initrds\":%u,\"ups\":%u,\"reason\":\"%s\"}\n",
                         node_name(swarm, node), stage_names[node->stage], node->counts.boots,
                         node->counts.loaders, node->counts.kernels, node->counts.initrds,
                         node->counts.ups, node->reason);
        if (n < 0 || used + (size_t)n >= size) { /* never half a line */
            (void)snprintf(answer, size, "error: more nodes than fit into one answer\n");
            return;
        }
        used += (size_t)n;
    }
}

void steer(struct swarm *swarm, char *command, char *answer, size_t size)
{
    const char *words[WORDS_MAX];
    const size_t count = split(command, words);
    struct node *node = count > 1 ? swarm_named(swarm, words[0]) : NULL;
    int result = -1;
    if (count == 1 && strcmp(words[0], "report") == 0) {
        report(swarm, answer, size);
        return;
    }
    if (count == 1 && strcmp(words[0], "quit") == 0) {
        swarm->quit = true;
        result = 0;
    } else if (node) {
        result = node_told(swarm, node, words + 1);
    } else if (count > 1 && strcmp(words[0], "all") == 0) {
        result = 0;
        for (unsigned i = 0; i < swarm->count && result == 0; i++)
            result = node_told(swarm, &swarm->nodes[i], words + 1);
    }
    (void)snprintf(answer, size, result ? "error: not understood; see pxe_nodes --help\n" : "ok\n");
}
